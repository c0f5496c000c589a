package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// deliveryStories are about mail that reaches its agent late or not at all, and about
// probes.
var deliveryStories = []story{
	{"an agent that hangs when a message arrives", hangs},
	{"a URL that can't be reached, and a register with a good one", deadURL},
	{"a mailbox that nobody polls", mailboxUnread},
	{"an agent that sends heartbeats and never polls, without mail yet", neverPolled},
	{"an old delivery mode poll on an agent that can be pushed to", stalePollMode},
	{"an agent that reports that it is idle and takes nothing", idleButTakesNothing},
	{"a probe that nobody fetches is remembered", probeUnfetched},
	{"a probe of a busy agent is no evidence", probeOfBusyAgent},
	{"a probe of an agent that is pushed to", probeByPush},
}

func hangs(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", a.serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
	id, expected, err := a.send(ctx)
	must(err)
	if expected != "now" {
		must(fmt.Errorf("expected %s", expected))
	}
	v := mustGet(a.awaitVerdict(ctx, pushFailing))
	must(checkAdvice(v, "inspect", "did not answer in time"))
	a.serve(nil) // it no longer hangs
	must(a.awaitMessage(ctx, id, "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
}

func deadURL(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", unusedURL))
	a.startHeartbeats(ctx)
	recorder := a.recordVerdicts(ctx)
	v := mustGet(a.awaitVerdict(ctx, pushFailing)) // without mail: the platform tries a URL that is new
	must(checkAdvice(v, "check_url", "nothing listens at the URL"))
	id, expected, err := a.send(ctx)
	must(err)
	if expected != "retrying" {
		must(fmt.Errorf("expected %s", expected))
	}
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	must(a.awaitMessage(ctx, id, "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, pushFailing, healthy))
}

func mailboxUnread(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	id, _, err := a.send(ctx)
	must(err)
	v := mustGet(a.awaitVerdict(ctx, inboxUnattended))
	must(checkAdvice(v, "restart", "isn't polling"))
	if _, expected, err := a.send(ctx); err != nil || expected != "nobody_is_listening" {
		must(fmt.Errorf("expected %s, %v", expected, err))
	}
	rows := mustGet(a.poll(ctx, ""))
	if len(rows) != 2 || rows[0].MessageID != id {
		must(fmt.Errorf("polled %v", rows))
	}
	mustGet(a.poll(ctx, rows[1].ID))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, inboxUnattended, healthy))
}

func neverPolled(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	must(a.awaitOutlook(ctx, outlook{inboxUnattended, "restart", "it has never polled", "nobody_is_listening"}))
	must(a.registerAccepted(ctx, "poll", "")) // a register proves nothing of its polls
	must(a.awaitOutlook(ctx, outlook{inboxUnattended, "wait", "wait for its first poll", "nobody_is_listening"}))
	must(a.awaitAdvice(ctx, "inspect", "that did not help"))
	mustGet(a.poll(ctx, ""))
	must(a.awaitOutlook(ctx, outlook{healthy, "", "", "next_poll"}))
	must(recorder.recorded(healthy, inboxUnattended, healthy))
}

func stalePollMode(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "poll", a.serve(nil))) // what an old installation declares
	a.startHeartbeats(ctx)
	id, _, err := a.send(ctx)
	must(err)
	must(a.awaitMessage(ctx, id, "delivered")) // the evidence corrects the mode without an operator
	if got := a.receivedIDs(); !slices.Equal(got, []string{id}) {
		must(fmt.Errorf("it got %v", got))
	}
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	if mode := mustGet(a.view(ctx)).Text("delivery", "effective_mode"); mode != "push" {
		must(fmt.Errorf("the mode is %s", mode))
	}
}

func idleButTakesNothing(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", a.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	})))
	a.startHeartbeats(ctx)
	id, _, err := a.send(ctx)
	must(err)
	v := mustGet(a.awaitVerdict(ctx, pushFailing))
	must(checkAdvice(v, "inspect", "that it is busy, and reports 0 active tasks"))
	a.serve(nil)
	must(a.awaitMessage(ctx, id, "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
}

func probeUnfetched(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	r := mustGet(a.operate(ctx, 202, "probe", nil))
	mustGet(a.awaitVerdict(ctx, inboxUnattended))
	must(a.awaitMessage(ctx, r.Text("message_id"), "expired"))
	must(a.keepsVerdict(ctx, inboxUnattended, 3*time.Second)) // its expiry does not hide what it showed
	r = mustGet(a.operate(ctx, 202, "probe", nil))
	if rows := mustGet(a.poll(ctx, "")); len(rows) != 0 {
		must(fmt.Errorf("an agent was shown a probe: %v", rows))
	}
	a.stopCalls()
	a.startPolls(ctx) // it polls on: one poll counts for a moment only
	must(a.awaitMessage(ctx, r.Text("message_id"), "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, inboxUnattended, healthy))
}

func probeOfBusyAgent(ctx context.Context, p Platform) {
	a := busyAgent(ctx, p)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	r := mustGet(a.operate(ctx, 202, "probe", nil))
	must(a.awaitMessage(ctx, r.Text("message_id"), "expired"))
	a.setReport(map[string]any{"active_tasks": 0})
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(busy, healthy))
}

func probeByPush(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", a.serve(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}`)
	})))
	a.startHeartbeats(ctx)
	r := mustGet(a.operate(ctx, 202, "probe", nil))
	must(a.awaitMessage(ctx, r.Text("message_id"), "delivered"))
	must(a.keepsVerdict(ctx, healthy, 2*time.Second))
}
