package main

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/waiting"
)

// taskCall reads a call about a task, and names the members of it that nobody but the agent reads; is is false for a
// body that is none. Errors: those of Call.Decode, invalid_request.
func taskCall(c httpapi.Call) (call chat.Message, left api.Unread, is bool, err error) {
	var rpc, params members
	if err := c.Decode(&rpc); err != nil {
		return call, left, false, err
	}
	if json.Unmarshal(rpc["method"], &call.Method) != nil || !chat.TaskMethod(call.Method) {
		return call, left, false, nil
	}
	_ = json.Unmarshal(rpc["params"], &params) // of another shape: it names no task
	left = unreadTask(rpc, params)
	var id string
	if json.Unmarshal(params["id"], &id) != nil || id == "" {
		return call, left, true, fault.New(fault.InvalidRequest, "params.id must name a task").
			WithHint(`send {"jsonrpc":"2.0","id":"…","method":"tasks/get","params":{"id":"the task's id"}}`, "stop")
	}
	call.ID = "call-" + uuid.NewString()
	rpc["jsonrpc"] = quote("2.0")
	if err := setCallID(rpc, call.ID); err != nil {
		return call, left, true, err
	}
	call.Body = object(rpc)
	return call, left, true, nil
}

// maxRPCMessage bounds what is shown of the message of an agent's error, in bytes.
const maxRPCMessage = 1 << 10

// pass passes a call about a task to its agent. A delegation of who calls is then as far as the agent says.
func pass(
	ctx context.Context, delegations *delegation.Service, call chat.Message, c httpapi.Call, place *waiting.Place,
) (api.Accepted, error) {
	caller := c.Caller.Life()
	out, err := delegations.Delivery.Pass(ctx, call, place, c.Now)
	if err != nil {
		return api.Accepted{}, err
	}
	if caller.Workspace != "" {
		_ = delegations.NoteTask(ctx, caller, out.Facts.Life(), out.Answer) // the next call about the task notes it
	}
	return api.Accepted{
		DeliveryMode: out.Mode.Effective, Method: call.Method, QueueDepth: out.Facts.Open,
		OldestAge: httpapi.InboxOf(out.Facts, c.Now).OldestAgeSeconds, WSStatus: out.Verdict.Status,
		WSReason: out.Verdict.Reason, Message: "passed to the agent, which answered",
		Answered: answered(call, out.Answer),
	}, nil
}

// answered is what a caller is shown of the answer to a call that was passed: no more than a receipt would keep of it.
func answered(call chat.Message, answer json.RawMessage) api.Answered {
	out := api.Answered{JSONRPC: "2.0", ID: chat.CallID(call.Body)}
	var failed struct {
		Error *api.RPCError `json:"error"`
	}
	if _ = json.Unmarshal(answer, &failed); failed.Error != nil { // of another shape: no error
		failed.Error.Message = chat.Clip(failed.Error.Message, maxRPCMessage)
		out.Error = failed.Error
	} else {
		out.Result = chat.Result(chat.Kept(answer))
	}
	return out
}
