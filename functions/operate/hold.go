package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// hold pauses or resumes a workspace.
func hold(
	reg *registry.Registry, h workspace.Hold,
) func(context.Context, httpapi.Call, api.WorkspacePath) (api.Changed, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.Changed, error) {
		out, err := reg.Hold(ctx, in.ID, h, actor(c), c.Now)
		if err != nil {
			return api.Changed{}, err
		}
		reg.WakeIfDeliverable(ctx, out.Facts, "resume", c.Now)
		return done(ctx, reg, c, out), nil
	}
}
