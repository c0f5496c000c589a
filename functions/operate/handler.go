package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// endpoints are all behind the operator credential, but rotate: that an agent
// may ask for itself.
func endpoints(env *app.Env) map[string]httpapi.Endpoint {
	all := map[string]httpapi.Endpoint{
		"POST /workspaces":             create(env.Registry),
		"POST /workspaces/{id}/repair": repair(env.Registry),
		"POST /workspaces/{id}/revoke": revoke(env.Registry),
		"POST /workspaces/{id}/pause":  hold(env.Registry, workspace.Paused),
		"POST /workspaces/{id}/resume": hold(env.Registry, workspace.NoHold),
		"DELETE /workspaces/{id}":      hold(env.Registry, workspace.Removed),
		"POST /workspaces/{id}/messages/{message_id}/cancel": changeMessage(env, "cancel", func(ctx context.Context, id, mid string, now time.Time) (chat.Message, error) {
			return env.Delivery.Cancel(ctx, id, mid, "an operator", now)
		}),
		"POST /workspaces/{id}/messages/{message_id}/redrive": redriveOne(env),
		"POST /workspaces/{id}/redrive":                       redriveAll(env),
		"POST /workspaces/{id}/probe":                         probe(env),
		"POST /enrolments":                                    enrol(env.Registry),
		"DELETE /enrolments/{enrolment_id}":                   withdraw(env.Registry),
		"POST /sweep":                                         sweepNow(env),
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
	all["POST /workspaces/{id}/rotate"] = rotate(env)
	return all
}

// by is the operator, told from another by the credential's public id.
func by(r httpapi.Request) activity.Actor {
	return activity.Actor{Who: "operator " + token.Name(r.Bearer()), From: r.From()}
}

// entry is an audit line of a call.
func entry(r httpapi.Request, action, format string, args ...any) activity.AuditEntry {
	return activity.AuditEntry{Actor: by(r), Action: action, Summary: fmt.Sprintf(format, args...), At: r.Now}
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
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "max_concurrent_tasks must be from 1 to 64")
		}
		if len(in.Name) > 200 || len(in.Role) > 200 || len(in.Runtime) > 64 {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "name and role have at most 200 bytes and runtime at most 64")
		}
		out, err := reg.Create(ctx, registry.CreateInput{
			ID: in.ID, Name: in.Name, Runtime: in.Runtime, Role: in.Role, Tier: in.Tier, Mode: mode, MaxTasks: in.MaxTasks, Adopt: in.Adopt, ResetCredentials: in.ResetCredentials,
			By: by(r),
		}, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		reply := httpapi.Reply{Status: http.StatusCreated}
		if out.Adopted {
			reply.Status = http.StatusOK
		}
		view := httpapi.ViewerOf(ctx, reg, r.Now, out.Facts).Workspace(out.Facts, workspace.Profile{Name: in.Name, Runtime: in.Runtime, Role: in.Role, Tier: in.Tier})
		reply.JSON = createReply{view, out.Adopted, out.AuthToken}
		return reply, nil
	}
}

type repairRequest struct {
	From string `json:"from"` // the agent's network address; "": whoever registers first
}

func repair(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in repairRequest
		if err := r.DecodeAny(&in); err != nil {
			return httpapi.Reply{}, err
		}
		if in.From != "" {
			addr, err := netip.ParseAddr(in.From)
			if err != nil {
				return httpapi.Reply{}, fault.New(fault.InvalidRequest, "from must be the network address that the agent calls from")
			}
			in.From = addr.String()
		}
		f, revoked, err := reg.Repair(ctx, r.ID(), in.From, by(r), r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		out := map[string]any{
			"workspace_id": r.ID(), "revoked": revoked, "bootstrap_until": f.BootstrapUntil,
			"next": "restart the agent so that it registers again before bootstrap_until; it is given a new credential",
		}
		if in.From != "" {
			out["from"] = in.From
		}
		return httpapi.OK(out)
	}
}

func revoke(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		_, revoked, err := reg.Revoke(ctx, r.ID(), by(r), r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(map[string]any{
			"workspace_id": r.ID(), "revoked": revoked,
			"next": "nobody holds a valid credential now; POST /workspaces/" + r.ID() + "/repair lets the agent in again",
		})
	}
}

// rotate issues a second credential, to the operator or to the agent itself.
func rotate(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := workspace.CheckID(r.ID()); err != nil {
			return httpapi.Reply{}, err
		}
		who := by(r)
		if !token.Digest(r.Bearer()).Matches(env.Operator) {
			if _, err := env.Registry.AuthenticateCall(ctx, r.ID(), r.Bearer(), r.From(), r.Now); err != nil {
				return httpapi.Reply{}, err
			}
			who.Who = "agent"
		}
		_, text, err := env.Registry.Rotate(ctx, r.ID(), who, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(map[string]any{
			"workspace_id": r.ID(), "auth_token": text,
			"next": "give the agent this credential; the one it uses stays valid until this one is used for the first time. An agent that heeds action: rotate in its heartbeat's answer fetches one of its own, which takes this one's place",
		})
	}
}

type enrolRequest struct {
	WorkspaceID string `json:"workspace_id"`
	Uses        *int   `json:"uses"`
	Seconds     *int   `json:"expires_in_seconds"`
}

