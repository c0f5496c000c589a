package main

import (
	"context"
	"errors"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// register is take, with an enrolment token that is read as a bearer is.
func register(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.RegisterRequest) (api.Registered, error) {
	return func(ctx context.Context, c httpapi.Call, in api.RegisterRequest) (api.Registered, error) {
		in.EnrolmentToken = strings.TrimSpace(in.EnrolmentToken)
		out, err := take(ctx, reg, c, in)
		why := token.Wrapping(in.EnrolmentToken)
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Code == fault.EnrolmentUnknown && why != "" {
			err = errors.Join(e.WithHint("send the enrolment token alone, as it was shown: "+why, e.Action), err)
		}
		return out, err
	}
}

// take takes what an agent declares. What is wrong with it is remembered, so that
// an operator sees why its boots are refused. Errors: invalid_workspace_id,
// too_large, enrolment_unknown, those of registry.Register.
func take(ctx context.Context, reg *registry.Registry, c httpapi.Call, in api.RegisterRequest) (api.Registered, error) {
	if err := workspace.CheckNamed("id", in.ID); err != nil {
		return api.Registered{}, err
	}
	declared := registry.Registration{
		ID: in.ID, Credential: c.Bearer(), From: c.From(), Enrolment: in.EnrolmentToken,
		Mode: workspace.Mode(in.DeliveryMode), URL: in.URL, Runtime: in.Runtime, Card: in.AgentCard,
	}
	var err error
	if declared.CardName, err = cardName(in.AgentCard); err != nil {
		return api.Registered{}, reg.FailRegister(ctx, declared, err, c.Now)
	}
	if len(in.EnrolmentToken) > token.MaxLen {
		return api.Registered{}, registry.EnrolmentUnknown()
	}
	out, err := reg.Register(ctx, declared, c.Now)
	if err != nil {
		return api.Registered{}, err
	}
	d := workspace.EffectiveMode(out.Facts, reg.Policy, c.Now)
	status, _ := workspace.Fleet{}.Stands(out.Facts, reg.Policy, c.Now)
	return api.Registered{
		Status: "registered", DeliveryMode: d.Effective, DeliveryReason: d.Reason, AuthToken: out.AuthToken,
		WebhookSecret: out.SigningSecret,
		Epoch:         out.Facts.Epoch, Inbox: httpapi.InboxOf(out.Facts, c.Now),
		NextHeartbeat:   int(reg.NextBeat(ctx, out.Facts, c.Now).Seconds()),
		WorkspaceStatus: status,
	}, nil
}

// unreadRegister refuses a register of which a part can't be read, and remembers
// that as of one that declares something wrong.
func unreadRegister(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.RegisterRequest, error) error {
	return func(ctx context.Context, c httpapi.Call, in api.RegisterRequest, why error) error {
		if workspace.CheckID(in.ID) != nil {
			return why // nobody's
		}
		from := registry.Registration{ID: in.ID, Credential: c.Bearer(), From: c.From()}
		from.Enrolment = strings.TrimSpace(in.EnrolmentToken)
		return reg.FailRegister(ctx, from, why, c.Now)
	}
}
