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

// toldOf is what a verdict over pushes that fail says: the message that it names, if any, and whether it says that
// nothing listens at the URL, or that a try is due.
func toldOf(v workspace.Verdict) (named string, nothingListens, due bool) {
	if _, after, found := strings.Cut(v.Command(world.ID), "rollcall cancel "+world.ID+" "); found {
		named = after
	}
	return named, strings.Contains(v.Hint, "nothing listens"), strings.Contains(v.Hint, "due now")
}

// Of an agent that dies of some of its messages, and that its supervisor starts again, the verdict names one of these
// from the second time on that it died of it, and for as long as one waits: whatever the tries in between met, probes
// among them. It never says of an agent that runs that nothing listens at its URL, and no try is said to be due that is
// not made. What waits beside the messages is taken.
func TestTheVerdictNamesWhatKillsAtEachRead(t *testing.T) {
	deaths := []string{"closes the connection", "breaks the connection"}
	rapid.Check(t, func(r *rapid.T) {
		dies := noAnswers[rapid.SampledFrom(deaths).Draw(r, "dies")]
		s := supervise(t, dies, refused, time.Duration(rapid.IntRange(0, 4).Draw(r, "down for"))*time.Second)
		var killers, others []string
		for i := range rapid.IntRange(1, 3).Draw(r, "killers") {
			killers = append(killers, fmt.Sprint("killer-", i))
		}
		s.Send(killers...)
		deaths, blamed, down := map[string]int{}, "", s.Agent
		s.Agent = func(m chat.Message) delivery.PushResult {
			r := down(m)
			switch {
			case r.Fault == dies.Fault:
				if deaths[m.ID]++; deaths[m.ID] > 1 {
					blamed = m.ID
				}
			case r.Handover == "" && !m.Probe:
				blamed = ""
			}
			return r
		}
		told, dueAs := 0, "" // what was said when a try was due
		for second := range 400 {
			if len(others) < 4 && rapid.IntRange(0, 99).Draw(r, "sends another") == 0 {
				others = append(others, fmt.Sprint("m", second))
				s.Send(others[len(others)-1])
			}
			pushes := len(s.PushedURLs)
			s.runUntil(time.Second, func() bool { return false })
			v := s.Verdict()
			if v.Reason != workspace.ReasonPushFailing {
				dueAs = ""
				continue
			}
			named, nothingListens, due := toldOf(v)
			runs := s.upAt.IsZero()
			kills := blamed != "" && s.Receipt(blamed).State.Open()
			switch {
			case runs && nothingListens:
				r.Fatalf("after %ds, of an agent that runs: %s", second, v.Hint)
			case kills && (named != blamed || v.Hop != workspace.HopAgent), named != "" && !s.Receipt(named).State.Open():
				r.Fatalf("after %ds, %q is named: %s", second, named, v.Hint)
			case dueAs != "" && len(s.PushedURLs) == pushes:
				r.Fatalf("after %ds, no try was made: %s", second, dueAs)
			}
			if told, dueAs = told+1, ""; due {
				dueAs = v.Hint
			}
		}
		for _, id := range others {
			if s.Receipt(id).State.Open() {
				r.Fatalf("%s waits: %s", id, s.Receipt(id).Reason)
			}
		}
		if len(others) == 0 && told < 300 {
			r.Fatalf("only %d reads told that pushes fail", told)
		}
	})
}

// An id that the facts have no room for is told from what is kept in full, with how often the message was tried. That
// stays while other pushes meet the ended process. When the message ends, nothing names it, however it ends.
func TestALongIDIsNamedUntilItsMessageEnds(t *testing.T) {
	ids := []string{"killer-0-" + strings.Repeat("a", 40), "killer-1-" + strings.Repeat("b", 40)}
	for name, end := range map[string]func(*supervised, string) error{
		"it is cancelled": func(s *supervised, id string) error {
			_, err := s.Cancel(t.Context(), world.ID, id, "an operator", s.Now)
			return err
		},
		"its agent polls, and takes it": func(s *supervised, id string) error {
			register(s.World, workspace.Poll, "")
			s.PollAfter("")
			s.PollAfter(id)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := supervise(t, noAnswers["closes the connection"], refused, time.Second)
			s.Send(ids...)
			for range 70 {
				s.runUntil(time.Second, func() bool { return false })
			}
			f, whole := s.Facts(), s.Profile().Words.PushError
			id := ids[0]
			if f.Blames(ids[1]) {
				id = ids[1]
			}
			tries := fmt.Sprintf("(try %d of it)", s.Receipt(id).Tries())
			if !f.Blames(id) || !strings.HasPrefix(whole, "message "+id+": ") || !strings.HasSuffix(whole, tries) {
				t.Fatalf("%q, and in full %q, want %s", f.PushError, whole, tries)
			}
			s.NoError(end(s, id))
			if f := s.Facts(); s.Receipt(id).State.Open() || f.Blames(id) {
				t.Fatalf("%s, %+v", s.Receipt(id).State, f.PushTrouble)
			}
		})
	}
}
