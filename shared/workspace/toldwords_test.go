package workspace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// One call that ended a silence longer than the lease shows no pace yet. While the next one may come, the words about
// the silence leave room for that; with calls in between, and after a register, they do not.
func TestOneLongSilenceLeavesRoomForAPace(t *testing.T) {
	const room = "calls less often than its lease lasts"
	poller := live(func(f *workspace.Facts) { f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(590) })
	poll := func(f workspace.Facts, now time.Time) workspace.Facts {
		return workspace.Observe(f, workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p, now)
	}
	once := poll(poller, at(800))
	registered := register(once, workspace.Declaration{From: "10.0.0.1"}, at(801))
	for name, c := range map[string]struct {
		facts workspace.Facts
		after int
		want  workspace.Reason
		room  bool
	}{
		"unattended":            {once, 885, workspace.ReasonInboxUnattended, true},
		"its lease is over":     {once, 970, workspace.ReasonLeaseExpired, true},
		"and it never came":     {once, 800 + 3*200, workspace.ReasonLeaseExpired, false},
		"it went on to call":    {poll(once, at(830)), 1000, workspace.ReasonLeaseExpired, false},
		"it registered":         {registered, 970, workspace.ReasonLeaseExpired, false},
		"its first silence yet": {poller, 790, workspace.ReasonLeaseExpired, false},
	} {
		e := workspace.Fleet{}.Explain(c.facts, p, at(c.after))
		if got := strings.Contains(e.Next, room); e.Reason != c.want || got != c.room {
			t.Errorf("%s: %s", name, e.Text())
		}
		if c.room && c.want == workspace.ReasonLeaseExpired && !strings.Contains(e.Summary, room) {
			t.Errorf("%s: %s", name, e.Summary)
		}
	}
}

// An agent that answers each delivery that it is busy is told as that: since when, what its heartbeats say, and what
// helps. Nothing says that it can't be reached.
func TestABusyAgentIsToldAsBusy(t *testing.T) {
	for name, c := range map[string]struct {
		reports func(*workspace.Facts)
		says    string
	}{
		"it says that it is idle": {
			func(f *workspace.Facts) { f.ActiveAt, f.FreeSince = at(595), at(300) }, "reports 0 active tasks",
		},
		"it has not said how it is": {func(*workspace.Facts) {}, "has not said how busy it is"},
		"it has some of three tasks": {
			func(f *workspace.Facts) { f.ActiveAt, f.ActiveTasks, f.MaxTasks = at(595), 1, 3 }, "takes 3 at a time",
		},
	} {
		f := live(func(f *workspace.Facts) {
			f.Open, f.OldestOpen, f.TriedAt, f.BusySince, f.BusyAnswers = 1, at(300), at(590), at(310), 9
			f.RestUntil = at(605)
			c.reports(f)
		})
		e := workspace.Fleet{}.Explain(f, p, at(600))
		if e.Reason != workspace.ReasonPushFailing || e.Hop != workspace.HopAgent || !strings.Contains(e.Next, c.says) ||
			!strings.Contains(e.Next, "since "+at(310).Format(time.RFC3339)) || !strings.Contains(e.Next, "active_tasks") ||
			!strings.Contains(e.Summary, "answers each delivery that it is busy") || strings.Contains(e.Text(), "fail.") {
			t.Errorf("%s: %s", name, e.Text())
		}
	}
}

// An agent that polls and acknowledges nothing is told each way to acknowledge.
func TestEachWayToAcknowledgeIsTold(t *testing.T) {
	f := live(func(f *workspace.Facts) {
		f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(590)
		f.Open, f.InFlight, f.OldestOpen, f.FetchedSince, f.HandedAt = 1, 1, at(300), at(300), at(300)
	})
	v := workspace.Assess(f, p, at(600))
	for _, way := range []string{"activity/ack", "since_id"} {
		if v.Reason != workspace.ReasonBacklogStalled || !strings.Contains(v.Hint, way) {
			t.Errorf("%s is not told: %s", way, v.Hint)
		}
	}
}
