package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/rollcall/rollcall/shared/delegation"
)

// Delegation implements delegation.Store.
func (s *Store) Delegation(_ context.Context, source, id string) (delegation.Delegation, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.delegations[source][id]
	return d, ok, nil
}

// SaveDelegation implements delegation.Store.
func (s *Store) SaveDelegation(_ context.Context, d delegation.Delegation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delegations[d.Source] == nil {
		s.delegations[d.Source] = map[string]delegation.Delegation{}
	}
	s.delegations[d.Source][d.ID] = d
	return nil
}

// Delegations implements delegation.Store.
func (s *Store) Delegations(_ context.Context, source string) ([]delegation.Delegation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Collect(maps.Values(s.delegations[source]))
	slices.SortFunc(out, func(a, b delegation.Delegation) int { return b.At.Compare(a.At) })
	return out, nil
}
