package workspace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// polling is what the facts are of an agent whose polls are all written, and of one of whose polls only those are that
// are not noted.
type polling struct {
	each, noted workspace.Facts
	written     int
	parted      bool // the agent was silent for so long that one is rightly taken for silent, and the other not yet
}

var happens = []string{"poll", "poll", "poll", "poll", "beat", "refused", "mail", "register"}

// step is one thing that happens to both.
func (g *polling) step(t *rapid.T, now time.Time) {
	poll, exact := workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p
	exact.PollNoted = 0
	switch rapid.SampledFrom(happens).Draw(t, "step") {
	case "beat":
		idle := rapid.IntRange(0, 1).Draw(t, "tasks")
		s := workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1", ActiveTasks: &idle}
		g.each, g.noted = workspace.Observe(g.each, s, exact, now), workspace.Observe(g.noted, s, p, now)
	case "refused":
		from := rapid.SampledFrom([]string{"10.0.0.1", "10.9.9.9"}).Draw(t, "from")
		g.each, _ = refuse(g.each, workspace.SignalHeartbeat, from, "guess", now)
		g.noted, _ = refuse(g.noted, workspace.SignalHeartbeat, from, "guess", now)
	case "mail":
		for _, f := range []*workspace.Facts{&g.each, &g.noted} {
			if f.Open == 0 {
				f.Accepted, f.Open, f.OldestOpen, f.CountedAt = f.Accepted+1, 1, now, now
			} else {
				f.Open, f.Delivered, f.OldestOpen, f.DeliveredAt = 0, f.Delivered+1, time.Time{}, now
			}
		}
	case "register":
		g.each.RegisteredAt, g.noted.RegisteredAt = now, now
		g.each.LeaseUntil, g.noted.LeaseUntil = now.Add(p.LeaseTTL), now.Add(p.LeaseTTL)
	default:
		g.each = workspace.Observe(g.each, poll, exact, now)
		if !workspace.Noted(g.noted, poll, p, now) {
			g.noted, g.written = workspace.Observe(g.noted, poll, p, now), g.written+1
		}
	}
}

// No status tells of an agent what is not so, because a poll was not written. An agent that is told to be silent is;
// one that is silent is told so later by PollNoted at most. Until then the verdict, and what a sender is told, are the
// same.
func TestAPollThatIsNotWrittenMakesNoStatusLie(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := live(func(f *workspace.Facts) {
			f.Declared = rapid.SampledFrom([]workspace.Mode{workspace.Poll, workspace.Push}).Draw(t, "declared")
			f.Pushable = f.Declared == workspace.Push
		})
		now := at(600)
		g := polling{each: start, noted: start}
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 70_000).Draw(t, "later")) * time.Millisecond)
			g.check(t, now)
			g.step(t, now)
			g.check(t, now)
		}
		g.check(t, now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "end"))*time.Second))
	})
}

// check compares what the facts tell of the agent with what they would tell had each poll been written, and no rule
// allowed for one that is not.
func (g *polling) check(t *rapid.T, now time.Time) {
	exact := p
	exact.PollNoted = 0
	for _, so := range []struct {
		name string
		is   func(*workspace.Facts, workspace.Policy, time.Time) bool
	}{
		{"it is leased", (*workspace.Facts).Leased},
		{"it polls", func(f *workspace.Facts, p workspace.Policy, now time.Time) bool { return f.NotPolling(p, now) == "" }},
		{"it was accepted recently", (*workspace.Facts).RecentlyAccepted},
	} {
		truly, told := so.is(&g.each, exact, now), so.is(&g.noted, p, now)
		switch {
		case g.parted:
		case truly && !told:
			t.Fatalf("%s, and the facts deny it", so.name)
		case !truly && told && so.is(&g.noted, p, now.Add(p.PollNoted)):
			t.Fatalf("not so that %s, and the facts say it for longer than %s", so.name, p.PollNoted)
		}
		g.parted = g.parted || truly != told // from here on, one of them may have come back, and the other was never gone
	}
	each, noted := workspace.Assess(g.each, exact, now), workspace.Assess(g.noted, p, now)
	if !g.parted && (each.Status != noted.Status || each.Reason != noted.Reason) {
		t.Fatalf("%s/%s, and truly %s/%s", noted.Status, noted.Reason, each.Status, each.Reason)
	}
	tell := func(f workspace.Facts, v workspace.Verdict, p workspace.Policy) workspace.Expectation {
		e, _ := workspace.Expect(f, v, workspace.EffectiveMode(f, p, now).Effective, p, now)
		return e
	}
	if a, b := tell(g.each, each, exact), tell(g.noted, noted, p); !g.parted && a != b {
		t.Fatalf("a sender is told %s, and truly it is %s", b, a)
	}
}

// An agent that polls each five seconds, and nothing else happens: one poll of five is written.
func TestFewPollsAreWritten(t *testing.T) {
	poll := workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}
	f, written, polls := live(func(f *workspace.Facts) { f.Declared = workspace.Poll }), 0, 0
	for now := at(600); now.Before(at(600 + 3600)); now = now.Add(5 * time.Second) {
		if polls++; !workspace.Noted(f, poll, p, now) {
			f, written = workspace.Observe(f, poll, p, now), written+1
		}
		if age := now.Sub(f.PolledAt); age >= p.PollNoted || !f.Leased(p, now.Add(p.LeaseTTL)) {
			t.Fatalf("the last poll is %s old", age)
		}
	}
	if written > polls/5+1 {
		t.Errorf("%d of %d polls were written", written, polls)
	}
}

// A lease that a poll of a release before was given is too short for a poll that is not written.
func TestAShortLeaseIsRenewed(t *testing.T) {
	poll := workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}
	f := workspace.Observe(live(func(f *workspace.Facts) { f.Declared = workspace.Poll }), poll, p, at(600))
	if !workspace.Noted(f, poll, p, at(610)) {
		t.Fatal("it is written")
	}
	f.LeaseUntil = at(600).Add(p.LeaseTTL)
	if workspace.Noted(f, poll, p, at(610)) {
		t.Error("it is not written")
	}
}
