package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Record implements delivery.News.
func (s *Store) Record(_ context.Context, old, next workspace.Facts, c delivery.Change) (delivery.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Seq = int64(len(s.changes)) + 1
	note, err := delivery.StatusNote(c)
	if err != nil {
		return c, err
	}
	if err := s.save(old, next, registry.SaveExtras{}); err != nil {
		return c, err
	}
	s.notes[c.Workspace] = append(s.notes[c.Workspace], note)
	s.changes = append(s.changes, c)
	return c, nil
}

// Changes implements delivery.News.
func (s *Store) Changes(_ context.Context, after int64, limit int) ([]delivery.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.changes[min(max(0, after), int64(len(s.changes))):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

// Latest implements delivery.News.
func (s *Store) Latest(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.changes)), nil
}

// Announcing implements delivery.News.
func (s *Store) Announcing(_ context.Context, now, until time.Time) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.announcing) {
		return 0, false, nil
	}
	s.announcing = until
	return s.announced, true, nil
}

// Announced implements delivery.News.
func (s *Store) Announced(_ context.Context, last int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced, s.announcing = last, time.Time{}
	return nil
}

// Trail implements delivery.Logbook.
func (s *Store) Trail(_ context.Context, id, below string, limit int) ([]delivery.Note, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.notes[id])
	out = slices.DeleteFunc(out, func(n delivery.Note) bool { return !n.OnTrail() || (below != "" && delivery.PlaceOf(n) >= below) })
	slices.SortFunc(out, func(a, b delivery.Note) int { return cmp.Compare(delivery.PlaceOf(b), delivery.PlaceOf(a)) })
	return out[:min(limit, len(out))], nil
}

// Fleet implements registry.Fleets.
func (s *Store) Fleet(context.Context) (workspace.Fleet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fleet, nil
}

// NoteSweepCursor implements registry.Fleets.
func (s *Store) NoteSweepCursor(_ context.Context, next string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet.SweepCursor = next
	return nil
}

// NoteSweep implements registry.Fleets.
func (s *Store) NoteSweep(_ context.Context, fl workspace.Fleet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet.SweptAt, s.fleet.OutageStart, s.fleet.OutageEnd = fl.SweptAt, fl.OutageStart, fl.OutageEnd
	return nil
}

// Enrol implements registry.Enrolments.
func (s *Store) Enrol(_ context.Context, e registry.Enrolment, by registry.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enrolments[e.ID] = e
	s.audit(e, by)
	return nil
}

func (s *Store) audit(e registry.Enrolment, by registry.Entry) {
	id := delivery.TrailOf(e)
	s.notes[id] = append(s.notes[id], delivery.AuditNote(id, by))
}

// Enrolment implements registry.Enrolments.
func (s *Store) Enrolment(_ context.Context, id string) (registry.Enrolment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.enrolments[id]
	if !ok {
		return e, registry.EnrolmentUnknown()
	}
	return e, nil
}

// Withdraw implements registry.Enrolments.
func (s *Store) Withdraw(_ context.Context, id string, by registry.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.enrolments[id]
	if !ok {
		return registry.EnrolmentUnknown()
	}
	delete(s.enrolments, id)
	s.audit(e, by)
	return nil
}
