package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// remove removes a workspace, and ends its open mail. What a fault leaves open, the
// next sweep ends. A purge also has what is kept of it erased.
func remove(del *delivery.Delivery) func(context.Context, httpapi.Call, api.RemoveRequest) (api.Changed, error) {
	reg := del.Registry
	return func(ctx context.Context, c httpapi.Call, in api.RemoveRequest) (api.Changed, error) {
		out, err := reg.Hold(ctx, in.ID, workspace.Removed, actor(c), c.Now)
		if in.Purge != "" && (err == nil || fault.CodeOf(err) == fault.WorkspaceRemoved) {
			out, err = reg.Purge(ctx, in.ID, actor(c), c.Now)
		}
		if err != nil {
			return api.Changed{}, err
		}
		if ended, _ := del.EndMail(ctx, out.Facts, out.Facts.Life(), c.Now); ended > 0 {
			_ = reg.Wakeups.Send(ctx, out.Facts.ID, "outbox", 0) // its senders are told; the sweep sends another
		}
		return done(ctx, reg, c, out), nil
	}
}
