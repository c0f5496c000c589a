package scenario

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// verdictStories are about verdicts, promises and receipts that must agree with each
// other and with what was seen before.
var verdictStories = []story{
	{"an agent that polls stops to poll, without mail, and polls again", stopsPolling},
	{"an agent polls as slowly as it may", pollsSlowly},
	{"an agent registers again and again, and never polls", registersAndNeverPolls},
	{"an agent is online since it was, however often it registers", registersOften},
	{"an agent polls on, acknowledges nothing and says nothing of its work", acknowledgesNothing},
	{"an agent that polls is down for a while, and has time for its first poll", pollerReturns},
	{"a push holds the only task slot", holdsItsSlot},
	{"one delivery fails, and the next one passes", failsOnce},
	{"an agent is paused in the middle of a delivery", pausedInDelivery},
	{"a trouble goes on behind a pause", troubleBehindAPause},
	{"a boot that is refused hides a stuck runtime for a while", refusedWhileWedged},
	{"a message expires while it is being delivered", expiresInDelivery},
	{"a message expires after a poll has fetched it", expiresAfterPoll},
	{"a message is cancelled while it is being delivered", cancelledInDelivery},
	{"a message is redriven before anybody has written that it expired", redrivenAtOnce},
	{"a workspace that lost mail is removed, and created again", removedWithLoss},
	{"an agent says for a while that it is busy, and dies", diesBusy},
}

// startPolls sends heartbeats and polls until stopCalls; it acknowledges what it is
// handed.
func (a *agent) startPolls(ctx context.Context) {
	cursor := ""
	a.startCalls(ctx, func(ctx context.Context) {
		_, _ = a.heartbeat(ctx)
		if rows, err := a.poll(ctx, cursor); err == nil && len(rows) > 0 {
			cursor = rows[len(rows)-1].ID
		}
	})
}

// notPolling is what is to be seen of an agent that should poll and does not.
var notPolling = outlook{inboxUnattended, "restart", "isn't polling for its mail", "nobody_is_listening"}

// pollerOutlook is what is to be seen of a well agent that polls.
var pollerOutlook = outlook{healthy, "", "", "next_poll"}

func stopsPolling(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	a.stopCalls()
	defer a.leave()
	a.startPolls(ctx)
	recorder := a.recordVerdicts(ctx)
	must(a.awaitOutlook(ctx, pollerOutlook))
	must(a.arrived(ctx))
	must(a.keepsVerdict(ctx, healthy, deliveryObjective))
	a.stopCalls()
	a.startHeartbeats(ctx)
	v := mustGet(a.awaitVerdict(ctx, inboxUnattended))
	must(checkAdvice(v, "restart", "its last poll that was noted was at"))
	must(a.checkExplained(ctx, "at fault: the agent", "doesn't fetch its messages"))
	must(a.awaitOutlook(ctx, notPolling))
	must(a.keepsVerdict(ctx, inboxUnattended, deliveryObjective))
	a.stopCalls()
	a.startPolls(ctx)
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, pollerOutlook))
	must(recorder.recorded(healthy, inboxUnattended, healthy))
}

func pollsSlowly(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	a.stopCalls()
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	for cursor, i := "", 0; i < 5; i++ {
		if rows := mustGet(a.poll(ctx, cursor)); len(rows) > 0 {
			cursor = rows[len(rows)-1].ID
		}
		must(a.awaitOutlook(ctx, pollerOutlook))
		wait(ctx, deliveryObjective/3)
	}
	must(recorder.recorded(healthy))
}

func registersAndNeverPolls(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "poll", ""))
	recorder := a.recordVerdicts(ctx)
	a.startCalls(ctx, func(ctx context.Context) { _, _ = a.register(ctx, "poll", "") })
	mustGet(a.awaitVerdict(ctx, inboxUnattended))
	waits := outlook{inboxUnattended, "wait", "it has never polled for its mail: wait for its first poll", ""}
	for range 4 {
		must(a.awaitOutlook(ctx, waits))
		must(a.checkPromised(ctx, "nobody_is_listening"))
	}
	a.stopCalls()
	a.startPolls(ctx)
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, pollerOutlook))
	must(recorder.recorded(healthy, inboxUnattended, healthy))
}

