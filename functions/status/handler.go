package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"net/http"

	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

//go:embed console.html
var consolePage []byte

func endpoints(env *boot.Env) map[string]httpapi.Endpoint {
	return map[string]httpapi.Endpoint{
		"GET /healthz":               health(env.Registry),
		"GET /":                      console,
		"GET /workspaces":            fleet(env.Registry),
		"GET /workspaces/{id}":       one(env.Registry),
		"GET /workspaces/{id}/state": state(env.Registry),
		"GET /workspaces/{id}/messages/{message_id}":  receipt(env.Delivery),
		"GET /workspaces/{id}/a2a/queue/{message_id}": receipt(env.Delivery),
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

func console(context.Context, httpapi.Request) (httpapi.Reply, error) {
	return httpapi.Reply{Status: http.StatusOK, HTML: consolePage}, nil
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
			return httpapi.Reply{}, fault.New(fault.Invalid, "cursor is not one this call gave")
		}
		want, cursor := workspace.Status(r.QueryStringParameters["status"]), string(raw)
		views := []httpapi.Workspace{}
		for range maxPages {
			facts, next, err := reg.Leases.Page(ctx, cursor, limit-len(views))
			if err != nil {
				return httpapi.Reply{}, err
			}
			for _, f := range facts {
				v := httpapi.WorkspaceOf(f, workspace.Profile{}, reg.Policy, r.Now)
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
		return httpapi.OK(httpapi.WorkspaceOf(f, p, reg.Policy, r.Now))
	}
}

// state ends an SDK agent for good with a 404, so it gives one only to a
// workspace that was truly removed (wire contract, section 6, point 8).
func state(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := reg.Authenticate(ctx, r.ID(), r.Bearer())
		if fault.CodeOf(err) == fault.Removed {
			return httpapi.Reply{Status: http.StatusNotFound, JSON: map[string]any{"workspace_id": r.ID(), "deleted": true}}, nil
		}
		if fault.CodeOf(err) == fault.Unknown {
			return httpapi.Reply{}, workspace.Unauthorized(r.ID(), [32]byte{1})
		}
		if err != nil {
			return httpapi.Reply{}, err
		}
		v := workspace.Assess(f, reg.Policy, r.Now)
		return httpapi.OK(map[string]any{"workspace_id": f.ID, "status": v.Status, "reason": v.Reason, "paused": f.Hold == workspace.Paused, "deleted": false})
	}
}

func receipt(d *delivery.Delivery) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := workspace.CheckID(r.ID()); err != nil {
			return httpapi.Reply{}, err
		}
		m, err := d.Message(ctx, r.ID(), r.PathParameters["message_id"])
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(httpapi.ReceiptOf(m, r.Now))
	}
}
