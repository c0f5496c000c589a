package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/rollcall/rollcall/shared/delivery"
)

// Outbox implements delivery.Ledger.
func (s *Store) Outbox(_ context.Context, id string) ([]delivery.OutboxItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Keys(s.outbox[id]), func(a, b delivery.OutboxItem) int { return cmp.Compare(a.MessageID, b.MessageID) }), nil
}

// OutboxDone implements delivery.Ledger.
func (s *Store) OutboxDone(_ context.Context, id string, e delivery.OutboxItem) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.outbox[id], e)
	f := s.facts[id]
	f.OutboxItems = int64(len(s.outbox[id]))
	s.facts[id] = f
	return nil
}
