package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// answers are agents by what they do of a message.
type answers func(m chat.Message) delivery.PushResult

func (a answers) Push(_ context.Context, _ delivery.Target, m chat.Message) delivery.PushResult {
	return a(m)
}

// While one agent's drain waits with all its workers, another's goes on. When the first has ended, the other has as
// many.
func TestADrainThatWaitsLeavesOneWorkerToEachOther(t *testing.T) {
	const slots = 8
	w := world.New(t, workspace.Push, "http://agent/")
	w.Helpers = &delivery.Helpers{}
	for _, id := range []string{"slow", "other"} {
		made, err := w.Registry.Create(t.Context(), registry.CreateInput{ID: id, MaxTasks: slots}, w.Now)
		w.NoError(err)
		w.Register(registry.Registration{
			ID: id, Mode: workspace.Push, URL: "http://" + id + "/", Credential: made.AuthToken,
		})
	}
	send := func(to, name string) {
		for i := range slots {
			_, err := w.Enqueue(t.Context(), chat.Message{
				ID: fmt.Sprint(name, i), Workspace: to, Priority: chat.Task, Body: []byte(`{}`),
			}, w.Now)
			w.NoError(err)
		}
	}
	var waiting, together sync.WaitGroup
	release := make(chan struct{})
	waiting.Add(slots)
	together.Add(slots)
	w.Agents = answers(func(m chat.Message) delivery.PushResult {
		switch {
		case strings.HasPrefix(m.ID, "slow"):
			waiting.Done()
			<-release
		case strings.HasPrefix(m.ID, "after"):
			together.Done()
			together.Wait()
		}
		return delivery.PushResult{Handover: delivery.Taken}
	})
	drain := func(id string) {
		out, err := w.Drain(t.Context(), id, "test")
		if err != nil || out.Delivered != slots {
			t.Errorf("%s: %+v, %v", id, out, err)
		}
	}
	send("slow", "slow")
	var slow sync.WaitGroup
	slow.Go(func() { drain("slow") })
	waiting.Wait()
	send("other", "meanwhile")
	drain("other")
	close(release)
	slow.Wait()
	send("other", "after")
	drain("other")
}
