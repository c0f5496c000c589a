package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// Platform is what the stories are played on; its functions run with Settings.
type Platform struct {
	client.Local
	Store func(up bool)                                         // takes the store away, and gives it back
	Clock func(ctx context.Context, offset time.Duration) error // moves every function's clock
	// Schedule stops the scheduled sweeps, and starts them again.
	Schedule func(ctx context.Context, on bool) error
}

const (
	healthy   = "online/healthy"
	busy      = "online/busy"
	rejected  = "degraded/credentials_rejected"
	offline   = "offline/lease_expired"
	suspect   = "unknown/platform_suspect"
	duplicate = "degraded/duplicate_host"
	failing   = "degraded/push_failing"
	unread    = "degraded/inbox_unattended"
	stalled   = "degraded/backlog_stalled"
	wedged    = "degraded/runtime_wedged"
	erring    = "degraded/error_rate"
	waiting   = "provisioning/never_registered"
)

// tale is one story of a workspace: play panics with untrue at the first line
// that isn't as told.
type tale struct {
	name string
	play func(ctx context.Context, p Platform)
}

// tales can be told at the same time: each has a workspace of its own.
var tales = []tale{
	{"a lost token: register refused, heartbeats pass", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPush)
		defer a.close()
		w := a.witness(ctx)
		boot := a.twin()
		boot.token = ""
		for range 2 {
			r, err := boot.register(ctx, "", a.serve(nil))
			must(wantCode(r, err, 401, "credential_missing"))
		}
		v := told(a.becomes(ctx, rejected))
		must(tells(v, "repair", "rollcall repair "+a.id))
		must(evident(v, "2 register"))
		must(a.stays(ctx, rejected, leaseTTL+grace)) // heartbeats pass, and don't hide it
		told(a.operate(ctx, 200, "repair", nil))
		must(a.online(ctx, "", a.serve(nil)))
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(healthy, rejected, healthy))
	}},
	{"a heartbeat refused, and ignored by its agent", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		w := a.witness(ctx)
		a.silence()
		a.token = "what was left in its file"
		a.beats(ctx)
		v := told(a.becomes(ctx, rejected))
		must(tells(v, "repair", "the agent is running but its credential is refused"))
		must(evident(v, "heartbeat"))
		must(a.stays(ctx, rejected, 2*(leaseTTL+grace))) // it goes on beating: never offline
		a.silence()
		told(a.becomes(ctx, "offline/credentials_rejected"))
		must(w.sawOnly(healthy, rejected, "offline/credentials_rejected"))
	}},
	{"heartbeats pass, and polls bring another credential", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		w := a.witness(ctx)
		stale := a.twin()
		stale.token = "what was left in its file"
		stale.repeat(ctx, func(ctx context.Context) { _, _ = stale.poll(ctx, "") })
		defer stale.silence()
		told(a.becomes(ctx, rejected))
		must(a.stays(ctx, rejected, 2*(leaseTTL+grace))) // beats go on, and it doesn't flap
		must(tells(told(a.view(ctx)), "repair", "its polls and other calls bring a credential that is refused"))
		stale.silence()
		told(a.poll(ctx, ""))
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(healthy, rejected, healthy))
	}},
	{"a credential that an operator replaced is not the agent's until it is used", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		r := told(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id, "adopt": true, "reset_credentials": true}))
		if standingOf(r) != rejected {
			must(fmt.Errorf("adopted: %s", r.Raw))
		}
		v := told(a.view(ctx))
		must(tells(v, "restart", "an operator issued it a new credential"))
		must(a.stays(ctx, rejected, leaseTTL)) // it beats on with the old one
		a.silence()
		a.token = r.Text("auth_token")
		must(a.lives(ctx))
		told(a.becomes(ctx, healthy))
	}},
	{"one that was removed and is created again begins anew", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		a.close()
		told(a.operate(ctx, 200, "remove", nil))
		r := told(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id}))
		if standingOf(r) != waiting {
			must(fmt.Errorf("created again: %s", r.Raw))
		}
		old, err := a.beat(ctx)
		must(wantCode(old, err, 401, "credential_unknown"))
		a.token = r.Text("auth_token")
		must(a.online(ctx, "poll", ""))
		told(a.becomes(ctx, healthy))
	}},
	{"the window of a repair is for one", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		a.close()
		told(a.operate(ctx, 200, "repair", nil))
		a.token = ""
		must(a.online(ctx, "poll", ""))
		stranger := a.twin()
		stranger.from, stranger.token = "127.0.0.66", ""
		r, err := stranger.register(ctx, "poll", "")
		must(wantCode(r, err, 401, "credential_missing")) // and puts nobody out
		must(a.lives(ctx))
		told(a.operate(ctx, 200, "repair", map[string]any{"from": "127.0.0.5"})) // now the stranger is the first to ask
		r, err = stranger.register(ctx, "poll", "")
		must(wantCode(r, err, 401, "credential_missing"))
		a.from, a.token = "127.0.0.5", ""
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		told(a.becomes(ctx, healthy))
	}},
	{"an agent that lost its credential and moved", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		a.close()
		told(a.becomes(ctx, offline))
		a.from, a.token = "127.0.0.7", ""
		r, err := a.register(ctx, "poll", "")
		must(wantCode(r, err, 401, "credential_missing"))
		v := told(a.becomes(ctx, offline))
		must(tells(v, "restart", "127.0.0.7 without a credential are being refused now: if that is this agent, rollcall repair "+a.id))
		told(a.operate(ctx, 200, "repair", nil))
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		v = told(a.becomes(ctx, healthy))
		if since, err := time.Parse(time.RFC3339Nano, v.Text("since")); err != nil || time.Since(since) > leaseTTL {
			must(fmt.Errorf("healthy since %s", v.Text("since")))
		}
	}},
	{"an agent that beats and never polls, and no mail yet", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		must(a.stays(ctx, healthy, objective+time.Second))
		must(evident(told(a.view(ctx)), "never polled"))
		r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", client.Message(uuid.NewString(), "hello"))
		must(want(r, err, 200))
		if r.Text("expected") != "nobody_is_listening" || !strings.Contains(r.Text("hint"), "has never polled") {
			must(fmt.Errorf("promised: %s", r.Raw))
		}
	}},
	{"a thief hides nothing and plants nothing", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		thief := a.twin()
		thief.from = "127.0.0.66"
		a.token = told(a.operate(ctx, 200, "rotate", nil)).Text("auth_token")
		must(a.lives(ctx)) // the stolen one has ended
		a.beats(ctx)
		told(a.becomes(ctx, healthy))
		w := a.witness(ctx)
		lost := a.twin()
		lost.token = ""
		for range 2 { // its own boots are refused, and that stays so whatever the thief does
			r, err := lost.register(ctx, "poll", "")
			must(wantCode(r, err, 401, "credential_missing"))
		}
		told(a.becomes(ctx, rejected))
		thief.repeat(ctx, func(ctx context.Context) { _, _ = thief.register(ctx, "poll", ""); _, _ = thief.beat(ctx) })
		defer thief.silence()
		must(a.stays(ctx, rejected, leaseTTL))
		must(a.online(ctx, "poll", ""))
		told(a.becomes(ctx, healthy))
		must(a.stays(ctx, healthy, leaseTTL+grace))
		must(evident(told(a.view(ctx)), "with a credential that was this agent's once"))
		must(w.sawOnly(healthy, rejected, healthy))
	}},
	{"a credential replaced in two steps, and the old one used late", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		w := a.witness(ctx)
		r := told(a.operate(ctx, 200, "rotate", nil))
		old, fresh := a.twin(), a.twin()
		fresh.token = r.Text("auth_token")
		v := told(old.beat(ctx))
		if v.Status != 200 || v.Text("action") != "rotate" {
			must(fmt.Errorf("the old credential before the new one was used: %s", v.Raw))
		}
		must(fresh.lives(ctx))
		late, err := old.beat(ctx)
		must(wantCode(late, err, 401, "credential_unknown"))
		fresh.beats(ctx)
		defer fresh.close()
		must(a.stays(ctx, healthy, leaseTTL))
		must(w.sawOnly(healthy))
	}},
	{"an agent fetches its own new credential, and a lost reply locks nobody out", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		lost, fresh := a.twin(), a.twin()
		for _, one := range []*actor{lost, fresh} { // the first reply is lost, and it asks again
			r, err := a.call(ctx, "POST", "/workspaces/"+a.id+"/rotate", nil)
			must(want(r, err, 200))
			one.token = r.Text("auth_token")
			must(a.lives(ctx))
		}
		must(fresh.lives(ctx))
		for _, ended := range []*actor{a, lost} {
			r, err := ended.beat(ctx)
			must(wantCode(r, err, 401, "credential_unknown"))
		}
	}},
	{"a stolen credential, revoked", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		a.beats(ctx)
		thief := a.twin()
		thief.from = "127.0.0.66"
		told(a.becomes(ctx, healthy))
		r := told(a.operate(ctx, 200, "revoke", nil))
		if r.Text("revoked") != "1" {
			must(fmt.Errorf("revoked: %s", r.Raw))
		}
		stolen, err := thief.beat(ctx)
		must(wantCode(stolen, err, 401, "credential_unknown")) // at once
		v := told(a.becomes(ctx, rejected))
		must(tells(v, "repair", "rollcall repair "+a.id))
		told(a.operate(ctx, 200, "repair", nil))
		must(a.online(ctx, "poll", ""))
		told(a.becomes(ctx, healthy))
		w := a.witness(ctx)
		thief.beats(ctx) // it goes on, and changes nothing: the agent itself is heard
		defer thief.close()
		must(a.stays(ctx, healthy, leaseTTL+grace))
		must(evident(told(a.view(ctx)), "a credential that was this agent's once"))
		must(w.sawOnly(healthy))
	}},
	{"a forger who knows the id", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		w := a.witness(ctx)
		forger := a.twin()
		forger.from, forger.token = "127.0.0.66", "a guess"
		for range 5 {
			r, err := forger.register(ctx, "push", "http://127.0.0.66:1")
			must(wantCode(r, err, 401, "credential_unknown"))
			r, err = forger.beat(ctx)
			must(wantCode(r, err, 401, "credential_unknown"))
		}
		must(evident(told(a.view(ctx)), "can't be attributed"))
		must(a.stays(ctx, healthy, 3*time.Second))
		a.silence()
		forger.beats(ctx) // and keeps no lease alive
		defer forger.close()
		told(a.becomes(ctx, offline))
		must(w.sawOnly(healthy, offline))
	}},
	{"an agent that moved to another address", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		w := a.witness(ctx)
		a.from = "127.0.0.2"
		a.beats(ctx)
		must(a.stays(ctx, healthy, leaseTTL))
		must(w.sawOnly(healthy))
	}},
	{"an agent that moved, with an old credential", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		old := a.twin() // restored elsewhere from a backup, while the agent itself is gone
		old.from = "127.0.0.2"
		a.token = told(a.operate(ctx, 200, "rotate", nil)).Text("auth_token")
		must(a.lives(ctx))
		old.beats(ctx)
		defer old.close()
		v := told(a.becomes(ctx, rejected))
		must(evident(v, "from 127.0.0.2"))
	}},
	{"two copies at two addresses", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		b := a.twin()
		b.from = "127.0.0.3"
		defer b.close()
		must(a.lives(ctx))
		w := a.witness(ctx)
		must(a.stays(ctx, healthy, 2*time.Second))
		a.beats(ctx)
		wait(ctx, beatEvery/2)
		b.beats(ctx)
		v := told(a.becomes(ctx, duplicate))
		must(tells(v, "stop_one", "two agents call under this id"))
		must(a.stays(ctx, duplicate, 2*leaseTTL))
		b.silence()
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(healthy, duplicate, healthy))
	}},
	{"two copies on one machine", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		b := a.twin()
		defer b.close()
		start := time.Now()
		uptime := func(before time.Duration) map[string]any {
			return map[string]any{"active_tasks": 0, "uptime_seconds": int(before.Seconds()) + int(time.Since(start).Seconds())}
		}
		for a.view(ctx); ; {
			a.says(uptime(time.Hour))
			b.says(uptime(time.Minute))
			told(a.beat(ctx))
			told(b.beat(ctx))
			if standingOf(told(a.view(ctx))) == duplicate {
				break
			}
			if time.Since(start) > patience {
				must(errors.New("never seen as two"))
			}
		}
		a.beats(ctx)
		a.says(uptime(time.Hour))
		told(a.becomes(ctx, healthy))
	}},
	{"two copies that register in turn", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		for start := time.Now(); ; {
			for _, url := range []string{"http://127.0.0.1:9/one", "http://127.0.0.1:9/two"} {
				must(a.online(ctx, "", url))
			}
			if standingOf(told(a.view(ctx))) == duplicate {
				break
			}
			if time.Since(start) > patience {
				must(errors.New("never seen as two"))
			}
		}
	}},
	{"an agent that hangs when mail comes", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "", a.serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))
		a.beats(ctx)
		told(a.becomes(ctx, healthy))
		id, expected, err := a.send(ctx)
		must(err)
		if expected != "now" {
			must(fmt.Errorf("expected %s", expected))
		}
		v := told(a.becomes(ctx, failing))
		must(tells(v, "check_url", "did not answer in time"))
		a.serve(nil) // it comes to itself
		must(a.ends(ctx, id, "delivered"))
		told(a.becomes(ctx, healthy))
	}},
	{"a dead URL, and a register with a good one", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "", "http://127.0.0.1:9"))
		a.beats(ctx)
		id, _, err := a.send(ctx)
		must(err)
		v := told(a.becomes(ctx, failing))
		must(tells(v, "check_url", "can't be reached"))
		must(a.online(ctx, "", a.serve(nil)))
		must(a.ends(ctx, id, "delivered"))
		told(a.becomes(ctx, healthy))
	}},
	{"an inbox that nobody reads", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		w := a.witness(ctx)
		id, _, err := a.send(ctx)
		must(err)
		v := told(a.becomes(ctx, unread))
		must(tells(v, "restart", "isn't polling"))
		if _, expected, err := a.send(ctx); err != nil || expected != "nobody_is_listening" {
			must(fmt.Errorf("expected %s, %v", expected, err))
		}
		rows := told(a.poll(ctx, ""))
		if len(rows) != 2 || rows[0].MessageID != id {
			must(fmt.Errorf("polled %v", rows))
		}
		told(a.poll(ctx, rows[1].ID))
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(healthy, unread, healthy))
	}},
	{"a stale poll on an agent that can be pushed to", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", a.serve(nil))) // what an old installation declares
		a.beats(ctx)
		id, _, err := a.send(ctx)
		must(err)
		must(a.ends(ctx, id, "delivered")) // the evidence heals it, with no operator
		if got := a.received(); !slices.Equal(got, []string{id}) {
			must(fmt.Errorf("it got %v", got))
		}
		must(a.online(ctx, "", a.serve(nil)))
		if mode := told(a.view(ctx)).Text("delivery", "effective_mode"); mode != "push" {
			must(fmt.Errorf("the mode is %s", mode))
		}
	}},
	{"an adoption resets mode, metrics and runtime", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", a.serve(nil)))
		a.says(map[string]any{"error_rate": 0.9, "sample_error": "boom", "runtime_state": "wedged"})
		must(a.lives(ctx))
		told(a.becomes(ctx, wedged))
		r := told(a.p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id, "adopt": true, "runtime": "new", "tier": 2}))
		if standingOf(r) != healthy || r.Text("delivery", "effective_mode") != "push" || r.Text("tier") != "2" {
			must(fmt.Errorf("adopted: %s", r.Raw))
		}
	}},
	{"an agent that says it is idle and takes nothing", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "", a.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })))
		a.beats(ctx)
		id, _, err := a.send(ctx)
		must(err)
		v := told(a.becomes(ctx, stalled))
		must(tells(v, "restart", "none was delivered"))
		a.serve(nil)
		must(a.ends(ctx, id, "delivered"))
		told(a.becomes(ctx, healthy))
	}},
	{"a wedged runtime", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		w := a.witness(ctx)
		a.says(map[string]any{"runtime_state": "wedged"})
		v := told(a.becomes(ctx, wedged))
		must(tells(v, "restart", "wedged"))
		a.says(map[string]any{})
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(healthy, wedged, healthy))
	}},
	{"errors, with hysteresis", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		rate := func(r float64, standing string) {
			a.says(map[string]any{"error_rate": r, "sample_error": "boom"})
			must(a.lives(ctx))
			if got := standingOf(told(a.view(ctx))); got != standing {
				must(fmt.Errorf("at %.2f it is %s, not %s", r, got, standing))
			}
		}
		rate(0.49, healthy)
		rate(0.5, erring)
		rate(0.3, erring)
		rate(0.1, erring)
		rate(0.09, healthy)
		rate(0.3, healthy)
	}},
	{"a busy agent is well", func(ctx context.Context, p Platform) {
		a := atWork(ctx, p)
		defer a.close()
		id, expected, err := a.send(ctx)
		must(err)
		if expected != "when_idle" {
			must(fmt.Errorf("expected %s", expected))
		}
		must(a.stays(ctx, busy, objective+2*time.Second))
		a.says(map[string]any{"active_tasks": 0})
		must(a.ends(ctx, id, "delivered"))
		told(a.becomes(ctx, healthy))
	}},
	{"an agent that dies and comes back", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPush)
		defer a.close()
		w := a.witness(ctx)
		a.silence()
		v := told(a.becomes(ctx, offline))
		must(tells(v, "restart", "no accepted call since the lease ran out"))
		id, expected, err := a.send(ctx)
		must(err)
		if expected != "nobody_is_listening" {
			must(fmt.Errorf("expected %s", expected))
		}
		must(a.stays(ctx, offline, 2*time.Second))
		a.beats(ctx)
		must(a.ends(ctx, id, "delivered"))
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(healthy, offline, healthy))
	}},
	{"paused, resumed, removed, and an agent that ignores every answer", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPush)
		defer a.close()
		told(a.operate(ctx, 200, "pause", nil))
		must(a.stays(ctx, "paused/paused", 2*time.Second))
		told(a.operate(ctx, 200, "resume", nil))
		told(a.becomes(ctx, healthy))
		told(a.operate(ctx, 200, "remove", nil))
		for range 3 {
			r, err := a.register(ctx, "", a.serve(nil))
			must(wantCode(r, err, 410, "workspace_removed"))
		}
		must(a.stays(ctx, "removed/removed", leaseTTL)) // it beats all the while
	}},
	{"a probe that nobody fetches is remembered", func(ctx context.Context, p Platform) {
		a := well(ctx, p, byPoll)
		defer a.close()
		w := a.witness(ctx)
		r := told(a.operate(ctx, 202, "probe", nil))
		told(a.becomes(ctx, unread))
		must(a.ends(ctx, r.Text("message_id"), "expired"))
		must(a.stays(ctx, unread, 3*time.Second)) // its end doesn't hide what it showed
		r = told(a.operate(ctx, 202, "probe", nil))
		if rows := told(a.poll(ctx, "")); len(rows) != 0 {
			must(fmt.Errorf("an agent was shown a probe: %v", rows))
		}
		must(a.ends(ctx, r.Text("message_id"), "delivered"))
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(healthy, unread, healthy))
	}},
	{"a probe of an agent at work is no evidence", func(ctx context.Context, p Platform) {
		a := atWork(ctx, p)
		defer a.close()
		w := a.witness(ctx)
		r := told(a.operate(ctx, 202, "probe", nil))
		must(a.ends(ctx, r.Text("message_id"), "expired"))
		a.says(map[string]any{"active_tasks": 0})
		told(a.becomes(ctx, healthy))
		must(w.sawOnly(busy, healthy))
	}},
	{"a probe of an agent that is pushed to", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "", a.serve(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}`)
		})))
		a.beats(ctx)
		r := told(a.operate(ctx, 202, "probe", nil))
		must(a.ends(ctx, r.Text("message_id"), "delivered"))
		must(a.stays(ctx, healthy, 2*time.Second))
	}},
	{"an enrolment token for one that lost its credential", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		must(a.lives(ctx))
		e, err := p.Do(ctx, "POST", "/enrolments", p.OperatorToken, map[string]any{"workspace_id": a.id})
		must(want(e, err, 201))
		fresh := a.twin()
		for range 2 { // the first reply is lost; the second takes no further use
			fresh.token = ""
			r, err := fresh.call(ctx, "POST", "/registry/register", map[string]any{"id": a.id, "url": "", "enrolment_token": e.Text("enrolment_token")})
			must(want(r, err, 200))
			fresh.token = r.Text("auth_token")
			must(a.lives(ctx)) // the old one is good until the new one is used
		}
		must(fresh.lives(ctx))
		r, err := a.beat(ctx)
		must(wantCode(r, err, 401, "credential_unknown"))
		again := a.twin()
		again.token = ""
		r, err = again.call(ctx, "POST", "/registry/register", map[string]any{"id": a.id, "url": "", "enrolment_token": e.Text("enrolment_token")})
		must(wantCode(r, err, 401, "enrolment_unknown")) // it had one use
	}},
	{"created and never started", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		r := told(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id}))
		a.token = r.Text("auth_token")
		must(tells(told(a.becomes(ctx, waiting)), "start", "start the agent"))
		if _, expected, err := a.send(ctx); err != nil || expected != "nobody_is_listening" {
			must(fmt.Errorf("expected %s, %v", expected, err))
		}
		must(a.stays(ctx, waiting, 2*time.Second))
		must(a.online(ctx, "poll", ""))
		told(a.becomes(ctx, unread)) // its mail has waited since before it came, and it has yet to poll
	}},
	{"what happened stands in the history, once and in order", func(ctx context.Context, p Platform) {
		a := act(p.Local)
		defer a.close()
		must(a.online(ctx, "poll", ""))
		a.says(map[string]any{"runtime_state": "wedged"})
		a.beats(ctx)
		must(a.noticed(ctx, wedged))
		a.says(map[string]any{})
		must(a.noticed(ctx, healthy))
		a.silence()
		must(a.noticed(ctx, offline))
		r, err := p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", p.OperatorToken, nil)
		must(want(r, err, 200))
		for _, action := range []string{"credential_issued", "credential_used", "status_changed"} {
			if !strings.Contains(string(r.Raw), action) {
				must(fmt.Errorf("%s is not in the history: %s", action, r.Raw))
			}
		}
		if r, err = p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", "", nil); err != nil || strings.Contains(string(r.Raw), "credential_") {
			must(fmt.Errorf("a stranger sees the audit trail: %s, %v", r.Raw, err))
		}
	}},
}

// well is an agent that beats and is healthy.
func well(ctx context.Context, p Platform, path func(*actor) (mode, url string)) *actor {
	a := act(p.Local)
	mode, url := path(a)
	must(a.online(ctx, mode, url))
	a.beats(ctx)
	told(a.becomes(ctx, healthy))
	return a
}

// atWork is an agent that is pushed to, beats, and says that it is busy.
func atWork(ctx context.Context, p Platform) *actor {
	a := act(p.Local)
	must(a.online(ctx, "", a.serve(nil)))
	a.says(map[string]any{"active_tasks": 1})
	a.beats(ctx)
	told(a.becomes(ctx, busy))
	return a
}

func byPoll(*actor) (mode, url string)   { return "poll", "" }
func byPush(a *actor) (mode, url string) { return "", a.serve(nil) }

// noticed waits until a standing is the newest change in the history, whose
// numbers must be without gaps.
func (a *actor) noticed(ctx context.Context, standing string) error {
	return client.Until(ctx, patience, func() error {
		r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", "", nil)
		if err := want(r, err, 200); err != nil {
			return err
		}
		lines, _ := r.Body["history"].([]any)
		if len(lines) == 0 {
			return errors.New("the history is empty")
		}
		for i, l := range lines {
			change := client.Reply{Body: l.(map[string]any)}
			if n := fmt.Sprint(len(lines) - i); change.Text("change", "workspace_seq") != n {
				return fmt.Errorf("line %d is number %s, not %s", i, change.Text("change", "workspace_seq"), n)
			}
		}
		newest := client.Reply{Body: lines[0].(map[string]any)}
		if got := newest.Text("change", "to", "status") + "/" + newest.Text("change", "to", "reason"); got != standing {
			return fmt.Errorf("the newest change is to %s, not %s", got, standing)
		}
		return nil
	})
}

// chorus are agents that beat all the while, so that what one tale does is not
// half of the fleet.
const chorusSize = 12

// Status plays every tale, and then those of the platform itself, and tells on
// out what held.
func Status(ctx context.Context, p Platform, out io.Writer) error {
	chorus := make([]*actor, chorusSize)
	for i := range chorus {
		chorus[i] = act(p.Local)
		defer chorus[i].close()
		if err := chorus[i].online(ctx, "poll", ""); err != nil {
			return err
		}
		chorus[i].beats(ctx)
	}
	if err := p.Schedule(ctx, false); err != nil { // the stories sweep by hand, and one has to stop it
		return err
	}
	sweeping, stopSweeps := context.WithCancel(ctx)
	defer stopSweeps()
	go sweeps(sweeping, p)

	var mu sync.Mutex
	var wrong error
	tell := func(t tale, start time.Time, err error) {
		mu.Lock()
		defer mu.Unlock()
		mark := "✓"
		if err != nil {
			mark, wrong = "✗", errors.Join(wrong, fmt.Errorf("%s: %w", t.name, err))
		}
		fmt.Fprintf(out, "  %s %s (%.0f s)\n", mark, t.name, time.Since(start).Seconds())
		if err != nil {
			fmt.Fprintf(out, "      %v\n", err)
		}
	}
	var all sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for _, t := range tales {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			start := time.Now()
			tell(t, start, t.tell(ctx, p))
		})
	}
	all.Wait()
	for _, t := range platformTales(chorus, stopSweeps) {
		start := time.Now()
		tell(t, start, t.tell(ctx, p))
	}
	if wrong == nil {
		fmt.Fprintf(out, "%d stories, each as told\n", len(tales)+len(platformTales(nil, nil)))
	}
	return wrong
}

// atOnce is how many tales are told at a time.
const atOnce = 8

func (t tale) tell(ctx context.Context, p Platform) (err error) {
	defer func() {
		if u, ok := recover().(untrue); ok {
			err = u.error
		}
	}()
	t.play(ctx, p)
	return nil
}

func sweeps(ctx context.Context, p Platform) {
	for wait(ctx, 4*time.Second) {
		_, _ = p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil) // the next one is near
	}
}

// platformTales concern the whole fleet, so they are told one after the other.
func platformTales(chorus []*actor, stopSweeps func()) []tale {
	each := func(do func(*actor)) {
		var all sync.WaitGroup
		for _, a := range chorus {
			all.Go(func() { do(a) })
		}
		all.Wait()
	}
	everyone := func(ctx context.Context, standing string) {
		errs := make([]error, len(chorus))
		var all sync.WaitGroup
		for i, a := range chorus {
			all.Go(func() { _, errs[i] = a.becomes(ctx, standing) })
		}
		all.Wait()
		must(errors.Join(errs...))
	}
	return []tale{
		{"the store fails: 503, never a 401, and no status changes", func(ctx context.Context, p Platform) {
			a := well(ctx, p, byPoll)
			defer a.close()
			p.Store(false)
			back := sync.OnceFunc(func() { p.Store(true) })
			defer back()
			for _, call := range []func() (client.Reply, error){
				func() (client.Reply, error) {
					return a.call(ctx, "POST", "/registry/heartbeat", map[string]any{"workspace_id": a.id})
				},
				func() (client.Reply, error) {
					return a.call(ctx, "POST", "/registry/register", map[string]any{"id": a.id, "url": ""})
				},
				func() (client.Reply, error) {
					return p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", client.Message(uuid.NewString(), "x"))
				},
				func() (client.Reply, error) { return a.view(ctx) },
			} {
				r, err := call()
				must(wantCode(r, err, 503, "platform_unavailable"))
				if r.Header.Get("Retry-After") == "" {
					must(fmt.Errorf("no Retry-After: %s", r.Raw))
				}
			}
			back()
			told(a.becomes(ctx, healthy))
		}},
		{"one agent dies in a fleet that lives", func(ctx context.Context, p Platform) {
			wait(ctx, leaseTTL+grace) // the sweeps that failed with the store are behind
			a := well(ctx, p, byPoll)
			w := a.witness(ctx)
			a.close()
			told(a.becomes(ctx, offline))
			must(w.sawOnly(healthy, offline))
		}},
		{"the whole fleet falls silent: the platform is suspected, for a while", func(ctx context.Context, p Platform) {
			witnesses := make([]*witness, len(chorus))
			for i, a := range chorus {
				witnesses[i] = a.witness(ctx)
			}
			each((*actor).silence)
			everyone(ctx, suspect)
			must(tells(told(chorus[0].view(ctx)), "wait", "see whether the platform works"))
			everyone(ctx, offline)
			for _, a := range chorus {
				a.beats(ctx)
			}
			everyone(ctx, healthy)
			for _, w := range witnesses {
				must(w.sawOnly(healthy, suspect, offline, healthy))
			}
		}},
		{"the sweeper is dead: every status is true all the same", func(ctx context.Context, p Platform) {
			told(p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil)) // its last one sees a fleet that has come back already
			stopSweeps()
			wait(ctx, deafAfter)
			a := well(ctx, p, byPoll)
			a.close()
			told(a.becomes(ctx, offline)) // the others are heard: it is the agent
			for _, c := range chorus[:3] {
				must(c.stays(ctx, healthy, time.Second))
			}
			w := a.witness(ctx)
			told(p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil)) // it comes back, and casts no doubt on who died meanwhile
			must(a.stays(ctx, offline, leaseTTL))
			must(w.sawOnly(offline))
		}},
		{"the platform was deaf, and hears again", func(ctx context.Context, p Platform) {
			a := well(ctx, p, byPoll)
			defer a.close()
			each((*actor).silence)
			a.silence()
			wait(ctx, deafAfter+leaseTTL+grace+suspectFor)                           // nothing is heard, nothing sweeps
			go func() { _, _ = p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil) }() // it has a fleet's news to tell, and the suspicion is short
			must(evident(told(a.becomes(ctx, suspect)), "first sweep after it"))
			must(a.stays(ctx, suspect, 2*time.Second))
			a.beats(ctx)
			told(a.becomes(ctx, healthy))
			told(chorus[0].becomes(ctx, offline))
		}},
		{"every clock jumps five minutes ahead, and back", func(ctx context.Context, p Platform) {
			a := well(ctx, p, byPoll)
			defer a.close()
			must(p.Clock(ctx, 5*time.Minute))
			told(a.becomes(ctx, healthy)) // after its next beat
			must(p.Clock(ctx, 0))
			wait(ctx, 2*beatEvery)
			must(a.stays(ctx, healthy, 3*time.Second))
		}},
	}
}