func registersOften(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	since := mustGet(a.view(ctx)).Text("since")
	for range 6 {
		must(a.registerAccepted(ctx, "", a.serve(nil)))
		must(a.checkPromised(ctx, "now"))
		if v := mustGet(a.view(ctx)); v.Text("since") != since {
			must(fmt.Errorf("healthy since %s, and then since %s: %s", since, v.Text("since"), v.Raw))
		}
	}
	must(recorder.recorded(healthy))
}

func acknowledgesNothing(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "poll", ""))
	recorder := a.recordVerdicts(ctx)
	a.startCalls(ctx, func(ctx context.Context) { _, _ = a.poll(ctx, "") })
	_, expected, err := a.send(ctx)
	if err != nil || expected != "next_poll" {
		must(fmt.Errorf("expected %s, %w", expected, err))
	}
	must(a.awaitOutlook(ctx, outlook{backlogStalled, "inspect", "acknowledges nothing", "retrying"}))
	must(a.keepsAdvice(ctx, "inspect", "acknowledges nothing", 2*deliveryObjective))
	a.stopCalls()
	a.startPolls(ctx)
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, pollerOutlook))
	must(recorder.recorded(healthy, backlogStalled, healthy))
}

// keepsAdvice views the workspace every half second for a time, in which its action and
// hint must not change.
func (a *agent) keepsAdvice(ctx context.Context, action, hint string, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); wait(ctx, viewEvery) {
		v, err := a.view(ctx)
		if err == nil {
			err = checkAdvice(v, action, hint)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func pollerReturns(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "poll", ""))
	mustGet(a.poll(ctx, ""))
	recorder := a.recordVerdicts(ctx)
	v := mustGet(a.awaitVerdict(ctx, inboxUnattended))
	must(checkAdvice(v, "restart", "nothing was heard of the agent since"))
	must(a.awaitOutlook(ctx, outlook{leaseExpired, "restart", "no accepted call", "nobody_is_listening"}))
	wait(ctx, deliveryObjective) // its mail is overdue
	must(a.registerAccepted(ctx, "poll", ""))
	must(a.awaitOutlook(ctx, pollerOutlook))
	a.startPolls(ctx)
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, pollerOutlook))
	must(recorder.recorded(healthy, inboxUnattended, leaseExpired, healthy))
}

// takingItsTime answers each message when end is closed; began is closed when the
// first one has come.
func (a *agent) takingItsTime(ctx context.Context, end <-chan struct{}) (began <-chan struct{}) {
	came := make(chan struct{})
	answer := answering(http.StatusOK, "application/json", `{"jsonrpc":"2.0","id":1,"result":{}}`)
	var first bool
	a.serve(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		if !first {
			first = true
			close(came)
		}
		a.received = append(a.received, r.Header.Get("X-Rollcall-Message-Id"))
		a.mu.Unlock()
		select {
		case <-end:
		case <-r.Context().Done():
		case <-ctx.Done():
		}
		answer(w, r)
	})
	return came
}

// awaitBegin waits until a delivery has begun.
func awaitBegin(ctx context.Context, began <-chan struct{}) {
	select {
	case <-began:
	case <-ctx.Done():
		must(ctx.Err())
	case <-time.After(patience):
		must(fmt.Errorf("no delivery began in %s", patience))
	}
}

func holdsItsSlot(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	end := make(chan struct{})
	began := a.takingItsTime(ctx, end)
	_, _, err := a.send(ctx)
	must(err)
	awaitBegin(ctx, began)
	v := mustGet(a.view(ctx))
	must(checkEvidence(v, "it has not answered yet"))
	r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", client.Message(a.id, "hello"))
	must(wantStatus(r, err, http.StatusAccepted))
	if r.Text("expected") != "when_idle" || !strings.Contains(r.Text("hint"), "it has not answered yet") {
		must(fmt.Errorf("the sender was told: %s", r.Raw))
	}
	must(a.checkExplained(ctx, "at work: a message sent now is delivered after what came before it"))
	close(end)
	must(a.arrived(ctx))
	must(recorder.recorded(healthy))
}

