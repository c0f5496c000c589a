package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

// agent is an agent that a story drives call by call.
type agent struct {
	p     client.Client
	id    string
	token string
	from  string // the loopback address it calls from
	// form is the header Authorization that it sends, % for its credential; "": Bearer %.
	form string

	mu       sync.Mutex
	report   map[string]any // what its heartbeats say besides its id
	received []string       // the ids of the messages it was pushed
	sent     []string       // the ids of the messages that were sent to it
	answer   http.HandlerFunc
	body     string // of the latest push
	failing  string // the id of a message that it fails, of those whose answer is failingOne
	server   *httptest.Server
	stop     context.CancelFunc
	ended    chan struct{}

	viewing  sync.Mutex       // one view at a time, so that they are recorded in their order
	recorder *verdictRecorder // records each view; nil: nothing does
}

// newAgent is the agent of a new workspace; it calls from 127.0.0.1.
func newAgent(p client.Client) *agent {
	return &agent{
		p: p, id: uuid.NewString(), from: "127.0.0.1", report: map[string]any{"active_tasks": 0, "error_rate": 0},
	}
}

// clone is another agent with the same id and credential.
func (a *agent) clone() *agent {
	return &agent{p: a.p, id: a.id, token: a.token, from: a.from, report: map[string]any{}}
}

// healthyAgent is an agent that registered, sends heartbeats and is healthy. receive
// is pushed, withoutMail, or polling: then the story polls.
func healthyAgent(ctx context.Context, p Platform, receive func(*agent) (mode, url string)) *agent {
	a := newAgent(p.Client)
	mode, url := receive(a)
	must(a.registerAccepted(ctx, mode, url))
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
	if url != "" {
		must(a.awaitTried(ctx))
	}
	return a
}

// awaitTried waits until the platform has tried the agent's URL, which is new: what is handed to the agent from then on
// is what the story sends.
func (a *agent) awaitTried(ctx context.Context) error {
	return a.awaitNoEvidence(ctx, "nothing was sent to the URL that it registered yet")
}

// awaitNoEvidence waits until no evidence says a fact any more.
func (a *agent) awaitNoEvidence(ctx context.Context, fact string) error {
	return within(ctx, patience, func(ctx context.Context) error {
		v, err := a.view(ctx)
		if err == nil && checkEvidence(v, fact) == nil {
			err = fmt.Errorf("its evidence says still: %s", fact)
		}
		return err
	})
}

func polling(*agent) (mode, url string)     { return "poll", "" }
func pushed(a *agent) (mode, url string)    { return "", a.serve(nil) }
func withoutMail(*agent) (mode, url string) { return "", idleURL() }

// idleURL is the URL of agents to which no mail is sent: what listens there takes probes alone.
var idleURL = sync.OnceValue(func() string {
	const unknown = `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}`
	return httptest.NewServer(answering(http.StatusOK, "application/json", unknown)).URL
})

// unusedURL is a URL at which nothing listens.
const unusedURL = "http://127.0.0.1:9"

// busyAgent is an agent that is pushed to, sends heartbeats, and reports that it is
// busy.
func busyAgent(ctx context.Context, p Platform) *agent {
	a := newAgent(p.Client)
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	a.setReport(map[string]any{"active_tasks": 1})
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, busy))
	return a
}

func (a *agent) call(ctx context.Context, method, path string, body any) (client.Reply, error) {
	p := a.p
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.from)}, Timeout: 10 * time.Second}
	p.Transport = &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	var headers map[string]string
	if a.form != "" {
		headers = map[string]string{"Authorization": strings.Replace(a.form, "%", a.token, 1)}
	}
	return p.DoWith(ctx, method, path, a.token, body, headers)
}

// register registers with a mode and URL ("": none), and keeps the credential that it
// is given.
func (a *agent) register(ctx context.Context, mode, url string) (client.Reply, error) {
	r, err := a.call(ctx, "POST", "/registry/register", map[string]any{
		"id": a.id, "url": url, "delivery_mode": mode, "agent_card": map[string]any{"name": "actor"},
	})
	if token := r.Text("auth_token"); err == nil && token != "" {
		a.token = token
	}
	return r, err
}