// enrolDays is how many days an enrolment token lasts when the call doesn't say.
const enrolDays = 1

func enrol(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in enrolRequest
		if err := r.DecodeAny(&in); err != nil {
			return httpapi.Reply{}, err
		}
		uses, lasts := 1, enrolDays*24*time.Hour
		if in.Uses != nil {
			uses = *in.Uses
		}
		if in.Seconds != nil {
			lasts = time.Duration(*in.Seconds) * time.Second
		}
		text, e, err := reg.Enrol(ctx, in.WorkspaceID, uses, lasts, by(r), r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.Reply{Status: http.StatusCreated, JSON: map[string]any{
			"enrolment_id": e.ID, "enrolment_token": text, "workspace_id": e.Workspace, "uses": e.Uses, "expires_at": e.Until,
			"next": "the agent sends it as enrolment_token when it registers, and is given its credential",
		}}, nil
	}
}

func withdraw(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		id := r.PathParameters["enrolment_id"]
		if err := reg.Enrolments.Withdraw(ctx, id, entry(r, "enrolment_withdrawn", "enrolment %s withdrawn", id)); err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(map[string]string{"enrolment_id": id, "status": "withdrawn"})
	}
}

func hold(reg *registry.Registry, h workspace.Hold) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := reg.Hold(ctx, r.ID(), h, by(r), r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		reg.WakeIfDeliverable(ctx, f, "resume", r.Now)
		return httpapi.OK(httpapi.ViewerOf(ctx, reg, r.Now, f).Workspace(f, workspace.Profile{}))
	}
}

// probe sends a message that says nothing, whose receipt tells whether mail
// reaches the agent.
func probe(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := activity.Audit(ctx, env.Activity, r.ID(), entry(r, "probe", "probed")); err != nil {
			return httpapi.Reply{}, err
		}
		out, err := env.Delivery.Probe(ctx, r.ID(), r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		m := out.Message
		return httpapi.Reply{Status: http.StatusAccepted, JSON: map[string]any{
			"workspace_id": m.Workspace, "message_id": m.ID, "receipt": "/workspaces/" + m.Workspace + "/messages/" + m.ID, "expires_at": m.ExpiresAt,
			"expected": out.Expected, "delivery_mode": out.Mode.Effective, "workspace_status": out.Verdict.Status, "workspace_reason": out.Verdict.Reason,
		}}, nil
	}
}

func changeMessage(env *app.Env, action string, change func(ctx context.Context, id, mid string, now time.Time) (chat.Message, error)) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		f, err := env.Registry.Read(ctx, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		mid := r.PathParameters["message_id"]
		if err := activity.Audit(ctx, env.Activity, r.ID(), entry(r, action, "asked to %s message %s", action, mid)); err != nil {
			return httpapi.Reply{}, err
		}
		m, err := change(ctx, r.ID(), mid, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if m.State.Open() {
			f.Open++
			env.Registry.WakeIfDeliverable(ctx, f, "redrive", r.Now)
		}
		return httpapi.OK(httpapi.ReceiptOf(m, r.Now))
	}
}

type redriveRequest struct {
	DryRun bool `json:"dry_run"`
}

// redriveOne puts back one dead message, or says whether it would.
func redriveOne(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in redriveRequest
		if err := r.DecodeAny(&in); err != nil {
			return httpapi.Reply{}, err
		}
		if !in.DryRun {
			return changeMessage(env, "redrive", env.Delivery.Redrive)(ctx, r)
		}
		m, err := env.Delivery.Message(ctx, r.ID(), r.PathParameters["message_id"])
		if err != nil {
			return httpapi.Reply{}, err
		}
		if _, err := m.Redrive(env.Delivery.Policy, r.Now); err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(httpapi.ReceiptOf(m, r.Now))
	}
}

// redriveAll puts back every dead message of a workspace, or says which it would.
func redriveAll(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in redriveRequest
		if err := r.DecodeAny(&in); err != nil {
			return httpapi.Reply{}, err
		}
		f, err := env.Registry.Read(ctx, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		if !in.DryRun {
			if err := activity.Audit(ctx, env.Activity, r.ID(), entry(r, "redrive", "asked to redrive every dead message")); err != nil {
				return httpapi.Reply{}, err
			}
		}
		ms, err := env.Delivery.RedriveAll(ctx, r.ID(), in.DryRun, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if !in.DryRun {
			f.Open += int64(len(ms))
			env.Registry.WakeIfDeliverable(ctx, f, "redrive", r.Now)
		}
		receipts := make([]httpapi.Receipt, 0, len(ms))
		for _, m := range ms {
			receipts = append(receipts, httpapi.ReceiptOf(m, r.Now))
		}
		return httpapi.OK(map[string]any{"dry_run": in.DryRun, "messages": receipts})
	}
}

// sweepNow runs one sweep at once, for an operator who doesn't want to wait for
// the next minute; it is the sweeper's own code.
func sweepNow(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := activity.Audit(ctx, env.Activity, activity.PlatformID, entry(r, "sweep", "asked for a sweep")); err != nil {
			return httpapi.Reply{}, err
		}
		out, err := env.Sweeper.Sweep(ctx)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(out)
	}
}
