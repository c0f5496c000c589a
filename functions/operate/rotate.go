package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
)

// rotate issues a second credential, to the operator or to the agent itself.
func rotate(
	reg *registry.Registry, operator token.Hash,
) func(context.Context, httpapi.Call, api.WorkspacePath) (api.Rotated, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.Rotated, error) {
		by := actor(c)
		if !c.IsOperator(operator) {
			if _, err := reg.AuthenticateCall(ctx, in.ID, c.Bearer(), c.From(), c.Now); err != nil {
				return api.Rotated{}, err
			}
			by.Who = "agent"
		}
		_, text, err := reg.Rotate(ctx, in.ID, by, c.Now)
		return api.Rotated{
			WorkspaceID: in.ID, AuthToken: text,
			Next: "give the agent this credential; the one it uses stays valid until this one is used for the first " +
				"time. An agent that heeds action: rotate in its heartbeat's answer fetches one of its own, which takes " +
				"this one's place",
		}, err
	}
}