// registerAccepted registers, and must be accepted.
func (a *agent) registerAccepted(ctx context.Context, mode, url string) error {
	r, err := a.register(ctx, mode, url)
	return wantStatus(r, err, http.StatusOK)
}

func (a *agent) heartbeat(ctx context.Context) (client.Reply, error) {
	a.mu.Lock()
	body := map[string]any{"workspace_id": a.id}
	maps.Copy(body, a.report)
	a.mu.Unlock()
	return a.call(ctx, "POST", "/registry/heartbeat", body)
}

// heartbeatAccepted sends one heartbeat, which must be accepted.
func (a *agent) heartbeatAccepted(ctx context.Context) error {
	r, err := a.heartbeat(ctx)
	return wantStatus(r, err, http.StatusOK)
}

// setReport changes what its heartbeats say.
func (a *agent) setReport(report map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report = report
}

// startHeartbeats sends heartbeats until stopCalls, whatever they are answered.
func (a *agent) startHeartbeats(ctx context.Context) {
	a.startCalls(ctx, func(ctx context.Context) { _, _ = a.heartbeat(ctx) })
}

// startCalls calls again and again until stopCalls.
func (a *agent) startCalls(ctx context.Context, call func(context.Context)) {
	ctx, a.stop = context.WithCancel(ctx)
	a.ended = make(chan struct{})
	go func() {
		defer close(a.ended)
		for {
			call(ctx)
			if !wait(ctx, heartbeatEvery) {
				return
			}
		}
	}()
}

func (a *agent) stopCalls() {
	if a.stop != nil {
		a.stop()
		<-a.ended
		a.stop = nil
	}
}

// serve starts the agent's server, which handles a push with answer, and returns its
// URL. With nil it takes every message.
func (a *agent) serve(answer http.HandlerFunc) string {
	a.mu.Lock()
	a.answer = answer
	a.mu.Unlock()
	if a.server == nil {
		a.server = httptest.NewServer(http.HandlerFunc(a.receivePush))
	}
	return a.server.URL
}

func (a *agent) receivePush(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // otherwise the server does not notice that the caller hung up
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.mu.Lock()
	a.body = string(body)
	answer := a.answer
	a.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	a.mu.Lock()
	a.received = append(a.received, r.Header.Get("X-Rollcall-Message-Id"))
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": 1, "result": map[string]any{
		"parts": []map[string]string{{"kind": "text", "text": "done"}},
	}})
}

// lastBody is the body of the latest push.
func (a *agent) lastBody() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.body
}

// stopServing ends its server: nothing listens at its URL any more.
func (a *agent) stopServing() {
	a.server.CloseClientConnections()
	a.server.Close()
	a.server = nil
}

// receivedIDs are the ids of the messages it was pushed, in their order.
func (a *agent) receivedIDs() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.received)
}

// leave ends its part in a story: it is closed, and its workspace is removed. An agent that only
// fell silent would count when the platform judges the silence of others.
func (a *agent) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	_, _ = a.p.Do(ctx, "DELETE", "/workspaces/"+a.id, a.p.OperatorToken, nil) // some are removed already
	a.close()
}

// close stops its calls and its server.
func (a *agent) close() {
	a.stopCalls()
	if a.server != nil {
		a.server.CloseClientConnections()
		a.server.Close()
	}
}

// polledRow is a row of the activity that an agent polls.
type polledRow struct {
	ID        string `json:"id"`
	MessageID string `json:"message_id"`
}

// poll asks for mail; since is the cursor.
func (a *agent) poll(ctx context.Context, since string) ([]polledRow, error) {
	var rows []polledRow
	err := a.pollInto(ctx, since, &rows)
	return rows, err
}

// pollInto asks for mail, and decodes the rows into a list.
func (a *agent) pollInto(ctx context.Context, since string, rows any) error {
	path := "/workspaces/" + a.id + "/activity?type=a2a_receive&limit=100"
	if since != "" {
		path += "&since_id=" + since
	}
	r, err := a.call(ctx, "GET", path, nil)
	if err := wantStatus(r, err, http.StatusOK); err != nil {
		return err
	}
	return json.Unmarshal(r.Raw, rows)
}
