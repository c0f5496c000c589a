package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// rotate issues a second credential, to the operator or to the agent itself.
func rotate(
	reg *registry.Registry, operator token.Hash,
) func(context.Context, httpapi.Call, api.WorkspacePath) (api.Rotated, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.Rotated, error) {
		by, to := actor(c), workspace.ToOperator
		if !c.IsOperator(operator) {
			if _, err := reg.AuthenticateCall(ctx, in.ID, c.Bearer(), c.From(), c.Now); err != nil {
				return api.Rotated{}, err
			}
			by.Who, to = "agent", workspace.ToAgent
		}
		before, text, err := reg.Rotate(ctx, in.ID, to, by, c.Now)
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
