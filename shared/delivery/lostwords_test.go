package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// internal are words for parts of the platform, which a person who reads why a message died does not know.
var internal = []string{"deliverer", "visibility", "ticket", "claim", "drain"}

// cutOffTry is a try at a message that a restart of the platform cuts off.
func cutOffTry(w *world.World, messageID string) {
	w.T.Helper()
	m, f := w.Receipt(messageID), w.Facts()
	claim := chat.Claim{Token: "crashed", Until: w.Now.Add(w.Policy.VisibilityTimeout), Epoch: f.Epoch}
	taken := []chat.Move{{From: m, To: m.Take(chat.ByPush, claim, w.Policy, f.PassedAt, w.Now)}}
	w.NoError(w.Ledger.WriteMessages(w.T.Context(), world.Life, taken, delivery.MailboxUpdate{}))
	w.Now = w.Now.Add(w.Policy.VisibilityTimeout)
	w.Heartbeat(0)
}

// Whatever ended a message, what is told of it is whole, and in a person's words: also when its last try was cut off,
// and when another one that was lost later is redriven.
func TestWhyMailWasLostIsToldInFull(t *testing.T) {
	ways := map[string]delivery.PushResult{
		"the agent fails it": {
			Handover: delivery.AgentError, Why: "HTTP 500: “" + strings.Repeat("no model answers ", 6) + "”",
		},
		"no answer comes": unanswered(workspace.FaultBroken, "the connection was closed before an answer of the agent"),
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Push, "http://agent/")
		r := ways[rapid.SampledFrom([]string{"the agent fails it", "no answer comes"}).Draw(rt, "way")]
		poisonedBy(w, r)
		last, dead := "", 0
		for i := range rapid.IntRange(1, 3).Draw(rt, "lost") {
			last = fmt.Sprint("poison", i)
			w.Send(last)
			cut := rapid.IntRange(0, 8).Draw(rt, "tries before one is cut off")
			for try := 0; w.Receipt(last).State != chat.Dead; try++ {
				if try > 40 {
					rt.Fatalf("it does not die: %+v", w.Receipt(last))
				}
				w.Now = w.Now.Add(2 * time.Minute)
				w.Heartbeat(0)
				w.Send(fmt.Sprintf("m%d-%d", i, try))
				if m := w.Receipt(last); try >= cut && m.State == chat.Queued && m.Available(chat.Host{}, w.Now) {
					cutOffTry(w, last)
				}
				w.DrainOnce()
				if m := w.Receipt(last); m.State == chat.Queued {
					tellsNothingInternal(rt, m.Reason)
				}
			}
			dead++
		}
		if rapid.Bool().Draw(rt, "the last one is redriven") && dead > 1 {
			_, err := w.Redrive(t.Context(), world.ID, last, w.Now)
			w.NoError(err)
			last = fmt.Sprint("poison", dead-2)
		}
		m, f := w.Receipt(last), w.Facts()
		told := f.LostWhy
		if whole := w.Profile().Words.LostWhy; chat.Clip(whole, workspace.MaxWords) == told {
			told = whole
		}
		if told != m.FullReason() {
			rt.Fatalf("told is %q, and it is %q", told, m.FullReason())
		}
		tellsNothingInternal(rt, told)
		for _, a := range m.Attempts {
			tellsNothingInternal(rt, a.Error)
		}
		if lastTry := m.Attempts[len(m.Attempts)-1]; lastTry.Outcome == chat.Lost && len(m.Attempts) > 1 &&
			m.Attempts[0].Outcome == chat.FailedAlone && !strings.Contains(told, "no answer of the agent came back") {
			rt.Fatalf("why it failed before is not told: %s", told)
		}
	})
}

func tellsNothingInternal(t *rapid.T, words string) {
	for _, word := range internal {
		if strings.Contains(words, word) {
			t.Fatalf("%q in %q", word, words)
		}
	}
}
