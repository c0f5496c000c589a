package memory

import (
	"context"

	"github.com/rollcall/rollcall/shared/workspace"
)

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
