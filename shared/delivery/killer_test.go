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

// supervised is an agent whose process dies of the messages whose ids begin with "killer", and which its supervisor
// starts again: it registers, as a new host.
type supervised struct {
	*world.World
	dies   delivery.PushResult // what comes back from a push of which it dies
	down   delivery.PushResult // what comes back while it is down
	after  time.Duration       // how long it is down
	newURL bool                // each boot has another URL
	upAt   time.Time           // zero: it runs
	boots  int
}

func supervise(t *testing.T, dies, down delivery.PushResult, after time.Duration) *supervised {
	t.Helper()
	s := &supervised{
		World: world.New(t, workspace.Push, "http://agent/"), dies: dies, down: down, after: after,
	}
	s.Agent = func(m chat.Message) delivery.PushResult {
		switch {
		case !s.upAt.IsZero():
			return s.down
		case strings.HasPrefix(m.ID, "killer"):
			s.upAt = s.Now.Add(s.after)
			if s.dies.Fault == workspace.FaultTimeout { // it is back before the push has ended
				s.restart()
				s.Now = s.Now.Add(patience)
			}
			return s.dies
		}
		return delivery.PushResult{}
	}
	return s
}

func (s *supervised) restart() {
	s.upAt = time.Time{}
	s.boots++
	url := "http://agent/"
	if s.newURL {
		url = fmt.Sprintf("http://agent-%d/", s.boots)
	}
	register(s.World, workspace.Push, url)
}

// runUntil lets the agent run until done, and reports whether that came.
func (s *supervised) runUntil(most time.Duration, done func() bool) bool {
	for end := s.Now.Add(most); s.Now.Before(end); s.Now = s.Now.Add(time.Second) {
		switch {
		case done():
			return true
		case s.upAt.IsZero():
			s.Heartbeat(0)
		case !s.Now.Before(s.upAt):
			s.restart()
		}
		s.DrainOnce()
	}
	return done()
}

func (s *supervised) ended(ids ...string) func() bool {
	return func() bool {
		for _, id := range ids {
			if s.Receipt(id).State.Open() {
				return false
			}
		}
		return true
	}
}

// Whatever comes back when an agent dies of a message, and however soon it is started again: what waits behind that
// message is taken after two deaths, and the message is dead after the third, with a reason.
func TestAMessageThatKillsItsAgentBlocksNothing(t *testing.T) {
	deaths := []delivery.PushResult{
		noAnswers["closes the connection"], noAnswers["breaks the connection"], noAnswers["hangs"],
		unanswered(workspace.FaultGateway, "HTTP 502"),
	}
	rapid.Check(t, func(r *rapid.T) {
		dies := rapid.SampledFrom(deaths).Draw(r, "dies")
		down := rapid.SampledFrom([]delivery.PushResult{refused, deaths[3]}).Draw(r, "down")
		s := supervise(t, dies, down, time.Duration(rapid.IntRange(0, 30).Draw(r, "down for"))*time.Second)
		s.newURL = rapid.Bool().Draw(r, "each boot has a new url")
		s.Send("m0", "killer", "m1", "m2")
		if !s.runUntil(10*time.Minute, s.ended("m0", "m1", "m2")) || s.boots > 2 {
			r.Fatalf("after %d boots: %s %s", s.boots, s.Receipt("m1").State, s.Receipt("killer").Reason)
		}
		for _, id := range []string{"m0", "m1", "m2"} {
			if m := s.Receipt(id); m.State != chat.Delivered {
				r.Fatalf("%s is %s: %s", id, m.State, m.Reason)
			}
		}
		s.runUntil(20*time.Minute, s.ended("killer"))
		m := s.Receipt("killer")
		if m.State != chat.Dead || s.boots > 4 || !strings.Contains(m.Reason, "the agent took another message") {
			r.Fatalf("%s after %d boots: %s: %+v", m.State, s.boots, m.Reason, m.Attempts)
		}
		back := func() bool { return s.upAt.IsZero() && s.Verdict().Status == workspace.StatusOnline }
		if !s.runUntil(5*time.Minute, back) {
			r.Fatalf("%+v", s.Verdict())
		}
	})
}

// An agent that is started again once, at whatever it had at work, gets its mail in the order in which it was sent.
func TestOneCrashReordersNothing(t *testing.T) {
	for name, dies := range map[string]delivery.PushResult{
		"closed": noAnswers["closes the connection"], "hung": noAnswers["hangs"],
	} {
		t.Run(name, func(t *testing.T) {
			s := supervise(t, dies, refused, 3*time.Second)
			crash := s.Agent
			s.Agent = func(m chat.Message) delivery.PushResult {
				if m.ID == "m1" && s.boots == 0 {
					m.ID = "killer"
				}
				return crash(m)
			}
			s.Send("m1", "m2", "m3")
			if !s.runUntil(5*time.Minute, s.ended("m1", "m2", "m3")) {
				t.Fatal("mail still waits")
			}
			var order []string
			for _, id := range s.Taken {
				if !strings.HasPrefix(id, "probe-") {
					order = append(order, id)
				}
			}
			s.Want("in order", order, "m1", "m2", "m3")
		})
	}
}

// Of an agent that dies of its only message the verdict says so, and names the command that ends the message.
func TestTheVerdictNamesTheMessageThatKills(t *testing.T) {
	s := supervise(t, noAnswers["closes the connection"], refused, time.Second)
	s.Send("killer")
	named := func() bool {
		return strings.Contains(s.Verdict().Hint, "goes away each time it is handed this message")
	}
	if !s.runUntil(10*time.Minute, named) {
		t.Fatalf("%+v", s.Verdict())
	}
	v, command := s.Verdict(), "rollcall cancel "+world.ID+" killer"
	if v.Reason != workspace.ReasonPushFailing || v.Hop != workspace.HopAgent || v.Action != "inspect" ||
		v.Command(world.ID) != command || !strings.Contains(v.Hint, command) ||
		!strings.Contains(v.Hint, "message killer: ") {
		t.Fatalf("%+v, %q", v, v.Command(world.ID))
	}
	boots := s.boots
	s.runUntil(time.Hour, func() bool { return false })
	if m := s.Receipt("killer"); m.State != chat.Queued || s.boots-boots > 60 {
		t.Fatalf("%s after %d boots", m.State, s.boots-boots)
	}
	if _, err := s.Cancel(t.Context(), world.ID, "killer", "an operator", s.Now); err != nil {
		t.Fatal(err)
	}
	if !s.runUntil(5*time.Minute, func() bool { return s.Verdict().Status == workspace.StatusOnline }) {
		t.Fatalf("%+v", s.Verdict())
	}
}