func failsOnce(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.serve(answering(http.StatusBadGateway, "text/html", "<title>Bad gateway</title>"))
	id, _, err := a.send(ctx)
	must(err)
	must(a.awaitAttempts(ctx, id, 1))
	a.serve(nil)
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy))
}

func pausedInDelivery(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	end := make(chan struct{})
	began := a.takingItsTime(ctx, end)
	for range 2 {
		_, _, err := a.send(ctx)
		must(err)
	}
	awaitBegin(ctx, began)
	mustGet(a.operate(ctx, 200, "pause", nil))
	close(end)
	must(a.awaitMessage(ctx, a.sent[0], "delivered"))
	must(a.keepsVerdict(ctx, "paused/paused", 3*time.Second))
	must(a.awaitMessage(ctx, a.sent[1], "queued"))
	mustGet(a.operate(ctx, 200, "resume", nil))
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy, "paused/paused", healthy))
}

func troubleBehindAPause(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.setReport(map[string]any{"error_rate": 0.9, "sample_error": "boom"})
	mustGet(a.awaitVerdict(ctx, highErrorRate))
	mustGet(a.operate(ctx, 200, "pause", nil))
	must(a.keepsVerdict(ctx, "paused/paused", 3*time.Second))
	mustGet(a.operate(ctx, 200, "resume", nil))
	must(a.keepsVerdict(ctx, highErrorRate, 3*time.Second))
	a.setReport(map[string]any{"error_rate": 0})
	mustGet(a.awaitVerdict(ctx, healthy))
	must(a.keepsVerdict(ctx, healthy, 2*heartbeatEvery))
	must(recorder.recorded(healthy, highErrorRate, "paused/paused", highErrorRate, healthy))
}

func refusedWhileWedged(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.setReport(map[string]any{"runtime_state": "wedged"})
	mustGet(a.awaitVerdict(ctx, runtimeWedged))
	boot := a.clone()
	boot.token = ""
	for range 2 {
		r, err := boot.register(ctx, "", idleURL())
		must(wantProblem(r, err, 401, "credential_missing"))
	}
	must(a.keepsVerdict(ctx, credentialsRejected, 3*time.Second))
	r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/dismiss", p.OperatorToken, nil)
	must(wantStatus(r, err, http.StatusOK))
	must(a.keepsVerdict(ctx, runtimeWedged, 3*time.Second))
	a.setReport(map[string]any{})
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, runtimeWedged, credentialsRejected, runtimeWedged, healthy))
	must(a.awaitChanges(ctx, healthy, runtimeWedged, credentialsRejected, runtimeWedged, healthy))
}

// seenUntil reads a receipt again and again until it is in a state.
// No state may follow an end.
func (a *agent) seenUntil(ctx context.Context, id, last string) {
	var states []string
	ends := map[string]bool{"delivered": true, "expired": true, "cancelled": true, "dead": true}
	must(within(ctx, patience, func(ctx context.Context) error {
		r, err := a.receipt(ctx, id)
		if err != nil {
			return err
		}
		state := r.Text("state")
		if n := len(states); n == 0 || states[n-1] != state {
			if n > 0 && ends[states[n-1]] {
				panic(storyFailure{fmt.Errorf("it was told to be %s, and then: %s", states[n-1], r.Raw)})
			}
			states = append(states, state)
		}
		if state != last {
			return fmt.Errorf("message %s is %v, not %s: %s", id, states, last, r.Raw)
		}
		return nil
	}))
}

func expiresInDelivery(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	end := make(chan struct{})
	began := a.takingItsTime(ctx, end)
	id, _, err := a.sendFor(ctx, 1)
	must(err)
	awaitBegin(ctx, began)
	go func() {
		wait(ctx, 1500*time.Millisecond)
		close(end)
	}()
	a.seenUntil(ctx, id, "delivered") // its delivery had begun in time
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy))
}

