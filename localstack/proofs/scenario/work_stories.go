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
	{"an agent that polls fails at one message, and is handed the others", failsAtOne},
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

// endsItsPoller: a supervised poller dies of a message each time that it is handed it. The others reach it, the status
// says which message it is, and with the message all is well.
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
	must(a.awaitMessage(ctx, behind, "delivered"))
	mustGet(a.awaitVerdict(ctx, backlogStalled))
	must(a.checkExplained(ctx, "at fault: the agent", "message "+fatal+" was handed out",
		"rollcall receipts "+a.id+" "+fatal, "rollcall cancel "+a.id+" "+fatal))
	must(a.keepsVerdict(ctx, backlogStalled, 2*deliveryObjective))
	must(a.cancels(ctx, fatal))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, backlogStalled, healthy))
}

// cancels has an operator cancel a message.
func (a *agent) cancels(ctx context.Context, messageID string) error {
	r, err := a.p.Do(ctx, "POST", "/workspaces/"+a.id+"/messages/"+messageID+"/cancel", a.p.OperatorToken, nil)
	return wantStatus(r, err, http.StatusOK)
}

// failsAtOne: an agent polls on, and fails at one message, with which it drops the others of its page. They reach it
// all the same, and so does what is sent later. The status names the message, a restart mends nothing, and a cancel
// does.
func failsAtOne(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "poll", ""))
	recorder := a.recordVerdicts(ctx)
	var bad, cursor string
	serve := func() {
		a.startCalls(ctx, func(ctx context.Context) {
			_, _ = a.heartbeat(ctx)
			rows, _ := a.poll(ctx, cursor)
			for _, row := range rows {
				if row.MessageID == bad {
					return // its handler raises
				}
				cursor = row.ID
			}
		})
	}
	first, _, err := a.send(ctx)
	must(err)
	serve()
	must(a.awaitMessage(ctx, first, "delivered"))
	a.stopCalls()
	bad, _, err = a.send(ctx)
	must(err)
	beside, _, err := a.send(ctx)
	must(err)
	serve()
	must(a.awaitMessage(ctx, beside, "delivered"))
	v := mustGet(a.awaitVerdict(ctx, backlogStalled))
	must(checkAdvice(v, "inspect", "message "+bad+" was handed out"))
	must(a.checkExplained(ctx, "at fault: the agent", "it has acknowledged other mail since",
		"rollcall receipts "+a.id+" "+bad, "      rollcall cancel "+a.id+" "+bad))
	later, expected, err := a.send(ctx)
	if err != nil || expected != "next_poll" {
		must(fmt.Errorf("expected %s, %w", expected, err))
	}
	must(a.awaitMessage(ctx, later, "delivered"))
	must(a.registerAccepted(ctx, "poll", ""))
	must(a.keepsVerdict(ctx, backlogStalled, 2*deliveryObjective))
	must(checkAdvice(mustGet(a.view(ctx)), "inspect", "it registered again at"))
	must(a.cancels(ctx, bad))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(a.awaitOutlook(ctx, pollerOutlook))
	must(recorder.recorded(healthy, backlogStalled, healthy))
}
