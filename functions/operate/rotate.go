package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// rotate issues a second credential, to the operator or to the agent itself.
func rotate(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.WorkspacePath) (api.Rotated, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.Rotated, error) {
		to := workspace.ToAgent
		if c.Caller.Person != "" {
			to = workspace.ToOperator
		}
		before, text, err := reg.Rotate(ctx, in.ID, to, actor(c), c.Now)
		if err != nil {
			return api.Rotated{}, err
		}
		reply := api.Rotated{WorkspaceID: in.ID, AuthToken: text, Next: workspace.AfterRotation(before)}
		if to == workspace.ToAgent {
			reply.Next = "keep this credential and use it; the old one stays valid until then"
		}
		return reply, nil
	}
}
