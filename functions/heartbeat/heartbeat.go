package main

import (
	"cmp"
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/api"
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

// maxUptime bounds what is believed of an uptime, in seconds: ten years.
const maxUptime = 10 * 365 * 24 * 3600

func endpoints(env *app.Env) []httpapi.Endpoint {
	return []httpapi.Endpoint{httpapi.Handle(api.Heartbeat, heartbeat(env.Registry))}
}

func heartbeat(reg *registry.Registry) func(context.Context, httpapi.Call, api.HeartbeatRequest) (api.Beat, error) {
	return func(ctx context.Context, c httpapi.Call, in api.HeartbeatRequest) (api.Beat, error) {
		id := cmp.Or(in.WorkspaceID, in.ID) // one client's doctor sends id
		if err := check(id, in); err != nil {
			return api.Beat{}, err
		}
		f, err := reg.Signal(ctx, id, c.Bearer(), workspace.Signal{
			Kind: workspace.SignalHeartbeat, From: c.From(), Instance: instance(in, c.Now),
			ActiveTasks: in.ActiveTasks, ErrorRate: in.ErrorRate,
			SampleError: chat.Clip(in.SampleError, maxSample), Wedged: in.RuntimeState == "wedged",
		}, c.Now)
		if err != nil {
			return api.Beat{}, err
		}
		if !f.Delivering(reg.Policy, c.Now) {
			reg.WakeIfDeliverable(ctx, f, "heartbeat", c.Now)
		}
		v := workspace.Assess(f, reg.Policy, c.Now)
		out := api.Beat{
			Status: "ok", Inbox: httpapi.InboxOf(f, c.Now), NextHeartbeat: int(reg.Policy.HeartbeatEvery.Seconds()),
			WorkspaceStatus: v.Status, WorkspaceReason: v.Reason,
		}
		if f.MustRotate() {
			out.Action = "rotate"
		}
		return out, nil
	}
}

// check bounds a heartbeat. Errors: invalid_workspace_id, invalid_request.
func check(id string, in api.HeartbeatRequest) error {
	if err := workspace.CheckID(id); err != nil {
		return err
	}
	if in.ActiveTasks != nil && (*in.ActiveTasks < 0 || *in.ActiveTasks > 100000) {
		return fault.New(fault.InvalidRequest, "active_tasks must be from 0 to 100000")
	}
	if in.ErrorRate != nil && (*in.ErrorRate < 0 || *in.ErrorRate > 1) {
		return fault.New(fault.InvalidRequest, "error_rate must be from 0 to 1")
	}
	return nil
}

// instance is what tells this agent from a copy of it.
func instance(in api.HeartbeatRequest, now time.Time) workspace.Instance {
	switch {
	case in.Epoch > 0:
		return workspace.OfEpoch(in.Epoch)
	case in.Uptime > 0 && in.Uptime < maxUptime:
		return workspace.BootedAt(now.Add(-time.Duration(in.Uptime * float64(time.Second))))
	}
	return workspace.Instance{}
}
