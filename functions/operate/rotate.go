package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// rotate issues a second credential, to the operator or to the agent itself.
func rotate(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.RotateRequest) (api.Rotated, error) {
	return func(ctx context.Context, c httpapi.Call, in api.RotateRequest) (api.Rotated, error) {
		asked := registry.RotateInput{
			ID: in.ID, To: workspace.ToOperator, Fetch: in.Fetch, Force: in.Force, By: actor(c),
		}
		if c.Caller.Person == "" {
			asked.To, asked.Own = workspace.ToAgent, registry.Own{Credential: c.Bearer(), Life: c.Caller.Lives}
			if in.Fetch || in.Force {
				return api.Rotated{}, fault.New(fault.InvalidRequest, "only an operator may send fetch or force")
			}
		}
		before, text, err := reg.Rotate(ctx, asked, c.Now)
		if err != nil {
			return api.Rotated{}, err
		}
		reply := api.Rotated{WorkspaceID: in.ID, AuthToken: text, Next: workspace.AfterRotation(before)}
		switch {
		case in.Fetch:
			reply.Next = workspace.AfterAskingToFetch(before)
		case asked.To == workspace.ToAgent:
			reply.Next = "keep this credential and use it; the old one stays valid until then"
		}
		return reply, nil
	}
}
