package delegation_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var anybody = activity.Actor{Who: "operator"}

// createAgain removes a workspace and creates it again, with the agent that polls.
func createAgain(w *world.World, id string) {
	w.T.Helper()
	_, err := w.Registry.Hold(w.T.Context(), id, workspace.Removed, anybody, w.Now)
	w.NoError(err)
	_, err = w.Registry.Create(w.T.Context(), registry.CreateInput{ID: id, By: anybody}, w.Now)
	w.NoError(err)
}

// A task is answered by the life that it was given to, in each way in which one answers: another life of the same id
// changes nothing of it.
func TestATaskIsAnsweredByTheLifeThatHasIt(t *testing.T) {
	says := func(w *world.World, life workspace.Life, member string) {
		_, err := w.Enqueue(w.T.Context(), chat.Message{
			Workspace: "peer", Source: life.Workspace, SourceLife: life.Number, Priority: chat.Task,
			Body: []byte(`{"params":{"message":{` + member + `"parts":[{"kind":"text","text":"42"}]}}}`),
		}, w.Now)
		w.NoError(err)
	}
	for name, answer := range map[string]func(*world.World, delegation.Delegation, workspace.Life){
		"a message that names the delegation": func(w *world.World, d delegation.Delegation, by workspace.Life) {
			says(w, by, `"metadata":{"delegation_id":"`+d.ID+`"},`)
		},
		"a message that names the message": func(w *world.World, d delegation.Delegation, by workspace.Life) {
			says(w, by, `"metadata":{"in_reply_to":"`+d.MessageID+`"},`)
		},
		"a message that refers to the task": func(w *world.World, d delegation.Delegation, by workspace.Life) {
			says(w, by, `"referenceTaskIds":["`+d.ID+`"],`)
		},
		"the answer to a call about the task": func(w *world.World, _ delegation.Delegation, by workspace.Life) {
			w.NoError(w.Delegations.NoteTask(w.T.Context(), peer, by,
				json.RawMessage(`{"result":{"kind":"task","id":"t","status":{"state":"completed"}}}`)))
		},
	} {
		for by := range int64(3) {
			t.Run(fmt.Sprintf("%s, by life %d", name, by), func(t *testing.T) {
				w := world.New(t, workspace.Push, "http://agent/")
				w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
				w.Agent = func(chat.Message) delivery.PushResult {
					return delivery.PushResult{Answer: []byte(`{"result":{"kind":"task","id":"t","status":{"state":"working"}}}`)}
				}
				given, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "do it", "", w.Now)
				w.NoError(err)
				w.DrainOnce()
				createAgain(w, world.ID)
				w.Now = w.Now.Add(time.Second)
				answer(w, given.Delegation, workspace.Life{Workspace: world.ID, Number: by})
				all, err := w.Delegations.List(t.Context(), peer, 50)
				w.NoError(err)
				want := map[bool]delegation.State{true: delegation.Completed, false: delegation.Dispatched}[by == 0]
				if len(all) != 1 || all[0].State != want {
					t.Errorf("%+v, want %s", all, want)
				}
			})
		}
	}
}
