package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
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
