// Package conformance plays the three clients that exist against a platform, in
// their exact sequences, and says what held. It is written from the wire
// contract; a client's author can read in it what Rollcall promises them.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/localstack/proofs/openapi"
	"github.com/rollcall/rollcall/shared/client"
)

// Platform is what the sequences are played on.
type Platform struct {
	client.Local
	MaxOpen int                             // how many messages one inbox takes
	Store   func(up bool)                   // takes the store away, and gives it back
	Restart func(ctx context.Context) error // kills the emulator and brings it back
}

// run is one client's sequence.
type run struct {
	Platform
	out    io.Writer
	client *agent
	failed int
}

// Run plays every client, prints a line for each thing that held or didn't, and
// returns an error if one didn't.
func Run(ctx context.Context, p Platform, out io.Writer) error {
	doc, err := p.Do(ctx, "GET", "/openapi.json", "", nil)
	if err != nil {
		return err
	}
	checker, err := openapi.New(doc.Raw)
	if err != nil {
		return err
	}
	p.Transport = checker
	failed := 0
	var runs []*run
	for _, d := range []dialect{mcp{}, sdk{}, channel{}} {
		fmt.Fprintf(out, "%s\n", d.name())
		r := &run{Platform: p, out: out, client: &agent{dialect: d, Local: p.Local, id: uuid.NewString()}}
		r.sequence(ctx)
		runs = append(runs, r)
		failed += r.failed
	}
	fmt.Fprintln(out, "all three, with the platform killed under them")
	last := &run{Platform: p, out: out}
	last.step("every message arrives once, in order; no client ends", func() error { return platformKilled(ctx, p, runs) })
	last.step("every call was as /openapi.json describes it", func() error {
		if d := checker.Departures(); len(d) > 0 {
			return fmt.Errorf("%d were not: %s", len(d), strings.Join(d, "\n        "))
		}
		return nil
	})
	failed += last.failed
	if failed > 0 {
		return fmt.Errorf("%d did not hold", failed)
	}
	fmt.Fprintln(out, "everything held")
	return nil
}

func (r *run) step(what string, do func() error) {
	if err := do(); err != nil {
		r.failed++
		fmt.Fprintf(r.out, "  FAIL  %s: %v\n", what, err)
		return
	}
	fmt.Fprintf(r.out, "  ok    %s\n", what)
}

