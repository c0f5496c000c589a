package memory

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Fleet implements registry.FleetStore.
func (s *Store) Fleet(context.Context) (workspace.Fleet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fleet, nil
}

// NoteSweepCursor implements registry.FleetStore.
func (s *Store) NoteSweepCursor(_ context.Context, next string, counted int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet.SweepCursor, s.fleet.Counted = next, counted
	return nil
}

// Agents implements registry.FleetStore.
func (s *Store) Agents(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fleet.Agents, nil
}

// NoteSweepEnd implements registry.FleetStore.
func (s *Store) NoteSweepEnd(_ context.Context, at time.Time, agents int, queueCursor string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet.SweepEndedAt, s.fleet.Agents, s.fleet.QueueCursor = millis(at), agents, queueCursor
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
