package delivery_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A peer that always has messages of the highest priority open keeps no other message back for long: each is delivered
// in the second turn after it is overdue and the oldest. Fresh messages go by priority.
func TestNoPriorityStarvesOtherMail(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Push, "http://agent/")
		work := time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds of work")) * time.Second
		floods := rapid.IntRange(1, 4).Draw(rt, "messages that flood")
		mail := rapid.SliceOfN(rapid.SampledFrom([]chat.Priority{chat.Info, chat.Task}), 1, 4).Draw(rt, "mail")
		sent, last := 0, w.Now
		flood := func() {
			sent++
			send(w, fmt.Sprintf("flood%d", sent), "peer", chat.Critical)
		}
		for i, p := range mail {
			send(w, fmt.Sprintf("mail%d", i), "", p)
		}
		for range floods {
			flood()
		}
		w.Agent = func(m chat.Message) delivery.PushResult {
			w.Now = w.Now.Add(work)
			w.Heartbeat(0)
			if m.Source == "peer" && w.Now.Sub(last) < 10*time.Minute {
				flood()
			} else if m.Source == "" {
				last = w.Now
			}
			return delivery.PushResult{}
		}
		w.DrainOnce()
		turns := int(w.Registry.Policy.DeliveryObjective/work) + 1 + 2*(len(mail)+floods)
		for i := range mail {
			if at := slices.Index(w.Taken, fmt.Sprintf("mail%d", i)); at < 0 || at > turns {
				rt.Fatalf("mail%d was delivery %d of %d, not before %d: %v", i, at, len(w.Taken), turns, w.Taken)
			}
		}
		if work < 20*time.Second && w.Taken[0] != "flood1" {
			rt.Fatalf("what is urgent does not go first: %v", w.Taken)
		}
	})
}

// send accepts a message of a sender with a priority.
func send(w *world.World, id, source string, p chat.Priority) {
	m := world.Message(id)
	m.Source, m.Priority = source, p
	_, err := w.Enqueue(w.T.Context(), m, w.Now)
	w.NoError(err)
}
