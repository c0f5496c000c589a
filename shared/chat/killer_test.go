package chat_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

// crashes is a mailbox whose agent dies of some of its messages, with all that it has at work, and is started again: a
// new host registers.
type crashes struct {
	open   []chat.Message
	killer map[int64]bool // by sequence number
	slots  int
	epoch  int64
	now    time.Time
	passed time.Time
}

func (c *crashes) host() chat.Host { return chat.Host{Epoch: c.epoch, URLSince: 1} }

// fill hands the agent messages until its task slots are taken, and returns their places.
func (c *crashes) fill() (flying []int) {
	for {
		next, _ := chat.Next(c.open, c.slots, c.host(), c.now)
		if next == nil {
			break
		}
		at := slices.IndexFunc(c.open, func(m chat.Message) bool { return m.Seq == next.Seq })
		claim := chat.Claim{Token: "t", Until: c.now.Add(p.VisibilityTimeout), Epoch: c.epoch}
		c.open[at] = next.Take(chat.ByPush, claim, p, c.passed, c.now)
	}
	for i, m := range c.open {
		if m.State == chat.InFlight {
			flying = append(flying, i)
		}
	}
	return flying
}

// work is what becomes of what the agent has: it dies of a message, or takes one.
func (c *crashes) work(flying []int, done int) {
	c.now = c.now.Add(time.Second)
	dies := slices.ContainsFunc(flying, func(i int) bool { return c.killer[c.open[i].Seq] })
	for n, i := range flying {
		m := c.open[i]
		switch {
		case dies && m.Suspect():
			c.open[i] = m.LeaveAgain("closed", p, c.passed, c.now)
		case dies:
			c.open[i] = m.Leave("closed")
		case n == done%len(flying):
			c.open[i], c.passed = m.Deliver("ok", nil, "", c.now), c.now
		}
	}
	if dies {
		c.epoch++
	}
}

// Whatever messages kill the agent, and whatever else it has at work then: each other message is taken, within three
// restarts for each of those that kill it and two for what was at work with them. A message that kills it is dead with
// a reason when others were taken, and no other is.
func TestAMessageThatKillsItsAgentHoldsUpNoOther(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(r, "messages")
		c := crashes{killer: map[int64]bool{}, slots: rapid.IntRange(1, 4).Draw(r, "slots"), epoch: 1, now: t0}
		sound, killers := 0, 0
		for i := range n {
			c.open = append(c.open, queued(int64(i+1)))
			if c.killer[int64(i+1)] = i < n-1 && rapid.Bool().Draw(r, fmt.Sprintf("m%d kills", i+1)); !c.killer[int64(i+1)] {
				sound++
			} else {
				killers++
			}
		}
		taken := func() (n int) {
			for _, m := range c.open {
				if m.State == chat.Delivered {
					n++
				}
			}
			return n
		}
		bound := int64(1 + 3*killers + 2*sound)
		for taken() < sound && c.epoch <= bound {
			if flying := c.fill(); len(flying) > 0 {
				c.work(flying, rapid.IntRange(0, 3).Draw(r, "first"))
			} else {
				c.now = c.now.Add(p.AsideFor)
			}
		}
		for _, m := range c.open {
			if want := !c.killer[m.Seq]; (m.State == chat.Delivered) != want || (want && m.State == chat.Dead) {
				r.Fatalf("m%d is %s at host %d: %s", m.Seq, m.State, c.epoch, m.Reason)
			}
		}
		for range 3 * killers { // whoever kills it is tried alone, after the others
			c.now = c.now.Add(p.AsideFor)
			if flying := c.fill(); len(flying) > 0 {
				c.work(flying, 0)
			}
			// Something else is taken now and then.
			c.passed = c.now
		}
		for _, m := range c.open {
			if c.killer[m.Seq] && (m.State != chat.Dead || m.Reason == "") {
				r.Fatalf("m%d is %s: %s", m.Seq, m.State, m.Reason)
			}
		}
	})
}

// One crash says nothing of what the agent had at work, nor do two with an answer in between, nor do hosts at which
// nothing listens: order holds.
func TestACrashReordersNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m, epoch, now := queued(1), int64(1), t0
		crashed := false
		for range rapid.IntRange(1, 20).Draw(r, "hosts") {
			for range rapid.IntRange(0, 3).Draw(r, "tries") {
				now = now.Add(time.Second)
				was := chat.Claim{Token: "t", Until: now.Add(p.VisibilityTimeout), Epoch: epoch}
				m = m.Take(chat.ByPush, was, p, never, now)
				if m.State != chat.InFlight {
					r.Fatalf("%s: %s", m.State, m.Reason)
				}
				kinds := []string{"busy", "nothing listens"}
				if !crashed {
					kinds = append(kinds, "crash")
				}
				switch rapid.SampledFrom(kinds).Draw(r, "kind") {
				case "busy":
					m, crashed = m.Defer(), false
				case "crash":
					m, crashed = m.Leave("closed"), true
				default:
					m = m.Miss("refused")
				}
			}
			epoch++
			if next, _ := chat.Next([]chat.Message{m, queued(2)}, 1, chat.Host{Epoch: epoch}, now); next.Seq != 1 {
				r.Fatalf("m%d goes first: %s", next.Seq, m.Reason)
			}
		}
	})
}

