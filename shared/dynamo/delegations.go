package dynamo

import (
	"cmp"
	"context"
	"slices"

	"github.com/rollcall/rollcall/shared/delegation"
)

var _ delegation.Store = (*Store)(nil)

// Delegation implements delegation.Store.
func (s *Store) Delegation(ctx context.Context, source, id string) (d delegation.Delegation, found bool, err error) {
	it, err := s.getChat(ctx, "delegation", workspaceKey(source, delegationPrefix+id))
	if err != nil || len(it) == 0 {
		return d, false, err
	}
	d, err = decodeRecord[delegation.Delegation](it)
	return d, true, err
}

// SaveDelegation implements delegation.Store.
func (s *Store) SaveDelegation(ctx context.Context, d delegation.Delegation) error {
	it := workspaceKey(d.Source, delegationPrefix+d.ID)
	if err := encodeRecord(it, d, d.At.Add(s.Retention)); err != nil {
		return err
	}
	return s.putChat(ctx, "delegation", it)
}

// Delegations implements delegation.Store. A workspace has few, so they have no
// index of their own.
func (s *Store) Delegations(ctx context.Context, source string) (out []delegation.Delegation, err error) {
	q := queryChat{what: "delegations", key: ofWorkspace(source, delegationPrefix)}
	err = s.query(ctx, q, func(it item) (bool, error) {
		d, err := decodeRecord[delegation.Delegation](it)
		out = append(out, d)
		return false, err
	})
	slices.SortFunc(out, func(a, b delegation.Delegation) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID))
	})
	return out, err
}