// sequence is the life of one client; each step goes on from the one before.
func (r *run) sequence(ctx context.Context) {
	a := r.client
	n := 0 // messages sent so far
	user := func(count int) error {
		for range count {
			n++
			if err := r.fromUser(ctx, fmt.Sprint("text ", n)); err != nil {
				return err
			}
		}
		return nil
	}
	r.step("cold: a backlog of four arrives once, in order, and is answered", func() error {
		if err := r.enrol(ctx); err != nil {
			return err
		}
		if err := user(4); err != nil {
			return err
		}
		if err := a.boot(ctx, a); err != nil {
			return err
		}
		if err := r.turns(ctx, 3); err != nil {
			return err
		}
		if err := r.took(0, "text 1", "text 2", "text 3", "text 4"); err != nil {
			return err
		}
		return r.answered(ctx, "re: text 1", "re: text 2", "re: text 3", "re: text 4")
	})
	r.step("cold: it is online, polls, and the receipts say delivered", func() error {
		return errors.Join(r.status(ctx, "online", ""), r.delivered(ctx, 4))
	})
	r.step("warm: each message arrives once", func() error {
		for i := range 3 {
			if err := errors.Join(user(1), r.turns(ctx, 2), r.took(4+i, fmt.Sprint("text ", n))); err != nil {
				return err
			}
		}
		return r.delivered(ctx, n)
	})
	r.step("restart with its cursor: nothing again, then the new", func() error {
		at := len(a.taken)
		if err := errors.Join(a.restart(ctx, true), r.turns(ctx, 1), r.took(at)); err != nil {
			return err
		}
		return errors.Join(user(2), r.turns(ctx, 2), r.took(at, fmt.Sprint("text ", n-1), fmt.Sprint("text ", n)))
	})
	r.step("restart without its cursor: what was acknowledged does not come again", func() error {
		at := len(a.taken)
		if err := errors.Join(a.restart(ctx, false), r.turns(ctx, 1), r.took(at)); err != nil {
			return err
		}
		return errors.Join(user(1), r.turns(ctx, 2), r.took(at, fmt.Sprint("text ", n)))
	})
	r.step("killed before it acknowledged: the same mail again, none lost", func() error {
		at := len(a.taken)
		cursor := a.cursor
		if err := errors.Join(user(2), r.turns(ctx, 1)); err != nil {
			return err
		}
		a.cursor = cursor // its disk had not kept the newer one
		if err := errors.Join(a.restart(ctx, true), r.turns(ctx, 2)); err != nil {
			return err
		}
		rows := a.taken[at:]
		if len(rows) != 4 || rows[0].Text != rows[2].Text || rows[1].Text != rows[3].Text || rows[0].Text != fmt.Sprint("text ", n-1) {
			return fmt.Errorf("took %+v", rows)
		}
		return nil
	})
	r.step("410: a foreign, unknown or all-zero cursor is dropped, and nothing is lost", func() error {
		at := len(a.taken)
		for _, cursor := range []string{"00000000-0000-0000-0000-000000000000", uuid.NewString(), "1-000000000000"} {
			a.cursor = cursor
			if err := errors.Join(user(1), r.turns(ctx, 1)); err != nil {
				return err
			}
			if a.cursor != "" {
				return fmt.Errorf("cursor %s was not refused", cursor)
			}
			if err := r.turns(ctx, 2); err != nil {
				return err
			}
		}
		return r.took(at, fmt.Sprint("text ", n-2), fmt.Sprint("text ", n-1), fmt.Sprint("text ", n))
	})
	r.step("a peer's message has the peer as its source, and the answer reaches the peer", func() error { return r.peer(ctx) })
	r.step("routes that aren't served answer a typed 404, and it goes on", func() error { return r.optional(ctx) })
	r.step("503: with the store away each call says so, none is a 401 or 404, and it goes on", func() error {
		at := len(a.taken)
		if err := user(1); err != nil {
			return err
		}
		r.Store(false)
		err := errors.Join(r.turns(ctx, 1), r.unavailable(ctx))
		r.Store(true)
		if a.exited != "" {
			return fmt.Errorf("it ended: %s", a.exited)
		}
		return errors.Join(err, r.turns(ctx, 2), r.took(at, fmt.Sprint("text ", n)))
	})
	r.step("401: a wrong token is refused, the status says so, and only this workspace's own", func() error { return r.wrongToken(ctx) })
	r.step("token lost: degraded with the next step, one repair mends it, the mail is still there", func() error { return r.tokenLost(ctx) })
	r.step("429: a full inbox says when to come again, and takes mail when there is room", func() error { return r.full(ctx) })
}

// enrol creates the workspace as its client expects: one bootstraps by itself,
// the others are given a token.
func (r *run) enrol(ctx context.Context) error {
	a := r.client
	if _, bootstraps := a.dialect.(sdk); bootstraps {
		return a.boot(ctx, a)
	}
	reply, err := r.Do(ctx, "POST", "/workspaces", r.OperatorToken, map[string]any{"id": a.id, "name": a.name()})
	if err == nil && reply.Status != http.StatusCreated {
		err = fmt.Errorf("create answered %d %s", reply.Status, reply.Raw)
	}
	a.token = reply.Text("auth_token")
	return err
}

func (r *run) fromUser(ctx context.Context, text string) error {
	reply, err := r.Do(ctx, "POST", "/workspaces/"+r.client.id+"/a2a", "", client.Message(r.client.id+"-"+strings.ReplaceAll(text, " ", "-"), text))
	if err == nil && (reply.Status != http.StatusOK || reply.Text("status") != "queued") {
		err = fmt.Errorf("sending answered %d %s", reply.Status, reply.Raw)
	}
	return err
}

func (r *run) turns(ctx context.Context, n int) error {
	for range n {
		if err := r.client.turn(ctx); err != nil {
			return err
		}
	}
	if r.client.exited != "" {
		return fmt.Errorf("the client ended: %s", r.client.exited)
	}
	return nil
}

// took checks what the client took after the first at.
func (r *run) took(at int, want ...string) error {
	if got := r.client.texts(at); !slices.Equal(got, want) {
		return fmt.Errorf("took %q, want %q", got, want)
	}
	return nil
}

