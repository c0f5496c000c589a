package scenario

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// workStories are about agents at work, which nobody may ask to be restarted, and about
// agents that keep others waiting.
var workStories = []story{
	{"an agent that polls while it works, and acknowledges after the work", pollsAtWork},
	{"an agent with one thread, at work for longer than the objective", oneThread},
	{"an agent that is told to pause, stops for good, and is resumed", stoppedByPause},
	{"agents that hang keep no other waiting", hungNeighbours},
	{"a sender that cancels its urgent messages while they are pushed keeps no other waiting", cancelsWhatIsPushed},
	{"a message ends an agent that polls, at each of its starts", endsItsPoller},
	{"an agent is asked to call often enough, and is busy since it began to work", pace},
}

func pollsAtWork(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	a.stopCalls()
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	id, _, err := a.send(ctx)
	must(err)
	rows := mustGet(a.poll(ctx, ""))
	if len(rows) != 1 || rows[0].MessageID != id {
		must(fmt.Errorf("polled %v", rows))
	}
	a.setReport(map[string]any{"active_tasks": 1})
	must(a.heartbeatAccepted(ctx))
	a.startCalls(ctx, func(ctx context.Context) {
		_, _ = a.heartbeat(ctx)
		_, _ = a.poll(ctx, "")
	})
	must(a.awaitOutlook(ctx, outlook{busy, "", "", "next_poll"}))
	must(a.keepsVerdict(ctx, busy, 3*deliveryObjective))
	a.stopCalls()
	a.setReport(map[string]any{"active_tasks": 0})
	rows = mustGet(a.poll(ctx, rows[0].ID)) // what was sent while it worked
	must(a.heartbeatAccepted(ctx))
	mustGet(a.poll(ctx, rows[len(rows)-1].ID))
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, outlook{healthy, "", "", "next_poll"}))
	must(recorder.recorded(healthy, busy, healthy))
}

func oneThread(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	a.stopCalls()
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	_, _, err := a.send(ctx)
	must(err)
	rows := mustGet(a.poll(ctx, ""))
	a.setReport(map[string]any{"active_tasks": 1})
	must(a.heartbeatAccepted(ctx))
	a.startHeartbeats(ctx)
	must(a.keepsVerdict(ctx, busy, 2*deliveryObjective))
	must(a.awaitOutlook(ctx, outlook{busy, "", "", "when_idle"}))
	must(a.keepsVerdict(ctx, busy, deliveryObjective))
	a.stopCalls()
	a.setReport(map[string]any{"active_tasks": 0})
	must(a.heartbeatAccepted(ctx))
	must(a.keepsVerdict(ctx, healthy, time.Second)) // it is free, and about to poll
	rows = mustGet(a.poll(ctx, rows[0].ID))
	mustGet(a.poll(ctx, rows[len(rows)-1].ID))
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, outlook{healthy, "", "", "next_poll"}))
	must(recorder.recorded(healthy, busy, healthy))
}

func stoppedByPause(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	mustGet(a.operate(ctx, 200, "pause", nil))
	_, _, err := a.send(ctx)
	must(err)
	a.stopCalls()
	mustGet(a.operate(ctx, 200, "resume", nil))
	must(a.awaitOutlook(ctx, outlook{
		inboxUnattended, "start", "nothing was heard of the agent since it was resumed", "nobody_is_listening",
	}))
	must(a.awaitOutlook(ctx, outlook{leaseExpired, "restart", "no accepted call", "nobody_is_listening"}))
	must(a.registerAccepted(ctx, "poll", ""))
	rows := mustGet(a.poll(ctx, ""))
	mustGet(a.poll(ctx, rows[len(rows)-1].ID))
	must(a.arrived(ctx))
	must(a.awaitOutlook(ctx, outlook{healthy, "", "", "next_poll"}))
}

