package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What operators did, and from where, is told to who may operate; who only views reads the changes of status.
func TestAViewerReadsNoAuditTrail(t *testing.T) {
	env := fixture.Env(t)
	fixture.Member(t, env, "w", "")
	by := activity.Actor{Who: "ben", From: "203.0.113.99"}
	if _, err := env.Registry.Hold(t.Context(), "w", workspace.Paused, by, env.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	env.Gate.ViewOpen = false
	for scope, told := range map[people.Scope]bool{people.View: false, people.Operate: true} {
		reader := fixture.Person(t, env, scope, "")
		resp := fixture.Call(t, env, endpoints(env), api.GetHistory.Operation, "w", reader, "")
		if resp.StatusCode != http.StatusOK || strings.Contains(resp.Body, by.From) != told {
			t.Errorf("%s: %d %s", scope, resp.StatusCode, resp.Body)
		}
	}
}
