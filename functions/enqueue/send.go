package main

import (
	"cmp"
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

func send(
	del *delivery.Delivery, callers httpapi.Callers, policy app.ChatPolicy,
) func(context.Context, httpapi.Call, api.SendRequest) (api.Accepted, error) {
	return func(ctx context.Context, c httpapi.Call, in api.SendRequest) (api.Accepted, error) {
		m, err := parse(c, del.Policy)
		if err != nil {
			return api.Accepted{}, err
		}
		if m.Callback != "" {
			if err := callers.Registry.Guard.Check(m.Callback); err != nil {
				return api.Accepted{}, err
			}
		}
		m.Workspace = in.ID
		if m.Source, err = sender(ctx, callers, policy, c, in.Claims); err != nil {
			return api.Accepted{}, err
		}
		out, err := del.Enqueue(ctx, m, c.Now)
		if err != nil {
			return api.Accepted{}, err
		}
		return accepted(out, c.Now), nil
	}
}

// sender is the workspace that sends, "" for the user and the operator.
func sender(
	ctx context.Context, callers httpapi.Callers, policy app.ChatPolicy, c httpapi.Call, claims api.Claims,
) (string, error) {
	who, err := callers.Identify(ctx, c, claims)
	if err == nil && who == (httpapi.Caller{}) && policy != app.ChatOpen {
		err = fault.New(fault.CredentialMissing, "missing caller auth token").
			WithHint("this deployment takes chat only with a workspace's or the operator's credential", "stop")
	}
	return who.Workspace, err
}

func accepted(out delivery.Accepted, now time.Time) api.Accepted {
	m := out.Message
	reply := api.Accepted{
		DeliveryMode: out.Mode.Effective, Method: m.Method, QueueID: m.ID, MessageID: m.ID,
		Receipt: httpapi.ReceiptPath(m.Workspace, m.ID), State: m.State, Duplicate: !out.First,
		Expected: out.Expected, QueueDepth: out.Depth,
		OldestAge: httpapi.InboxOf(out.Facts, now).OldestAgeSeconds, LastPollAt: out.Facts.PolledAt,
		WSStatus: out.Verdict.Status, WSReason: out.Verdict.Reason, Hint: cmp.Or(out.Why, out.Verdict.Hint),
		Message: expectation(out),
	}
	if out.Mode.Effective == workspace.Poll {
		reply.Status = "queued"
	} else {
		reply.Queued = true
	}
	return reply
}

// expectation is what will happen to a message, in words.
func expectation(out delivery.Accepted) string {
	switch out.Expected {
	case workspace.ExpectNow:
		return "accepted; it is being delivered now"
	case workspace.ExpectNextPoll:
		return "accepted; the agent gets it with its next poll"
	case workspace.ExpectWhenIdle:
		return "accepted; the agent is busy and gets it when it is free"
	case workspace.ExpectNobody:
		return "accepted and kept, but nobody is listening: " + out.Why
	}
	return ""
}