// answered checks what the user was told, oldest first.
func (r *run) answered(ctx context.Context, want ...string) error {
	reply, err := r.Do(ctx, "GET", "/workspaces/"+r.client.id+"/activity?type=notify&limit=500", r.OperatorToken, nil)
	if err != nil {
		return err
	}
	for _, text := range want {
		if !strings.Contains(string(reply.Raw), fmt.Sprintf("%q", text)) {
			return fmt.Errorf("the user was not told %q: %s", text, reply.Raw)
		}
	}
	return nil
}

func (r *run) status(ctx context.Context, status, reason string) error {
	v, err := r.Do(ctx, "GET", "/workspaces/"+r.client.id, "", nil)
	if err == nil && (v.Text("status") != status || (reason != "" && v.Text("reason") != reason)) {
		err = fmt.Errorf("status is %s (%s), want %s (%s)", v.Text("status"), v.Text("reason"), status, reason)
	}
	return err
}

func (r *run) delivered(ctx context.Context, n int) error {
	v, err := r.Do(ctx, "GET", "/workspaces/"+r.client.id, "", nil)
	if err == nil && (v.Text("messages", "delivered") != fmt.Sprint(n) || v.Text("inbox", "queued") != "0") {
		err = fmt.Errorf("messages are %v, want %d delivered", v.Body["messages"], n)
	}
	return err
}

// peer has another workspace write to the client and wait for its answer.
func (r *run) peer(ctx context.Context) error {
	a := r.client
	other := &agent{dialect: mcp{}, Local: r.Local, id: uuid.NewString()}
	reply, err := r.Do(ctx, "POST", "/workspaces", r.OperatorToken, map[string]any{"id": other.id, "name": "a peer", "role": "reviewer"})
	if err != nil {
		return err
	}
	other.token = reply.Text("auth_token")
	if err := other.boot(ctx, other); err != nil {
		return err
	}
	at := len(a.taken)
	if outcome, err := other.send(ctx, a.id, "from a peer", map[string]string{"X-Workspace-ID": other.id}, "kind"); err != nil || outcome != "queued" {
		return fmt.Errorf("%s, %v", outcome, err)
	}
	if outcome, err := other.send(ctx, a.id, "forged", map[string]string{"X-Workspace-ID": a.id}, "kind"); err != nil || !strings.HasPrefix(outcome, "error: invalid caller") {
		return fmt.Errorf("a forged X-Workspace-ID: %s, %v", outcome, err)
	}
	if err := errors.Join(r.turns(ctx, 2), r.took(at, "from a peer")); err != nil {
		return err
	}
	if m := a.taken[at]; m.From != other.id {
		return fmt.Errorf("its source is %q, not the peer", m.From)
	}
	got, err := other.poll(ctx, other)
	if err != nil || len(got) != 1 || got[0].Text != "re: from a peer" || got[0].From != a.id {
		return fmt.Errorf("the peer got %+v, %v", got, err)
	}
	return r.delegation(ctx, other)
}

// delegation is a peer's delegate_task: a message, and, as that is only queued,
// the same as a delegation, whose end it waits for.
func (r *run) delegation(ctx context.Context, other *agent) error {
	a, at := r.client, len(r.client.taken)
	found, err := other.call(ctx, "GET", "/registry/discover/"+a.id, other.token, nil, map[string]string{"X-Workspace-ID": other.id})
	if err != nil || found.Status != http.StatusOK || found.Text("id") != a.id || found.Text("name") == "" || found.Text("status") != "online" {
		return fmt.Errorf("discover: %s, %v", found.Raw, err)
	}
	logged, err := other.call(ctx, "POST", "/workspaces/"+other.id+"/activity", other.token, map[string]any{"activity_type": "a2a_send", "source_id": other.id,
		"target_id": a.id, "method": "message/send", "summary": "Delegating", "status": "ok", "request_body": map[string]any{"task": "the task"}}, nil)
	if err != nil || logged.Text("status") != "logged" {
		return fmt.Errorf("report: %s, %v", logged.Raw, err)
	}
	if outcome, err := other.send(ctx, a.id, "the task", map[string]string{"X-Workspace-ID": other.id}, "kind"); err != nil || outcome != "queued" {
		return fmt.Errorf("%s, %v", outcome, err)
	}
	id := ""
	for range 2 { // the repeat must be a 202 too
		d, err := other.call(ctx, "POST", "/workspaces/"+other.id+"/delegate", other.token, map[string]any{"target_id": a.id, "task": "the task", "idempotency_key": strings.Repeat("ab", 16)}, nil)
		if err != nil || d.Status != http.StatusAccepted || d.Text("delegation_id") == "" || (id != "" && d.Text("delegation_id") != id) {
			return fmt.Errorf("delegate answered %d %s, %v", d.Status, d.Raw, err)
		}
		id = d.Text("delegation_id")
	}
	if err := errors.Join(r.turns(ctx, 2), r.took(at, "the task")); err != nil {
		return fmt.Errorf("the peer must get the task once: %w", err)
	}
	list, err := other.call(ctx, "GET", "/workspaces/"+other.id+"/delegations", other.token, nil, nil)
	if err == nil && !(strings.Contains(string(list.Raw), id) && strings.Contains(string(list.Raw), `"completed"`) && strings.Contains(string(list.Raw), "re: the task")) {
		err = fmt.Errorf("delegations are %s", list.Raw)
	}
	return err
}

