package main

import (
	"context"
	"net/http"
	"time"

	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// endpoints are all behind the operator credential.
func endpoints(env *boot.Env) map[string]httpapi.Endpoint {
	all := map[string]httpapi.Endpoint{
		"POST /workspaces":             create(env.Registry),
		"POST /workspaces/{id}/repair": repair(env),
		"POST /workspaces/{id}/pause":  hold(env.Registry, workspace.Paused),
		"POST /workspaces/{id}/resume": hold(env.Registry, workspace.NoHold),
		"DELETE /workspaces/{id}":      hold(env.Registry, workspace.Removed),
		"POST /workspaces/{id}/messages/{message_id}/cancel": settle(env, func(m chat.Message, now time.Time) (chat.Message, error) {
			return m.Cancel("an operator", now)
		}),
		"POST /workspaces/{id}/messages/{message_id}/redrive": redriveOne(env),
		"POST /workspaces/{id}/redrive":                       redriveAll(env),
		"POST /sweep":                                         sweep(env),
	}
	for key, next := range all {
		all[key] = func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
			if err := r.RequireOperator(env.Operator); err != nil {
				return httpapi.Reply{}, err
			}
			if id, named := r.PathParameters["id"]; named {
				if err := workspace.CheckID(id); err != nil {
					return httpapi.Reply{}, err
				}
			}
			return next(ctx, r)
		}
	}
	return all
}

type createRequest struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	Runtime          string `json:"runtime"`
	Role             string `json:"role"`
	Tier             int    `json:"tier"`
	DeliveryMode     string `json:"delivery_mode"`
	MaxTasks         int    `json:"max_concurrent_tasks"`
	Adopt            bool   `json:"adopt"`
	ResetCredentials bool   `json:"reset_credentials"`
}

type createReply struct {
	httpapi.Workspace
	Adopted   bool   `json:"adopted,omitempty"`
	AuthToken string `json:"auth_token,omitempty"`
}

func create(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in createRequest
		if err := r.Decode(&in); err != nil {
			return httpapi.Reply{}, err
		}
		mode, err := workspace.ParseMode(in.DeliveryMode)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if in.MaxTasks < 0 || in.MaxTasks > 64 {
			return httpapi.Reply{}, fault.New(fault.Invalid, "max_concurrent_tasks must be from 1 to 64")
		}
		if len(in.Name) > 200 || len(in.Role) > 200 || len(in.Runtime) > 64 {
			return httpapi.Reply{}, fault.New(fault.Invalid, "name and role have at most 200 bytes and runtime at most 64")
		}
		out, err := reg.Create(ctx, registry.New{
			ID: in.ID, Name: in.Name, Runtime: in.Runtime, Role: in.Role, Tier: in.Tier, Mode: mode, MaxTasks: in.MaxTasks, Adopt: in.Adopt, ResetCredentials: in.ResetCredentials,
		}, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		reply := httpapi.Reply{Status: http.StatusCreated}
		if out.Adopted {
			reply.Status = http.StatusOK
		}
		view := httpapi.WorkspaceOf(out.Facts, workspace.Profile{Name: in.Name, Runtime: in.Runtime, Role: in.Role, Tier: in.Tier}, reg.Policy, r.Now)
		reply.JSON = createReply{view, out.Adopted, out.AuthToken}
		return reply, nil
	}
}

func repair(env *boot.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, revoked, err := env.Registry.Repair(ctx, r.ID(), r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		env.Log.Info("audit", "action", "repair", "workspace", r.ID(), "revoked", revoked, "from", r.From())
		return httpapi.OK(map[string]any{
			"workspace_id": r.ID(), "revoked": revoked, "bootstrap_until": f.BootstrapUntil,
			"next": "restart the agent so that it registers again before bootstrap_until; it is given a new credential",
		})
	}
}

func hold(reg *registry.Registry, h workspace.Hold) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := reg.Hold(ctx, r.ID(), h, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		reg.RingIfMail(ctx, f, "resume", r.Now)
		return httpapi.OK(httpapi.WorkspaceOf(f, workspace.Profile{}, reg.Policy, r.Now))
	}
}

func settle(env *boot.Env, change func(chat.Message, time.Time) (chat.Message, error)) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := env.Registry.Read(ctx, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		m, err := env.Delivery.Settle(ctx, r.ID(), r.PathParameters["message_id"], func(m chat.Message) (chat.Message, error) { return change(m, r.Now) })
		if err != nil {
			return httpapi.Reply{}, err
		}
		if m.State.Open() {
			f.Open++
			env.Registry.RingIfMail(ctx, f, "redrive", r.Now)
		}
		return httpapi.OK(httpapi.ReceiptOf(m, r.Now))
	}
}

type redriveRequest struct {
	DryRun bool `json:"dry_run"`
}

// redriveOne puts back one dead message, or says whether it would.
func redriveOne(env *boot.Env) httpapi.Endpoint {
	redrive := func(m chat.Message, now time.Time) (chat.Message, error) { return m.Redrive(env.Delivery.Policy, now) }
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in redriveRequest
		if r.Body != "" {
			if err := r.Decode(&in); err != nil {
				return httpapi.Reply{}, err
			}
		}
		if !in.DryRun {
			return settle(env, redrive)(ctx, r)
		}
		m, err := env.Delivery.Message(ctx, r.ID(), r.PathParameters["message_id"])
		if err != nil {
			return httpapi.Reply{}, err
		}
		if _, err := redrive(m, r.Now); err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(httpapi.ReceiptOf(m, r.Now))
	}
}

// redriveAll puts back every dead message of a workspace, or says which it would.
func redriveAll(env *boot.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in redriveRequest
		if r.Body != "" {
			if err := r.Decode(&in); err != nil {
				return httpapi.Reply{}, err
			}
		}
		f, err := env.Registry.Read(ctx, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		ms, err := env.Delivery.RedriveAll(ctx, r.ID(), in.DryRun, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if !in.DryRun {
			f.Open += int64(len(ms))
			env.Registry.RingIfMail(ctx, f, "redrive", r.Now)
		}
		receipts := make([]httpapi.Receipt, 0, len(ms))
		for _, m := range ms {
			receipts = append(receipts, httpapi.ReceiptOf(m, r.Now))
		}
		return httpapi.OK(map[string]any{"dry_run": in.DryRun, "messages": receipts})
	}
}

// sweep runs one sweep at once, for an operator who doesn't want to wait for
// the next minute; it is the sweeper's own code.
func sweep(env *boot.Env) httpapi.Endpoint {
	return func(ctx context.Context, _ httpapi.Request) (httpapi.Reply, error) {
		out, err := env.Delivery.Sweep(ctx)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(out)
	}
}
