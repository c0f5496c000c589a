package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// worker is an agent that says of its one task what it is told to say.
type worker struct{ state string }

// Push implements delivery.Agents.
func (w *worker) Push(context.Context, delivery.Target, chat.Message) delivery.PushResult {
	return delivery.PushResult{
		Handover: delivery.Taken,
		Answer: fmt.Appendf(nil, `{"jsonrpc": "2.0", "id": "1", "result": {"kind": "task", "id": "t", "status": {
			"state": %q, "message": {"parts": [{"kind": "text", "text": "so far"}]}}}}`, w.state),
	}
}

// A workspace that asks for the task that it delegated is given the agent's answer, and its delegation is then as far
// as that answer says. Nobody else who asks for the task moves the delegation.
func TestACallAboutATaskMovesTheDelegationOfWhoAsks(t *testing.T) {
	for who, want := range map[string]delegation.State{
		"the source": delegation.Completed, "a peer": delegation.Dispatched, "a person": delegation.Dispatched,
		"the user": delegation.Dispatched,
	} {
		t.Run(who, func(t *testing.T) {
			env, agent := fixture.Env(t), &worker{state: "working"}
			env.Delivery.Agents = agent
			callers := map[string]string{
				"the source": fixture.Member(t, env, "source", ""), "a peer": fixture.Member(t, env, "peer", ""),
				"a person": fixture.Person(t, env, people.Operate, ""), "the user": "",
			}
			task := fmt.Sprintf(`{"task": "do it", "target_id": %q}`, fixture.PushID)
			given := fixture.Call(t, env, endpoints(env), api.Delegate.Operation, "source", callers["the source"], task)
			if given.StatusCode != http.StatusAccepted {
				t.Fatalf("%d %s", given.StatusCode, given.Body)
			}
			if _, err := env.Delivery.Drain(t.Context(), fixture.PushID, "test"); err != nil {
				t.Fatal(err)
			}
			stands := func() delegation.Progress {
				all, err := env.Delegations.List(t.Context(), workspace.Life{Workspace: "source"}, 1)
				if err != nil || len(all) != 1 {
					t.Fatalf("%+v, %v", all, err)
				}
				return all[0]
			}
			ask := func() chat.TaskState {
				body := `{"jsonrpc": "2.0", "id": 7, "method": "tasks/get", "params": {"id": "t"}}`
				resp := fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, fixture.PushID, callers[who], body)
				var out api.Accepted
				err := json.Unmarshal([]byte(resp.Body), &out)
				if resp.StatusCode != http.StatusOK || err != nil || string(out.ID) != "7" {
					t.Fatalf("%d, %v: %s", resp.StatusCode, err, resp.Body)
				}
				return chat.StateOf(out.Result)
			}
			if said, now := ask(), stands(); said != "working" || now.State != delegation.Dispatched {
				t.Fatalf("while it works, it is %q, and the delegation %+v", said, now)
			}
			agent.state = "completed"
			if said, now := ask(), stands(); said != "completed" || now.State != want {
				t.Errorf("when it is done, it is %q, and the delegation %+v", said, now)
			}
		})
	}
}
