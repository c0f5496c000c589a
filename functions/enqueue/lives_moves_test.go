package main

import (
	"net/http"
	"testing"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A task is for the life of the peer that it is given to. When the peer is removed and created again meanwhile, before
// any call of the store, either the task is that of the life that its delegation names, or the call is refused.
func TestATaskGoesToNoOtherLife(t *testing.T) {
	for turn, came := 1, true; came; turn++ {
		env := fixture.Env(t)
		sender := fixture.Member(t, env, "sender", "")
		fixture.Member(t, env, "peer", "")
		reg, log, delegations := fixture.Aside(env), env.Activity, *env.Delegations
		calls := 0
		came = false
		fixture.Before(env, func(string) {
			if calls++; calls != turn {
				return
			}
			came = true
			now := env.Clock.Now()
			_, err := reg.Hold(t.Context(), "peer", workspace.Removed, activity.Actor{}, now)
			if err == nil {
				_, err = reg.Create(t.Context(), registry.CreateInput{ID: "peer"}, now)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		resp := fixture.Call(t, env, endpoints(env), api.Delegate.Operation, "sender", sender,
			`{"target_id":"peer","task":"do","idempotency_key":"k"}`)
		if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("created again before call %d of the store: %d %s", turn, resp.StatusCode, resp.Body)
		}
		all, err := delegations.Store.Delegations(t.Context(), workspace.Life{Workspace: "sender"}, 9)
		if err != nil || len(all) > 0 != (resp.StatusCode == http.StatusAccepted) {
			t.Fatalf("created again before call %d of the store: %+v, %v", turn, all, err)
		}
		for life := range int64(2) {
			its := workspace.Life{Workspace: "peer", Number: life}
			mail, err := log.ActivityLog(t.Context(), its, activity.Range{Limit: 9})
			if err != nil || len(mail) > 0 != (len(all) > 0 && all[0].To() == its) {
				t.Errorf("created again before call %d of the store: life %d has %+v, %v", turn, life, mail, err)
			}
		}
	}
}
