package workspace_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Whatever id a message has, what the lease keeps of it fits, and finds it again. An id is told in a command only if it
// is one word, and whole.
func TestALeaseNamesAMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.StringN(1, 60, 200), rapid.StringMatching(`[!-~]{1,60}`)).Draw(t, "id")
		other := rapid.StringMatching(`[!-~]{1,60}`).Filter(func(s string) bool { return s != id }).Draw(t, "other")
		times := rapid.IntRange(2, 5000).Draw(t, "times")
		var f workspace.Facts
		f.Open, f.AnswerError = 1, workspace.NoteUnacknowledged(id, times, at(7))
		u, ok := f.Unacknowledged()
		if len(f.AnswerError) > workspace.MaxWords || !ok || !u.Names(id) || u.Names(other) || !u.Since.Equal(at(7)) ||
			u.Times != min(times, 1295) || u.ID != "" && u.ID != id {
			t.Fatalf("%q: %+v", f.AnswerError, u)
		}
		if strings.ContainsFunc(u.ID, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q is no word of a command", u.ID)
		}
		f.AnswerFailures = 1
		if _, ok := f.Unacknowledged(); ok {
			t.Fatal("these are the words of a task that failed")
		}
	})
}

// stuckAt are the facts of an agent that polls, and that was handed a message again and again since 60, by 300.
func stuckAt() workspace.Facts {
	f := silentSince(300)
	f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(300)
	f.Open, f.OldestOpen, f.Accepted, f.FetchedSince, f.HandedAt = 1, at(60), 1, at(60), at(60)
	f.AnswerError = workspace.NoteUnacknowledged("m1", 4, at(60))
	return f
}

// While a message is named that the agent does not acknowledge, neither other mail that it takes, nor a restart, nor
// what it says of its work beside other mail is taken for an end of it.
func TestAMessageThatIsNotAcknowledgedStaysTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := stuckAt(), 300
		others := rapid.Bool().Draw(t, "takes other mail")
		if others {
			f.DeliveredAt, f.Delivered = at(200), 3
		}
		restarted := rapid.Bool().Draw(t, "restarts")
		if restarted {
			f.RegisteredAt = at(290)
		}
		later := rapid.IntRange(0, 40).Draw(t, "seconds later")
		now += later
		f.HeartbeatAt, f.PolledAt, f.LeaseUntil = at(now), at(now), at(now+90)
		f.ActiveTasks, f.ActiveAt = rapid.IntRange(0, 1).Draw(t, "tasks"), at(now)
		if f.ActiveTasks == 0 {
			f.FreeSince = at(295)
		}
		v := workspace.Assess(f, p, at(now))
		if f.ActiveTasks == 1 && !others {
			if v.Status != workspace.StatusOnline {
				t.Fatalf("it may be at work on it: %+v", v)
			}
			return
		}
		next := map[bool]string{true: "rollcall cancel w m1", false: "rollcall receipts w m1"}[others]
		if v.Reason != workspace.ReasonBacklogStalled || v.NextCommand != next || !strings.Contains(v.Hint, "4 times") ||
			!strings.Contains(v.Hint, "rollcall receipts w m1") || !strings.Contains(v.Hint, "rollcall cancel w m1") ||
			!v.Since.Equal(at(180)) {
			t.Fatalf("%+v", v)
		}
		if said := strings.Contains(v.Hint, "has acknowledged other mail"); said != others {
			t.Fatalf("it takes other mail: %t: %s", others, v.Hint)
		}
		if want := map[bool]string{true: "wait", false: "inspect"}[restarted]; v.Action != want {
			t.Fatalf("%s, not %s: %s", v.Action, want, v.Hint)
		}
		e, _ := workspace.Expect(f, v, workspace.Poll, p, at(now))
		want := workspace.ExpectRetrying
		if others {
			want = workspace.ExpectNextPoll
		}
		if e != want || strings.Contains(v.ForSenders(), "m1") {
			t.Fatalf("a sender is told %s, and %q", e, v.ForSenders())
		}
		f.Open, f.OldestOpen = 0, time.Time{}
		if v := workspace.Assess(f, p, at(now)); v.Status != workspace.StatusOnline {
			t.Fatalf("it has ended: %+v", v)
		}
	})
}
