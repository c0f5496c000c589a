package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// operatorStories are about what an operator does to a workspace.
var operatorStories = []story{
	{"paused, resumed, removed, and an agent that ignores every answer", pausedResumedRemoved},
	{"a workspace that was removed and is created again begins anew", removedAndCreatedAgain},
	{"an agent of a former life goes on beside that of the next one", formerLifeGoesOn},
	{"an adoption resets mode, metrics and runtime", adopted},
	{"the history has every change, once and in order", historyIsComplete},
}

func pausedResumedRemoved(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
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
	id, _, err := a.send(ctx)
	must(err)
	mustGet(a.operate(ctx, 200, "remove", nil))
	if r := mustGet(a.receipt(ctx, id)); r.Text("state") != "cancelled" {
		must(fmt.Errorf("the mail of a removed workspace: %s", r.Raw))
	}
	r := mustGet(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id}))
	if verdictOf(r) != neverRegistered {
		must(fmt.Errorf("created again: %s", r.Raw))
	}
	old, err := a.heartbeat(ctx)
	must(wantProblem(old, err, 401, "credential_unknown"))
	a.token = r.Text("auth_token")
	must(a.registerAccepted(ctx, "poll", ""))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(a.beginsAnew(ctx, id))
}

// formerLifeGoesOn is about an agent that nobody has told that its workspace was removed, and is created again.
func formerLifeGoesOn(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	_, _, err := a.send(ctx)
	must(err)
	rows := mustGet(a.poll(ctx, ""))
	if len(rows) != 1 {
		must(fmt.Errorf("it is handed %v", rows))
	}
	path := "/workspaces/" + a.id
	tag := mustGet(p.Do(ctx, "GET", path, p.OperatorToken, nil)).Header.Get("ETag")
	former := a.clone()
	former.from = "127.0.0.2"
	a.stopCalls()
	former.startHeartbeats(ctx)
	defer former.close()
	mustGet(a.operate(ctx, 200, "remove", nil))
	a.token = mustGet(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id})).Text("auth_token")
	must(a.registerAccepted(ctx, "poll", ""))
	a.startHeartbeats(ctx)
	mustGet(a.poll(ctx, ""))
	mustGet(a.awaitVerdict(ctx, healthy))
	for _, c := range []struct{ method, path string }{
		{"GET", "/activity?type=a2a_receive"}, {"GET", "/delegations"}, {"GET", "/messages"}, {"POST", "/notify"},
	} {
		r, err := former.call(ctx, c.method, path+c.path, map[string]any{"message": "of the former life"})
		must(wantStatus(r, err, 401))
	}
	r, err := a.call(ctx, "GET", path+"/activity?type=a2a_receive&since_id="+rows[0].ID, nil)
	must(wantProblem(r, err, 410, "cursor_gone"))
	if rows := mustGet(a.poll(ctx, "")); len(rows) > 0 {
		must(fmt.Errorf("it is handed the former life's %v", rows))
	}
	r, err = p.DoWith(ctx, "GET", path, p.OperatorToken, nil, map[string]string{"If-None-Match": tag})
	must(wantStatus(r, err, 200))
	must(a.logsInItsLife(ctx))
	must(former.refused(ctx))
	must(a.heartbeatAccepted(ctx))
}

// refused checks that a heartbeat of the agent is refused.
func (a *agent) refused(ctx context.Context) error {
	r, err := a.heartbeat(ctx)
	return wantProblem(r, err, 401, "credential_unknown")
}

// logsInItsLife checks that what the agent logs is in its log, and nothing else is.
func (a *agent) logsInItsLife(ctx context.Context) error {
	path := "/workspaces/" + a.id
	r, err := a.call(ctx, "POST", path+"/delegations/record", map[string]any{
		"target_id": a.id, "task": "look", "delegation_id": "own",
	})
	if err := wantStatus(r, err, 202); err != nil {
		return err
	}
	var rows []struct {
		Type string `json:"activity_type"`
	}
	r, err = a.call(ctx, "GET", path+"/activity", nil)
	if err := wantStatus(r, err, 200); err != nil {
		return err
	}
	if err := json.Unmarshal(r.Raw, &rows); err != nil || len(rows) != 1 || rows[0].Type != "delegation" {
		return fmt.Errorf("its log is %s (%w)", r.Raw, err)
	}
	return nil
}

// beginsAnew checks that nothing of its former life is the workspace's; id is that of a
// message which that was sent.
func (a *agent) beginsAnew(ctx context.Context, id string) error {
	if rows, err := a.poll(ctx, ""); err != nil || len(rows) > 0 {
		return fmt.Errorf("it is handed %v, %w", rows, err)
	}
	path := "/workspaces/" + a.id
	r, err := a.p.Do(ctx, "GET", path+"/messages/"+id, a.p.OperatorToken, nil)
	if err := wantProblem(r, err, 404, "message_unknown"); err != nil {
		return err
	}
	var messages struct{ Messages []any }
	r, err = a.p.Do(ctx, "GET", path+"/messages", a.p.OperatorToken, nil)
	if err := wantStatus(r, err, 200); err != nil || json.Unmarshal(r.Raw, &messages) != nil ||
		len(messages.Messages) > 0 {
		return fmt.Errorf("its mail is %s, %w", r.Raw, err)
	}
	var history struct {
		History []struct {
			Type, Action string
			Life         int
		}
	}
	r, err = a.p.Do(ctx, "GET", path+"/history", a.p.OperatorToken, nil)
	if err := wantStatus(r, err, 200); err != nil || json.Unmarshal(r.Raw, &history) != nil {
		return fmt.Errorf("its history is %s, %w", r.Raw, err)
	}
	removed := false
	for _, e := range history.History {
		removed = removed || (e.Action == "remove" && e.Life == 1)
		if e.Type == "status" && e.Life != 2 {
			return fmt.Errorf("it has the changes of its former life: %s", r.Raw)
		}
	}
	if !removed {
		return fmt.Errorf("the trail does not say who removed it: %s", r.Raw)
	}
	again, err := a.p.Do(ctx, "POST", path+"/a2a", "", client.Message(id, "other words")) // its id is free
	if err != nil || again.Status >= http.StatusMultipleChoices || checkPromise(again) != nil {
		return fmt.Errorf("the id again: %s, %w", again.Raw, err)
	}
	rows, err := a.poll(ctx, "")
	if err != nil || len(rows) != 1 || rows[0].MessageID != id {
		return fmt.Errorf("it is handed %v, %w", rows, err)
	}
	return nil
}

func adopted(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
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
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
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
