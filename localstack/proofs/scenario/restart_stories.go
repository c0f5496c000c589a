package scenario

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// restartStories are about agents that can't be reached for a while, and about what
// becomes of the mail that is sent meanwhile.
var restartStories = []story{
	{"an agent is restarted for a minute, and its heartbeats go on: no mail is lost", restartBesideHeartbeats},
	{"an agent is silent for longer than its lease, and comes back with a backlog", silentRestart},
	{"a new boot does not wait for the rest that the old one asked for", newBootWaitsForNobody},
	{"an agent moves to another URL while a push to the old one hangs", movesWhileAPushHangs},
	{"a mode that was not declared heals: its URL is dead, and it polls", undeclaredModeHeals},
	{"an agent that registers again and again at a dead URL is never online", registersProveNothing},
	{"an agent that is busy for ever is not online, however often it registers", busyForEver},
	{"an agent that was starved comes back, and the platform finds out by itself", starvedAndBack},
	{"an agent that hung until its mail expired, and answers again", hungUntilExpired},
	{"a paused agent goes on with its backlog, and nobody is told to restart it", resumedWithBacklog},
}

// nothingListens is what is to be seen of an agent that refuses connections.
var nothingListens = outlook{pushFailing, "check_url", "nothing listens at the URL it registered", "retrying"}

// goodOutlook is what is to be seen of a well agent that is pushed to.
var goodOutlook = outlook{healthy, "", "", "now"}

func restartBesideHeartbeats(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.stopServing()
	id, _, err := a.send(ctx)
	must(err)
	must(a.awaitOutlook(ctx, nothingListens))
	must(a.checkExplained(ctx, "at fault: the network", "connection refused"))
	must(a.awaitAttempts(ctx, id, 6)) // more than a message that fails has
	must(a.awaitOutlook(ctx, nothingListens))
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	must(within(ctx, 8*time.Second, a.arrivedInOrder)) // the register ends the rest
	must(a.awaitOutlook(ctx, goodOutlook))
	must(a.arrivedInOrder(ctx))
	must(recorder.recorded(healthy, pushFailing, healthy))
}

func movesWhileAPushHangs(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	end := make(chan struct{})
	began := a.takingItsTime(ctx, end)
	id, _, err := a.send(ctx)
	must(err)
	awaitBegin(ctx, began)
	fresh := a.clone()
	defer fresh.leave()
	must(fresh.registerAccepted(ctx, "", fresh.serve(nil)))
	must(a.awaitMessage(ctx, id, "delivered")) // the old URL has not answered yet
	next, _, err := a.send(ctx)
	must(err)
	must(a.awaitMessage(ctx, next, "delivered"))
	r := mustGet(a.receipt(ctx, id))
	if !strings.Contains(string(r.Raw), `"superseded"`) {
		must(fmt.Errorf("the push to the old URL was not superseded: %s", r.Raw))
	}
	close(end)
	must(a.keepsVerdict(ctx, healthy, deliveryObjective)) // what it answers at last is for nobody
	if got := fresh.receivedMail(); !slices.Equal(got, []string{id, next}) {
		must(fmt.Errorf("the new URL got %v, not %s and %s", got, id, next))
	}
}

func silentRestart(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.stopCalls()
	a.stopServing()
	must(a.awaitOutlook(ctx, outlook{leaseExpired, "restart", "no accepted call", "nobody_is_listening"}))
	wait(ctx, deliveryObjective) // its mail is overdue when it comes back
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	a.startHeartbeats(ctx)
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy, leaseExpired, healthy))
}

func newBootWaitsForNobody(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	a.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	recorder := a.recordVerdicts(ctx)
	_, _, err := a.send(ctx)
	must(err)
	must(a.awaitOutlook(ctx, outlook{busy, "", "", "when_idle"}))
	must(a.keepsVerdict(ctx, busy, deliveryObjective+2*time.Second)) // it asked for the time: nobody restarts it
	a.stopServing()
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	must(within(ctx, 8*time.Second, a.arrivedInOrder))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy, busy, healthy))
}

