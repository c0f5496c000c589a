package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/client"
)

// step is a step of a sequence; only, when set, says which clients it is played with. A
// local one needs a store that can be switched off, or a small mailbox.
type step struct {
	what  string
	play  func(*run, context.Context) error
	only  func(traits) bool
	local bool
}

// sequence is the life of one client. Each step continues where the one before ended.
var sequence = []step{
	{what: "cold: a backlog of four arrives once, in order, and is answered", play: (*run).coldBacklog},
	{what: "cold: it is online, polls, and the receipts say delivered", play: (*run).coldStatus},
	{what: "warm: each message arrives once", play: (*run).warm},
	{
		what: "restart with its cursor: nothing again, then the new", play: (*run).restartWithCursor,
		only: func(t traits) bool { return !t.forgetsCursor },
	},
	{
		what: "restart without its cursor: what was acknowledged does not come again",
		play: (*run).restartWithoutCursor,
	},
	{
		what: "killed before it acknowledged: the same mail again, none lost", play: (*run).killedBeforeAck,
		only: func(t traits) bool { return !t.acksByNumber },
	},
	{
		what: "killed at its work: what it had read and not acknowledged comes again, and nothing while it works",
		play: (*run).killedAtWork, only: func(t traits) bool { return t.acksByNumber },
	},
	{
		what: "410: a foreign, unknown or all-zero cursor is dropped, and nothing is lost", play: (*run).cursorGone,
		only: func(t traits) bool { return !t.forgetsCursor },
	},
	{
		what: "a peer's message has the peer as its source, and the answer reaches the peer", play: (*run).peer,
		only: func(t traits) bool { return !t.passesPeersOver },
	},
	{
		what: "a peer's message is passed over, acknowledged, and holds up nothing", play: (*run).peerPassedOver,
		only: func(t traits) bool { return t.passesPeersOver },
	},
	{what: "routes that aren't served answer a typed 404, and it goes on", play: (*run).unservedRoutes},
	{
		what: "503: while the store is unavailable each call says so, none is a 401 or 404, and it goes on",
		play: (*run).storeUnavailable, local: true,
	},
	{what: "401: a wrong token is refused, the status says so, and only this workspace's own", play: (*run).wrongToken},
	{
		what: "a stale token in a file that wins: heartbeats pass and polls are refused; the status says so",
		play: (*run).staleFile, only: func(t traits) bool { return t.prefersFile },
	},
	{
		what: "token lost: degraded with the next step, one repair and a boot restore it, the mail is still there",
		play: (*run).tokenLost, only: func(t traits) bool { return t.secret == bootstrapped },
	},
	{
		what: "token lost: degraded with the next step, a repair and a token placed by hand restore it",
		play: (*run).tokenPlacedByHand, only: func(t traits) bool { return t.secret == placedByHand },
	},
	{
		what: "429: a full inbox says when to come again, and takes mail when there is room", play: (*run).inboxFull,
		local: true,
	},
}

func (r *run) playSequence(ctx context.Context) {
	for _, step := range sequence {
		if played := step.only == nil || step.only(r.client.traits()); played && !(step.local && r.Deployed) {
			r.step(step.what, func() error { return step.play(r, ctx) })
		}
	}
}

// userSends has the user send that many messages: "text 1", "text 2" and so on.
func (r *run) userSends(ctx context.Context, count int) error {
	for range count {
		r.sent++
		if err := r.fromUser(ctx, text(r.sent)); err != nil {
			return err
		}
	}
	return nil
}

// text is the text of the user's n-th message.
func text(n int) string { return fmt.Sprint("text ", n) }

func (r *run) coldBacklog(ctx context.Context) error {
	if err := r.create(ctx); err != nil {
		return err
	}
	if err := r.userSends(ctx, 4); err != nil {
		return err
	}
	if err := r.client.boot(ctx, r.client); err != nil {
		return err
	}
	if err := r.turns(ctx, 3); err != nil {
		return err
	}
	if err := r.took(0, text(1), text(2), text(3), text(4)); err != nil {
		return err
	}
	return r.answered(ctx, "re: text 1", "re: text 2", "re: text 3", "re: text 4")
}

