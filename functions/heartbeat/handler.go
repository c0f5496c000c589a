package main

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxSample bounds the sample error kept on the lease, in bytes: every sweep
// reads it.
const maxSample = 120

type request struct {
	WorkspaceID  string   `json:"workspace_id"`
	ID           string   `json:"id"` // an alias that one client's doctor sends
	ActiveTasks  *int     `json:"active_tasks"`
	ErrorRate    *float64 `json:"error_rate"`
	SampleError  string   `json:"sample_error"`
	RuntimeState string   `json:"runtime_state"`
	Uptime       float64  `json:"uptime_seconds"` // 0, as some calls have it, says nothing
	Epoch        int64    `json:"epoch"`          // as register answered
}

// incarnation is what tells this agent from a copy of it.
func (in request) incarnation(now time.Time) workspace.Instance {
	switch {
	case in.Epoch > 0:
		return workspace.OfEpoch(in.Epoch)
	case in.Uptime > 0 && in.Uptime < maxUptime:
		return workspace.BootedAt(now.Add(-time.Duration(in.Uptime * float64(time.Second))))
	}
	return workspace.Instance{}
}

// maxUptime bounds what is believed of an uptime, in seconds: ten years.
const maxUptime = 10 * 365 * 24 * 3600

type reply struct {
	Status          string           `json:"status"`
	Inbox           httpapi.Inbox    `json:"inbox"`
	NextHeartbeat   int              `json:"next_heartbeat_seconds"`
	WorkspaceStatus workspace.Status `json:"workspace_status"`
	WorkspaceReason workspace.Reason `json:"workspace_reason"`
	Action          string           `json:"action,omitempty"` // "rotate": a new credential waits, POST …/rotate gives one
}

func endpoints(env *app.Env) map[string]httpapi.Endpoint {
	return map[string]httpapi.Endpoint{"POST /registry/heartbeat": heartbeat(env.Registry)}
}

func heartbeat(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in request
		if err := r.Decode(&in); err != nil {
			return httpapi.Reply{}, err
		}
		if in.WorkspaceID == "" {
			in.WorkspaceID = in.ID
		}
		if err := workspace.CheckID(in.WorkspaceID); err != nil {
			return httpapi.Reply{}, err
		}
		if in.ActiveTasks != nil && (*in.ActiveTasks < 0 || *in.ActiveTasks > 100000) {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "active_tasks must be from 0 to 100000")
		}
		if in.ErrorRate != nil && (*in.ErrorRate < 0 || *in.ErrorRate > 1) {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "error_rate must be from 0 to 1")
		}
		f, err := reg.Signal(ctx, in.WorkspaceID, r.Bearer(), workspace.Signal{
			Kind: workspace.SignalHeartbeat, From: r.From(), Instance: in.incarnation(r.Now), ActiveTasks: in.ActiveTasks, ErrorRate: in.ErrorRate,
			SampleError: chat.Clip(in.SampleError, maxSample), Wedged: in.RuntimeState == "wedged",
		}, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if !f.Delivering(reg.Policy, r.Now) {
			reg.WakeIfDeliverable(ctx, f, "heartbeat", r.Now)
		}
		v := workspace.Assess(f, reg.Policy, r.Now)
		out := reply{
			Status: "ok", Inbox: httpapi.InboxOf(f, r.Now), NextHeartbeat: int(reg.Policy.HeartbeatEvery.Seconds()),
			WorkspaceStatus: v.Status, WorkspaceReason: v.Reason,
		}
		if f.MustRotate() {
			out.Action = "rotate"
		}
		return httpapi.OK(out)
	}
}
