package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/webhook"
)

// A webhook's life by calls. Its secret is shown by the two calls that make one, and by no other.
func TestAWebhooksLife(t *testing.T) {
	env := fixture.Env(t)
	operator := fixture.Person(t, env, people.Operate, "")
	var id string
	for _, c := range []struct {
		op     *api.Operation
		body   string
		want   int
		has    string
		secret bool
	}{
		{api.CreateWebhook.Operation, `{"url":"https://hooks.example.com/down"}`, http.StatusCreated, `"statuses":[]`, true},
		{api.ListWebhooks.Operation, "", http.StatusOK, `"state":"waiting"`, false},
		{api.TestWebhook.Operation, "", http.StatusConflict, "it answered HTTP 500", false},
		{api.DisableWebhook.Operation, "", http.StatusOK, `"command":"rollcall webhook enable `, false},
		{api.EnableWebhook.Operation, "", http.StatusOK, `"state":"waiting"`, false},
		{api.RotateWebhook.Operation, "", http.StatusOK, "rollcall webhook test", true},
		{api.DeleteWebhook.Operation, "", http.StatusOK, "hooks.example.com", false},
		{api.ListWebhooks.Operation, "", http.StatusOK, `{"webhooks":[]}`, false},
	} {
		resp := fixture.CallWith(t, env, endpoints(env), c.op, map[string]string{"webhook_id": id}, operator, c.body)
		if resp.StatusCode != c.want || !strings.Contains(resp.Body, c.has) ||
			strings.Contains(resp.Body, "whsec_") != c.secret {
			t.Fatalf("%s: %d %s", c.op.Route, resp.StatusCode, resp.Body)
		}
		var made api.Webhook
		if err := json.Unmarshal([]byte(resp.Body), &made); err != nil {
			t.Fatal(err)
		}
		if id == "" {
			id = made.WebhookID
		}
	}
}

// What an operator brings about is told at once, as what an agent does is.
func TestAnOperatorsActRings(t *testing.T) {
	env := fixture.Env(t)
	rung := 0
	env.StatusLog.Recorded = func(context.Context) { rung++ }
	operator := fixture.Person(t, env, people.Operate, "")
	resp := fixture.Call(t, env, endpoints(env), api.Pause.Operation, fixture.PollID, operator, "")
	if resp.StatusCode != http.StatusOK || rung != 1 {
		t.Errorf("rang %d times: %d %s", rung, resp.StatusCode, resp.Body)
	}
}

// Each answer says how far behind a webhook is, and a disabled one has no next try.
func TestADisabledWebhookIsBehindAndHasNoNextTry(t *testing.T) {
	env := fixture.Env(t)
	operator := fixture.Person(t, env, people.Operate, "")
	latest, err := env.Webhooks.Log.LatestChange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1e9, 0)
	behind := webhook.Hook{
		ID: "h", URL: "https://hooks.example.com/", Secret: "whsec_x", CreatedAt: now, Last: latest - 3, Version: 1,
		Failures: 2, FailingSince: now, NextTry: now.Add(time.Hour),
	}
	made := activity.AuditEntry{Action: "webhook_created", At: now}
	if err := env.Webhooks.Store.AddHook(t.Context(), behind, made); err != nil {
		t.Fatal(err)
	}
	path := map[string]string{"webhook_id": "h"}
	for _, op := range []*api.Operation{
		api.DisableWebhook.Operation, api.RotateWebhook.Operation, api.DeleteWebhook.Operation,
	} {
		said := fixture.CallWith(t, env, endpoints(env), op, path, operator, "").Body
		if !strings.Contains(said, `"behind":3`) || !strings.Contains(said, `"state":"disabled"`) ||
			strings.Contains(said, "next_try_at") {
			t.Errorf("%s: %s", op.Route, said)
		}
	}
}

// counted is a store that counts how often a person is read.
type counted struct {
	people.Store
	reads int
}

func (c *counted) Person(ctx context.Context, id string) (people.Person, error) {
	c.reads++
	return c.Store.Person(ctx, id)
}

// A revocation reads no person: the write that ends the credential says whose it was.
func TestARevocationReadsNoPerson(t *testing.T) {
	env := fixture.Env(t)
	gone := fixture.Person(t, env, people.Operate, "")
	store := &counted{Store: env.People.Store}
	env.People.Store = store
	call := httpapi.Call{Now: env.Clock.Now(), Caller: httpapi.Caller{Person: "ana", Scope: people.Admin}}
	in := api.Revocation{TokenID: token.PublicID(gone)}
	out, err := revokeToken(env.People, env.Webhooks)(t.Context(), call, in)
	if err != nil || out.Name == "" || store.reads != 0 {
		t.Errorf("%d reads, %+v, %v", store.reads, out, err)
	}
}

// A receiver that answers a web page took the event, and may yet be another server: the test asks whether it is.
func TestATestOfAWebhookTellsAPage(t *testing.T) {
	env := fixture.Env(t)
	operator := fixture.Person(t, env, people.Operate, "")
	for url, want := range map[string]string{
		"https://hooks.example.com/page": "it answered a web page (text/html): is this the receiver?",
		"https://hooks.example.com/x":    "",
	} {
		hook := map[string]string{}
		made := fixture.CallWith(t, env, endpoints(env), api.CreateWebhook.Operation, hook, operator, `{"url":"`+url+`"}`)
		var view api.Webhook
		if err := json.Unmarshal([]byte(made.Body), &view); err != nil {
			t.Fatal(err)
		}
		hook["webhook_id"] = view.WebhookID
		resp := fixture.CallWith(t, env, endpoints(env), api.TestWebhook.Operation, hook, operator, "")
		var out api.TestedWebhook
		err := json.Unmarshal([]byte(resp.Body), &out)
		if err != nil || resp.StatusCode != http.StatusOK || out.Hint != want {
			t.Errorf("%s: %d %s", url, resp.StatusCode, resp.Body)
		}
	}
}

// slowReceiver is a webhook's receiver; while it is asked, the same operator has the webhook tested again.
type slowReceiver struct{ meanwhile func() }

// SendEvent implements webhook.Sender.
func (r slowReceiver) SendEvent(context.Context, string, string, time.Time, []string, []byte) (int, string, error) {
	r.meanwhile()
	return http.StatusOK, "", nil
}

// As many tests of webhooks wait for their receivers as calls of one person may. Another one calls nobody.
func TestATestOfAWebhookWaitsInAPlace(t *testing.T) {
	env := fixture.Env(t)
	operator := fixture.Person(t, env, people.Operate, "")
	hook := map[string]string{}
	call := func(op *api.Operation, body string) (resp api.Webhook, code int) {
		out := fixture.CallWith(t, env, endpoints(env), op, hook, operator, body)
		_ = json.Unmarshal([]byte(out.Body), &resp) // of a refusal nothing is asked
		return resp, out.StatusCode
	}
	made, _ := call(api.CreateWebhook.Operation, `{"url":"https://hooks.example.com/slow"}`)
	hook["webhook_id"] = made.WebhookID
	asked, last := 0, 0
	env.Webhooks.Sender = slowReceiver{func() {
		if asked++; asked > waiting.Most {
			t.Fatal("more receivers are asked than calls may wait")
		}
		if _, code := call(api.TestWebhook.Operation, ""); last == 0 {
			last = code
		}
	}}
	_, first := call(api.TestWebhook.Operation, "")
	if asked != waiting.Most || last != http.StatusTooManyRequests || first != http.StatusOK {
		t.Errorf("%d are asked; the first test is %d, and the one beyond is %d", asked, first, last)
	}
}
