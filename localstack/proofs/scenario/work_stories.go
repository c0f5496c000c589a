package scenario

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// workStories are about agents at work, which nobody may ask to be restarted, and about
// agents that keep others waiting.
var workStories = []story{
	{"an agent that polls while it works, and acknowledges after the work", pollsAtWork},
	{"an agent with one thread, at work for longer than the objective", oneThread},
	{"an agent that is told to pause, stops for good, and is resumed", stoppedByPause},
	{"agents that hang keep no other waiting", hungNeighbours},
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
