package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func endpoints(env *app.Env) []httpapi.Endpoint {
	messages := messages{env.Registry, env.Delivery, env.Activity}
	return []httpapi.Endpoint{
		httpapi.Handle(api.CreateWorkspace, create(env.Registry)),
		httpapi.Handle(api.Repair, repair(env.Registry)),
		httpapi.Handle(api.Revoke, revoke(env.Registry)),
		httpapi.Handle(api.Rotate, rotate(env.Registry)),
		httpapi.Handle(api.Dismiss, messages.dismiss),
		httpapi.Handle(api.Pause, hold(env.Registry, workspace.Paused)),
		httpapi.Handle(api.Resume, hold(env.Registry, workspace.NoHold)),
		httpapi.Handle(api.RemoveWorkspace, remove(env.Delivery)),
		httpapi.Handle(api.CancelMessage, messages.cancel),
		httpapi.Handle(api.CancelMail, messages.cancelMail),
		httpapi.Handle(api.RedriveMessage, messages.redrive),
		httpapi.Handle(api.Redrive, messages.redriveAll),
		httpapi.Handle(api.Probe, probe(env.Delivery, env.Activity)),
		httpapi.Handle(api.CreateEnrolment, enrol(env.Registry)),
		httpapi.Handle(api.WithdrawEnrolment, withdraw(env.Registry)),
		httpapi.Handle(api.CreateToken, createToken(env.People)),
		httpapi.Handle(api.ListTokens, listTokens(env.People)),
		httpapi.Handle(api.RevokeToken, revokeToken(env.People, env.Webhooks)),
		httpapi.Handle(api.CreateWebhook, createWebhook(env.Webhooks)),
		httpapi.Handle(api.ListWebhooks, listWebhooks(env.Webhooks)),
		httpapi.Handle(api.DeleteWebhook, deleteWebhook(env.Webhooks)),
		httpapi.Handle(api.TestWebhook, testWebhook(env.Webhooks, env.Waits)),
		httpapi.Handle(api.RotateWebhook, rotateWebhook(env.Webhooks)),
		httpapi.Handle(api.EnableWebhook, enableWebhook(env.Webhooks)),
		httpapi.Handle(api.DisableWebhook, disableWebhook(env.Webhooks)),
		httpapi.Handle(api.SweepNow, sweepNow(env.Sweeper, env.Activity)),
	}
}

// view shows a workspace after a change. It fails no call: the change is written, and a
// profile that can't be read leaves out the name.
func view(ctx context.Context, reg *registry.Registry, c httpapi.Call, f workspace.Facts) api.Workspace {
	p, _ := reg.ShownProfile(ctx, f.ID)
	return httpapi.ViewerOf(ctx, reg, c.Now, f).As(c.Caller).Workspace(f, p)
}

// done shows a workspace after an act that may have changed nothing.
func done(ctx context.Context, reg *registry.Registry, c httpapi.Call, d registry.Done) api.Changed {
	return api.Changed{Workspace: view(ctx, reg, c, d.Facts), Unchanged: d.Unchanged}
}

// actor is who calls: a person by name and the credential's public id, or an agent.
func actor(c httpapi.Call) activity.Actor {
	return activity.Actor{Who: cmp.Or(c.Caller.Person, "agent"), From: c.From(), Line: c.Caller.Line}
}

// entry is a call's audit line.
func entry(c httpapi.Call, action, format string, args ...any) activity.AuditEntry {
	return activity.AuditEntry{Actor: actor(c), Action: action, Summary: fmt.Sprintf(format, args...), At: c.Now}
}
