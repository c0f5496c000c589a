package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// Settings make the platform's timeouts short, so that a story is told in
// seconds.
func Settings() map[string]string {
	return map[string]string{
		"ROLLCALL_LEASE_TTL": leaseTTL.String(), "ROLLCALL_GRACE": grace.String(), "ROLLCALL_DELIVERY_OBJECTIVE": objective.String(),
		"ROLLCALL_PUSH_TIMEOUT": "2s", "ROLLCALL_VISIBILITY": "8s", "ROLLCALL_OUTAGE_AFTER": deafAfter.String(), "ROLLCALL_SUSPECT_FOR": suspectFor.String(),
	}
}

const (
	leaseTTL, grace, objective = 8 * time.Second, 4 * time.Second, 6 * time.Second
	deafAfter, suspectFor      = 25 * time.Second, 12 * time.Second
	beatEvery                  = 2 * time.Second
	// patience is how long a status may take to come: the longest timeout there
	// is, and room for a slow machine.
	patience = 75 * time.Second
)

// actor is an agent that a story moves by hand.
type actor struct {
	p     client.Local
	id    string
	token string
	from  string // loopback address it calls from

	mu     sync.Mutex
	report map[string]any // what its heartbeats say beside its id
	got    []string       // message ids it was pushed
	answer http.HandlerFunc
	server *httptest.Server
	stop   context.CancelFunc
	ended  chan struct{}

	looking sync.Mutex // one look at a time, so that looks are remembered in their order
	watcher *witness   // remembers them; nil: nobody does
}

// act makes an actor of a new workspace, calling from 127.0.0.1.
func act(p client.Local) *actor {
	return &actor{p: p, id: uuid.NewString(), from: "127.0.0.1", report: map[string]any{"active_tasks": 0, "error_rate": 0}}
}

// twin is another agent of the same id and credential.
func (a *actor) twin() *actor {
	return &actor{p: a.p, id: a.id, token: a.token, from: a.from, report: map[string]any{}}
}

func (a *actor) call(ctx context.Context, method, path string, body any) (client.Reply, error) {
	p := a.p
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.from)}, Timeout: 10 * time.Second}
	p.Transport = &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	return p.Do(ctx, method, path, a.token, body)
}

// register registers with a mode and URL ("": none), and keeps what it is given.
func (a *actor) register(ctx context.Context, mode, url string) (client.Reply, error) {
	r, err := a.call(ctx, "POST", "/registry/register", map[string]any{"id": a.id, "url": url, "delivery_mode": mode, "agent_card": map[string]any{"name": "actor"}})
	if t := r.Text("auth_token"); err == nil && t != "" {
		a.token = t
	}
	return r, err
}

// online registers, and must be accepted.
func (a *actor) online(ctx context.Context, mode, url string) error {
	r, err := a.register(ctx, mode, url)
	return want(r, err, http.StatusOK)
}

func (a *actor) beat(ctx context.Context) (client.Reply, error) {
	a.mu.Lock()
	body := map[string]any{"workspace_id": a.id}
	for k, v := range a.report {
		body[k] = v
	}
	a.mu.Unlock()
	return a.call(ctx, "POST", "/registry/heartbeat", body)
}

// lives makes one beat, which must be accepted.
func (a *actor) lives(ctx context.Context) error {
	r, err := a.beat(ctx)
	return want(r, err, http.StatusOK)
}

func (a *actor) says(report map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report = report
}

// beats goes on beating, whatever it is answered, until silence.
func (a *actor) beats(ctx context.Context) {
	a.repeat(ctx, func(ctx context.Context) { _, _ = a.beat(ctx) })
}

func (a *actor) repeat(ctx context.Context, do func(context.Context)) {
	ctx, a.stop = context.WithCancel(ctx)
	a.ended = make(chan struct{})
	go func() {
		defer close(a.ended)
		for {
			do(ctx)
			if !wait(ctx, beatEvery) {
				return
			}
		}
	}()
}

// silence ends the beats.
func (a *actor) silence() {
	if a.stop != nil {
		a.stop()
		<-a.ended
		a.stop = nil
	}
}

// serve gives it a URL that answers as told; nil answers well.
func (a *actor) serve(answer http.HandlerFunc) string {
	a.mu.Lock()
	a.answer = answer
	a.mu.Unlock()
	if a.server == nil {
		a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else a caller that hangs up isn't noticed
			a.mu.Lock()
			how := a.answer
			a.mu.Unlock()
			if how != nil {
				how(w, r)
				return
			}
			a.mu.Lock()
			a.got = append(a.got, r.Header.Get("X-Rollcall-Message-Id"))
			a.mu.Unlock()
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": 1, "result": map[string]any{"parts": []map[string]string{{"kind": "text", "text": "done"}}}})
		}))
	}
	return a.server.URL
}

func (a *actor) received() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

func (a *actor) close() {
	a.silence()
	if a.server != nil {
		a.server.CloseClientConnections()
		a.server.Close()
	}
}

// poll asks for mail and gives the ids; since is the cursor.
func (a *actor) poll(ctx context.Context, since string) (rows []struct{ ID, MessageID string }, err error) {
	path := "/workspaces/" + a.id + "/activity?type=a2a_receive&limit=100"
	if since != "" {
		path += "&since_id=" + since
	}
	r, err := a.call(ctx, "GET", path, nil)
	if err := want(r, err, http.StatusOK); err != nil {
		return nil, err
	}
	var raw []struct {
		ID        string `json:"id"`
		MessageID string `json:"message_id"`
	}
	if err := json.Unmarshal(r.Raw, &raw); err != nil {
		return nil, err
	}
	for _, x := range raw {
		rows = append(rows, struct{ ID, MessageID string }{x.ID, x.MessageID})
	}
	return rows, nil
}

