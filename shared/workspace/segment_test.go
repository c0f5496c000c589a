package workspace_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

func TestHowManySegments(t *testing.T) {
	for _, c := range []struct{ workspaces, each, want int }{
		{0, 30_000, 1},
		{1, 30_000, 1},
		{30_000, 30_000, 1},
		{30_001, 30_000, 2},
		{1_000_000, 30_000, 34},
		{5, 2, 3},
		{1_000_000, 0, 1},
	} {
		if n := workspace.Segments(c.workspaces, c.each); n != c.want {
			t.Errorf("%d workspaces by %d are %d segments, not %d", c.workspaces, c.each, n, c.want)
		}
	}
}

// What was known of a segment of another number of segments is forgotten.
func TestASegmentOfOthersBeginsAnew(t *testing.T) {
	was := workspace.SegmentState{
		Segment: workspace.Segment{Number: 1, Of: 3}, Pass: workspace.Pass{Cursor: "w", Seen: 4, Calls: 2},
		Task: at(10), EndedAt: at(5), Workspaces: 9, Agents: 8,
	}
	same := was
	same.Task, same.HeldUntil = at(70), at(125)
	if got := was.Begin(was.Segment, at(70), at(125)); got != same {
		t.Errorf("%+v", got)
	}
	other := workspace.Segment{Number: 1, Of: 4}
	want := workspace.SegmentState{Segment: other, Task: at(70), HeldUntil: at(125)}
	if got := was.Begin(other, at(70), at(125)); got != want {
		t.Errorf("%+v", got)
	}
}

func TestTheOldestSegmentStands(t *testing.T) {
	known := workspace.Fleet{SweepEndedAt: at(100), Workspaces: 50, Agents: 40}
	state := func(number, of, ended, workspaces int) workspace.SegmentState {
		s := workspace.SegmentState{Segment: workspace.Segment{Number: number, Of: of}}
		if ended == 0 { // it is under way
			s.Pass = workspace.Pass{Cursor: "w", Seen: workspaces, Calls: workspaces / 2}
			return s
		}
		s.EndedAt, s.Workspaces, s.Agents = at(ended), workspaces, workspaces/2
		return s
	}
	for name, c := range map[string]struct {
		states                    []workspace.SegmentState
		ended, workspaces, agents int
	}{
		"nothing is known yet": {nil, 100, 50, 40},
		"all have ended": {
			[]workspace.SegmentState{state(0, 2, 190, 10), state(1, 2, 170, 12), state(2, 3, 1, 90)}, 170, 22, 11,
		},
		"one has not": {
			[]workspace.SegmentState{state(0, 2, 190, 10), state(1, 2, 0, 12)}, 100, 50, 40,
		},
		"one has not, and the fleet is larger than it was": {
			[]workspace.SegmentState{state(0, 2, 190, 60), state(1, 2, 0, 70)}, 100, 130, 65,
		},
		"one is of other segments": {
			[]workspace.SegmentState{state(0, 2, 190, 10), state(1, 3, 195, 12)}, 100, 50, 40,
		},
		"all ended before the last sweep of one function": {
			[]workspace.SegmentState{state(0, 2, 80, 10), state(1, 2, 70, 12)}, 100, 22, 11,
		},
	} {
		got := known.WithSegments(2, c.states)
		if !got.SweepEndedAt.Equal(at(c.ended)) || got.Workspaces != c.workspaces || got.Agents != c.agents {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// When the last sweep ended never goes back, and is never later than any segment's.
func TestWhenTheLastSweepEndedIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		known := workspace.Fleet{SweepEndedAt: at(rapid.IntRange(1, 100).Draw(t, "known"))}
		states := make([]workspace.SegmentState, n)
		for i := range states {
			states[i].Segment = workspace.Segment{Number: i, Of: rapid.SampledFrom([]int{n, n, n + 1}).Draw(t, "of")}
			if s := rapid.IntRange(0, 200).Draw(t, "ended"); s > 0 {
				states[i].EndedAt = at(s)
			}
		}
		got := known.WithSegments(n, states).SweepEndedAt
		if got.Before(known.SweepEndedAt) {
			t.Fatalf("%s goes back to %s", known.SweepEndedAt, got)
		}
		for _, s := range states {
			if got.After(known.SweepEndedAt) && (s.Of != n || s.EndedAt.Before(got)) {
				t.Fatalf("%s: %+v", got, s)
			}
		}
	})
}
