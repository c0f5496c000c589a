package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// operatorStories are about what an operator does to a workspace.
var operatorStories = []story{
	{"paused, resumed, removed, and an agent that ignores every answer", pausedResumedRemoved},
	{"a workspace that was removed and is created again begins anew", removedAndCreatedAgain},
	{"an adoption resets mode, metrics and runtime", adopted},
	{"the history has every change, once and in order", historyIsComplete},
}

func pausedResumedRemoved(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.close()
	mustGet(a.operate(ctx, 200, "pause", nil))
	must(a.keepsVerdict(ctx, "paused/paused", 2*time.Second))
	mustGet(a.operate(ctx, 200, "resume", nil))
	mustGet(a.awaitVerdict(ctx, healthy))
	mustGet(a.operate(ctx, 200, "remove", nil))
	for range 3 {
		r, err := a.register(ctx, "", a.serve(nil))
		must(wantProblem(r, err, 410, "workspace_removed"))
	}
	must(a.keepsVerdict(ctx, "removed/removed", leaseTTL)) // its heartbeats go on
}

func removedAndCreatedAgain(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	a.close()
	mustGet(a.operate(ctx, 200, "remove", nil))
	r := mustGet(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id}))
	if verdictOf(r) != neverRegistered {
		must(fmt.Errorf("created again: %s", r.Raw))
	}
	old, err := a.heartbeat(ctx)
	must(wantProblem(old, err, 401, "credential_unknown"))
	a.token = r.Text("auth_token")
	must(a.registerAccepted(ctx, "poll", ""))
	mustGet(a.awaitVerdict(ctx, healthy))
}

func adopted(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.close()
	must(a.registerAccepted(ctx, "poll", a.serve(nil)))
	a.setReport(map[string]any{"error_rate": 0.9, "sample_error": "boom", "runtime_state": "wedged"})
	must(a.heartbeatAccepted(ctx))
	mustGet(a.awaitVerdict(ctx, runtimeWedged))
	r := mustGet(a.p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{
		"id": a.id, "adopt": true, "runtime": "new", "tier": 2,
	}))
	if verdictOf(r) != healthy || r.Text("delivery", "effective_mode") != "push" || r.Text("tier") != "2" {
		must(fmt.Errorf("adopted: %s", r.Raw))
	}
}

func historyIsComplete(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.close()
	must(a.registerAccepted(ctx, "", unusedURL))
	a.setReport(map[string]any{"runtime_state": "wedged"})
	a.startHeartbeats(ctx)
	must(a.awaitHistory(ctx, runtimeWedged))
	a.setReport(map[string]any{})
	must(a.awaitHistory(ctx, healthy))
	a.stopCalls()
	must(a.awaitHistory(ctx, leaseExpired))
	r, err := p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", p.OperatorToken, nil)
	must(wantStatus(r, err, 200))
	for _, action := range []string{"credential_issued", "credential_used", "status_changed"} {
		if !strings.Contains(string(r.Raw), action) {
			must(fmt.Errorf("%s is not in the history: %s", action, r.Raw))
		}
	}
	r, err = p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", "", nil)
	if err != nil || strings.Contains(string(r.Raw), "credential_") {
		must(fmt.Errorf("a stranger sees the audit trail: %s, %v", r.Raw, err))
	}
}
