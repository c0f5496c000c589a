package memory

import (
	"context"
	"maps"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Erase implements delivery.Ledger.
func (s *Store) Erase(_ context.Context, life workspace.Life) (left bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.messages, life)
	delete(s.open, life)
	delete(s.tallies, life)
	delete(s.texts, life)
	delete(s.rows, life)
	delete(s.delegations, life)
	delete(s.outbox, life)
	maps.DeleteFunc(s.claims, func(of claimed, _ claimant) bool { return of.life == life })
	return false, nil
}
