package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Fleet implements registry.FleetStore.
func (s *Store) Fleet(context.Context) (workspace.Fleet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fleet, nil
}

// NotePass implements registry.FleetStore.
func (s *Store) NotePass(_ context.Context, p workspace.Pass) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet.SweepCursor, s.fleet.Seen, s.fleet.Counted = p.Cursor, p.Seen, p.Calls
	return nil
}

// Agents implements registry.FleetStore.
func (s *Store) Agents(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fleet.Agents, nil
}

// NoteSweepEnd implements registry.FleetStore.
func (s *Store) NoteSweepEnd(_ context.Context, fl workspace.Fleet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet.SweepEndedAt, s.fleet.QueueCursor = millis(fl.SweepEndedAt), fl.QueueCursor
	s.fleet.Workspaces, s.fleet.Agents = fl.Workspaces, fl.Agents
	return nil
}

// NoteSweep implements registry.FleetStore.
func (s *Store) NoteSweep(_ context.Context, fl workspace.Fleet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet.SweptAt = millis(fl.SweptAt)
	s.fleet.OutageStart, s.fleet.OutageEnd = millis(fl.OutageStart), millis(fl.OutageEnd)
	return nil
}

// ClaimSegment implements registry.FleetStore.
func (s *Store) ClaimSegment(
	_ context.Context, seg workspace.Segment, task, now, until time.Time,
) (was workspace.SegmentState, claimed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.segments[seg.Number]
	if known && (millis(now).Before(was.HeldUntil) || !was.Task.Before(millis(task))) {
		return workspace.SegmentState{}, false, nil
	}
	is := was
	is.Number, is.Task, is.HeldUntil = seg.Number, millis(task), millis(until)
	s.segments[seg.Number] = is
	return was, true, nil
}

// NoteSegment implements registry.FleetStore.
func (s *Store) NoteSegment(_ context.Context, until time.Time, is workspace.SegmentState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	is.Task, is.HeldUntil, is.EndedAt = millis(is.Task), millis(is.HeldUntil), millis(is.EndedAt)
	was, known := s.segments[is.Number]
	if !known || was != is && (was.HeldUntil.IsZero() || !was.HeldUntil.Equal(millis(until))) {
		return conflict()
	}
	s.segments[is.Number] = is
	return nil
}

// SegmentStates implements registry.FleetStore.
func (s *Store) SegmentStates(context.Context) (out []workspace.SegmentState, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(s.segments)) {
		out = append(out, s.segments[number])
	}
	return out, nil
}
