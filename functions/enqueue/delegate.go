package main

import (
	"context"
	"net/http"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

type delegateRequest struct {
	TargetID       string `json:"target_id"`
	Task           string `json:"task"`
	IdempotencyKey string `json:"idempotency_key"`
}

type delegateReply struct {
	DelegationID  string `json:"delegation_id"`
	Status        string `json:"status"`
	TargetID      string `json:"target_id"`
	MessageID     string `json:"message_id"`
	Receipt       string `json:"receipt"`
	IdempotentHit bool   `json:"idempotent_hit,omitempty"`
	Deduplicated  bool   `json:"deduplicated,omitempty"` // the same task was sent as a message just before
}

// maxKey bounds an idempotency key; clients send 32 hex characters.
const maxKey = 256

// delegate answers 202 to a repeat too: one client takes 200 for a failure (wire
// contract, section 6, point 9).
func delegate(env *app.Env) httpapi.Endpoint {
	callers := httpapi.Callers{Registry: env.Registry, Operator: env.Operator}
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in delegateRequest
		if err := r.Decode(&in); err != nil {
			return httpapi.Reply{}, err
		}
		source, err := callers.IdentifyWorkspace(ctx, r)
		if err != nil {
			return httpapi.Reply{}, err
		}
		target, err := delegateTarget(r.ID(), source, in.TargetID)
		if err != nil {
			return httpapi.Reply{}, err
		}
		switch {
		case in.Task == "":
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "task must be a text that isn't empty")
		case len(in.Task) > env.Delivery.Policy.MaxBody/2: // room for its escapes and envelope
			return httpapi.Reply{}, fault.New(fault.TooLarge, "the task has %d bytes; at most %d are taken", len(in.Task), env.Delivery.Policy.MaxBody/2).
				WithHint("send large content as a link", "stop")
		case len(in.IdempotencyKey) > maxKey:
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "idempotency_key has at most %d bytes", maxKey)
		}
		out, err := env.Delegations.Delegate(ctx, source, target, in.Task, in.IdempotencyKey, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.Reply{Status: http.StatusAccepted, JSON: replyTo(out)}, nil
	}
}

func replyTo(out delegation.Delegated) delegateReply {
	d := out.Delegation
	return delegateReply{
		DelegationID: d.ID, Status: "delegated", TargetID: d.Target, MessageID: d.MessageID, Receipt: "/workspaces/" + d.Target + "/messages/" + d.MessageID,
		IdempotentHit: out.Repeated, Deduplicated: out.SameTask,
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
	switch {
	case named != "" && path != source:
		return "", fault.New(fault.CallerMismatch, "a workspace delegates only for itself").WithHint("call POST /workspaces/{your id}/delegate", "stop")
	case target == "":
		return "", fault.New(fault.InvalidRequest, "target_id must name a workspace")
	case target == source:
		return "", fault.New(fault.InvalidRequest, "a workspace can't delegate to itself")
	}
	return target, workspace.CheckID(target)
}