func expiresAfterPoll(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	a.stopCalls()
	defer a.leave()
	id, _, err := a.sendFor(ctx, 2)
	must(err)
	rows := mustGet(a.poll(ctx, ""))
	if len(rows) != 1 || rows[0].MessageID != id {
		must(fmt.Errorf("polled %v", rows))
	}
	wait(ctx, 3*time.Second)
	must(a.awaitMessage(ctx, id, "in_flight")) // its time is up, and it was handed out in time
	mustGet(a.poll(ctx, rows[0].ID))
	a.seenUntil(ctx, id, "delivered")
	id, _, err = a.sendFor(ctx, 2)
	must(err)
	rows = mustGet(a.poll(ctx, ""))
	a.startHeartbeats(ctx)
	a.seenUntil(ctx, id, "expired") // the agent never acknowledges it
	mustGet(a.poll(ctx, rows[0].ID))
	must(a.awaitMessage(ctx, id, "expired"))
	must(a.awaitExpiryCounted(ctx))
}

func cancelledInDelivery(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	end := make(chan struct{})
	began := a.takingItsTime(ctx, end)
	id, _, err := a.send(ctx)
	must(err)
	awaitBegin(ctx, began)
	r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/messages/"+id+"/cancel", p.OperatorToken, nil)
	must(wantStatus(r, err, http.StatusOK))
	close(end)
	a.sent = nil
	a.serve(nil)
	for range 4 {
		must(a.awaitMessage(ctx, id, "cancelled")) // what the agent answers changes nothing
		wait(ctx, viewEvery)
	}
	r, err = p.Do(ctx, "POST", "/workspaces/"+a.id+"/messages/"+id+"/cancel", p.OperatorToken, nil)
	must(wantProblem(r, err, http.StatusConflict, "message_already_terminal"))
	_, _, err = a.send(ctx)
	must(err)
	must(a.arrived(ctx))
	must(recorder.recorded(healthy))
}

func redrivenAtOnce(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	for range 3 {
		id, _, err := a.sendFor(ctx, 1)
		must(err)
		a.seenUntil(ctx, id, "expired")
		r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/messages/"+id+"/cancel", p.OperatorToken, nil)
		must(wantProblem(r, err, http.StatusConflict, "message_already_terminal"))
		r, err = p.Do(ctx, "POST", "/workspaces/"+a.id+"/messages/"+id+"/redrive", p.OperatorToken, nil)
		must(wantStatus(r, err, http.StatusOK))
		must(a.awaitMessage(ctx, id, "queued"))
		rows := mustGet(a.poll(ctx, ""))
		mustGet(a.poll(ctx, rows[len(rows)-1].ID))
		must(a.awaitMessage(ctx, id, "delivered"))
	}
	if text := mustGet(a.explained(ctx)); strings.Contains(text, "undelivered") {
		must(fmt.Errorf("all were delivered: %s", text))
	}
}

func removedWithLoss(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	a.stopServing()
	id, _, err := a.sendFor(ctx, 2)
	must(err)
	must(a.awaitMessage(ctx, id, "expired"))
	must(a.awaitExpiryCounted(ctx))
	must(a.checkExplained(ctx, "1 message ended undelivered", "rollcall redrive "+a.id))
	mustGet(a.operate(ctx, 200, "remove", nil))
	list := mustGet(p.Do(ctx, "GET", "/workspaces?status=removed", "", nil))
	if strings.Contains(string(list.Raw), "rollcall redrive "+a.id) {
		must(fmt.Errorf("a redrive to a removed workspace is offered: %s", list.Raw))
	}
	a.token = mustGet(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id})).Text("auth_token")
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	a.sent = nil
	must(a.awaitOutlook(ctx, goodOutlook))
	if text := mustGet(a.explained(ctx)); strings.Contains(text, "undelivered") {
		must(fmt.Errorf("it tells of a life that ended: %s", text))
	}
	must(a.arrived(ctx))
}

func diesBusy(ctx context.Context, p Platform) {
	a := busyAgent(ctx, p)
	defer a.leave()
	must(a.awaitOutlook(ctx, outlook{busy, "", "", "when_idle"}))
	a.stopCalls() // it says nothing any more: that it was busy is not believed for longer than its lease
	must(a.awaitOutlook(ctx, outlook{leaseExpired, "restart", "no accepted call", "nobody_is_listening"}))
	a.setReport(map[string]any{"active_tasks": 0})
	a.startHeartbeats(ctx)
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
}
