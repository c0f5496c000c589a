package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A message that a person sends says who that was, for as long as it is kept. One of a workspace names the workspace.
func TestAMessageNamesThePersonWhoSentIt(t *testing.T) {
	env := fixture.Env(t)
	credentials := map[string]string{
		"a person": fixture.Person(t, env, people.Operate, ""), "a workspace": fixture.Member(t, env, "sender", ""),
	}
	for from, credential := range credentials {
		id := strings.ReplaceAll("to "+from, " ", "-")
		fixture.Member(t, env, id, "")
		body := `{"message": {"role": "user", "messageId": "m", "parts": [{"kind": "text", "text": "hello"}]}}`
		resp := fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, id, credential, body)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", from, resp.StatusCode, resp.Body)
		}
		ms, err := env.Delivery.Ledger.Messages(t.Context(), workspace.Life{Workspace: id}, "m")
		if err != nil || len(ms) != 1 {
			t.Fatalf("%s: %d messages, %v", from, len(ms), err)
		}
		m, named := ms[0], strings.HasPrefix(ms[0].SentBy, "ana rcp_")
		if named != (from == "a person") || (m.Source != "") == (m.SentBy != "") {
			t.Errorf("%s: sent by %q, for %q", from, m.SentBy, m.Source)
		}
	}
}

// What failed of a workspace's mail is told to a person who may operate, and to nobody else who sends to it.
func TestAPeerIsToldNoErrorOfAnother(t *testing.T) {
	const words = "CARD-4111"
	hello := `{"message": {"role": "user", "parts": [{"kind": "text", "text": "hello"}]}}`
	ask := `{"jsonrpc": "2.0", "method": "tasks/get", "params": {"id": "t"}}`
	for name, change := range map[string]func(*workspace.Facts){
		"its pushes fail": func(f *workspace.Facts) { f.PushFailures, f.PushError = 3, words },
		"its tasks fail": func(f *workspace.Facts) {
			f.AnswerFailures, f.AnswerError, f.AnswersDegradedAt = 9, words, f.RegisteredAt
		},
		"it is revoked": func(f *workspace.Facts) { f.RevokedAt, f.Credential = f.RegisteredAt, token.Hash{} },
	} {
		env := fixture.Env(t)
		credentials := map[string]string{
			"a person": fixture.Person(t, env, people.Operate, ""), "a peer": fixture.Member(t, env, "peer", ""), "the user": "",
		}
		was, err := env.Registry.Leases.Get(t.Context(), fixture.PushID)
		if err != nil {
			t.Fatal(err)
		}
		next := was
		if change(&next); env.Registry.Leases.Save(t.Context(), was, next, registry.SaveExtras{}) != nil {
			t.Fatal("not saved")
		}
		for from, credential := range credentials {
			for _, body := range []string{hello, ask} {
				resp := fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, fixture.PushID, credential, body)
				told := strings.Contains(resp.Body, words) || strings.Contains(resp.Body, "rollcall ")
				if want := from == "a person" && body == hello; told != want {
					t.Errorf("%s: %s is told (%t, not %t): %s", name, from, told, want, resp.Body)
				}
			}
		}
	}
}

// A peer that guesses the id of a delegation's message can't take it first.
func TestAPeerCantTakeTheIDOfADelegation(t *testing.T) {
	const task = `{"task": "do", "target_id": "target", "idempotency_key": "1"}`
	delegated := func(plant string) api.Delegated {
		env := fixture.Env(t)
		source, peer := fixture.Member(t, env, "source", ""), fixture.Member(t, env, "peer", "")
		fixture.Member(t, env, "target", "")
		for _, id := range []string{plant, strings.TrimPrefix(plant, "_")} {
			body := `{"message": {"messageId": "` + id + `", "parts": [{"kind": "text", "text": "x"}]}}`
			fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, "target", peer, body)
		}
		resp := fixture.Call(t, env, endpoints(env), api.Delegate.Operation, "source", source, task)
		var out api.Delegated
		if err := json.Unmarshal([]byte(resp.Body), &out); err != nil || resp.StatusCode != http.StatusAccepted {
			t.Fatalf("after %q: %d %s", plant, resp.StatusCode, resp.Body)
		}
		return out
	}
	if once, again := delegated("none"), delegated(delegated("none").MessageID); once.MessageID != again.MessageID {
		t.Errorf("its id can't be guessed: %s, %s", once.MessageID, again.MessageID)
	}
}
