package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The receipt of a message to a workspace that was removed can be read, also before a sweep has ended the message.
func TestTheReceiptOfARemovedWorkspacesMail(t *testing.T) {
	env := fixture.Env(t)
	m := chat.Message{ID: "m", Workspace: fixture.PollID, Body: []byte(`{}`)}
	if _, err := env.Delivery.Enqueue(t.Context(), m, env.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	removed := workspace.Removed
	if _, err := env.Registry.Hold(t.Context(), fixture.PollID, removed, activity.Actor{}, env.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	operator := fixture.Person(t, env, people.Operate, "")
	for _, state := range []string{`"queued"`, `"cancelled"`} {
		resp := fixture.Call(t, env, endpoints(env), api.GetMessage.Operation, fixture.PollID, operator, "")
		if resp.StatusCode != http.StatusOK || !strings.Contains(resp.Body, state) {
			t.Errorf("%d %s, want %s", resp.StatusCode, resp.Body, state)
		}
		if out, err := env.Sweeper.Sweep(t.Context()); err != nil || len(out.Errors) > 0 {
			t.Fatal(out, err)
		}
	}
}