// optional calls what Rollcall doesn't serve.
func (r *run) optional(ctx context.Context) error {
	a := r.client
	for _, c := range []struct{ method, path string }{
		{"GET", "/secrets/values"}, {"GET", "/plugins/x/download"}, {"POST", "/plugins"}, {"GET", "/memories"}, {"POST", "/memories"}, {"POST", "/broadcast"},
		{"POST", "/chat/uploads"}, {"GET", "/pending-uploads/f/content"}, {"POST", "/pending-uploads/f/ack"},
	} {
		reply, err := a.call(ctx, c.method, "/workspaces/"+a.id+c.path, a.token, map[string]any{}, nil)
		if err != nil || reply.Status != http.StatusNotFound || reply.Text("code") != "not_served" {
			return fmt.Errorf("%s %s answered %d %s, %v", c.method, c.path, reply.Status, reply.Raw, err)
		}
	}
	for _, path := range []string{"/registry/" + a.id + "/peers", "/workspaces/" + a.id, "/workspaces/" + a.id + "/delegations", "/healthz"} {
		if reply, err := a.call(ctx, "GET", path, a.token, nil, map[string]string{"X-Workspace-ID": a.id}); err != nil || reply.Status != http.StatusOK {
			return fmt.Errorf("GET %s answered %d %s, %v", path, reply.Status, reply.Raw, err)
		}
	}
	if reply, err := a.call(ctx, "POST", "/registry/update-card", a.token, map[string]any{"workspace_id": a.id, "agent_card": map[string]any{"name": "renamed"}}, nil); err != nil || reply.Status != http.StatusOK {
		return fmt.Errorf("update-card answered %d %s, %v", reply.Status, reply.Raw, err)
	}
	return r.turns(ctx, 1)
}

// unavailable calls everything the client calls while the store is away.
func (r *run) unavailable(ctx context.Context) error {
	a := r.client
	var calls errgroup.Group
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/registry/register", map[string]any{"id": a.id, "delivery_mode": "poll"}},
		{"POST", "/registry/heartbeat", map[string]any{"workspace_id": a.id}},
		{"GET", "/workspaces/" + a.id + "/activity?type=a2a_receive", nil},
		{"GET", "/workspaces/" + a.id + "/state", nil},
		{"POST", "/workspaces/" + a.id + "/notify", map[string]any{"message": "x"}},
		{"POST", "/workspaces/" + a.id + "/a2a", client.Message("away", "x")},
	} {
		calls.Go(func() error { // at once: each takes as long as the function goes on trying
			reply, err := a.call(ctx, c.method, c.path, a.token, c.body, nil)
			if err != nil || reply.Status != http.StatusServiceUnavailable || reply.Text("code") != "platform_unavailable" {
				return fmt.Errorf("%s %s answered %d %s, %v", c.method, c.path, reply.Status, reply.Raw, err)
			}
			return nil
		})
	}
	return calls.Wait()
}

