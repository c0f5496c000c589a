package workspace

import "time"

// Segment is one of Of parts of all workspaces, which are of about the same size; Number is from 0. All is the only
// part of one.
type Segment struct {
	Number int `json:"segment"`
	Of     int `json:"of"`
}

// All is all workspaces.
var All = Segment{0, 1}

// Segments is how many segments a sweep divides so many workspaces into, of so many each.
func Segments(workspaces, each int) int {
	if each < 1 {
		return 1
	}
	return max(1, (workspaces+each-1)/each)
}

// Pass is a pass over a segment, or over all workspaces, that was cut off: where it goes on, and what was counted
// before. The zero Pass is one that has not begun.
type Pass struct {
	Cursor string
	Seen   int // workspaces
	Calls  int // of which so many have an agent that calls
}

// SegmentState is how far the sweeps of a segment are.
type SegmentState struct {
	Segment
	Pass
	Task       time.Time // the sweep whose task was the last to be claimed
	HeldUntil  time.Time // a worker is at it until then, or has died; zero: none is
	EndedAt    time.Time // when the last pass over it ended; zero: none has
	Workspaces int       // that this pass has seen
	Agents     int       // of which so many call
}

// Begin is the state of a segment of this many, for a worker that claims it. What is known of a segment of another
// number of segments is of other workspaces.
func (s SegmentState) Begin(seg Segment, task, until time.Time) SegmentState {
	if s.Segment != seg {
		s = SegmentState{Segment: seg}
	}
	s.Task, s.HeldUntil = task, until
	return s
}

// End is the state when a pass has seen the whole segment.
func (s SegmentState) End(p Pass, now time.Time) SegmentState {
	s.Pass, s.EndedAt, s.Workspaces, s.Agents = Pass{}, now, p.Seen, p.Calls
	return s
}

// WithSegments is what is known of the fleet by the states of its n segments. The oldest of them stands for when the
// last sweep ended. While one of them has not ended a pass, that stays as it was, and the fleet is not taken for
// smaller.
func (fl Fleet) WithSegments(n int, states []SegmentState) Fleet {
	var oldest time.Time
	ended, workspaces, agents := 0, 0, 0
	for _, s := range states {
		if s.Of != n {
			continue
		}
		workspaces += max(s.Workspaces, s.Seen)
		agents += s.Agents
		if s.EndedAt.IsZero() {
			agents += s.Calls
			continue
		}
		if ended++; oldest.IsZero() || s.EndedAt.Before(oldest) {
			oldest = s.EndedAt
		}
	}
	if ended < n {
		fl.Workspaces, fl.Agents = max(fl.Workspaces, workspaces), max(fl.Agents, agents)
		return fl
	}
	fl.Workspaces, fl.Agents = workspaces, agents
	if oldest.After(fl.SweepEndedAt) {
		fl.SweepEndedAt = oldest
	}
	return fl
}
