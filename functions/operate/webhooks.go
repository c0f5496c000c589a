package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

// keepSecret says what to do with a secret that is shown once.
const keepSecret = "have the receiver verify the events with the secret, then send it one with rollcall webhook test "

func createWebhook(
	hooks *webhook.Service,
) func(context.Context, httpapi.Call, api.WebhookRequest) (api.CreatedWebhook, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WebhookRequest) (api.CreatedWebhook, error) {
		h, err := hooks.Create(ctx, in.URL, in.Statuses, actor(c))
		if err != nil {
			return api.CreatedWebhook{}, err
		}
		if err = c.StillAdmitted(ctx); err != nil { // its maker was revoked meanwhile, and that did not see it
			_, undone := hooks.Delete(ctx, h.ID, activity.Actor{Who: "rollcall"})
			return api.CreatedWebhook{}, errors.Join(err, undone)
		}
		return api.CreatedWebhook{Webhook: webhookOf(h, h.Last), Secret: h.Secret, Next: keepSecret + h.ID}, nil
	}
}

func listWebhooks(hooks *webhook.Service) func(context.Context, httpapi.Call, api.None) (api.Webhooks, error) {
	return func(ctx context.Context, _ httpapi.Call, _ api.None) (api.Webhooks, error) {
		all, err := hooks.Store.Hooks(ctx)
		if err != nil {
			return api.Webhooks{}, err
		}
		latest, err := hooks.Log.LatestChange(ctx)
		slices.SortFunc(all, func(a, b webhook.Hook) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		out := api.Webhooks{Webhooks: make([]api.Webhook, 0, len(all))}
		for _, h := range all {
			out.Webhooks = append(out.Webhooks, webhookOf(h, latest))
		}
		return out, err
	}
}

func deleteWebhook(hooks *webhook.Service) func(context.Context, httpapi.Call, api.WebhookPath) (api.Webhook, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WebhookPath) (api.Webhook, error) {
		return viewAfter(ctx, hooks, func() (webhook.Hook, error) { return hooks.Delete(ctx, in.WebhookID, actor(c)) })
	}
}

// testWebhook waits for the receiver in a place of its caller.
func testWebhook(
	hooks *webhook.Service, waits waiting.Places,
) func(context.Context, httpapi.Call, api.WebhookPath) (api.TestedWebhook, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WebhookPath) (api.TestedWebhook, error) {
		place := waits.For(c.Waiter())
		if err := place.Take(ctx); err != nil {
			return api.TestedWebhook{}, err
		}
		defer place.GiveBack(ctx)
		out, err := hooks.Test(ctx, in.WebhookID)
		return api.TestedWebhook{
			WebhookID: in.WebhookID, Status: out.Status, Hint: out.Doubt, Next: out.Hook.Resume(),
		}, err
	}
}

func rotateWebhook(
	hooks *webhook.Service,
) func(context.Context, httpapi.Call, api.WebhookPath) (api.CreatedWebhook, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WebhookPath) (api.CreatedWebhook, error) {
		var h webhook.Hook
		view, err := viewAfter(ctx, hooks, func() (_ webhook.Hook, err error) {
			h, err = hooks.Rotate(ctx, in.WebhookID, actor(c))
			return h, err
		})
		return api.CreatedWebhook{Webhook: view, Secret: h.Secret, Next: keepSecret + h.ID}, err
	}
}

func enableWebhook(
	hooks *webhook.Service,
) func(context.Context, httpapi.Call, api.EnableWebhookRequest) (api.EnabledWebhook, error) {
	return func(ctx context.Context, c httpapi.Call, in api.EnableWebhookRequest) (api.EnabledWebhook, error) {
		var h webhook.Hook
		view, err := viewAfter(ctx, hooks, func() (_ webhook.Hook, err error) {
			h, err = hooks.Enable(ctx, in.WebhookID, in.FromNow, actor(c))
			if err != nil {
				return h, err
			}
			if err = c.StillAdmitted(ctx); err != nil { // who enabled it was revoked meanwhile, perhaps with it
				_, undone := hooks.Disable(ctx, h.ID, activity.Actor{Who: "rollcall"})
				return h, errors.Join(err, undone)
			}
			return h, nil
		})
		return api.EnabledWebhook{Webhook: view, Next: h.Inherited()}, err
	}
}

func disableWebhook(hooks *webhook.Service) func(context.Context, httpapi.Call, api.WebhookPath) (api.Webhook, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WebhookPath) (api.Webhook, error) {
		return viewAfter(ctx, hooks, func() (webhook.Hook, error) { return hooks.Disable(ctx, in.WebhookID, actor(c)) })
	}
}

// viewAfter is the view of a webhook after an act. The log is read first: when that fails, nothing is done.
func viewAfter(ctx context.Context, hooks *webhook.Service, act func() (webhook.Hook, error)) (api.Webhook, error) {
	latest, err := hooks.Log.LatestChange(ctx)
	if err != nil {
		return api.Webhook{}, err
	}
	h, err := act()
	return webhookOf(h, latest), err
}

// webhookOf makes the view of a webhook; the log is at latest.
func webhookOf(h webhook.Hook, latest int64) api.Webhook {
	out := api.Webhook{
		WebhookID: h.ID, URL: h.URL, Statuses: append([]workspace.Status{}, h.Statuses...), CreatedAt: h.CreatedAt,
		CreatedBy: h.CreatedBy, State: string(h.State()), Last: h.Last, Behind: max(0, latest-h.Last), Missed: h.Missed,
		TakenAt: h.TakenAt, Failures: h.Failures, FailingSince: h.FailingSince, LastStatus: h.LastStatus,
		NextTry: h.NextTry, DisabledAt: h.DisabledAt,
	}
	out.Problem, out.Command = h.Problem(latest)
	switch h.State() {
	case webhook.Failing:
		out.Reason = h.LastError
	case webhook.Disabled:
		out.Reason, out.NextTry = h.Disabled, time.Time{}
	}
	return out
}
