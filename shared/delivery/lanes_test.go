package delivery_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

var hangs = delivery.PushResult{
	Handover: delivery.Unreachable, Why: "no answer in time", Fault: workspace.FaultTimeout,
}

// hung is a world whose agent did not answer a message in time, and has rested since.
func hung(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(hangs)
	w.Send("a", "b")
	w.DrainOnce()
	if !w.Facts().Hung() {
		t.Fatalf("%+v", w.Facts().PushTrouble)
	}
	w.Now = w.Now.Add(w.Registry.Policy.RestLimit)
	w.Heartbeat(0)
	w.Wakeups.Take()
	return w
}

// The quick lane never waits for an agent that hung last time: it leaves it to the slow
// lane, which tries it with a probe, and gives it back once it takes mail.
func TestAHungAgentIsTriedInTheSlowLane(t *testing.T) {
	w := hung(t)
	pushes := len(w.PushedURLs)
	out, err := w.Drain(t.Context(), world.ID, "heartbeat")
	if err != nil || !out.Moved || len(w.PushedURLs) != pushes {
		t.Fatalf("%+v, %v, and %d pushes", out, err, len(w.PushedURLs)-pushes)
	}
	if got := w.Wakeups.Take(); !slices.Equal(got, []memory.Wakeup{{ID: world.ID, Cause: "heartbeat", Slow: true}}) {
		t.Fatalf("%+v", got)
	}

	var pushed []bool // of each push in the slow lane: whether it is a probe
	w.Agent = func(m chat.Message) delivery.PushResult {
		pushed = append(pushed, m.Probe)
		return delivery.PushResult{Handover: delivery.Taken}
	}
	out, err = w.DrainSlow(t.Context(), world.ID, "heartbeat")
	if err != nil || !out.Moved || out.Delivered != 1 || !slices.Equal(pushed, []bool{true, false}) {
		t.Fatalf("%+v, %v, %v", out, err, pushed)
	}
	if got := w.Wakeups.Take(); !slices.Equal(got, []memory.Wakeup{{ID: world.ID, Cause: "heartbeat"}}) {
		t.Fatalf("%+v", got)
	}
	if out, err = w.Drain(t.Context(), world.ID, "heartbeat"); err != nil || out.Moved || out.Delivered != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	w.Want("taken", w.Taken[len(w.Taken)-2:], "a", "b")
}

// A wake-up that waited in the slow lane finds an agent that is well again.
func TestTheSlowLaneKeepsNobodyThatIsWell(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Send("a")
	out, err := w.DrainSlow(t.Context(), world.ID, "sweep")
	if err != nil || !out.Moved || out.Delivered != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	w.DrainOnce()
	w.Want("taken", w.Taken, "a")
}

// However agents answer, no push of the quick lane begins at one that hung last time, and
// no drain of the slow lane pushes more than a probe and a message.
func TestNoQuickDrainWaitsForAHungAgent(t *testing.T) {
	answers := []delivery.PushResult{
		{},
		hangs,
		{Handover: delivery.Unreachable, Why: "refused", Fault: workspace.FaultRefused},
		{Handover: delivery.Busy},
		{Handover: delivery.AgentError, Why: "error", Fault: workspace.FaultRPC},
	}
	rapid.Check(t, func(r *rapid.T) {
		w := world.New(t, workspace.Push, "http://agent/")
		slow, pushes := false, 0
		w.Agent = func(chat.Message) delivery.PushResult {
			if pushes++; !slow && w.Facts().Hung() {
				r.Fatal("a quick drain pushes to an agent that hung last time")
			}
			return rapid.SampledFrom(answers).Draw(r, "answer")
		}
		w.Send("a", "b", "c")
		for range 12 {
			slow, pushes = rapid.Bool().Draw(r, "slow"), 0
			drain := w.Drain
			if slow {
				drain = w.DrainSlow
			}
			if _, err := drain(t.Context(), world.ID, "test"); err != nil {
				r.Fatal(err)
			}
			if slow && pushes > 2 {
				r.Fatalf("%d pushes in the slow lane", pushes)
			}
			w.Now = w.Now.Add(time.Duration(rapid.IntRange(0, 90).Draw(r, "seconds")) * time.Second)
			w.Heartbeat(0)
		}
	})
}
