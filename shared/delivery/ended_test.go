package delivery_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A message that somebody else ends while it is pushed ends its delivery too: the mail
// behind it goes on at once, however the push ends, and what the push shows of the agent
// is noted.
func TestAMessageEndedMeanwhileHoldsNoMail(t *testing.T) {
	for name, c := range map[string]struct {
		answer   delivery.PushResult
		failures int
		reached  bool
	}{
		"the agent takes it":      {answer: delivery.PushResult{}, reached: true},
		"the agent fails it":      {answer: delivery.PushResult{Handover: delivery.AgentError, Why: "HTTP 500"}, failures: 1},
		"the agent is busy":       {answer: delivery.PushResult{Handover: delivery.Busy}},
		"the agent refuses it":    {answer: delivery.PushResult{Handover: delivery.Refused, Why: "too long"}, reached: true},
		"the agent isn't reached": {answer: delivery.PushResult{Handover: delivery.Unreachable, Why: "refused"}, failures: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			w.Send("m1", "m2")
			w.Agent = func(m chat.Message) delivery.PushResult {
				if m.ID != "m1" {
					return delivery.PushResult{}
				}
				_, err := w.Cancel(t.Context(), world.ID, "m1", "a test", w.Now.Add(2*time.Second))
				w.NoError(err)
				w.Now = w.Now.Add(15 * time.Second)
				return c.answer
			}
			w.DrainOnce()
			after := w.Facts()
			if after.PushFailures != c.failures || after.LostMessages != 0 || !after.ClaimedUntil.IsZero() ||
				after.ReachedAt.Equal(w.Now) != (c.reached || after.Delivered == 1) {
				t.Fatalf("%+v", after)
			}
			if rest := after.RestUntil.Sub(w.Now); rest > 0 {
				w.Now = w.Now.Add(rest)
				w.DrainOnce()
			}
			if m := w.Receipt("m2"); m.State != chat.Delivered || w.Receipt("m1").State != chat.Cancelled {
				t.Fatalf("m2 is %s: %s", m.State, m.Reason)
			}
		})
	}
}

// An agent that is pushed to registers to poll while a push hangs: its first poll is
// handed all its mail, and what the push brings at last says nothing of it.
func TestAPushToAnOldHostHoldsNothingOfWhatANewOneFetches(t *testing.T) {
	for name, answer := range map[string]delivery.PushResult{
		"the old one takes it":      {},
		"the old one fails it":      {Handover: delivery.AgentError, Why: "hung up"},
		"the old one is busy":       {Handover: delivery.Busy},
		"the old one never answers": {Handover: delivery.Unreachable, Why: "no answer", Fault: workspace.FaultTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://old/")
			w.Send("m1", "m2")
			w.Agent = func(chat.Message) delivery.PushResult {
				w.Now = w.Now.Add(3 * time.Second)
				w.Want("the old host polls", w.PollAfter(""))
				register(w, workspace.Poll, "")
				w.Want("the new host polls", w.PollAfter(""), "m1", "m2")
				w.Now = w.Now.Add(2 * time.Minute)
				w.Heartbeat(0)
				return answer
			}
			w.DrainOnce()
			w.Want("pushed to", w.PushedURLs, "http://old/")
			m1, f := w.Receipt("m1"), w.Facts()
			if m1.Attempts[0].Outcome != chat.Superseded || f.PushFailures != 0 || f.BusyAnswers != 0 ||
				!f.RestUntil.IsZero() || !f.ClaimedUntil.IsZero() || f.LostMessages != 0 {
				t.Fatalf("%+v, %+v", m1.Attempts, f)
			}
			if w.PollAfter("m2"); w.Facts().Delivered != 2 {
				t.Fatalf("%+v", w.Facts())
			}
		})
	}
}

// An agent that polls registers with a URL: what its old host fetched, and has not
// acknowledged, is pushed to it at once and in order.
func TestWhatAnOldHostFetchedIsPushedToANewOne(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1", "m2")
	w.Want("the old host polls", w.PollAfter(""), "m1", "m2")
	w.Now = w.Now.Add(3 * time.Second)
	register(w, workspace.Push, "http://new/")
	w.Send("m3")
	w.DrainOnce()
	w.Want("taken", w.Taken, "m1", "m2", "m3")
}
