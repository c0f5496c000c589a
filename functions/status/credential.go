package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

// inspectCredential says whose an agent's credential is. It changes nothing.
func inspectCredential(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.None) (api.Inspected, error) {
	return func(ctx context.Context, c httpapi.Call, _ api.None) (api.Inspected, error) {
		f, inUse, err := reg.InspectCredential(ctx, c.Bearer(), c.Now)
		if err != nil {
			return api.Inspected{}, err
		}
		p, err := reg.ShownProfile(ctx, f.ID)
		if err != nil {
			return api.Inspected{}, err
		}
		out := api.Inspected{
			WorkspaceID: f.ID, Credential: "in_use", From: c.From(), At: c.Now,
			Workspace: httpapi.ViewerOf(ctx, reg, c.Now, f).Workspace(f, p),
		}
		if !inUse {
			out.Credential = "not_used_yet"
		}
		return out, nil
	}
}