// view is what the platform says of it now; its witness sees it too.
func (a *actor) view(ctx context.Context) (client.Reply, error) {
	a.looking.Lock()
	defer a.looking.Unlock()
	r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
	if err == nil && a.watcher != nil {
		a.watcher.see(r)
	}
	return r, err
}

// becomes waits for a standing, "status/reason".
func (a *actor) becomes(ctx context.Context, standing string) (client.Reply, error) {
	var last client.Reply
	err := client.Until(ctx, patience, func() (err error) {
		if last, err = a.view(ctx); err == nil && standingOf(last) != standing {
			err = fmt.Errorf("it is %s, not %s: %s", standingOf(last), standing, last.Raw)
		}
		return err
	})
	return last, err
}

// stays holds it to a standing for a while, looked at every half second.
func (a *actor) stays(ctx context.Context, standing string, long time.Duration) error {
	for end := time.Now().Add(long); time.Now().Before(end); wait(ctx, 500*time.Millisecond) {
		r, err := a.view(ctx)
		if err == nil && standingOf(r) != standing {
			err = fmt.Errorf("it is %s, not %s, any more: %s", standingOf(r), standing, r.Raw)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func standingOf(r client.Reply) string {
	if r.Status == http.StatusGone {
		return "removed/removed"
	}
	return r.Text("status") + "/" + r.Text("reason")
}

// tells checks that hint and action of a view say what a careful person would.
func tells(r client.Reply, action, hint string) error {
	if r.Text("action") != action || !strings.Contains(r.Text("hint"), hint) {
		return fmt.Errorf("action %q and hint %q, not %q and %q", r.Text("action"), r.Text("hint"), action, hint)
	}
	return nil
}

// evident checks that some evidence says so.
func evident(r client.Reply, fact string) error {
	all, _ := r.Body["evidence"].([]any)
	for _, e := range all {
		if m, ok := e.(map[string]any); ok && strings.Contains(fmt.Sprint(m["fact"]), fact) {
			return nil
		}
	}
	return fmt.Errorf("no evidence says %q: %s", fact, r.Raw)
}

// operate makes an operator's call on it.
func (a *actor) operate(ctx context.Context, status int, verb string, body any) (client.Reply, error) {
	method, path := "POST", "/workspaces/"+a.id+"/"+verb
	if verb == "remove" {
		method, path = "DELETE", "/workspaces/"+a.id
	}
	r, err := a.p.Do(ctx, method, path, a.p.OperatorToken, body)
	return r, want(r, err, status)
}

// send is a user's message; it gives its id and what was promised.
func (a *actor) send(ctx context.Context) (id, expected string, err error) {
	id = uuid.NewString()
	r, err := a.p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", client.Message(id, "hello"))
	if err == nil && r.Status != http.StatusOK && r.Status != http.StatusAccepted {
		err = fmt.Errorf("the message was answered %d: %s", r.Status, r.Raw)
	}
	return id, r.Text("expected"), err
}

// ends waits until a message is in a state.
func (a *actor) ends(ctx context.Context, messageID, state string) error {
	return client.Until(ctx, patience, func() error {
		r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/messages/"+messageID, a.p.OperatorToken, nil)
		if err == nil && r.Text("state") != state {
			err = fmt.Errorf("message %s is %s (%s), not %s", messageID, r.Text("state"), r.Text("reason"), state)
		}
		return err
	})
}

func want(r client.Reply, err error, status int) error {
	if err == nil && r.Status != status {
		err = fmt.Errorf("answered %d, not %d: %s", r.Status, status, r.Raw)
	}
	return err
}

// wantCode checks a typed refusal.
func wantCode(r client.Reply, err error, status int, code string) error {
	if err := want(r, err, status); err != nil {
		return err
	}
	if r.Text("code") != code || r.Text("hint") == "" || r.Text("action") == "" {
		return fmt.Errorf("refused with %s, not %s", r.Raw, code)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// untrue ends a story at the first line that isn't as told.
type untrue struct{ error }

func must(err error) {
	if err != nil {
		panic(untrue{err})
	}
}

// told is what a call gave, which must not have failed.
func told[T any](v T, err error) T {
	must(err)
	return v
}

// witness looks at a workspace every half second, and whenever its story does, and
// remembers what it saw, each standing once until it changes.
type witness struct {
	stop  context.CancelFunc
	ended chan struct{}
	saw   []string // guarded by the actor's looking until ended
}

// witness takes its first look before it returns.
func (a *actor) witness(ctx context.Context) *witness {
	ctx, stop := context.WithCancel(ctx)
	w := &witness{stop: stop, ended: make(chan struct{})}
	a.looking.Lock()
	a.watcher = w
	a.looking.Unlock()
	told(a.view(ctx))
	go func() {
		defer close(w.ended)
		for last := false; !last; {
			last = !wait(ctx, 500*time.Millisecond)
			_, _ = a.view(context.WithoutCancel(ctx))
		}
		a.looking.Lock()
		a.watcher = nil
		a.looking.Unlock()
	}()
	return w
}

// see remembers a look, if it found the workspace at all.
func (w *witness) see(r client.Reply) {
	if r.Status == http.StatusNotFound || r.Status == http.StatusServiceUnavailable {
		return
	}
	if s := standingOf(r); len(w.saw) == 0 || w.saw[len(w.saw)-1] != s {
		w.saw = append(w.saw, s)
	}
}

// sawOnly ends it: what it saw must be just these standings in this order.
func (w *witness) sawOnly(standings ...string) error {
	w.stop()
	<-w.ended
	if !slices.Equal(w.saw, standings) {
		return fmt.Errorf("seen: %s; not: %s", strings.Join(w.saw, ", "), strings.Join(standings, ", "))
	}
	return nil
}
