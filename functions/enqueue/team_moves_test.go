package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A peer that is adopted into another team while an agent sends it something is not there, until the message is
// counted; what was counted before goes with its mailbox.
func TestAPeerThatLeavesTheTeamGetsNothingMore(t *testing.T) {
	for op, body := range map[*api.Operation]string{
		api.SendMessage.Operation: `{"message":{"role":"user","parts":[{"kind":"text","text":"hello"}]}}`,
		api.Delegate.Operation:    `{"target_id":"peer","task":"do"}`,
	} {
		for turn, came := 1, true; came; turn++ {
			env := fixture.Env(t)
			env.Registry.Policy.Peers = workspace.PeersTeam
			sender := fixture.Member(t, env, "sender", "r")
			fixture.Member(t, env, "peer", "r")
			reg, log := fixture.Aside(env), env.Activity
			calls, counted := 0, false
			came = false
			fixture.Before(env, func(call string) {
				counted = counted || call == "Count" && !came
				if calls++; calls != turn {
					return
				}
				came = true
				counted = counted && call != "Count"
				_, err := reg.Create(t.Context(), registry.CreateInput{ID: "peer", Adopt: true, Team: "b"}, time.Now())
				if err != nil {
					t.Fatal(err)
				}
			})
			id := map[*api.Operation]string{api.SendMessage.Operation: "peer", api.Delegate.Operation: "sender"}[op]
			resp := fixture.Call(t, env, endpoints(env), op, id, sender, body)
			items, err := log.ActivityLog(t.Context(), workspace.Life{Workspace: "peer"}, activity.Range{Limit: 9})
			if err != nil {
				t.Fatal(err)
			}
			if gone := resp.StatusCode == http.StatusNotFound; gone == counted || gone == (len(items) > 0) {
				t.Errorf("%s: adopted before call %d of the store: %d %s; its mail is %+v", op.Route, turn, resp.StatusCode,
					resp.Body, items)
			}
		}
	}
}