func (r *run) coldStatus(ctx context.Context) error {
	return errors.Join(r.status(ctx, "online", ""), r.delivered(ctx, 4))
}

func (r *run) warm(ctx context.Context) error {
	for i := range 3 {
		if err := errors.Join(r.userSends(ctx, 1), r.turns(ctx, 2)); err != nil {
			return err
		}
		if err := r.took(4+i, text(r.sent)); err != nil {
			return err
		}
	}
	return r.delivered(ctx, r.sent)
}

func (r *run) restartWithCursor(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	if err := errors.Join(a.restart(ctx, true), r.turns(ctx, 1), r.took(at)); err != nil {
		return err
	}
	if err := errors.Join(r.userSends(ctx, 2), r.turns(ctx, 2)); err != nil {
		return err
	}
	return r.took(at, text(r.sent-1), text(r.sent))
}

func (r *run) restartWithoutCursor(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	if err := errors.Join(a.restart(ctx, false), r.turns(ctx, 1), r.took(at)); err != nil {
		return err
	}
	if err := errors.Join(r.userSends(ctx, 1), r.turns(ctx, 2)); err != nil {
		return err
	}
	return r.took(at, text(r.sent))
}

func (r *run) killedBeforeAck(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	cursor := a.cursor
	if err := errors.Join(r.userSends(ctx, 2), r.turns(ctx, 1)); err != nil {
		return err
	}
	a.cursor = cursor // its disk had not kept the newer one
	if err := errors.Join(a.restart(ctx, true), r.turns(ctx, 2)); err != nil {
		return err
	}
	return r.took(at, text(r.sent-1), text(r.sent), text(r.sent-1), text(r.sent))
}

// killedAtWork is a client that dies after it has read its mail and stored its cursor.
func (r *run) killedAtWork(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	if err := r.userSends(ctx, 2); err != nil {
		return err
	}
	for _, want := range []int{2, 0, 0} { // it polls on while it works
		if got, err := a.poll(ctx, a); err != nil || len(got) != want {
			return fmt.Errorf("handed %d messages, want %d, %v", len(got), want, err)
		}
	}
	if err := errors.Join(a.restart(ctx, true), r.turns(ctx, 2)); err != nil {
		return err
	}
	return errors.Join(r.took(at, text(r.sent-1), text(r.sent)), r.delivered(ctx, r.sent))
}

func (r *run) cursorGone(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	for _, cursor := range []string{"00000000-0000-0000-0000-000000000000", uuid.NewString(), "1-000000000000"} {
		a.cursor = cursor
		if err := errors.Join(r.userSends(ctx, 1), r.turns(ctx, 1)); err != nil {
			return err
		}
		if a.cursor != "" {
			return fmt.Errorf("cursor %s was not refused", cursor)
		}
		if err := r.turns(ctx, 2); err != nil {
			return err
		}
	}
	return r.took(at, text(r.sent-2), text(r.sent-1), text(r.sent))
}

func (r *run) storeUnavailable(ctx context.Context) error {
	at := len(r.client.taken)
	if err := r.userSends(ctx, 1); err != nil {
		return err
	}
	r.SetStore(false)
	err := errors.Join(r.turns(ctx, 1), r.everyCallUnavailable(ctx))
	r.SetStore(true)
	if r.client.exited != "" {
		return fmt.Errorf("it ended: %s", r.client.exited)
	}
	return errors.Join(err, r.turns(ctx, 2), r.took(at, text(r.sent)))
}

