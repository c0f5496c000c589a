package main

import (
	"cmp"
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func endpoints(env *app.Env) []httpapi.Endpoint {
	return []httpapi.Endpoint{httpapi.Handle(api.Heartbeat, heartbeat(env.Registry))}
}

func heartbeat(reg *registry.Registry) func(context.Context, httpapi.Call, api.HeartbeatRequest) (api.Beat, error) {
	return func(ctx context.Context, c httpapi.Call, in api.HeartbeatRequest) (api.Beat, error) {
		id := cmp.Or(in.WorkspaceID, in.ID) // one client's doctor sends id
		if err := workspace.CheckNamed("workspace_id", id); err != nil {
			return api.Beat{}, err
		}
		signal, dropped := readMetrics(in, c.Now)
		signal.From = c.From()
		f, err := reg.Signal(ctx, id, c.Bearer(), signal, c.Now)
		if err != nil {
			return api.Beat{}, err
		}
		if !f.Delivering(reg.Policy, c.Now) {
			reg.WakeIfDeliverable(ctx, f, "heartbeat", c.Now)
		}
		status, reason := workspace.Fleet{}.Stands(f, reg.Policy, c.Now)
		out := api.Beat{
			Status: "ok", Inbox: httpapi.InboxOf(f, c.Now),
			NextHeartbeat:   int(reg.NextBeat(ctx, f, c.Now).Seconds()),
			WorkspaceStatus: status, WorkspaceReason: reason, Dropped: dropped,
		}
		if f.CallsTooSeldom(reg.Policy, c.Now) {
			out.Hint = f.SeldomWords(reg.Policy) + ": it counts as offline in between; call again in as many seconds as " +
				"next_heartbeat_seconds says, also while you work"
		}
		switch {
		case f.MustRotate():
			out.Action = "rotate"
		case f.MustRegister(signal.Instance, reg.Policy, c.Now):
			out.Action = "register"
		}
		return out, nil
	}
}