// cancelsWhatIsPushed: urgent messages wait at each moment, and each of them is cancelled while it is pushed.
func cancelsWhatIsPushed(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	taken := answering(http.StatusOK, "application/json", `{"jsonrpc":"2.0","id":1,"result":{}}`)
	attack, ends := context.WithCancel(ctx)
	defer ends()
	urgent := func() error {
		m := client.Message(uuid.NewString(), "urgent")
		m["params"].(map[string]any)["priority"] = 100
		r, err := p.Do(attack, "POST", "/workspaces/"+a.id+"/a2a", "", m)
		return wantStatus(r, err, http.StatusAccepted)
	}
	var mail string
	var cancelled atomic.Int64
	a.serve(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get("X-Rollcall-Message-Id"); id != mail && attack.Err() == nil && urgent() == nil {
			done, err := p.Do(attack, "POST", "/workspaces/"+a.id+"/messages/"+id+"/cancel", p.OperatorToken, nil)
			if wantStatus(done, err, http.StatusOK) == nil {
				cancelled.Add(1)
			}
		}
		taken(w, r)
	})
	mustGet(a.operate(ctx, 200, "pause", nil))
	for range 3 {
		must(urgent())
	}
	mail, _, err := a.send(ctx)
	must(err)
	mustGet(a.operate(ctx, 200, "resume", nil))
	must(a.awaitMessage(ctx, mail, "delivered"))
	ends()
	if n := cancelled.Load(); n < 5 {
		must(fmt.Errorf("%d urgent messages alone were pushed and cancelled before it", n))
	}
}

func hungNeighbours(ctx context.Context, p Platform) {
	for range 6 {
		hung := newAgent(p.Client)
		defer hung.leave()
		must(hung.registerAccepted(ctx, "", hung.serve(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		})))
		hung.startHeartbeats(ctx)
		for range 3 {
			_, _, err := hung.send(ctx)
			must(err)
		}
	}
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	for range 5 {
		_, _, err := a.send(ctx)
		must(err)
		must(within(ctx, 10*time.Second, a.arrivedInOrder))
	}
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy))
}

func pace(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	for range 2 {
		r, err := a.register(ctx, "poll", "")
		must(wantStatus(r, err, http.StatusOK))
		a.setReport(map[string]any{"active_tasks": 1})
		b, err := a.heartbeat(ctx)
		must(wantStatus(b, err, http.StatusOK))
		for _, next := range []string{r.Text("next_heartbeat_seconds"), b.Text("next_heartbeat_seconds")} {
			if s, err := strconv.ParseFloat(next, 64); err != nil || s < 1 || s > (leaseTTL/3).Seconds() {
				must(fmt.Errorf("with a lease of %s it is to call in %s seconds", leaseTTL, next))
			}
		}
	}
	v := mustGet(a.view(ctx))
	for range 3 {
		wait(ctx, time.Second)
		must(a.heartbeatAccepted(ctx))
		again := mustGet(a.view(ctx))
		if verdictOf(v) != busy || again.Text("since") != v.Text("since") {
			must(fmt.Errorf("%s since %s, and then %s since %s",
				verdictOf(v), v.Text("since"), verdictOf(again), again.Text("since")))
		}
	}
}

// endsItsPoller: a supervised poller dies of a message each time that it is handed it. The status says so, its hint
// leads to the message, and with the message all is well.
func endsItsPoller(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "poll", ""))
	recorder := a.recordVerdicts(ctx)
	fatal, _, err := a.send(ctx)
	must(err)
	behind, _, err := a.send(ctx)
	must(err)
	a.startCalls(ctx, func(ctx context.Context) { // one run of the agent
		if _, err := a.register(ctx, "poll", ""); err != nil {
			return
		}
		rows, err := a.poll(ctx, "")
		if err == nil && len(rows) > 0 && rows[0].MessageID != fatal {
			_, _ = a.poll(ctx, rows[len(rows)-1].ID)
		}
	})
	v := mustGet(a.awaitVerdict(ctx, backlogStalled))
	must(checkAdvice(v, "inspect", "was handed its mail, and none acknowledged any of it"))
	must(a.checkExplained(ctx, "at fault: the agent", "of those with the most tries, the oldest is the likeliest",
		"rollcall receipts "+a.id, "rollcall cancel "+a.id+" MESSAGE"))
	must(a.keepsVerdict(ctx, backlogStalled, 2*deliveryObjective))
	if got := mustGet(a.oldestOfTheMostTried(ctx)); got != fatal {
		must(fmt.Errorf("the hint leads to %s, and not to %s", got, fatal))
	}
	r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/messages/"+fatal+"/cancel", p.OperatorToken, nil)
	must(wantStatus(r, err, http.StatusOK))
	must(a.awaitMessage(ctx, behind, "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, backlogStalled, healthy))
}

// oldestOfTheMostTried is the oldest of the open messages that were tried most often.
func (a *agent) oldestOfTheMostTried(ctx context.Context) (messageID string, err error) {
	var most float64
	for _, id := range a.sent { // in the order of acceptance
		r, err := a.receipt(ctx, id)
		if err != nil {
			return "", err
		}
		if tries, _ := r.Body["tries"].(float64); tries > most {
			messageID, most = id, tries
		}
	}
	return messageID, nil
}
