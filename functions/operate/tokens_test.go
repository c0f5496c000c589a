package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/token"
)

// The answer to a revocation names all that the person made or was shown, and how it ends or how it goes on. A webhook
// goes on when another person enables it.
func TestARevocationEndsOrNamesWhatThePersonMade(t *testing.T) {
	env := fixture.Env(t)
	admin, gone := fixture.Person(t, env, people.Admin, ""), fixture.Person(t, env, people.Admin, "")
	call := func(op *api.Operation, by, id, body string, out any) {
		t.Helper()
		path := map[string]string{"token_id": id, "webhook_id": id}
		resp := fixture.CallWith(t, env, endpoints(env), op, path, by, body)
		if err := json.Unmarshal([]byte(resp.Body), out); err != nil || resp.StatusCode >= http.StatusBadRequest {
			t.Fatal(resp.Body, err)
		}
	}
	hook := func(by string) string {
		var made api.Webhook
		call(api.CreateWebhook.Operation, by, "", aHook(), &made)
		return made.WebhookID
	}
	person := func(by, name string) string {
		var made api.CreatedToken
		call(api.CreateToken.Operation, by, "", `{"name":"`+name+`","scope":"admin"}`, &made)
		return made.TokenID
	}
	kept, rotated, ended, disabled := hook(admin), hook(admin), hook(gone), hook(gone)
	call(api.DisableWebhook.Operation, gone, disabled, "", &api.Webhook{})
	call(api.RotateWebhook.Operation, gone, rotated, "", &api.Webhook{})
	person(admin, "kept")
	bob := person(gone, "bob")

	var got api.RevokedToken
	call(api.RevokeToken.Operation, admin, token.PublicID(gone), "", &got)
	slices.Sort(got.Webhooks)
	want := []string{ended, disabled}
	slices.Sort(want)
	if !slices.Equal(got.Webhooks, want) || !strings.Contains(got.Next, "rollcall webhook enable ") ||
		!strings.Contains(got.Next, "enrolment token") {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.StillGood, []api.StillGood{
		{Kind: "token", ID: bob, Name: "bob", Scope: "admin", Command: "rollcall token revoke " + bob},
		{Kind: "webhook_secret", ID: rotated, Command: "rollcall webhook rotate " + rotated},
	}) {
		t.Errorf("%+v", got.StillGood)
	}
	all, err := env.Webhooks.Store.Hooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all {
		if h.DisabledAt.IsZero() != (h.ID == kept || h.ID == rotated) {
			t.Errorf("%+v", h)
		}
	}
	var enabled api.Webhook
	call(api.EnableWebhook.Operation, admin, ended, "", &enabled)
	if enabled.State != "waiting" {
		t.Errorf("%+v", enabled)
	}
	call(api.RevokeToken.Operation, admin, bob, "", &got)
	if got.Webhooks == nil || len(got.Webhooks)+len(got.StillGood) > 0 {
		t.Errorf("who made nothing: %+v", got)
	}
}
