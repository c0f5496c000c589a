package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxDismissed is how many messages one call can name.
const maxDismissed = 100

// dismiss drops the refused calls on a workspace's record, as the operator says that they are not the agent's; or it
// closes messages that were lost.
func (ms messages) dismiss(ctx context.Context, c httpapi.Call, in api.DismissRequest) (api.Dismissed, error) {
	if in.Lost || len(in.Messages) > 0 {
		return ms.dismissLost(ctx, c, in)
	}
	out, err := ms.registry.Dismiss(ctx, in.ID, actor(c), c.Now)
	if err != nil {
		return api.Dismissed{}, err
	}
	return api.Dismissed{Changed: done(ctx, ms.registry, c, out)}, nil
}

func (ms messages) dismissLost(
	ctx context.Context, c httpapi.Call, in api.DismissRequest,
) (out api.Dismissed, err error) {
	switch {
	case in.Lost && len(in.Messages) > 0:
		return out, fault.New(fault.InvalidRequest, "say lost or messages, and not both")
	case len(in.Messages) > maxDismissed:
		return out, fault.New(fault.InvalidRequest, "messages has %d ids; one call closes %d at most",
			len(in.Messages), maxDismissed)
	}
	if _, err := ms.registry.Read(ctx, in.ID); err != nil {
		return out, err
	}
	ask := func(life workspace.Life, n, left int) error {
		return activity.Audit(ctx, ms.activity, life, entry(c, "dismiss",
			"asked to close %d of the %d messages that were lost, without delivering them", n, n+left))
	}
	closed, left, err := ms.delivery.Dismiss(ctx, in.ID, byOperator, in.Messages, ask, c.Now)
	if err != nil {
		return out, err
	}
	f, err := ms.registry.Read(ctx, in.ID)
	if err != nil {
		return out, err
	}
	changed := api.Changed{Workspace: view(ctx, ms.registry, c, f), Unchanged: len(closed) == 0}
	return api.Dismissed{Changed: changed, Closed: len(closed), Left: left}, nil
}
