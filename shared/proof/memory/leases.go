package memory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Get implements registry.Leases.
func (s *Store) Get(_ context.Context, id string) (workspace.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[id]
	if !ok {
		return workspace.Facts{}, workspace.UnknownError()
	}
	return f, nil
}

// Renew implements registry.Leases.
func (s *Store) Renew(
	_ context.Context, id string, credential token.Hash, sig workspace.Signal, now time.Time,
) (workspace.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[id]
	switch {
	case !ok:
		return f, workspace.UnknownError()
	case f.Hold == workspace.Removed || !credential.Matches(f.Credential):
		return f, &registry.Refused{Facts: f}
	}
	f = keptFacts(workspace.Observe(f, sig, s.Policy, now))
	s.facts[id] = f
	return f, nil
}

// Save implements registry.Leases.
func (s *Store) Save(_ context.Context, old, next workspace.Facts, extras registry.SaveExtras) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save(old, next, extras)
}

func (s *Store) save(old, next workspace.Facts, extras registry.SaveExtras) error {
	stored, ok := s.facts[next.ID]
	if ok != (old.ID != "") || stored.Version != old.Version {
		return conflict()
	}
	if owner, ok := s.owners[extras.Brought]; ok && owner.Workspace != next.ID {
		return conflict()
	}
	enrolment := registry.Enrolment{}
	if e := extras.Enrolment; e != nil {
		enrolment, ok = s.enrolments[e.ID]
		if !ok || enrolment.Hash != e.Hash || enrolment.Uses < 1 {
			return registry.EnrolmentUnknown()
		}
	}
	for _, entry := range extras.Audit {
		if err := s.audit(next.Life(), entry); err != nil {
			return err
		}
	}
	if extras.Enrolment != nil {
		enrolment.Uses--
		s.enrolments[enrolment.ID] = enrolment
	}
	for _, h := range []token.Hash{next.Credential, next.NextCredential} {
		if !h.Zero() && h != old.Credential && h != old.NextCredential {
			s.owners[h] = next.Life()
		}
	}
	s.facts[next.ID] = merge(stored, old, next)
	if extras.Profile != nil {
		s.describe(next.ID, *extras.Profile)
	}
	return nil
}

// merge writes to stored what differs between old and next, as the table's
// update does, so that a signal or a message in between is not undone.
func merge(stored, old, next workspace.Facts) workspace.Facts {
	if next.Lives != old.Lives {
		return keptFacts(next) // what was written since old was read ends with its life too
	}
	out, was, is := reflect.ValueOf(&stored).Elem(), reflect.ValueOf(old), reflect.ValueOf(next)
	for _, index := range factFields {
		if a, b := was.FieldByIndex(index), is.FieldByIndex(index); !a.Equal(b) {
			out.FieldByIndex(index).Set(b)
		}
	}
	return keptFacts(stored)
}

// Precede implements registry.Leases.
func (s *Store) Precede(_ context.Context, id string, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[id]
	if !ok {
		return workspace.UnknownError()
	}
	f.Version++
	f.PrecedenceUntil = until
	s.facts[id] = keptFacts(f)
	return nil
}

// NoteRefusal implements registry.Leases.
func (s *Store) NoteRefusal(_ context.Context, old, next workspace.Facts) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[next.ID]
	old = keptFacts(old)
	if !ok || f.Version != old.Version || f.Refusals != old.Refusals || f.Stranger != old.Stranger {
		return conflict()
	}
	f.Refusals, f.Stranger, f.Standing = next.Refusals, next.Stranger, next.Standing
	s.facts[next.ID] = keptFacts(f)
	return nil
}

// GetAll implements registry.Leases.
func (s *Store) GetAll(_ context.Context, ids ...string) (out []workspace.Facts, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if f, ok := s.facts[id]; ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// Page implements registry.Leases.
func (s *Store) Page(ctx context.Context, cursor string, limit int) ([]workspace.Facts, string, error) {
	return s.Scan(ctx, workspace.All, cursor, limit)
}

// Scan implements registry.Leases. It refuses a cursor of another segment, as DynamoDB does.
func (s *Store) Scan(
	_ context.Context, seg workspace.Segment, cursor string, limit int,
) ([]workspace.Facts, string, error) {
	if limit < 1 || seg.Number < 0 || seg.Number >= seg.Of || cursor != "" && !within(seg, cursor) {
		return nil, "", fault.Store("scan", fmt.Errorf("limit %d, segment %+v, cursor %s", limit, seg, cursor))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id := range s.facts {
		if within(seg, id) && (cursor == "" || place(id) > place(cursor)) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	next := ""
	if len(ids) >= limit {
		ids, next = ids[:limit], ids[limit-1]
	}
	var out []workspace.Facts
	for _, id := range ids {
		out = append(out, s.facts[id])
	}
	return out, next, nil
}

// within reports whether a workspace is in a segment.
func within(seg workspace.Segment, id string) bool {
	return int(binary.BigEndian.Uint32([]byte(place(id))))%seg.Of == seg.Number
}

// place is where a workspace is among the others in a scan: by the digest of its
// key.
func place(id string) string {
	sum := sha256.Sum256([]byte(id))
	return string(sum[:])
}
