package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// delegate answers 202 to a repeat too: one client takes 200 for a failure (wire
// contract, section 6, point 9).
func delegate(
	delegations *delegation.Service,
) func(context.Context, httpapi.Call, api.DelegateRequest) (api.Delegated, error) {
	policy := delegations.Delivery.Policy
	return func(ctx context.Context, c httpapi.Call, in api.DelegateRequest) (api.Delegated, error) {
		source := c.Caller.Life()
		target, err := delegateTarget(in.ID, source.Workspace, in.TargetID)
		if err != nil {
			return api.Delegated{}, err
		}
		if err := checkSize(chat.TextBody(uuid.NewString(), in.Task), policy); err != nil {
			return api.Delegated{}, err
		}
		if ctx, err = delegations.Delivery.Registry.AmongPeers(ctx, c.Caller.Team, target); err != nil {
			return api.Delegated{}, err
		}
		out, err := delegations.Delegate(ctx, source, target, in.Task, in.IdempotencyKey, c.Now)
		if err != nil {
			return api.Delegated{}, err
		}
		d := out.Delegation
		return api.Delegated{
			DelegationID: d.ID, Status: "delegated", TargetID: d.Target, MessageID: d.MessageID,
			Receipt: httpapi.ReceiptPath(d.Target, d.MessageID), IdempotentHit: out.Repeated, Deduplicated: out.SameTask,
		}, nil
	}
}

// delegateTarget is whom the task is for. The path names the caller; one client
// puts the target there and names none in the body (section 4.4), which is no
// less clear, as the caller is known by its credential.
func delegateTarget(path, source, named string) (string, error) {
	target := named
	if named == "" && path != source {
		target = path
	}
	if named != "" {
		if err := workspace.CheckID(named); err != nil {
			return "", err
		}
	}
	switch {
	case named != "" && path != source:
		return "", fault.New(fault.CallerMismatch, "a workspace delegates only for itself").
			WithHint("call POST /workspaces/{your id}/delegate", "stop")
	case target == "":
		return "", fault.New(fault.InvalidRequest, "target_id must name a workspace")
	case target == source:
		return "", fault.New(fault.InvalidRequest, "a workspace can't delegate to itself")
	}
	return target, nil
}
