package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Outbox implements delivery.Ledger, in the order of the table's keys.
func (s *Store) Outbox(_ context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := func(item delivery.OutboxItem) string { return fmt.Sprintf("%s#%d", item.MessageID, item.Version) }
	return slices.SortedFunc(maps.Keys(s.outbox[life]), func(a, b delivery.OutboxItem) int {
		return cmp.Compare(key(a), key(b))
	}), nil
}

// OutboxDone implements delivery.Ledger.
func (s *Store) OutboxDone(
	_ context.Context, life workspace.Life, item delivery.OutboxItem, former bool,
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts[life.Workspace]
	if !s.outbox[life][item] || (!former && f.Life() != life) {
		return nil
	}
	delete(s.outbox[life], item)
	if !former {
		f.OutboxItems--
		s.facts[life.Workspace] = f
	}
	return nil
}
