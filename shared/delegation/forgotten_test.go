package delegation_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// However much of what came before is forgotten, a task that is accepted under a key stands for a message that is under
// way or done.
func TestATaskThatIsAcceptedIsUnderWay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
		for range rapid.IntRange(1, 6).Draw(rt, "times") {
			out, err := w.Delegations.Delegate(rt.Context(), peer, world.ID, "continue", "k", w.Now)
			w.NoError(err)
			m := w.Receipt(out.Delegation.MessageID)
			if now := m.At(w.Now).State; !now.Open() && now != chat.Delivered {
				rt.Fatalf("a task is accepted, and its message is %s", now)
			}
			w.Now = w.Now.Add(rapid.SampledFrom([]time.Duration{0, time.Hour, 23 * time.Hour}).Draw(rt, "it waits"))
			if rapid.Bool().Draw(rt, "it is cancelled") && m.At(w.Now).State.Open() {
				_, err := w.Cancel(rt.Context(), world.ID, m.ID, "an operator", w.Now)
				w.NoError(err)
			}
			later := []time.Duration{0, 2 * 24 * time.Hour, 7*24*time.Hour - time.Hour, 8 * 24 * time.Hour}
			w.Now = w.Now.Add(rapid.SampledFrom(later).Draw(rt, "later"))
			if rapid.Bool().Draw(rt, "a sweep") {
				w.SweepOnce()
			}
			w.Store.Expire(w.Now, func() bool { return rapid.Bool().Draw(rt, "deleted") })
		}
	})
}

// A task for a workspace that was removed is refused, though a message with the same text waits there for the sweep.
func TestNoTaskJoinsTheMailOfARemovedWorkspace(t *testing.T) {
	for _, key := range []string{"", "k"} {
		w := world.New(t, workspace.Poll, "")
		w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
		_, err := w.Enqueue(t.Context(), chat.Message{
			ID: "sent", Workspace: world.ID, Source: "peer", Priority: chat.Task, Body: chat.TextBody("x", "continue"),
		}, w.Now)
		w.NoError(err)
		_, err = w.Registry.Hold(t.Context(), world.ID, workspace.Removed, activity.Actor{}, w.Now)
		w.NoError(err)
		out, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "continue", key, w.Now)
		if fault.CodeOf(err) != fault.WorkspaceRemoved {
			t.Errorf("key %q: %+v, %v", key, out, err)
		}
	}
}
