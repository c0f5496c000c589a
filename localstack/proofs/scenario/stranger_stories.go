package scenario

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// strangerStories are about callers that may or may not be the agent: one that moved,
// one that has an old credential, and one that only knows the id.
var strangerStories = []story{
	{"only one agent can use the bootstrap window of a repair", repairWindow},
	{"a thief waits for a repair", repairStolen},
	{"an agent that lost its credential and moved to another address", movedWithoutCredential},
	{"an agent that runs at another address with an old credential", movedWithOldCredential},
	{"a thief with an old credential changes no verdict", thiefChangesNothing},
	{"a thief's URL gets no mail once the credential has ended", thiefsURL},
	{"a neighbour at the agent's address stops none of its mail", neighbour},
	{"an operator's or another workspace's credential is nobody's refusal", othersCredentials},
	{"an agent behind two addresses loses its credential", twoAddresses},
	{"an agent goes on after its workspace was removed and created again", goesOnAfterRemoval},
	{"a forger who knows the id and guesses the credential", forgerGuesses},
}

func repairWindow(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	a.close()
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"force": true}))
	a.token = ""
	must(a.registerAccepted(ctx, "", idleURL()))
	stranger := a.clone()
	stranger.from, stranger.token = "127.0.0.66", ""
	r, err := stranger.register(ctx, "", idleURL())
	must(wantProblem(r, err, 401, "credential_missing")) // and the agent keeps its credential
	must(a.heartbeatAccepted(ctx))
	// The stranger is the first to ask, but the operator named another address.
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"from": "127.0.0.5", "force": true}))
	r, err = stranger.register(ctx, "", idleURL())
	must(wantProblem(r, err, 401, "credential_missing"))
	a.from, a.token = "127.0.0.5", ""
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	mustGet(a.awaitVerdict(ctx, healthy))
}

// repairStolen: the thief knows the id, tries again and again, and is told the same all the time.
func repairStolen(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	thief := a.clone()
	thief.from, thief.token = "127.0.0.66", ""
	told := func() string {
		r, err := thief.register(ctx, "", idleURL())
		must(wantProblem(r, err, 401, "credential_missing"))
		return r.Text("error") + r.Text("hint")
	}
	before := told()
	a.stopCalls()
	boot := a.clone()
	boot.token = ""
	for range 2 { // the container is re-created, and its token is lost
		r, err := boot.register(ctx, "", idleURL())
		must(wantProblem(r, err, 401, "credential_missing"))
	}
	mustGet(a.awaitVerdict(ctx, credentialsRejected))
	mustGet(a.operate(ctx, 200, "repair", nil))
	for range 3 {
		if now := told(); now != before {
			must(fmt.Errorf("the thief is told %q in the window, and %q before it", now, before))
		}
	}
	must(boot.registerAccepted(ctx, "", idleURL())) // nobody was faster
	must(boot.heartbeatAccepted(ctx))
	told() // and the window is closed
	mustGet(a.awaitVerdict(ctx, healthy))
}

func movedWithoutCredential(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	a.close()
	mustGet(a.awaitVerdict(ctx, leaseExpired))
	a.from, a.token = "127.0.0.7", ""
	r, err := a.register(ctx, "", idleURL())
	must(wantProblem(r, err, 401, "credential_missing"))
	v := mustGet(a.awaitVerdict(ctx, leaseExpired))
	must(checkAdvice(v, "restart",
		"127.0.0.7 without a credential are being refused now. Nothing shows that they are this agent's"))
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"from": "127.0.0.7"}))
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	v = mustGet(a.awaitVerdict(ctx, healthy))
	if since, err := time.Parse(time.RFC3339Nano, v.Text("since")); err != nil || time.Since(since) > leaseTTL {
		must(fmt.Errorf("healthy since %s", v.Text("since")))
	}
}

func movedWithOldCredential(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	old := a.clone() // restored from a backup on another machine; the agent itself is gone
	old.from = "127.0.0.2"
	a.token = mustGet(a.operate(ctx, 200, "rotate", nil)).Text("auth_token")
	must(a.heartbeatAccepted(ctx))
	old.startHeartbeats(ctx)
	defer old.leave()
	v := mustGet(a.awaitVerdict(ctx, leaseExpired)) // who has it may be a thief, and does not speak for the agent
	must(checkAdvice(v, "restart", "calls from 127.0.0.2 with a credential that was this agent's once"))
	must(checkEvidence(v, "from 127.0.0.2"))
}

