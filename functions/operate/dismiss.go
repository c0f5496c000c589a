package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

// dismiss drops the refused calls on a workspace's record: the operator says that
// they are not the agent's.
func dismiss(reg *registry.Registry) func(context.Context, httpapi.Call, api.WorkspacePath) (api.Changed, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.Changed, error) {
		out, err := reg.Dismiss(ctx, in.ID, actor(c), c.Now)
		if err != nil {
			return api.Changed{}, err
		}
		return done(ctx, reg, c, out), nil
	}
}
