package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

//go:embed console.html
var consolePage []byte

func endpoints(env *app.Env) map[string]httpapi.Endpoint {
	callers := httpapi.Callers{Registry: env.Registry, Operator: env.Operator}
	return map[string]httpapi.Endpoint{
		"GET /healthz":                                health(env.Registry),
		"GET /":                                       page(func() ([]byte, error) { return consolePage, nil }),
		"GET /openapi.json":                           document,
		"GET /docs":                                   page(docsPage),
		"GET /workspaces":                             fleet(env.Registry),
		"GET /workspaces/{id}":                        one(env.Registry),
		"GET /workspaces/{id}/state":                  state(env),
		"GET /workspaces/{id}/explain":                explain(env.Registry),
		"GET /workspaces/{id}/messages":               messages(env, callers),
		"GET /workspaces/{id}/messages/{message_id}":  receipt(env, callers, func(m chat.Message, now time.Time) any { return httpapi.ReceiptOf(m, now) }),
		"GET /workspaces/{id}/a2a/queue/{message_id}": receipt(env, callers, func(m chat.Message, now time.Time) any { return httpapi.QueueStatusOf(m, now) }),
		"GET /workspaces/{id}/delegations":            delegations(env),
		"GET /workspaces/{id}/history":                history(env),
		"GET /events":                                 events(env.StatusLog),
		"GET /audit":                                  audit(env),
		"GET /registry/discover/{id}":                 discover(env.Registry, callers),
		"GET /registry/{id}/peers":                    peers(env.Registry),
		httpapi.CatchAll:                              rest,
	}
}

// health answers 200 only when the store answers.
func health(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, _ httpapi.Request) (httpapi.Reply, error) {
		if _, _, err := reg.Leases.Page(ctx, "", 1); err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(map[string]string{"status": "ok"})
	}
}

func page(html func() ([]byte, error)) httpapi.Endpoint {
	return func(context.Context, httpapi.Request) (httpapi.Reply, error) {
		body, err := html()
		return httpapi.Reply{Status: http.StatusOK, HTML: body}, err
	}
}

// maxPages bounds how much of the fleet one call reads through when a filter
// lets little pass; the cursor goes on from there.
const maxPages = 20

func fleet(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		limit, err := r.IntQuery("limit", 100, 1, 500)
		if err != nil {
			return httpapi.Reply{}, err
		}
		raw, err := base64.RawURLEncoding.DecodeString(r.QueryStringParameters["cursor"])
		if err != nil || (len(raw) > 0 && workspace.CheckID(string(raw)) != nil) {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "cursor is not one this call gave")
		}
		want, cursor := workspace.Status(r.QueryStringParameters["status"]), string(raw)
		views := []httpapi.Workspace{}
		for range maxPages {
			facts, next, err := reg.Leases.Page(ctx, cursor, limit-len(views))
			if err != nil {
				return httpapi.Reply{}, err
			}
			profiles, err := reg.Profiles.Profiles(ctx, idsOf(facts)...)
			if err != nil {
				return httpapi.Reply{}, err
			}
			view := httpapi.ViewerOf(ctx, reg, r.Now, facts...)
			for _, f := range facts {
				v := view.Workspace(f, profiles[f.ID])
				if (want == "" && v.Status != workspace.StatusRemoved) || v.Status == want {
					views = append(views, v)
				}
			}
			if cursor = next; cursor == "" || len(views) >= limit {
				break
			}
		}
		var next *string
		if cursor != "" {
			c := base64.RawURLEncoding.EncodeToString([]byte(cursor))
			next = &c
		}
		return httpapi.OK(map[string]any{"workspaces": views, "next": next})
	}
}

func one(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := reg.Read(ctx, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		p, err := reg.Profiles.Profile(ctx, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(httpapi.ViewerOf(ctx, reg, r.Now, f).Workspace(f, p))
	}
}

func idsOf(facts []workspace.Facts) []string {
	ids := make([]string, 0, len(facts))
	for _, f := range facts {
		ids = append(ids, f.ID)
	}
	return ids
}

// explain puts the status in a person's words: JSON, or plain text to a caller
// that asks for it.
func explain(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := reg.Read(ctx, r.ID())
		if err != nil && fault.CodeOf(err) != fault.WorkspaceRemoved {
			return httpapi.Reply{}, err
		}
		e := httpapi.ViewerOf(ctx, reg, r.Now, f).Explanation(f)
		if strings.HasPrefix(r.Header("accept"), "text/plain") || r.QueryStringParameters["format"] == "text" {
			return httpapi.Reply{Status: http.StatusOK, Text: e.Text()}, nil
		}
		return httpapi.OK(e)
	}
}

