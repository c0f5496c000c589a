package main

import (
	"context"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func oneWorkspace(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.WorkspacePath) (api.Workspace, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.Workspace, error) {
		f, err := reg.Read(ctx, in.ID)
		if err != nil {
			return api.Workspace{}, err
		}
		p, err := reg.ShownProfile(ctx, in.ID)
		if err != nil {
			return api.Workspace{}, err
		}
		return httpapi.ViewerOf(ctx, reg, c.Now, f).As(c.Caller).Workspace(f, p), nil
	}
}

// explain puts the status in a person's words: JSON, or plain text to a caller
// that asks for it.
func explain(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.ExplainRequest) (api.Explanation, error) {
	return func(ctx context.Context, c httpapi.Call, in api.ExplainRequest) (api.Explanation, error) {
		f, err := reg.Read(ctx, in.ID)
		if err != nil && fault.CodeOf(err) != fault.WorkspaceRemoved {
			return api.Explanation{}, err
		}
		p, err := reg.Profiles.Profile(ctx, in.ID)
		if err != nil {
			return api.Explanation{}, err
		}
		asText := in.Format == "text" || strings.HasPrefix(c.Header("accept"), api.Text)
		return httpapi.ViewerOf(ctx, reg, c.Now, f).As(c.Caller).Explanation(f, p, asText), nil
	}
}

// state says that a workspace is deleted, which is a 404, only of one that was
// truly removed: an SDK agent ends itself for good on it (wire contract, section
// 6, point 8).
func state(reg *registry.Registry) func(context.Context, httpapi.Call, api.WorkspacePath) (api.State, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) (api.State, error) {
		f, err := reg.AuthenticateCall(ctx, in.ID, c.Bearer(), c.From(), c.Now)
		switch fault.CodeOf(err) {
		case "":
		case fault.WorkspaceRemoved:
			return api.State{WorkspaceID: in.ID, Deleted: true}, nil
		case fault.WorkspaceUnknown:
			return api.State{}, workspace.UnauthorizedError(in.ID, token.Digest(c.Bearer()))
		default:
			return api.State{}, err
		}
		status, reason := workspace.Fleet{}.Stands(f, reg.Policy, c.Now)
		return api.State{
			WorkspaceID: f.ID, Status: status, Reason: reason, Paused: f.Hold == workspace.Paused,
		}, nil
	}
}