func undeclaredModeHeals(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", unusedURL))
	polled := make(chan string, 100)
	cursor := ""
	a.startCalls(ctx, func(ctx context.Context) {
		_, _ = a.heartbeat(ctx)
		rows, err := a.poll(ctx, cursor)
		for _, row := range rows {
			polled <- row.MessageID
			cursor = row.ID
		}
		if err != nil {
			return
		}
	})
	id, _, err := a.send(ctx)
	must(err)
	must(a.awaitMessage(ctx, id, "delivered"))
	r := mustGet(a.receipt(ctx, id))
	if attempts, _ := r.Body["attempts"].([]any); len(attempts) > 5 {
		must(fmt.Errorf("it was tried %d times: %s", len(attempts), r.Raw))
	}
	must(a.awaitOutlook(ctx, outlook{healthy, "", "", "next_poll"}))
	must(a.keepsVerdict(ctx, healthy, 2*deliveryObjective))
	if mode := mustGet(a.view(ctx)).Text("delivery", "effective_mode"); mode != "poll" {
		must(fmt.Errorf("the mode is %s", mode))
	}
	must(a.arrived(ctx))
	a.stopCalls()
	close(polled)
	got := []string{}
	for id := range polled {
		got = append(got, id)
	}
	if !slices.Equal(got, a.sent) {
		must(fmt.Errorf("it polled %v, and %v was sent", got, a.sent))
	}
}

func registersProveNothing(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", unusedURL))
	a.startHeartbeats(ctx)
	_, _, err := a.send(ctx)
	must(err)
	must(a.awaitOutlook(ctx, nothingListens))
	recorder := a.recordVerdicts(ctx)
	for range 6 {
		must(a.registerAccepted(ctx, "", unusedURL))
		wait(ctx, 2*time.Second)
	}
	must(a.awaitOutlook(ctx, nothingListens))
	must(recorder.recorded(pushFailing))
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	must(within(ctx, 8*time.Second, a.arrivedInOrder))
	must(a.awaitOutlook(ctx, goodOutlook))
}

func busyForEver(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	a.serve(answering(http.StatusServiceUnavailable, "application/json", ""))
	_, _, err := a.send(ctx)
	must(err)
	for start := time.Now(); time.Since(start) < busyBelieved+5*time.Second; wait(ctx, 5*time.Second) {
		must(a.registerAccepted(ctx, "", a.serve(a.answer)))
	}
	want := outlook{pushFailing, "inspect", "answered each delivery since", "retrying"}
	must(a.awaitOutlook(ctx, want))
	if text := mustGet(a.explained(ctx)); strings.Contains(text, "slots are taken") {
		must(fmt.Errorf("it has not said that: %s", text))
	}
	recorder := a.recordVerdicts(ctx)
	must(a.registerAccepted(ctx, "", a.serve(a.answer)))
	must(a.keepsVerdict(ctx, pushFailing, 4*time.Second))
	must(recorder.recorded(pushFailing))
	a.serve(nil)
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
}

func starvedAndBack(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.serve(answering(http.StatusBadGateway, "text/html", "<title>Bad gateway</title>"))
	id, _, err := a.sendFor(ctx, 12)
	must(err)
	a.sent = nil
	must(a.awaitMessage(ctx, id, "expired"))
	v := mustGet(a.awaitVerdict(ctx, pushFailing)) // the mailbox is empty, and nothing was proved since
	must(checkAdvice(v, "check_url", "Bad gateway"))
	must(a.keepsVerdict(ctx, pushFailing, deliveryObjective))
	must(a.checkExplained(ctx, "1 message ended undelivered", "rollcall redrive "+a.id))
	a.serve(nil) // nobody sends anything
	mustGet(a.awaitVerdict(ctx, healthy))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(a.arrivedInOrder(ctx))
	must(a.checkExplained(ctx, "1 message ended undelivered", "rollcall redrive "+a.id)) // still
	must(recorder.recorded(healthy, pushFailing, healthy))
}

func hungUntilExpired(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	id, _, err := a.sendFor(ctx, 10)
	must(err)
	must(a.awaitMessage(ctx, id, "expired"))
	must(a.awaitExpiryCounted(ctx))
	a.sent = nil
	must(a.awaitOutlook(ctx, outlook{pushFailing, "inspect", "did not answer", "retrying"}))
	must(a.checkExplained(ctx, "at fault: the agent", "rollcall redrive "+a.id))
	a.serve(nil)
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy, pushFailing, healthy))
}

func resumedWithBacklog(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	mustGet(a.operate(ctx, 200, "pause", nil))
	must(a.awaitOutlook(ctx, outlook{"paused/paused", "resume", "an operator paused", "nobody_is_listening"}))
	since := mustGet(a.view(ctx)).Text("since")
	wait(ctx, deliveryObjective)
	mustGet(a.operate(ctx, 200, "pause", nil))
	if again := mustGet(a.view(ctx)).Text("since"); again != since {
		must(fmt.Errorf("paused since %s, and then since %s", since, again))
	}
	mustGet(a.operate(ctx, 200, "resume", nil))
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy, "paused/paused", healthy))
}