// What failed with an answer goes to a new host at once, as that may be mended; what ended two hosts does not.
func TestWhoIsBlamedForAHostThatIsGone(t *testing.T) {
	at := func(m chat.Message, epoch int64, now time.Time) chat.Message {
		return m.Take(chat.ByPush, chat.Claim{Token: "t", Until: now.Add(p.VisibilityTimeout), Epoch: epoch}, p, never, now)
	}
	second := t0.Add(time.Second)
	for name, c := range map[string]struct {
		first  func(chat.Message) chat.Message // what becomes of a push to the host of epoch 1
		second func(chat.Message) chat.Message // and of one to that of epoch 2
		aside  bool                            // whether others go first at the host of epoch 3
	}{
		"closed twice":        {leave, leave, true},
		"closed, then lost":   {leave, lostPush, true},
		"lost, then closed":   {lostPush, leave, true},
		"replaced, then hung": {func(m chat.Message) chat.Message { return m }, hungRecall, true},
		"closed, then an error": {
			leave, func(m chat.Message) chat.Message { return m.Fail("boom", p, never, 2, second) }, false,
		},
		"closed, then nothing listens": {leave, func(m chat.Message) chat.Message { return m.Miss("refused") }, false},
		"closed, then replaced by a host after it answered": {
			leave, func(m chat.Message) chat.Message { return m.Recall(false) }, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := c.second(at(c.first(at(queued(1), 1, t0)), 2, second))
			now := second.Add(time.Second)
			if m.State == chat.InFlight {
				now = m.Claim.Until
			}
			m = at(m, 3, now)
			if aside := m.Aside(3, now) && m.Aside(4, now); aside != c.aside || (m.State == chat.InFlight) == aside {
				t.Fatalf("%s: %s", m.State, m.Reason)
			}
			if !c.aside {
				return
			}
			now = now.Add(p.AsideFor)
			if m.Aside(4, now) {
				t.Fatal("it waits for longer than it is set aside")
			}
			m = at(m, 4, now)
			alone := m.LeaveAgain("closed", p, t0, now)
			if !alone.Aside(5, now) || alone.Attempts[len(alone.Attempts)-1].Outcome != chat.HostGone {
				t.Fatalf("nothing else was taken: %+v", alone)
			}
			if m = m.LeaveAgain("closed", p, now, now); m.State != chat.Dead || m.Reason == "" {
				t.Fatalf("%s: %s", m.State, m.Reason)
			}
		})
	}
}

func leave(m chat.Message) chat.Message      { return m.Leave("closed") }
func hungRecall(m chat.Message) chat.Message { return m.Recall(true) }

// lostPush is a message whose deliverer died.
func lostPush(m chat.Message) chat.Message {
	m.Claim.Until = t0.Add(time.Second)
	return m
}

// A message that used up its attempts before the agent took another one dies of the next host that goes away with it,
// though it was set aside for the hosts before that one after the other was taken.
func TestWhatFailedWhereAnotherPassedDiesOfTheNextHost(t *testing.T) {
	for passed, want := range map[time.Time]chat.State{t0.Add(-time.Second): chat.Queued, t0.Add(time.Second): chat.Dead} {
		m := queued(1).Take(chat.ByPush, claim(t0.Add(p.VisibilityTimeout)), p, never, t0)
		now := t0.Add(10 * time.Minute)
		m = m.FailAlone("hung", p, never, 1, t0).Take(chat.ByPush, claim(now.Add(p.VisibilityTimeout)), p, never, now)
		m.Unanswered = chat.Unanswered{Gone: 2, Aside: t0.Add(30 * time.Second)}
		if m = m.LeaveAgain("closed", p, passed, now); m.State != want {
			t.Errorf("another was taken at %s: %s, %s", passed, m.State, m.Reason)
		}
	}
}

// A poll that takes the message from a host that went away counts that host, and sets nothing aside. So the next host
// that goes away does not end the message, whatever was taken before. It is set aside; what is taken then ends it.
func TestASuspectThatWasNeverSetAsideIsSetAsideFirst(t *testing.T) {
	for _, passed := range []time.Time{never, t0.Add(-time.Hour), t0} {
		m, now := queued(1), t0
		hand := func(via chat.Via, epoch int64) {
			now = now.Add(p.VisibilityTimeout)
			m = m.Take(via, chat.Claim{Token: "t", Until: now.Add(p.VisibilityTimeout), Epoch: epoch}, p, passed, now)
			if m.State != chat.InFlight {
				t.Fatalf("%s: %s", m.State, m.Reason)
			}
		}
		for host := range int64(2) {
			hand(chat.ByPush, host+1)
			m = leave(m)
			hand(chat.ByPoll, host+2)
		}
		hand(chat.ByPush, 3)
		if !m.Suspect() {
			t.Fatalf("two hosts went away: %+v", m.Unanswered)
		}
		if m = m.LeaveAgain("closed", p, passed, now); !m.Aside(4, now) {
			t.Fatalf("another was taken at %s, before it was set aside: %s, %s", passed, m.State, m.Reason)
		}
		hand(chat.ByPush, 4)
		if m = m.LeaveAgain("closed", p, now, now); m.State != chat.Dead {
			t.Errorf("another was taken while it was set aside: %s, %s", m.State, m.Reason)
		}
	}
}
