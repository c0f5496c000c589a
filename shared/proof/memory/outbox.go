package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// outboxKey is what two items of one life can't both have.
type outboxKey struct {
	id       string
	version  int64
	callback bool
}

func keyOf(item delivery.OutboxItem) outboxKey {
	return outboxKey{item.MessageID, item.Version, item.Callback}
}

// keptOutbox is an item as the table gives it back.
func keptOutbox(item delivery.OutboxItem) delivery.OutboxItem {
	item.EndedAt, item.RestsUntil, item.RestsSince = millis(item.EndedAt), millis(item.RestsUntil), millis(item.RestsSince)
	return item
}

// Outbox implements delivery.Ledger, in the order of the table's keys.
func (s *Store) Outbox(_ context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	return s.outboxPart(life, false), nil
}

// CallbackOutbox implements delivery.Ledger, in the order of the table's keys.
func (s *Store) CallbackOutbox(_ context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	return s.outboxPart(life, true), nil
}

func (s *Store) outboxPart(life workspace.Life, callbacks bool) (out []delivery.OutboxItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, item := range s.outbox[life] {
		if key.callback == callbacks {
			out = append(out, item)
		}
	}
	sort := func(item delivery.OutboxItem) string { return fmt.Sprintf("%s#%d", item.MessageID, item.Version) }
	slices.SortFunc(out, func(a, b delivery.OutboxItem) int { return cmp.Compare(sort(a), sort(b)) })
	return out
}

// OutboxRests implements delivery.Ledger.
func (s *Store) OutboxRests(_ context.Context, life workspace.Life, item delivery.OutboxItem) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.outbox[life][keyOf(item)]; there {
		s.outbox[life][keyOf(item)] = keptOutbox(item)
	}
	return nil
}

// OutboxDone implements delivery.Ledger.
func (s *Store) OutboxDone(
	_ context.Context, life workspace.Life, item delivery.OutboxItem, former bool,
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts[life.Workspace]
	if _, there := s.outbox[life][keyOf(item)]; !there || (!former && f.Life() != life) {
		return nil
	}
	delete(s.outbox[life], keyOf(item))
	if !former {
		f.OutboxItems--
		s.facts[life.Workspace] = f
	}
	return nil
}
