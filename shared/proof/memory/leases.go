package memory

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
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
		return workspace.Facts{}, workspace.UnknownError(id)
	}
	return f, nil
}

// Renew implements registry.Leases.
func (s *Store) Renew(_ context.Context, id string, credential token.Hash, sig workspace.Signal, now time.Time) (workspace.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[id]
	switch {
	case !ok:
		return f, workspace.UnknownError(id)
	case f.Hold == workspace.Removed || !credential.Matches(f.Credential):
		return f, &registry.Refused{Facts: f}
	}
	f = workspace.Observe(f, sig, s.Policy, now)
	s.facts[id] = f
	return f, nil
}

// Save implements registry.Leases.
func (s *Store) Save(_ context.Context, old, next workspace.Facts, with registry.SaveExtras) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save(old, next, with)
}

// NoteRefusal implements registry.Leases.
func (s *Store) NoteRefusal(_ context.Context, old, next workspace.Facts) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts[next.ID]
	if f.Version != old.Version || f.Refusals != old.Refusals || f.Stranger != old.Stranger {
		return fault.New(fault.Conflict, "the workspace changed meanwhile")
	}
	s.facts[next.ID] = merge(f, old, next)
	return nil
}

func (s *Store) save(old, next workspace.Facts, with registry.SaveExtras) error {
	stored, ok := s.facts[next.ID]
	if ok != (old.ID != "") || stored.Version != old.Version {
		return fault.New(fault.Conflict, "the workspace changed meanwhile")
	}
	if e := with.Enrolment; e != nil {
		kept, ok := s.enrolments[e.ID]
		if !ok || kept.Hash != e.Hash || kept.Uses < 1 {
			return registry.EnrolmentUnknown()
		}
		kept.Uses--
		s.enrolments[e.ID] = kept
	}
	if with.Audit != nil {
		s.rows[next.ID] = append(s.rows[next.ID], activity.AuditRow(next.ID, *with.Audit))
	}
	for _, h := range []token.Hash{next.Credential, next.NextCredential} {
		if !h.Zero() && h != old.Credential && h != old.NextCredential {
			s.owners[h] = next.ID
		}
	}
	s.facts[next.ID] = merge(stored, old, next)
	if with.Profile != nil {
		s.profiles[next.ID] = with.Profile.Apply(s.profiles[next.ID])
	}
	return nil
}

// merge writes to stored what differs between old and next, as the table's
// update does, so that a signal or a message in between is not undone.
func merge(stored, old, next workspace.Facts) workspace.Facts {
	out, was, is := reflect.ValueOf(&stored).Elem(), reflect.ValueOf(old), reflect.ValueOf(next)
	for _, field := range workspace.FieldsOf[workspace.Facts]() {
		if a, b := was.FieldByName(field), is.FieldByName(field); !a.Equal(b) {
			out.FieldByName(field).Set(b)
		}
	}
	return stored
}

// Page implements registry.Leases.
func (s *Store) Page(_ context.Context, cursor string, limit int) ([]workspace.Facts, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id := range s.facts {
		if id > cursor {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	next := ""
	if len(ids) > limit {
		ids, next = ids[:limit], ids[limit-1]
	}
	var out []workspace.Facts
	for _, id := range ids {
		out = append(out, s.facts[id])
	}
	return out, next, nil
}
