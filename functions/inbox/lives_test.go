package main

import (
	"encoding/json"
	"testing"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What an agent logs stands in the log of its workspace's present life, and in that of no former one.
func TestWhatIsLoggedIsOfThePresentLife(t *testing.T) {
	const id = "anew"
	for _, c := range []struct {
		op   *api.Operation
		body string
	}{
		{api.Report.Operation, `{"activity_type": "note"}`},
		{api.Notify.Operation, `{"message": "hello"}`},
		{api.RecordDelegation.Operation, `{"target_id": "peer", "task": "do", "delegation_id": "d"}`},
		{api.UpdateDelegation.Operation, `{"status": "completed"}`},
	} {
		env := fixture.Env(t)
		fixture.Member(t, env, id, "")
		if _, err := env.Registry.Hold(t.Context(), id, workspace.Removed, activity.Actor{}, env.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		agent := fixture.Member(t, env, id, "")
		path := map[string]string{"id": id, "delegation_id": "d"}
		resp := fixture.CallWith(t, env, endpoints(env), c.op, path, agent, c.body)
		if resp.StatusCode >= 300 {
			t.Fatalf("%s: %d %s", c.op.Route, resp.StatusCode, resp.Body)
		}
		logged := fixture.Call(t, env, endpoints(env), api.GetActivity.Operation, id, agent, "")
		var rows []api.ActivityRow
		if err := json.Unmarshal([]byte(logged.Body), &rows); err != nil || len(rows) != 1 {
			t.Errorf("%s: the log has %s (%v)", c.op.Route, logged.Body, err)
		}
		former, err := env.Activity.ActivityLog(t.Context(), workspace.Life{Workspace: id}, activity.Range{Limit: 10})
		if err != nil || len(former) > 0 {
			t.Errorf("%s: the former life's log has %v, %v", c.op.Route, former, err)
		}
	}
}
