package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

// hook is a new webhook, with every field set.
func hook() webhook.Hook {
	return webhook.Hook{
		ID: uuid.NewString(), URL: "https://example.com/hook", Statuses: []workspace.Status{workspace.StatusOffline},
		Secret: "whsec_bmV3", Former: "whsec_b2xk", FormerUntil: t0.Add(time.Hour), CreatedAt: t0, CreatedBy: "ana",
		SecretTo: "bob", FormerTo: "ana",
		Last: 7, Missed: 2, TakenAt: t0, Failures: 3, FailingSince: t0, LastStatus: 500, LastError: "it answered HTTP 500",
		NextTry: t0.Add(time.Minute), DisabledAt: t0, Disabled: "an operator disabled it", ClaimedUntil: t0, Version: 1,
	}
}

// webhooks is webhook.Store.
func (c contract) webhooks(t T) {
	made := activity.AuditEntry{Action: "webhook_created", At: t0}
	t.Run("what is stored is read back and listed", func(t T) {
		h := hook()
		must(t, c.AddHook(t.Context(), h, made))
		got, err := c.Hook(t.Context(), h.ID)
		must(t, err)
		same(t, h, got)
		all, err := c.Hooks(t.Context())
		must(t, err)
		var listed webhook.Hook
		for _, one := range all {
			if one.ID == h.ID {
				listed = one
			}
		}
		same(t, h, listed)
		wantCode(t, c.AddHook(t.Context(), h, made), fault.Conflict)
		there, err := c.AnyHook(t.Context())
		must(t, err)
		same(t, true, there)
		must(t, c.RemoveHook(t.Context(), h.ID, made))
		if len(all) == 1 {
			there, err = c.AnyHook(t.Context())
			must(t, err)
			same(t, false, there)
		}
	})
	t.Run("of two who change it one succeeds, and it does not come back", func(t T) {
		h := hook()
		must(t, c.AddHook(t.Context(), h, made))
		h.Last, h.Version = 8, 2
		must(t, c.SaveHook(t.Context(), h, nil))
		late := h
		late.Last = 9
		wantCode(t, c.SaveHook(t.Context(), late, &made), fault.Conflict)
		got, err := c.Hook(t.Context(), h.ID)
		must(t, err)
		same(t, h, got)
		must(t, c.RemoveHook(t.Context(), h.ID, made))
		h.Version = 3
		wantCode(t, c.SaveHook(t.Context(), h, nil), fault.Conflict)
		wantCode(t, c.RemoveHook(t.Context(), h.ID, made), fault.WebhookUnknown)
	})
	t.Run("an unknown one is unknown", func(t T) {
		for _, id := range []string{"", uuid.NewString()} {
			_, err := c.Hook(t.Context(), id)
			wantCode(t, err, fault.WebhookUnknown)
		}
	})
	t.Run("the trail says who did what, once for each change", func(t T) {
		at := t0.Add(time.Duration(uuid.New().ID()) * time.Second) // the platform's trail is shared
		h := hook()
		by := activity.AuditEntry{Action: "webhook_created", Actor: activity.Actor{Who: h.ID, From: "a"}, At: at}
		must(t, c.AddHook(t.Context(), h, by))
		h.Version, by.Action, by.At = 2, "webhook_enabled", at.Add(time.Second)
		must(t, c.SaveHook(t.Context(), h, &by))
		wantCode(t, c.SaveHook(t.Context(), h, &by), fault.Conflict)
		h.Version = 3
		must(t, c.SaveHook(t.Context(), h, nil))
		by.Action, by.At = "webhook_deleted", at.Add(2*time.Second)
		must(t, c.RemoveHook(t.Context(), h.ID, by))
		trail, err := c.AuditTrail(t.Context(), activity.Platform, "", 1000)
		must(t, err)
		var actions []string
		for _, row := range trail {
			if row.SourceID == h.ID {
				actions = append(actions, row.Method)
			}
		}
		same(t, []string{"webhook_deleted", "webhook_enabled", "webhook_created"}, actions)
	})
}
