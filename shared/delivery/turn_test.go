package delivery_test

import (
	"cmp"
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

// A peer that keeps urgent messages waiting, and ends each one that is pushed, keeps back no other message for longer
// than one that lets them be delivered: however they end.
func TestNoPriorityStarvesOtherMailByWhatItEnds(t *testing.T) {
	for name, end := range map[string]func(w *world.World, m chat.Message) delivery.PushResult{
		"they are delivered": func(*world.World, chat.Message) delivery.PushResult { return delivery.PushResult{} },
		"cancelled": func(w *world.World, m chat.Message) delivery.PushResult {
			_, err := w.CancelAsSender(w.T.Context(), world.ID, m.ID, workspace.Life{Workspace: "peer"}, w.Now)
			w.NoError(err)
			return delivery.PushResult{}
		},
		"expired": func(w *world.World, m chat.Message) delivery.PushResult {
			w.Now = m.ExpiresAt
			return nobodyListens
		},
		"refused": func(*world.World, chat.Message) delivery.PushResult {
			return delivery.PushResult{Handover: delivery.Refused, Why: "error -32602"}
		},
		"their task fails": func(*world.World, chat.Message) delivery.PushResult {
			return delivery.PushResult{TaskError: "no quota"}
		},
	} {
		for before := range 2 {
			if pushes := pushesUntilMail(t, before, end); pushes > 6 {
				t.Errorf("%s: the mail was push %d", name, pushes)
			}
		}
	}
}

// pushesUntilMail is how many pushes there are until a message is delivered whose agent takes 20 s for each, while a
// peer sends one urgent message after another, of which end says what becomes. Before, so many were delivered.
func pushesUntilMail(
	t *testing.T, before int, end func(*world.World, chat.Message) delivery.PushResult,
) (at int) {
	w := world.New(t, workspace.Push, "http://agent/")
	for i := range 1 + before { // it takes mail
		w.Send(fmt.Sprint("before", i))
	}
	w.DrainOnce()
	pushed := 0
	flood := func(n int) {
		m := world.Message(fmt.Sprint("flood", n))
		m.Source, m.Priority, m.ExpiresAt = "peer", chat.Critical, w.Now.Add(10*time.Minute)
		_, err := w.Enqueue(t.Context(), m, w.Now)
		w.NoError(err)
	}
	flood(100)
	flood(101)
	send(w, "mail", "", chat.Info)
	w.Agent = func(m chat.Message) delivery.PushResult {
		if pushed++; m.ID == "mail" {
			at = pushed
			return delivery.PushResult{}
		}
		w.Now = w.Now.Add(20 * time.Second)
		if pushed < 20 && at == 0 {
			flood(pushed)
		}
		return end(w, m)
	}
	for pushed < 20 && at == 0 {
		w.Heartbeat(0)
		w.DrainOnce()
		w.Now = w.Now.Add(20 * time.Second)
	}
	return cmp.Or(at, pushed+1)
}

// send accepts a message of a sender with a priority.
func send(w *world.World, id, source string, p chat.Priority) {
	m := world.Message(id)
	m.Source, m.Priority = source, p
	_, err := w.Enqueue(w.T.Context(), m, w.Now)
	w.NoError(err)
}
