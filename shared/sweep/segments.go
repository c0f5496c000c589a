package sweep

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Task asks a worker to sweep a segment. A task that is lost is made good by that of
// the next sweep; one that comes twice, or late, is not done.
type Task struct {
	workspace.Segment
	Sweep time.Time `json:"sweep"` // when the sweep began that it is a task of
}

// Known reports whether there is such a segment.
func (t Task) Known() bool { return t.Number >= 0 && t.Number < t.Of && !t.Sweep.IsZero() }

// Tasks are handed out to workers. Error: platform_unavailable.
type Tasks interface {
	HandOut(ctx context.Context, tasks []Task) error
}

// handOut has workers sweep the n segments of the fleet. What their sweeps before have
// found is noted at the end of this one.
func (r *run) handOut(ctx context.Context, n int, now time.Time) error {
	var tasks []Task
	for number := range n {
		tasks = append(tasks, Task{workspace.Segment{Number: number, Of: n}, now})
	}
	if err := r.Tasks.HandOut(ctx, tasks); err != nil {
		return err
	}
	r.Segments = n
	states, err := r.Registry.Fleets.SegmentStates(ctx)
	if err != nil {
		return err
	}
	r.end = r.fleet.WithSegments(n, states)
	r.lag(r.end.SweepEndedAt, now)
	if r.fleet.SweepCursor == "" {
		return nil
	}
	return r.Registry.Fleets.NotePass(ctx, workspace.Pass{}) // of the time when one function swept the fleet
}

const (
	// heldFor is how long a worker has its segment when its function has no end.
	heldFor = time.Minute
	// noteEvery is how often a worker notes how far it is: so much is done again when it dies.
	noteEvery = 15 * time.Second
)

// SweepSegment does a task: it looks at each workspace of a segment, from where the last
// worker ran out of time or died. It does nothing while another worker is at the
// segment, and nothing for a task that comes again or after a newer one.
func (s *Sweeper) SweepSegment(ctx context.Context, t Task) (Result, error) {
	r := run{Sweeper: s, within: t.Segment}
	now := s.Clock.Now()
	until := now.Add(heldFor)
	if left, ends := clock.Left(ctx); ends {
		until = now.Add(left)
	}
	was, claimed, err := s.Registry.Fleets.ClaimSegment(ctx, t.Segment, t.Sweep, now, until)
	if err != nil || !claimed {
		return r.Result, err
	}
	if was.Segment == t.Segment {
		r.lag(was.EndedAt, now)
	}
	w := worker{run: &r, state: was.Begin(t.Segment, t.Sweep, until), notedAt: now}
	r.fleet, r.noted = s.Registry.SweptFleet(ctx, now), w.note
	pass, err := r.pages(ctx, w.state.Pass)
	if fault.CodeOf(err) != fault.Conflict {
		if noteErr := w.end(ctx, pass, err); err == nil {
			err = noteErr
		}
	}
	if fault.CodeOf(err) == fault.Conflict { // another worker has it: this one was taken for dead
		r.fails("noting a segment", err)
		err = nil
	}
	if r.Announced > 0 {
		r.tell(ctx)
	}
	return r.Result, err
}

// worker sweeps a segment.
type worker struct {
	*run
	state   workspace.SegmentState
	notedAt time.Time
}

// note notes how far the worker is, now and then.
func (w *worker) note(ctx context.Context, p workspace.Pass) error {
	now := w.Clock.Now()
	if now.Sub(w.notedAt) < noteEvery {
		return nil
	}
	w.state.Pass, w.notedAt = p, now
	return w.Registry.Fleets.NoteSegment(ctx, w.state.HeldUntil, w.state)
}

// end notes how far the worker came, and gives the segment back. failed is what ended
// its pass early, nil if nothing did.
func (w *worker) end(ctx context.Context, p workspace.Pass, failed error) error {
	next := w.state
	if next.Pass = p; p.Cursor == "" && failed == nil {
		next = next.End(p, w.Clock.Now())
	}
	w.Cut = p.Cursor != ""
	next.HeldUntil = time.Time{}
	return w.Registry.Fleets.NoteSegment(ctx, w.state.HeldUntil, next)
}
