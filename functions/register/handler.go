package main

import (
	"context"
	"encoding/json"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxCard bounds an agent card in bytes; it is stored and shown, never parsed further.
const maxCard = 64 << 10

type request struct {
	ID           string          `json:"id"`
	URL          string          `json:"url"`
	DeliveryMode string          `json:"delivery_mode"`
	Runtime      string          `json:"runtime"`
	AgentCard    json.RawMessage `json:"agent_card"`
	Enrolment    string          `json:"enrolment_token"`
}

type reply struct {
	Status          string         `json:"status"`
	DeliveryMode    workspace.Mode `json:"delivery_mode"`
	DeliveryReason  string         `json:"delivery_reason"`
	AuthToken       string         `json:"auth_token,omitempty"`
	Epoch           int64          `json:"epoch"`
	Inbox           httpapi.Inbox  `json:"inbox"`
	NextHeartbeat   int            `json:"next_heartbeat_seconds"`
	WorkspaceStatus string         `json:"workspace_status"`
}

func endpoints(env *app.Env) map[string]httpapi.Endpoint {
	return map[string]httpapi.Endpoint{"POST /registry/register": register(env.Registry), "POST /registry/update-card": updateCard(env.Registry)}
}

func register(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in request
		if err := r.Decode(&in); err != nil {
			return httpapi.Reply{}, err
		}
		if err := workspace.CheckID(in.ID); err != nil {
			return httpapi.Reply{}, err
		}
		mode, err := workspace.ParseMode(in.DeliveryMode)
		if err != nil {
			return httpapi.Reply{}, err
		}
		name, err := cardName(in.AgentCard)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if len(in.Enrolment) > token.MaxLen {
			return httpapi.Reply{}, registry.EnrolmentUnknown()
		}
		out, err := reg.Register(ctx, registry.Registration{
			ID: in.ID, Credential: r.Bearer(), Enrolment: in.Enrolment, From: r.From(), Mode: mode, URL: in.URL, Name: name, Runtime: in.Runtime, Card: in.AgentCard,
		}, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		d := workspace.EffectiveMode(out.Facts, reg.Policy, r.Now)
		return httpapi.OK(reply{
			Status: "registered", DeliveryMode: d.Effective, DeliveryReason: d.Reason, AuthToken: out.AuthToken, Epoch: out.Facts.Epoch,
			Inbox: httpapi.InboxOf(out.Facts, r.Now), NextHeartbeat: int(reg.Policy.HeartbeatEvery.Seconds()),
			WorkspaceStatus: string(workspace.Assess(out.Facts, reg.Policy, r.Now).Status),
		})
	}
}

type cardRequest struct {
	WorkspaceID string          `json:"workspace_id"`
	ID          string          `json:"id"`
	AgentCard   json.RawMessage `json:"agent_card"`
}

func updateCard(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in cardRequest
		if err := r.Decode(&in); err != nil {
			return httpapi.Reply{}, err
		}
		if in.WorkspaceID == "" {
			in.WorkspaceID = in.ID
		}
		name, err := cardName(in.AgentCard)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if len(in.AgentCard) == 0 || string(in.AgentCard) == "null" {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "agent_card must be an object")
		}
		if _, err := reg.SetCard(ctx, in.WorkspaceID, r.Bearer(), r.From(), name, in.AgentCard, r.Now); err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(map[string]string{"status": "updated"})
	}
}

func cardName(card json.RawMessage) (string, error) {
	if len(card) > maxCard {
		return "", fault.New(fault.TooLarge, "agent_card has %d bytes; at most %d are taken", len(card), maxCard)
	}
	if len(card) == 0 || string(card) == "null" {
		return "", nil
	}
	var c struct {
		Name string `json:"name"`
	}
	if err := httpapi.DecodeJSON(card, "", &c); err != nil {
		return "", fault.New(fault.InvalidRequest, "agent_card must be an object whose name, if any, is a string")
	}
	return c.Name, nil
}