func (r *run) wrongToken(ctx context.Context) error {
	a := r.client
	good := a.token
	a.token = "wrong"
	defer func() { a.token = good }()
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/registry/heartbeat", map[string]any{"workspace_id": a.id}},
		{"GET", "/workspaces/" + a.id + "/activity?type=a2a_receive", nil},
		{"GET", "/workspaces/" + a.id + "/state", nil},
	} {
		reply, err := a.call(ctx, c.method, c.path, a.token, c.body, nil)
		if err != nil || reply.Status != http.StatusUnauthorized || reply.Text("error") != "invalid workspace auth token" {
			return fmt.Errorf("%s %s answered %d %s, %v", c.method, c.path, reply.Status, reply.Raw, err)
		}
	}
	if err := r.status(ctx, "degraded", "credentials_rejected"); err != nil {
		return err
	}
	a.token = good
	return errors.Join(r.turns(ctx, 1), r.status(ctx, "online", ""))
}

// tokenLost is the incident, as this client lives it.
func (r *run) tokenLost(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	lost := a.token
	if err := r.fromUser(ctx, "sent while it was locked out"); err != nil {
		return err
	}
	a.token = ""
	for range 2 { // two boots
		if err := a.restart(ctx, true); err != nil {
			return err
		}
		if _, err := a.call(ctx, "POST", "/registry/register", "", map[string]any{"id": a.id, "delivery_mode": "poll"}, nil); err != nil {
			return err
		}
	}
	if err := r.status(ctx, "degraded", "credentials_rejected"); err != nil {
		return err
	}
	v, err := r.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
	if err != nil || v.Text("action") != "repair" || !strings.Contains(v.Text("hint"), "/repair") {
		return fmt.Errorf("the next step isn't told: %s, %v", v.Raw, err)
	}
	if reply, err := r.Do(ctx, "POST", "/workspaces/"+a.id+"/repair", r.OperatorToken, nil); err != nil || reply.Status != http.StatusOK {
		return fmt.Errorf("repair answered %s, %v", reply.Raw, err)
	}
	// What a person does next: start it without a token, so that it is given one.
	reply, err := a.call(ctx, "POST", "/registry/register", "", map[string]any{"id": a.id, "delivery_mode": "poll"}, nil)
	if err != nil || reply.Text("auth_token") == "" {
		return fmt.Errorf("no new token: %s, %v", reply.Raw, err)
	}
	a.token = reply.Text("auth_token")
	if err := errors.Join(a.restart(ctx, true), r.turns(ctx, 2), r.took(at, "sent while it was locked out"), r.status(ctx, "online", "")); err != nil {
		return err
	}
	if old, err := a.call(ctx, "POST", "/registry/heartbeat", lost, map[string]any{"workspace_id": a.id}, nil); err != nil || old.Status != http.StatusUnauthorized {
		return fmt.Errorf("the lost token still answers %d, %v", old.Status, err)
	}
	return nil
}

func (r *run) full(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	var want []string
	for i := range r.MaxOpen {
		want = append(want, fmt.Sprint("flood ", i))
		if err := r.fromUser(ctx, want[i]); err != nil {
			return err
		}
	}
	reply, err := a.call(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", client.Message("one-too-many", "x"), nil)
	if err != nil || reply.Status != http.StatusTooManyRequests || reply.Body["retry_after"] == nil {
		return fmt.Errorf("one too many answered %d %s, %v", reply.Status, reply.Raw, err)
	}
	if err := errors.Join(r.turns(ctx, 3), r.took(at, want...)); err != nil {
		return err
	}
	return errors.Join(r.fromUser(ctx, "room again"), r.turns(ctx, 2), r.took(at, append(want, "room again")...))
}

// platformKilled kills the platform while mail waits for each client, some of it
// taken and not acknowledged.
func platformKilled(ctx context.Context, p Platform, runs []*run) error {
	at := make([]int, len(runs))
	for i, r := range runs {
		at[i] = len(r.client.taken)
		if err := errors.Join(r.fromUser(ctx, "before 1"), r.fromUser(ctx, "before 2"), r.turns(ctx, 1), r.fromUser(ctx, "before 3")); err != nil {
			return err
		}
	}
	if err := p.Restart(ctx); err != nil {
		return err
	}
	for i, r := range runs {
		if err := errors.Join(r.fromUser(ctx, "after"), r.turns(ctx, 3), r.took(at[i], "before 1", "before 2", "before 3", "after")); err != nil {
			return fmt.Errorf("%s: %w", r.client.name(), err)
		}
		if err := client.Until(ctx, 10*time.Second, func() error { return r.status(ctx, "online", "") }); err != nil {
			return fmt.Errorf("%s: %w", r.client.name(), err)
		}
	}
	return nil
}
