package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// probe sends a message that says nothing, whose receipt tells whether mail
// reaches the agent.
func probe(
	del *delivery.Delivery, log activity.Log,
) func(context.Context, httpapi.Call, api.WorkspacePath) (api.Probing, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.Probing, error) {
		f, err := del.Registry.Read(ctx, in.ID)
		if err != nil {
			return api.Probing{}, err
		}
		if err := activity.Audit(ctx, log, f.Life(), entry(c, "probe", "probed")); err != nil {
			return api.Probing{}, err
		}
		out, err := del.Probe(ctx, in.ID, c.Now)
		m := out.Message
		return api.Probing{
			WorkspaceID: m.Workspace, MessageID: m.ID, Receipt: httpapi.ReceiptPath(m.Workspace, m.ID),
			ExpiresAt: m.ExpiresAt, Expected: out.Expected, DeliveryMode: out.Mode.Effective,
			WorkspaceStatus: out.Verdict.Status, WorkspaceReason: out.Verdict.Reason,
		}, err
	}
}
