package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// livenessStories are about what an agent's heartbeats say of it.
var livenessStories = []story{
	{"an agent that dies and comes back", diesAndReturns},
	{"an agent that calls less often than its lease", callsTooSeldom},
	{"a busy agent is healthy", busyIsHealthy},
	{"a wedged runtime", wedged},
	{"an error rate, with hysteresis", errorRate},
	{"created and never started", neverStarted},
	{"an agent that crashes at each start, and is started again", startsInLoop},
}

func diesAndReturns(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.stopCalls()
	v := mustGet(a.awaitVerdict(ctx, leaseExpired))
	must(checkAdvice(v, "restart", "no accepted call since the lease ran out"))
	id, expected, err := a.send(ctx)
	must(err)
	if expected != "nobody_is_listening" {
		must(fmt.Errorf("expected %s", expected))
	}
	must(a.keepsVerdict(ctx, leaseExpired, 2*time.Second))
	a.startHeartbeats(ctx)
	must(a.awaitMessage(ctx, id, "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, leaseExpired, healthy))
}

// callsTooSeldom: it is offline before each call and online after it. The answer to its call says why, and so does its
// status.
func callsTooSeldom(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	recorder := a.recordVerdicts(ctx)
	const words = "before each of the last 2 times that a call came, and its lease is for 8s"
	for _, late := range []string{"", words} {
		must(checkAdvice(mustGet(a.awaitVerdict(ctx, leaseExpired)), "restart", "no accepted call since the lease ran out"))
		r := mustGet(a.heartbeat(ctx))
		if hint := r.Text("hint"); (hint == "") != (late == "") || !strings.Contains(hint, late) {
			must(fmt.Errorf("its late call is answered %s", r.Raw))
		}
		mustGet(a.awaitVerdict(ctx, healthy))
	}
	must(a.checkExplained(ctx, "also: nothing was heard for", words, "rollcall doctor "+a.id))
	v := mustGet(a.awaitVerdict(ctx, leaseExpired))
	must(checkAdvice(v, "inspect", words))
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
	must(within(ctx, patience, func(ctx context.Context) error {
		text, err := a.explained(ctx)
		if err == nil && strings.Contains(text, words) {
			err = fmt.Errorf("it calls as often as it is asked to, and is told %s", text)
		}
		return err
	}))
	must(recorder.recorded(healthy, leaseExpired, healthy, leaseExpired, healthy, leaseExpired, healthy))
}

func busyIsHealthy(ctx context.Context, p Platform) {
	a := busyAgent(ctx, p)
	defer a.leave()
	id, expected, err := a.send(ctx)
	must(err)
	if expected != "when_idle" {
		must(fmt.Errorf("expected %s", expected))
	}
	must(a.keepsVerdict(ctx, busy, deliveryObjective+2*time.Second))
	a.setReport(map[string]any{"active_tasks": 0})
	must(a.awaitMessage(ctx, id, "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
}

func wedged(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.setReport(map[string]any{"runtime_state": "wedged"})
	v := mustGet(a.awaitVerdict(ctx, runtimeWedged))
	must(checkAdvice(v, "restart", "runtime is stuck"))
	a.setReport(map[string]any{})
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, runtimeWedged, healthy))
}

func errorRate(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	report := func(rate float64, verdict string) {
		a.setReport(map[string]any{"error_rate": rate, "sample_error": "boom"})
		must(a.heartbeatAccepted(ctx))
		if got := verdictOf(mustGet(a.view(ctx))); got != verdict {
			must(fmt.Errorf("at %.2f it is %s, not %s", rate, got, verdict))
		}
	}
	report(0.49, healthy)
	report(0.5, highErrorRate)
	report(0.3, highErrorRate)
	report(0.1, highErrorRate)
	report(0.09, healthy)
	report(0.3, healthy)
}

func neverStarted(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	r := mustGet(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id}))
	a.token = r.Text("auth_token")
	must(checkAdvice(mustGet(a.awaitVerdict(ctx, neverRegistered)), "start", "start the agent"))
	if _, expected, err := a.send(ctx); err != nil || expected != "nobody_is_listening" {
		must(fmt.Errorf("expected %s, %v", expected, err))
	}
	must(a.keepsVerdict(ctx, neverRegistered, 2*time.Second))
	must(a.registerAccepted(ctx, "poll", ""))
	mustGet(a.awaitVerdict(ctx, inboxUnattended)) // its mail waits since before, and it has not polled yet
}

// startsInLoop: an agent registers and ends again and again, and takes its mail in between. It is told so until it runs
// for a while.
func startsInLoop(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	url := a.serve(nil)
	must(a.registerAccepted(ctx, "", url))
	recorder := a.recordVerdicts(ctx)
	crashing, mended := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for wait(crashing, time.Second/10) {
			if _, err := a.register(crashing, "", url); err != nil {
				return
			}
		}
	}()
	v := mustGet(a.awaitVerdict(ctx, restartLoop))
	must(checkAdvice(v, "inspect", "it may crash each time that it is started"))
	must(checkEvidence(v, "the first of the registers that soon followed one another"))
	must(a.checkExplained(ctx, "at fault: the agent", "it may end soon after each start", "rollcall log "+a.id))
	id, expected, err := a.send(ctx)
	must(err)
	if expected != "retrying" {
		must(fmt.Errorf("expected %s", expected))
	}
	must(a.awaitMessage(ctx, id, "delivered"))
	must(a.keepsVerdict(ctx, restartLoop, 2*leaseTTL)) // a delivery at one of its starts mends nothing
	mended()
	<-ended
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, restartLoop, healthy))
}
