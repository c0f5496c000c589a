package delivery_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A call about a task reaches the agent, its answer comes back, and nothing of it is kept or counted.
func TestACallAboutATaskIsPassed(t *testing.T) {
	const rpcError = `{"jsonrpc":"2.0","error":{"code":-32001,"message":"no such task"}}`
	const task = `{"jsonrpc":"2.0","result":{"kind":"task","status":{"state":"working"}}}`
	call := chat.Message{ID: "c", Workspace: world.ID, Method: "tasks/get", Body: []byte(`{}`)}
	for name, c := range map[string]struct {
		result delivery.PushResult
		want   string
		code   fault.Code
	}{
		"a task":   {delivery.PushResult{Handover: delivery.Taken, Answer: []byte(task)}, task, ""},
		"an error": {delivery.PushResult{Handover: delivery.AgentError, RPCError: []byte(rpcError)}, rpcError, ""},
		"a refusal": {
			delivery.PushResult{Handover: delivery.Refused, RPCError: []byte(rpcError), Why: "no"}, rpcError, "",
		},
		"nobody there": {
			delivery.PushResult{Handover: delivery.Unreachable, Why: "connection refused"}, "", fault.AgentUnreachable,
		},
		"busy":    {delivery.PushResult{Handover: delivery.Busy}, "", fault.AgentUnreachable},
		"nothing": {delivery.PushResult{Handover: delivery.Taken}, "", fault.AgentUnreachable},
	} {
		w := world.New(t, workspace.Push, "http://agent/")
		before := w.Facts()
		w.Agent = func(chat.Message) delivery.PushResult { return c.result }
		out, err := w.Pass(t.Context(), call, nil, w.Now)
		if string(out.Answer) != c.want || (err == nil) != (c.code == "") || (err != nil && fault.CodeOf(err) != c.code) {
			t.Errorf("%s: %s %v", name, out.Answer, err)
		}
		was, _ := json.Marshal(before)
		if is, _ := json.Marshal(w.Facts()); string(is) != string(was) {
			t.Errorf("%s: %s became %s", name, was, is)
		}
	}
	polls := world.New(t, workspace.Poll, "")
	if _, err := polls.Pass(t.Context(), call, nil, polls.Now); fault.CodeOf(err) != fault.NotPushed {
		t.Errorf("to one that polls: %v", err)
	}
	silent := world.New(t, workspace.Push, "http://agent/")
	silent.Now = silent.Now.Add(time.Hour)
	_, err := silent.Pass(t.Context(), call, nil, silent.Now)
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.AgentUnreachable ||
		e.Details.WorkspaceStatus != string(workspace.StatusOffline) || e.Details.WorkspaceReason == "" {
		t.Errorf("to one that is silent: %#v", err)
	}
	call.Workspace = "nobody"
	if _, err := polls.Pass(t.Context(), call, nil, polls.Now); fault.CodeOf(err) != fault.WorkspaceUnknown {
		t.Errorf("to nobody: %v", err)
	}
}
