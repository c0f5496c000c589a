package workspace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// pollAt is the facts after a poll is noted, and before its mail is handed out.
func pollAt(f workspace.Facts, now time.Time) workspace.Facts {
	s := workspace.Signal{Kind: workspace.SignalPoll, From: f.SeenFrom, PollsAgain: f.PollsAgain(p, now)}
	return workspace.Observe(f, s, p, now)
}

// A poll of an agent that did not poll is noted before its mail is handed out, or acknowledged. Until then, nothing is
// said of what the agent does with its mail.
func TestAnAgentThatPollsAgainIsNotBlamedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change        func(*workspace.Facts)
		before, noted workspace.Reason
	}{
		"it never polled": {
			func(f *workspace.Facts) { f.Open, f.OldestOpen = 1, at(300) },
			workspace.ReasonInboxUnattended, workspace.ReasonHealthy,
		},
		"nobody fetched the mail": {
			func(f *workspace.Facts) { f.Open, f.OldestOpen, f.PolledAt = 1, at(300), at(200) },
			workspace.ReasonInboxUnattended, workspace.ReasonHealthy,
		},
		"it worked on what it fetched": {
			func(f *workspace.Facts) {
				f.Open, f.InFlight, f.OldestOpen = 1, 1, at(460)
				f.PolledAt, f.FetchedSince, f.HandedAt = at(470), at(470), at(470)
			},
			workspace.ReasonHealthy, workspace.ReasonHealthy,
		},
		"it worked for longer than that explains": {
			func(f *workspace.Facts) {
				f.Open, f.InFlight, f.OldestOpen = 1, 1, at(300)
				f.PolledAt, f.FetchedSince, f.HandedAt = at(310), at(310), at(310)
			},
			workspace.ReasonInboxUnattended, workspace.ReasonHealthy,
		},
		"pushes failed meanwhile": {
			func(f *workspace.Facts) {
				f.Declared, f.Pushable = workspace.Push, true
				f.Open, f.OldestOpen, f.TriedAt = 1, at(100), at(400)
				f.PushFailures, f.PushFailingSince, f.PushFailedAt = 3, at(300), at(400)
				f.PushDegradedAt = at(400)
			},
			workspace.ReasonPushFailing, workspace.ReasonHealthy,
		},
		"it has polled on": {
			func(f *workspace.Facts) {
				f.Open, f.InFlight, f.OldestOpen = 1, 1, at(300)
				f.PolledAt, f.FetchedSince, f.HandedAt = at(590), at(310), at(310)
			},
			workspace.ReasonBacklogStalled, workspace.ReasonBacklogStalled,
		},
	} {
		f := live(func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.HeartbeatAt = workspace.Poll, false, at(595)
			c.change(f)
		})
		before, noted := workspace.Assess(f, p, at(600)), workspace.Assess(pollAt(f, at(600)), p, at(600))
		if before.Reason != c.before || noted.Reason != c.noted {
			t.Errorf("%s: %s, and with the poll %s, not %s and %s", name, before.Reason, noted.Reason, c.before, c.noted)
		}
	}
}

// Whatever the facts of an agent are that did not poll, a poll says nothing of what it does with its mail for as long
// as mail may wait: neither before the mail is handed out, nor when it was handed out and is not acknowledged yet.
// Only that it ends at its mail each time is said on: that rests on its starts before.
func TestNoAgentThatPollsAgainIsBacklogStalledAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.Declared, f.Pushable = workspace.Poll, false
		f.RegisteredAt = f.RegisteredAt.Add(-200 * time.Second) // no register comes with the poll
		f.PolledAt = rapid.SampledFrom([]time.Time{{}, at(-100), at(300), at(517)}).Draw(t, "last poll")
		f.FetchedHosts = min(f.FetchedHosts, p.HostsInVain-1)
		if f.Open > 0 && f.ActiveTasks < f.Slots() && !f.FetchedSince.IsZero() {
			f.HandedAt = f.PolledAt // it fetched its mail with its last poll, and did not poll on
		}
		f = pollAt(f, now)
		if rapid.Bool().Draw(t, "its mail is handed out") {
			f.InFlight, f.HandedAt = f.Open, now
			if f.FetchedSince.IsZero() {
				f.FetchedSince = now
			}
		}
		later := now.Add(time.Duration(rapid.Int64Range(0, int64(p.DeliveryObjective)-1).Draw(t, "later")))
		if v := workspace.Assess(f, p, later); v.Reason == workspace.ReasonBacklogStalled {
			t.Fatalf("%s: %+v", v.Hint, f)
		}
	})
}

