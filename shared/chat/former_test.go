package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

// What ended a lost message says whether a redrive alone may help: only where nobody could take it. Where its agent had
// it, or what became of it there is not known, it may be the message that fails.
func TestWhatEndedAMessageSaysWhetherARedriveHelps(t *testing.T) {
	tries := func(via chat.Via, outcomes ...chat.Outcome) (all []chat.Attempt) {
		for _, o := range outcomes {
			all = append(all, chat.Attempt{Via: via, Outcome: o})
		}
		return all
	}
	nobody := []chat.Outcome{chat.Unreachable, chat.AgentBusy, chat.Superseded}
	for _, c := range []struct {
		m    chat.Message
		vain bool
	}{
		{chat.Message{State: chat.Expired}, false},
		{chat.Message{State: chat.Expired, Attempts: tries(chat.ByPush, nobody...)}, false},
		{chat.Message{State: chat.Expired, Attempts: tries(chat.ByPoll, chat.AgentBusy)}, true}, // not acknowledged
		{chat.Message{State: chat.Expired, Attempts: tries(chat.ByPush, chat.Unreachable, chat.Failed)}, true},
		{chat.Message{State: chat.Expired, Attempts: tries(chat.ByPush, chat.FailedAlone, chat.Unreachable)}, true},
		{chat.Message{State: chat.Expired, Attempts: tries(chat.ByPush, chat.HostGone)}, true},
		{chat.Message{State: chat.Expired, Attempts: tries(chat.ByPush, chat.Lost)}, true}, // nobody knows
		{chat.Message{State: chat.Expired, Unanswered: chat.Unanswered{Epoch: 1}}, true},
		{chat.Message{State: chat.Expired, Unanswered: chat.Unanswered{Gone: 2}}, true},
		{chat.Message{State: chat.Expired, Redrives: 1}, false},
		{chat.Message{State: chat.Expired, Redrives: 1, Former: chat.Former{Suspect: true}}, true},
		{chat.Message{State: chat.Dead}, true},
		{chat.Message{State: chat.Dead, Attempts: tries(chat.ByPush, chat.Refused)}, true},
		{chat.Message{State: chat.Dead, ByWish: true}, false}, // it is not lost
		{chat.Message{State: chat.Delivered, Attempts: tries(chat.ByPush, chat.Succeeded)}, false},
	} {
		if c.m.InVain() != c.vain {
			t.Errorf("%s with %v, %+v: %t", c.m.State, c.m.Attempts, c.m.Unanswered, c.m.InVain())
		}
	}
}

// However often a message is redriven, it keeps how it ended the last time, how often it was tried in all, and whether
// it may be what failed; and what it keeps has a bound.
func TestARedriveKeepsHowItEnded(t *testing.T) {
	p, now := chat.DefaultPolicy(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	m := chat.Message{State: chat.Queued, AcceptedAt: now, ExpiresAt: now.Add(time.Hour)}
	for round := range 5 {
		now = now.Add(time.Second)
		cause := fmt.Sprint("round ", round, strings.Repeat(" why", 100*round))
		m = m.Take(chat.ByPush, chat.Claim{Until: now.Add(time.Minute)}, p, time.Time{}, now).Miss("")
		m = m.Take(chat.ByPush, chat.Claim{Until: now.Add(time.Minute)}, p, time.Time{}, now).Refuse(cause, now)
		ended := m
		now = now.Add(time.Second)
		again, err := m.Redrive(p, now)
		if err != nil {
			t.Fatal(err)
		}
		m = again
		f := m.Former
		whole := strings.HasPrefix(ended.Reason, strings.TrimSuffix(f.Reason, "…"))
		if f.State != chat.Dead || !f.SettledAt.Equal(ended.SettledAt) || f.Tries != 2*(round+1) || !f.Suspect || !whole ||
			!strings.Contains(f.Reason, fmt.Sprint("round ", round)) || m.Redrives != round+1 || !m.RedrivenAt.Equal(now) {
			t.Fatalf("%+v", f)
		}
		if len(f.Reason)+len(f.Last.Error) > 1100 {
			t.Fatalf("it keeps %d bytes", len(f.Reason)+len(f.Last.Error))
		}
	}
}

// A message that is redriven and may be what failed gets no other kept waiting for more than one try that fails,
// whatever that is; one that nobody could take has all of its attempts.
func TestARedrivenMessageThatMayFailGoesAsideAtItsFirstFailure(t *testing.T) {
	p, now := chat.DefaultPolicy(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	claim := chat.Claim{Until: now.Add(time.Minute), Epoch: 3}
	for name, c := range map[string]struct {
		former chat.Message
		aside  bool
	}{
		"it died":               {chat.Message{State: chat.Dead}, true},
		"it ended two hosts":    {chat.Message{State: chat.Dead, Unanswered: chat.Unanswered{Gone: 2}}, true},
		"it failed and expired": {chat.Message{State: chat.Expired, Attempts: []chat.Attempt{{Outcome: chat.Failed}}}, true},
		"nobody took it":        {chat.Message{State: chat.Expired}, false},
	} {
		m, err := c.former.Redrive(p, now)
		if err != nil {
			t.Fatal(err)
		}
		m = m.Take(chat.ByPush, claim, p, time.Time{}, now)
		lost := m.Take(chat.ByPush, claim, p, time.Time{}, now.Add(time.Hour))
		for how, next := range map[string]chat.Message{"fails": m.Fail("500", p, time.Time{}, 3, now), "is cut off": lost} {
			at := map[string]time.Time{"fails": now, "is cut off": now.Add(time.Hour)}[how]
			if next.Aside(3, at) != c.aside || c.aside && strings.Contains(next.Reason, "all 1 tries") {
				t.Errorf("%s, and it %s: %s, aside: %t", name, how, next.Reason, next.Aside(3, at))
			}
		}
		if again := m.LeaveAgain("gone", p, time.Time{}, now); m.Suspect() && !again.Aside(4, now) {
			t.Errorf("%s: %+v", name, again)
		}
		if slices.Contains([]string{"it ended two hosts"}, name) != m.Suspect() {
			t.Errorf("%s: %+v", name, m.Unanswered)
		}
	}
}
