package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func revoke(reg *registry.Registry) func(context.Context, httpapi.Call, api.RevokeRequest) (api.Revoked, error) {
	return func(ctx context.Context, c httpapi.Call, in api.RevokeRequest) (api.Revoked, error) {
		_, revoked, err := reg.Revoke(ctx, in.ID, in.Force, actor(c), c.Now)
		return api.Revoked{
			WorkspaceID: in.ID, Revoked: revoked,
			Next: "nobody holds a valid credential now; rollcall repair " + in.ID +
				" --show shows one to place in the agent's environment or file. What it sent and is not delivered still is: " +
				"rollcall cancel --from " + workspace.SenderName(in.ID) + " --all ends that",
		}, err
	}
}