func thiefsURL(ctx context.Context, p Platform) {
	for _, verb := range []string{"repair", "adopt", "rotate"} {
		a := healthyAgent(ctx, p, pushed)
		a.stopCalls()
		thief := a.clone()
		thief.from = "127.0.0.66"
		must(thief.registerAccepted(ctx, "", thief.serve(nil)))
		id, _, err := a.send(ctx)
		must(err)
		must(a.awaitMessage(ctx, id, "delivered"))
		if got := thief.receivedMail(); !slices.Equal(got, []string{id}) {
			must(fmt.Errorf("the thief's URL got %q while its credential was good", got))
		}
		a.token = a.endCredential(ctx, verb)
		a.startHeartbeats(ctx) // it takes its credential from a file, and does not register
		id, _, err = a.send(ctx)
		must(err)
		must(client.Until(ctx, patience, func() error {
			r, err := a.heartbeat(ctx)
			if err == nil && r.Text("action") != "register" {
				err = fmt.Errorf("after %s its heartbeats are answered %s", verb, r.Raw)
			}
			return err
		}))
		v := mustGet(a.awaitVerdict(ctx, inboxUnattended))
		must(checkAdvice(v, "restart", "its URL is not called any more"))
		must(a.registerAccepted(ctx, "", a.serve(nil)))
		must(a.awaitMessage(ctx, id, "delivered"))
		if got := thief.receivedMail(); len(got) != 1 {
			must(fmt.Errorf("after %s the thief's URL got %q too", verb, got[1:]))
		}
		thief.close()
		a.leave()
	}
}

// endCredential has an operator end the agent's credential, and returns the one that is issued in its place.
func (a *agent) endCredential(ctx context.Context, verb string) string {
	switch verb {
	case "adopt":
		return mustGet(a.p.Do(ctx, "POST", "/workspaces", a.p.OperatorToken, map[string]any{
			"id": a.id, "adopt": true, "reset_credentials": true, "force": true,
		})).Text("auth_token")
	case "repair":
		return mustGet(a.operate(ctx, 200, verb, map[string]any{"show": true, "force": true})).Text("auth_token")
	}
	return mustGet(a.operate(ctx, 200, verb, nil)).Text("auth_token")
}

func thiefChangesNothing(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	thief := a.clone()
	thief.from = "127.0.0.66"
	a.token = mustGet(a.operate(ctx, 200, "rotate", nil)).Text("auth_token")
	must(a.heartbeatAccepted(ctx)) // the stolen credential is no longer valid
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
	recorder := a.recordVerdicts(ctx)
	lost := a.clone()
	lost.token = ""
	for range 2 { // its own boots are refused, and the thief's calls must not hide that
		r, err := lost.register(ctx, "", idleURL())
		must(wantProblem(r, err, 401, "credential_missing"))
	}
	mustGet(a.awaitVerdict(ctx, credentialsRejected))
	thief.startCalls(ctx, func(ctx context.Context) {
		_, _ = thief.register(ctx, "", idleURL())
		_, _ = thief.heartbeat(ctx)
	})
	defer thief.stopCalls()
	must(a.keepsVerdict(ctx, credentialsRejected, leaseTTL))
	must(a.registerAccepted(ctx, "", idleURL()))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(a.keepsVerdict(ctx, healthy, leaseTTL+grace))
	must(checkEvidence(mustGet(a.view(ctx)), "with a credential that was this agent's once"))
	must(recorder.recorded(healthy, credentialsRejected, healthy))
}

