package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/workspace"
)

// lasting is a record that is kept until a time.
type lasting struct {
	record
	until time.Time
}

// Delegation implements delegation.Store.
func (s *Store) Delegation(
	_ context.Context, source workspace.Life, id string,
) (d delegation.Delegation, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, found := s.delegations[source][id]
	if found {
		d = decode[delegation.Delegation](raw.record)
	}
	return d, found, nil
}

// SaveDelegation implements delegation.Store.
func (s *Store) SaveDelegation(_ context.Context, d delegation.Delegation) error {
	raw, err := newRecord(d)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	put(s.delegations, d.From(), d.ID, lasting{raw, d.At.Add(s.Retention)})
	return nil
}

// claimed is a message of a life, claimant the delegation that has it.
type (
	claimed struct {
		life    workspace.Life
		message string
	}
	claimant struct {
		source, id string
		until      time.Time
	}
)

// ClaimMessage implements delegation.Store.
func (s *Store) ClaimMessage(_ context.Context, d delegation.Delegation) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, own := claimed{d.To(), d.MessageID}, claimant{d.Source, d.ID, d.At.Add(s.Retention)}
	if was, taken := s.claims[key]; taken && (was.source != own.source || was.id != own.id) {
		return false, nil
	}
	s.claims[key] = own
	return true, nil
}

// Delegations implements delegation.Store.
func (s *Store) Delegations(
	_ context.Context, source workspace.Life, limit int,
) (out []delegation.Delegation, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, raw := range s.delegations[source] {
		out = append(out, decode[delegation.Delegation](raw.record))
	}
	slices.SortFunc(out, func(a, b delegation.Delegation) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(limit, len(out))], nil
}
