package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Who takes an id that was removed reads nothing of the messages that its former life sent, nor their answers by
// sending one again; who sent them and who may operate did and do.
func TestANewLifeReadsNoReceiptsOfTheFormer(t *testing.T) {
	env := fixture.Env(t)
	env.Gate.ChatOpen = false
	now := env.Clock.Now()
	former := fixture.Member(t, env, "sender", "")
	m := chat.Message{ID: "m", Workspace: fixture.PollID, Source: "sender", Body: []byte(`{"secret": 1}`)}
	if _, err := env.Delivery.Enqueue(t.Context(), m, now); err != nil {
		t.Fatal(err)
	}
	reads := func(credential string, seen bool) {
		t.Helper()
		for _, op := range []*api.Operation{
			api.GetMessage.Operation, api.GetQueueStatus.Operation, api.ListMessages.Operation,
		} {
			resp := fixture.Call(t, env, endpoints(env), op, fixture.PollID, credential, "")
			found := strings.Contains(resp.Body, `"queued"`)
			want := http.StatusOK
			if !seen && op != api.ListMessages.Operation {
				want = http.StatusNotFound
			}
			if resp.StatusCode != want || found != seen {
				t.Errorf("%s: %d %s", op.Route, resp.StatusCode, resp.Body)
			}
		}
	}
	reads(former, true)
	if _, err := env.Registry.Hold(t.Context(), "sender", workspace.Removed, activity.Actor{}, now); err != nil {
		t.Fatal(err)
	}
	reads(fixture.Member(t, env, "sender", ""), false)
	reads(fixture.Person(t, env, people.Operate, ""), true)
	m.SourceLife = 1
	if _, err := env.Delivery.Enqueue(t.Context(), m, now); fault.CodeOf(err) != fault.MessageIDTaken {
		t.Errorf("the message of the former life is answered: %v", err)
	}
}
