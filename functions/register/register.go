package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func register(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.RegisterRequest) (api.Registered, error) {
	return func(ctx context.Context, c httpapi.Call, in api.RegisterRequest) (api.Registered, error) {
		declared, err := registration(in)
		if err != nil {
			return api.Registered{}, err
		}
		declared.Credential, declared.From = c.Bearer(), c.From()
		out, err := reg.Register(ctx, declared, c.Now)
		if err != nil {
			return api.Registered{}, err
		}
		d := workspace.EffectiveMode(out.Facts, reg.Policy, c.Now)
		return api.Registered{
			Status: "registered", DeliveryMode: d.Effective, DeliveryReason: d.Reason, AuthToken: out.AuthToken,
			Epoch: out.Facts.Epoch, Inbox: httpapi.InboxOf(out.Facts, c.Now),
			NextHeartbeat:   httpapi.NextHeartbeat(reg.Policy),
			WorkspaceStatus: workspace.Assess(out.Facts, reg.Policy, c.Now).Status,
		}, nil
	}
}

// registration checks what an agent declares. Errors: invalid_workspace_id,
// invalid_request, too_large, enrolment_unknown.
func registration(in api.RegisterRequest) (registry.Registration, error) {
	if err := workspace.CheckID(in.ID); err != nil {
		return registry.Registration{}, err
	}
	mode, err := workspace.ParseMode(in.DeliveryMode)
	if err != nil {
		return registry.Registration{}, err
	}
	name, err := cardName(in.AgentCard)
	if err != nil {
		return registry.Registration{}, err
	}
	if len(in.EnrolmentToken) > token.MaxLen {
		return registry.Registration{}, registry.EnrolmentUnknown()
	}
	return registry.Registration{
		ID: in.ID, Enrolment: in.EnrolmentToken, Mode: mode, URL: in.URL, Name: name, Runtime: in.Runtime,
		Card: in.AgentCard,
	}, nil
}
