package delivery_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A message that its agent failed, and that is redriven as it is, is known to fail where others pass: it holds up
// others for no longer than one try of its own, does not show the workspace as one to which pushes fail, and is dead
// again.
func TestARedrivenPoisonHoldsUpNobody(t *testing.T) {
	ways := maps.Clone(noAnswers)
	ways["answers with an error"], ways["refuses"] = noQuota, answersOfAgents["malformed"]
	for name, r := range ways {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			poisonedBy(w, r)
			n := 0
			// goesOn lets the agent live, and is sent a message each ten seconds, until done; it returns the longest that one of
			// those waited.
			goesOn := func(done func() bool) (longest time.Duration) {
				t.Helper()
				sent := map[string]time.Time{}
				for began := w.Now; !done() || len(sent) > 0; {
					if w.Now.Sub(began) > 20*time.Minute {
						t.Fatalf("%s: %v wait", w.Receipt("poison").Reason, sent)
					}
					if !done() {
						n++
						id := fmt.Sprint("m", n)
						sent[id] = w.Now
						w.Send(id)
					}
					for range 10 {
						alive(w, time.Second, time.Second)
						for id, at := range sent {
							if !w.Receipt(id).State.Open() {
								longest = max(longest, w.Receipt(id).SettledAt.Sub(at))
								delete(sent, id)
							}
						}
						if v := w.Verdict(); w.Receipt("poison").Redrives > 0 && v.Reason == workspace.ReasonPushFailing {
							t.Fatalf("after %s: %+v", w.Now.Sub(began), v)
						}
					}
				}
				return longest
			}
			dead := func() bool { return w.Receipt("poison").State == chat.Dead }
			w.Send("before", "poison")
			goesOn(dead)
			for range 2 {
				_, err := w.Redrive(t.Context(), world.ID, "poison", w.Now)
				w.NoError(err)
				own := 10 * time.Second
				if r.Fault == workspace.FaultTimeout {
					own += patience
				}
				if longest := goesOn(dead); longest > own {
					t.Fatalf("a message waited %s", longest)
				}
				if m := w.Receipt("poison"); len(m.Attempts) > 2 || m.Former.State != chat.Dead {
					t.Fatalf("%+v, %+v", m.Attempts, m.Former)
				}
			}
		})
	}
}

// A message that ends its agent, and is redriven as it is, ends it once before others go first, and once more before it
// is dead.
func TestARedrivenKillerEndsItsAgentTwice(t *testing.T) {
	s := supervise(t, noAnswers["closes the connection"], refused, 3*time.Second)
	s.Send("m0", "killer", "m1")
	ended := s.ended("m0", "killer", "m1")
	if !s.runUntil(20*time.Minute, func() bool { return ended() && s.upAt.IsZero() }) {
		t.Fatal(s.Receipt("killer").Reason)
	}
	boots := s.boots
	_, err := s.Redrive(t.Context(), world.ID, "killer", s.Now)
	s.NoError(err)
	s.Send("m2", "m3")
	if !s.runUntil(time.Minute, s.ended("m2", "m3")) || s.boots-boots > 1 {
		t.Fatalf("%d boots: %s", s.boots-boots, s.Receipt("m2").Reason)
	}
	if !s.runUntil(10*time.Minute, s.ended("killer")) || s.boots-boots > 2 {
		t.Fatalf("%d boots: %s", s.boots-boots, s.Receipt("killer").Reason)
	}
}

// What was redriven and may be what failed dies of no outage: it is tried on until the outage is over.
func TestNoOutageKillsARedrivenMessage(t *testing.T) {
	for name, r := range map[string]delivery.PushResult{
		"errors": noQuota, "nothing listens": refused, "closed": noAnswers["closes the connection"], "hangs": timedOut,
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			poisonedBy(w, answersOfAgents["malformed"])
			w.Send("m0", "poison")
			alive(w, time.Minute, time.Second)
			w.Agent = func(m chat.Message) delivery.PushResult { return takeTime(w, r, m.Probe) }
			_, err := w.Redrive(t.Context(), world.ID, "poison", w.Now)
			w.NoError(err)
			w.Send("m1")
			alive(w, 30*time.Minute, time.Second)
			w.Agent = always(delivery.PushResult{})
			alive(w, 5*time.Minute, time.Second)
			for _, id := range []string{"poison", "m1"} {
				if m := w.Receipt(id); m.State != chat.Delivered {
					t.Errorf("%s is %s: %s", id, m.State, m.Reason)
				}
			}
		})
	}
}
