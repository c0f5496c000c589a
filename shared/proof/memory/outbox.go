package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall/rollcall/shared/delivery"
)

// Outbox implements delivery.Ledger, in the order of the table's keys.
func (s *Store) Outbox(_ context.Context, id string) ([]delivery.OutboxItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := func(item delivery.OutboxItem) string { return fmt.Sprintf("%s#%d", item.MessageID, item.Version) }
	return slices.SortedFunc(maps.Keys(s.outbox[id]), func(a, b delivery.OutboxItem) int {
		return cmp.Compare(key(a), key(b))
	}), nil
}

// OutboxDone implements delivery.Ledger.
func (s *Store) OutboxDone(_ context.Context, id string, item delivery.OutboxItem) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.outbox[id][item] {
		return nil
	}
	delete(s.outbox[id], item)
	f := s.facts[id]
	f.OutboxItems--
	s.facts[id] = f
	return nil
}
