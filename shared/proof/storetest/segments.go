package storetest

import (
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// segments is how a FleetStore keeps the segments of a sweep. Each case has a segment of its own.
func (c contract) segments(t T) {
	claim, state := c.claimSegment, c.segment
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	t.Run("all fields come back, set and cleared", func(t T) {
		for n := range 2 {
			want := filled[workspace.SegmentState](n + 1)
			want.Number = 900 + n
			_, claimed := claim(t, want.Segment, t0, t0, at(60))
			same(t, true, claimed)
			want.HeldUntil = at(70)
			must(t, c.NoteSegment(t.Context(), at(60), want))
			same(t, atMillis(want), state(t, want.Number))
			bare := workspace.SegmentState{Segment: want.Segment, Task: want.Task}
			must(t, c.NoteSegment(t.Context(), at(70), bare))
			same(t, atMillis(bare), state(t, want.Number))
		}
	})
	t.Run("a claim says how the segment stood, and changes nothing else", func(t T) {
		s := workspace.Segment{Number: 910, Of: 3}
		was, claimed := claim(t, s, t0, t0, at(60))
		same(t, true, claimed)
		same(t, workspace.SegmentState{}, was)
		next := filled[workspace.SegmentState](3)
		next.Segment, next.Task, next.HeldUntil = s, t0, time.Time{}
		must(t, c.NoteSegment(t.Context(), at(60), next))
		was, claimed = claim(t, workspace.Segment{Number: 910, Of: 7}, at(60), at(60), at(120))
		same(t, true, claimed)
		same(t, atMillis(next), was)
		next.Task, next.HeldUntil = at(60), at(120)
		same(t, atMillis(next), state(t, 910))
	})
	t.Run("one worker has a segment at a time, until it gives it back or its time is over", func(t T) {
		s := workspace.Segment{Number: 920, Of: 3}
		_, claimed := claim(t, s, t0, t0, at(60))
		same(t, true, claimed)
		_, claimed = claim(t, s, at(59), at(59), at(100))
		same(t, false, claimed)
		_, claimed = claim(t, s, at(60), at(60), at(120))
		same(t, true, claimed)
		wantCode(t, c.NoteSegment(t.Context(), at(60), workspace.SegmentState{Segment: s, Task: t0}), fault.Conflict)
		must(t, c.NoteSegment(t.Context(), at(120), workspace.SegmentState{Segment: s, Task: at(60)}))
		given := workspace.SegmentState{Segment: s, Task: at(60), EndedAt: at(61)}
		wantCode(t, c.NoteSegment(t.Context(), at(120), given), fault.Conflict)
		_, claimed = claim(t, s, at(61), at(61), at(120))
		same(t, true, claimed)
		_, claimed = claim(t, workspace.Segment{Number: 921, Of: 3}, t0, at(61), at(120))
		same(t, true, claimed)
	})
	t.Run("the same note again is done, until another worker has the segment", func(t T) {
		s := workspace.Segment{Number: 950, Of: 3}
		_, claimed := claim(t, s, t0, t0, at(60))
		same(t, true, claimed)
		last := filled[workspace.SegmentState](4) // its times are finer than what is stored
		last.Segment, last.Task, last.HeldUntil = s, t0, time.Time{}
		for range 3 {
			must(t, c.NoteSegment(t.Context(), at(60), last))
		}
		same(t, atMillis(last), state(t, 950))
		_, claimed = claim(t, s, at(60), at(60), at(120))
		same(t, true, claimed)
		wantCode(t, c.NoteSegment(t.Context(), at(60), last), fault.Conflict)
	})
	t.Run("a task is claimed once, and none that is older", func(t T) {
		s := workspace.Segment{Number: 930, Of: 3}
		_, claimed := claim(t, s, at(60), at(60), at(61))
		same(t, true, claimed)
		must(t, c.NoteSegment(t.Context(), at(61), workspace.SegmentState{Segment: s, Task: at(60)}))
		for task, want := range map[int]bool{0: false, 59: false, 60: false} {
			_, claimed = claim(t, s, at(task), at(90), at(120))
			same(t, want, claimed)
		}
		_, claimed = claim(t, s, at(61), at(90), at(120))
		same(t, true, claimed)
	})
	t.Run("what was never claimed can't be noted", func(t T) {
		s := workspace.SegmentState{Segment: workspace.Segment{Number: 940, Of: 3}}
		wantCode(t, c.NoteSegment(t.Context(), time.Time{}, s), fault.Conflict)
		wantCode(t, c.NoteSegment(t.Context(), at(60), s), fault.Conflict)
	})
}

// claimSegment claims a segment, which succeeds or not.
func (c contract) claimSegment(
	t T, s workspace.Segment, task, now, until time.Time,
) (was workspace.SegmentState, claimed bool) {
	t.Helper()
	was, claimed, err := c.ClaimSegment(t.Context(), s, task, now, until)
	must(t, err)
	return was, claimed
}

// segment is how a segment stands.
func (c contract) segment(t T, number int) workspace.SegmentState {
	t.Helper()
	states, err := c.SegmentStates(t.Context())
	must(t, err)
	i := slices.IndexFunc(states, func(s workspace.SegmentState) bool { return s.Number == number })
	if i < 0 {
		t.Fatalf("segment %d is not among %+v", number, states)
	}
	return states[i]
}