// unservedRoutes calls the optional routes that Rollcall does not serve, and then some
// that it does.
func (r *run) unservedRoutes(ctx context.Context) error {
	a := r.client
	for _, c := range []struct{ method, path string }{
		{"GET", "/secrets/values"},
		{"GET", "/plugins/x/download"},
		{"POST", "/plugins"},
		{"GET", "/memories"},
		{"POST", "/memories"},
		{"POST", "/broadcast"},
		{"POST", "/chat/uploads"},
		{"GET", "/pending-uploads/f/content"},
		{"POST", "/pending-uploads/f/ack"},
		{"GET", "/instructions/resolve"},
		{"POST", "/approvals"},
		{"GET", "/checkpoints"},
		{"POST", "/boot-event"},
		{"GET", "/mail/summary"},
		{"GET", "/chat-history"},
		{"GET", "/requests/inbox"},
		{"GET", "/tokens"},
		{"POST", "/external/rotate"},
		{"GET", "/external/connection"},
		{"PATCH", ""},
		{"POST", "/restart"},
		{"POST", "/a2a/inbound"},
	} {
		reply, err := a.call(ctx, c.method, "/workspaces/"+a.id+c.path, a.token, map[string]any{}, nil)
		if err != nil || reply.Status != http.StatusNotFound || reply.Text("code") != "not_served" {
			return fmt.Errorf("%s %s answered %d %s, %v", c.method, c.path, reply.Status, reply.Raw, err)
		}
	}
	path := "/workspaces/" + a.id
	if err := r.ownDelegation(ctx); err != nil {
		return err
	}
	for _, path := range []string{"/registry/" + a.id + "/peers", path, path + "/delegations", "/healthz", "/health"} {
		reply, err := a.call(ctx, "GET", path, a.token, nil, map[string]string{"X-Workspace-ID": a.id})
		if err != nil || reply.Status != http.StatusOK {
			return fmt.Errorf("GET %s answered %d %s, %v", path, reply.Status, reply.Raw, err)
		}
	}
	reply, err := a.call(ctx, "POST", "/registry/update-card", a.token, map[string]any{
		"workspace_id": a.id, "agent_card": map[string]any{"name": "renamed"},
	}, nil)
	if err != nil || reply.Status != http.StatusOK {
		return fmt.Errorf("update-card answered %d %s, %v", reply.Status, reply.Raw, err)
	}
	return r.turns(ctx, 1)
}

// ownDelegation is what newer runtimes report of a task that they gave to a peer themselves.
func (r *run) ownDelegation(ctx context.Context) error {
	a, id := r.client, uuid.NewString()
	path := "/workspaces/" + a.id + "/delegations/"
	recorded, err := a.call(ctx, "POST", path+"record", a.token, map[string]any{
		"target_id": uuid.NewString(), "task": "review", "delegation_id": id,
	}, nil)
	if err != nil || recorded.Status != http.StatusAccepted {
		return fmt.Errorf("a delegation of its own: %d %s, %v", recorded.Status, recorded.Raw, err)
	}
	ended, err := a.call(ctx, "POST", path+id+"/update", a.token, map[string]any{
		"status": "completed", "response_preview": "done",
	}, nil)
	if err != nil || ended.Status != http.StatusOK {
		return fmt.Errorf("its end: %d %s, %v", ended.Status, ended.Raw, err)
	}
	return nil
}

// everyCallUnavailable makes every call of the client while the store is unavailable.
func (r *run) everyCallUnavailable(ctx context.Context) error {
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
		calls.Go(func() error { // at the same time: each takes as long as the function retries
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

func (r *run) inboxFull(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	var want []string
	for i := range r.MaxOpen / 2 { // one sender's share
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

// platformKilled kills the platform while mail waits for each client. Some of it was
// taken and not acknowledged.
func platformKilled(ctx context.Context, p Platform, runs []*run) error {
	at := make([]int, len(runs))
	for i, r := range runs {
		at[i] = len(r.client.taken)
		if err := errors.Join(
			r.fromUser(ctx, "before 1"), r.fromUser(ctx, "before 2"), r.turns(ctx, 1), r.fromUser(ctx, "before 3"),
		); err != nil {
			return err
		}
	}
	if err := p.Restart(ctx); err != nil {
		return err
	}
	for i, r := range runs {
		if err := errors.Join(
			r.fromUser(ctx, "after"), r.turns(ctx, 3), r.took(at[i], "before 1", "before 2", "before 3", "after"),
		); err != nil {
			return fmt.Errorf("%s: %w", r.client.name(), err)
		}
		if err := client.Until(ctx, 10*time.Second, func() error { return r.status(ctx, "online", "") }); err != nil {
			return fmt.Errorf("%s: %w", r.client.name(), err)
		}
	}
	return nil
}