// An agent that polls on and acknowledges nothing is told as that on, whenever it polls again after a silence, whose
// ever that was. What it acknowledges then ends it.
func TestASilenceExcusesNoMailThatIsNotAcknowledged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := live(func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.HeartbeatAt, f.PolledAt = workspace.Poll, false, time.Time{}, at(300)
			f.Open, f.InFlight, f.OldestOpen, f.FetchedSince, f.HandedAt = 1, 1, at(300), at(300), at(300)
		})
		now, last := at(300), at(rapid.IntRange(430, 600).Draw(t, "last poll before"))
		for ; now.Before(last); now = now.Add(10 * time.Second) {
			f = pollAt(f, now)
		}
		f = pollAt(f, last)
		if v := workspace.Assess(f, p, last); v.Reason != workspace.ReasonBacklogStalled {
			t.Fatalf("before the silence: %+v", v)
		}
		back := last.Add(time.Duration(rapid.IntRange(1, 140).Draw(t, "silence")) * time.Second)
		for now = back; now.Before(back.Add(2 * time.Minute)); now = now.Add(10 * time.Second) {
			f = pollAt(f, now)
			if v := workspace.Assess(f, p, now); v.Reason != workspace.ReasonBacklogStalled {
				t.Fatalf("%s after the silence: %+v", now.Sub(back), v)
			}
		}
		f.Open, f.InFlight, f.DeliveredAt, f.FetchedSince, f.HandedAt = 0, 0, now, time.Time{}, time.Time{}
		if v := workspace.Assess(f, p, now); v.Status != workspace.StatusOnline {
			t.Fatalf("acknowledged: %+v", v)
		}
	})
}

// A push that is under way has shown nothing yet: neither one that began a moment ago, of mail that the platform was
// late with, nor the first one to an agent that registered, after pushes to it failed and it polled.
func TestAPushThatHasJustBegunBlamesNobody(t *testing.T) {
	pushed := func(f *workspace.Facts) {
		f.Open, f.InFlight, f.OldestOpen = 2, 1, at(200)
		f.TriedAt, f.ClaimedUntil = at(599), at(749)
	}
	polledBefore := func(f *workspace.Facts) {
		f.Open, f.OldestOpen, f.TriedAt, f.PolledAt = 1, at(300), at(550), at(560)
		f.PushFailures, f.PushFailingSince, f.PushDegradedAt, f.PushFailedAt = 3, at(400), at(550), at(550)
		f.RegisteredAt = at(598)
	}
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		reason workspace.Reason
	}{
		"of mail that waited for long": {pushed, workspace.ReasonHealthy},
		"a minute ago, of two": {func(f *workspace.Facts) {
			pushed(f)
			f.TriedAt, f.ClaimedUntil = at(540), at(690)
		}, workspace.ReasonBacklogStalled},
		"pushed to again, and not yet": {polledBefore, workspace.ReasonHealthy},
		"pushed to again": {func(f *workspace.Facts) {
			polledBefore(f)
			f.InFlight, f.TriedAt, f.ClaimedUntil = 1, at(599), at(749)
		}, workspace.ReasonHealthy},
		"pushed to again, of one that did not poll": {func(f *workspace.Facts) {
			polledBefore(f)
			f.PolledAt = at(400)
		}, workspace.ReasonPushFailing},
	} {
		f := live(func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.MaxTasks, f.HeartbeatAt = workspace.Push, true, 2, at(595)
			c.change(f)
		})
		if v := workspace.Assess(f, p, at(600)); v.Reason != c.reason {
			t.Errorf("%s: %s, not %s: %s", name, v.Reason, c.reason, v.Hint)
		}
	}
}