// state ends an SDK agent for good with a 404, so it gives one only to a
// workspace that was truly removed (wire contract, section 6, point 8).
func state(env *app.Env) httpapi.Endpoint {
	reg := env.Registry
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := reg.AuthenticateCall(ctx, r.ID(), r.Bearer(), r.From(), r.Now)
		switch fault.CodeOf(err) {
		case "":
		case fault.WorkspaceRemoved:
			return httpapi.Reply{Status: http.StatusNotFound, JSON: map[string]any{"workspace_id": r.ID(), "deleted": true}}, nil
		case fault.WorkspaceUnknown:
			return httpapi.Reply{}, workspace.UnauthorizedError(r.ID(), token.Digest(r.Bearer()))
		default:
			return httpapi.Reply{}, err
		}
		v := workspace.Assess(f, reg.Policy, r.Now)
		return httpapi.OK(map[string]any{"workspace_id": f.ID, "status": v.Status, "reason": v.Reason, "paused": f.Hold == workspace.Paused, "deleted": false})
	}
}

// messages lists receipts, newest first: all to the workspace itself and the
// operator, their own to other senders.
func messages(env *app.Env, callers httpapi.Callers) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		limit, err := r.IntQuery("limit", 100, 1, 500)
		if err != nil {
			return httpapi.Reply{}, err
		}
		below, err := base64.RawURLEncoding.DecodeString(r.QueryStringParameters["cursor"])
		if err != nil {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "cursor is not one this call gave")
		}
		state := chat.State(r.QueryStringParameters["state"])
		if state != "" && !state.Known() {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "state must be queued, in_flight, delivered, expired, cancelled or dead")
		}
		who, err := callers.Identify(ctx, r)
		if err == nil && who == (httpapi.Caller{}) && env.Config.Chat != app.ChatOpen {
			_, err = callers.IdentifyWorkspace(ctx, r)
		}
		if err != nil {
			return httpapi.Reply{}, err
		}
		if _, err := env.Registry.Read(ctx, r.ID()); err != nil && fault.CodeOf(err) != fault.WorkspaceRemoved {
			return httpapi.Reply{}, err // the mail of a removed workspace can still be followed
		}
		s := delivery.Selection{State: state, Below: string(below), Limit: limit}
		if !who.Operator && who.Workspace != r.ID() {
			s.Source = &who.Workspace
		}
		ms, next, err := env.Delivery.List(ctx, r.ID(), s)
		if err != nil {
			return httpapi.Reply{}, err
		}
		out := struct {
			Messages []httpapi.Receipt `json:"messages"`
			Next     *string           `json:"next"`
		}{Messages: make([]httpapi.Receipt, 0, len(ms))}
		for _, m := range ms {
			out.Messages = append(out.Messages, httpapi.ReceiptOf(m, r.Now))
		}
		if next != "" {
			cursor := base64.RawURLEncoding.EncodeToString([]byte(next))
			out.Next = &cursor
		}
		return httpapi.OK(out)
	}
}

// receipt shows a message to its sender, its receiver and the operator; to
// another it doesn't exist (wire contract, section 5, "no right = 404").
func receipt(env *app.Env, callers httpapi.Callers, view func(chat.Message, time.Time) any) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := workspace.CheckID(r.ID()); err != nil {
			return httpapi.Reply{}, err
		}
		who, err := callers.Identify(ctx, r)
		if err != nil {
			return httpapi.Reply{}, err
		}
		m, err := env.Delivery.Message(ctx, r.ID(), r.PathParameters["message_id"])
		if err != nil {
			return httpapi.Reply{}, err
		}
		user := who == (httpapi.Caller{}) && env.Config.Chat == app.ChatOpen
		if !user && !who.Operator && (who.Workspace == "" || (who.Workspace != m.Workspace && who.Workspace != m.Source)) {
			return httpapi.Reply{}, delivery.UnknownMessageError()
		}
		return httpapi.OK(view(m, r.Now))
	}
}
