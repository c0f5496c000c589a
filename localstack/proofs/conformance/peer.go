package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// newPeer is another workspace, with an agent that has registered.
func (r *run) newPeer(ctx context.Context) (*agent, error) {
	other := &agent{dialect: mcp{}, Client: r.Client, id: uuid.NewString()}
	r.made = append(r.made, other.id)
	reply, err := r.Do(ctx, "POST", "/workspaces", r.OperatorToken, map[string]any{
		"id": other.id, "name": "a peer", "role": "reviewer",
	})
	if err != nil {
		return nil, err
	}
	other.token = reply.Text("auth_token")
	return other, other.boot(ctx, other)
}

// peerPassedOver lets another workspace write to a client that answers users only.
func (r *run) peerPassedOver(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	other, err := r.newPeer(ctx)
	if err != nil {
		return err
	}
	outcome, err := other.send(ctx, a.id, "from a peer", map[string]string{"X-Workspace-ID": other.id}, "kind")
	if err != nil || outcome != "queued" {
		return fmt.Errorf("%s, %v", outcome, err)
	}
	if err := errors.Join(r.userSends(ctx, 1), r.turns(ctx, 2), r.took(at, text(r.sent))); err != nil {
		return err
	}
	v, err := r.Do(ctx, "GET", "/workspaces/"+a.id, r.person(), nil)
	if err == nil && (v.Text("inbox", "queued") != "0" || v.Text("inbox", "in_flight") != "0") {
		err = fmt.Errorf("mail is left: %s", v.Raw)
	}
	return err
}

// peer lets another workspace write to the client and wait for its answer.
func (r *run) peer(ctx context.Context) error {
	a := r.client
	other, err := r.newPeer(ctx)
	if err != nil {
		return err
	}
	at := len(a.taken)
	outcome, err := other.send(ctx, a.id, "from a peer", map[string]string{"X-Workspace-ID": other.id}, "kind")
	if err != nil || outcome != "queued" {
		return fmt.Errorf("%s, %v", outcome, err)
	}
	outcome, err = other.send(ctx, a.id, "forged", map[string]string{"X-Workspace-ID": a.id}, "kind")
	if err != nil || !strings.HasPrefix(outcome, "error: the headers name "+a.id) {
		return fmt.Errorf("a forged X-Workspace-ID: %s, %v", outcome, err)
	}
	if err := errors.Join(r.turns(ctx, 2), r.took(at, "from a peer")); err != nil {
		return err
	}
	if m := a.taken[at]; m.From != other.id {
		return fmt.Errorf("its source is %q, not the peer", m.From)
	}
	got, err := other.poll(ctx, other)
	if err != nil || len(got) != 1 || got[0].Text != "re: from a peer" || got[0].From != a.id {
		return fmt.Errorf("the peer got %+v, %v", got, err)
	}
	return r.delegation(ctx, other)
}

// delegation is a peer's delegate_task: it sends a message and, because that is only
// queued, also the same task as a delegation, whose end it waits for.
func (r *run) delegation(ctx context.Context, other *agent) error {
	a, at := r.client, len(r.client.taken)
	caller := map[string]string{"X-Workspace-ID": other.id}
	found, err := other.call(ctx, "GET", "/registry/discover/"+a.id, other.token, nil, caller)
	if err != nil || found.Status != http.StatusOK ||
		found.Text("id") != a.id || found.Text("name") == "" || found.Text("status") != "online" {
		return fmt.Errorf("discover: %s, %v", found.Raw, err)
	}
	path := "/workspaces/" + other.id
	logged, err := other.call(ctx, "POST", path+"/activity", other.token, map[string]any{
		"activity_type": "a2a_send", "source_id": other.id, "target_id": a.id, "method": "message/send",
		"summary": "Delegating", "status": "ok", "request_body": map[string]any{"task": "the task"},
	}, nil)
	if err != nil || logged.Text("status") != "logged" {
		return fmt.Errorf("report: %s, %v", logged.Raw, err)
	}
	if outcome, err := other.send(ctx, a.id, "the task", caller, "kind"); err != nil || outcome != "queued" {
		return fmt.Errorf("%s, %v", outcome, err)
	}
	id := ""
	for range 2 { // the repeat must be a 202 too
		d, err := other.call(ctx, "POST", path+"/delegate", other.token, map[string]any{
			"target_id": a.id, "task": "the task", "idempotency_key": strings.Repeat("ab", 16),
		}, nil)
		got := d.Text("delegation_id")
		if err != nil || d.Status != http.StatusAccepted || got == "" || (id != "" && got != id) {
			return fmt.Errorf("delegate answered %d %s, %v", d.Status, d.Raw, err)
		}
		id = got
	}
	if err := errors.Join(r.turns(ctx, 2), r.took(at, "the task")); err != nil {
		return fmt.Errorf("the peer must get the task once: %w", err)
	}
	// The clients' answers name nothing: the peer gets them as messages, and no guess ends the delegation.
	if err := r.listed(ctx, other, id, `"dispatched"`); err != nil {
		return err
	}
	got, err := other.poll(ctx, other)
	if err != nil || len(got) != 1 || got[0].Text != "re: the task" {
		return fmt.Errorf("the peer got %+v, %v", got, err)
	}
	answer := messageSend("the task is done", "kind")
	answer["params"].(map[string]any)["message"].(map[string]any)["referenceTaskIds"] = []string{id}
	reply, err := a.call(ctx, "POST", "/workspaces/"+other.id+"/a2a", a.token, answer,
		map[string]string{"X-Workspace-ID": a.id})
	if err != nil || reply.Status != http.StatusOK {
		return fmt.Errorf("an answer that names the delegation: %s, %v", reply.Raw, err)
	}
	return r.listed(ctx, other, id, `"completed"`, "the task is done")
}

// listed checks what a peer's list of delegations says.
func (r *run) listed(ctx context.Context, other *agent, wants ...string) error {
	list, err := other.call(ctx, "GET", "/workspaces/"+other.id+"/delegations", other.token, nil, nil)
	for _, want := range wants {
		if err == nil && !strings.Contains(string(list.Raw), want) {
			err = fmt.Errorf("delegations are %s", list.Raw)
		}
	}
	return err
}
