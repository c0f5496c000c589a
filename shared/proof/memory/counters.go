package memory

import (
	"context"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// CountEnded implements delivery.Ledger.
func (s *Store) CountEnded(_ context.Context, life workspace.Life) (map[chat.State]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[chat.State]int64{}
	for _, m := range s.messages[life] {
		if !m.State.Open() {
			out[m.State]++
		}
	}
	return out, nil
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
