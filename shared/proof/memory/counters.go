package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// EndedMail implements delivery.Ledger.
func (s *Store) EndedMail(
	_ context.Context, life workspace.Life, after string, limit int,
) (ended []delivery.EndedMessage, next string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := slices.Sorted(maps.Keys(s.messages[life]))
	ids = slices.DeleteFunc(ids, func(id string) bool { return id <= after })
	if len(ids) >= limit { // DynamoDB does not look whether there is one behind the last
		ids = ids[:limit]
		next = ids[limit-1]
	}
	for _, id := range ids {
		if m := s.messages[life][id]; !m.State.Open() {
			ended = append(ended, delivery.EndedMessage{State: m.State, SettledAt: m.SettledAt})
		}
	}
	return ended, next, nil
}

// NoteTally implements delivery.Ledger.
func (s *Store) NoteTally(_ context.Context, life workspace.Life, r delivery.Tally) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tallies[life] = r
	return nil
}

// Tally implements delivery.Ledger.
func (s *Store) Tally(_ context.Context, life workspace.Life) (delivery.Tally, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tallies[life], nil
}

// NoteAudited implements delivery.Ledger.
func (s *Store) NoteAudited(_ context.Context, life workspace.Life, sum int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.facts[life.Workspace]; ok && f.Life() == life {
		f.Audited = sum
		s.facts[life.Workspace] = f
	}
	return nil
}

// CorrectCounters implements delivery.Ledger.
func (s *Store) CorrectCounters(_ context.Context, seen, next workspace.Facts) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[seen.ID]
	if !ok || f.Life() != seen.Life() || f.Counters != seen.Counters || f.OutboxItems != seen.OutboxItems {
		return conflict()
	}
	f.Counters, f.OldestOpen, f.OutboxItems = next.Counters, next.OldestOpen, next.OutboxItems
	s.facts[seen.ID] = keptFacts(f)
	return nil
}