func forgerGuesses(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	forger := a.clone()
	forger.from, forger.token = "127.0.0.66", "a guess"
	for range 5 {
		r, err := forger.register(ctx, "push", "http://127.0.0.66:1")
		must(wantProblem(r, err, 401, "credential_unknown"))
		r, err = forger.heartbeat(ctx)
		must(wantProblem(r, err, 401, "credential_unknown"))
	}
	must(checkEvidence(mustGet(a.view(ctx)), "nothing shows that this agent made it"))
	must(a.keepsVerdict(ctx, healthy, 3*time.Second))
	a.stopCalls()
	forger.startHeartbeats(ctx) // they renew no lease
	defer forger.leave()
	mustGet(a.awaitVerdict(ctx, leaseExpired))
	must(recorder.recorded(healthy, leaseExpired))
}

func neighbour(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	stranger := a.clone()
	stranger.token = ""
	for range 2 {
		r, err := stranger.register(ctx, "", "")
		must(wantProblem(r, err, 401, "credential_missing"))
	}
	must(a.heartbeatAccepted(ctx)) // the agent itself is there
	// It may be the incident, so it is shown; its mail goes on all the same.
	must(a.awaitOutlook(ctx, outlook{credentialsRejected, "repair", "if something else registers there", "now"}))
	must(within(ctx, 8*time.Second, a.arrivedInOrder))
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(a.arrivedInOrder(ctx))
}

func othersCredentials(ctx context.Context, p Platform) {
	a, other := healthyAgent(ctx, p, pushed), healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	defer other.leave()
	recorder := a.recordVerdicts(ctx)
	looker := a.clone()
	for _, looker.token = range []string{p.OperatorToken, other.token} {
		for range 3 {
			_, _ = looker.poll(ctx, "")
			r, err := looker.heartbeat(ctx)
			must(wantProblem(r, err, 403, "credential_of_another"))
			r, err = looker.call(ctx, "POST", "/registry/register", map[string]any{"id": a.id, "url": ""})
			must(wantProblem(r, err, 403, "credential_of_another"))
		}
		must(a.awaitOutlook(ctx, goodOutlook))
	}
	must(a.arrivedInOrder(ctx))
	must(recorder.recorded(healthy))
}

func twoAddresses(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	start, homes := time.Now(), []string{"127.0.0.2", "127.0.0.3"}
	beats := 0
	a.startCalls(ctx, func(ctx context.Context) {
		a.from = homes[beats%2]
		beats++
		a.setReport(map[string]any{"active_tasks": 0, "uptime_seconds": 60 + int(time.Since(start).Seconds())})
		_, _ = a.heartbeat(ctx)
	})
	wait(ctx, 3*heartbeatEvery)
	boot := a.clone()
	boot.token = ""
	for i := range 8 {
		boot.from = homes[i%2]
		r, err := boot.register(ctx, "", a.serve(nil))
		must(wantProblem(r, err, 401, "credential_missing"))
		wait(ctx, 500*time.Millisecond)
	}
	must(a.awaitOutlook(ctx, outlook{credentialsRejected, "repair", "rollcall repair " + a.id, "now"}))
	must(a.keepsVerdict(ctx, credentialsRejected, leaseTTL))
	must(a.arrivedInOrder(ctx))
	must(a.explainedBy(ctx, "rollcall repair "+a.id+" --")) // show, or from the one of both that called last
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"from": boot.from}))
	must(boot.registerAccepted(ctx, "", a.serve(nil)))
	a.stopCalls()
	a.token = boot.token
	a.startHeartbeats(ctx)
	must(a.awaitOutlook(ctx, goodOutlook))
}

// goesOnAfterRemoval: the old agent calls with its credential from before. The status tells of its calls, and the
// command that it names mends it.
func goesOnAfterRemoval(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	mustGet(a.operate(ctx, 200, "remove", nil))
	r, err := p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id})
	must(wantStatus(r, err, 201))
	recorder := a.recordVerdicts(ctx)
	must(client.Until(ctx, patience, func() error {
		return a.checkExplained(ctx, "calls that name it are refused", "from before this workspace was removed",
			"rollcall repair "+a.id+" --show")
	}))
	must(a.explainedBy(ctx, "rollcall repair "+a.id+" --show"))
	a.stopCalls()
	a.token = mustGet(a.operate(ctx, 200, "repair", map[string]any{"show": true})).Text("auth_token")
	must(a.registerAccepted(ctx, "poll", ""))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(neverRegistered, healthy))
}
