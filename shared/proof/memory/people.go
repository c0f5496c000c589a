package memory

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/token"
)

// AddPerson implements people.Store.
func (s *Store) AddPerson(_ context.Context, p people.Person, by activity.AuditEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.audit(activity.Platform, by); err != nil {
		return err
	}
	p.CreatedAt, p.ExpiresAt, p.UsedAt = millis(p.CreatedAt), millis(p.ExpiresAt), millis(p.UsedAt)
	p.EndedAt = millis(p.EndedAt)
	s.people[p.ID] = p
	return nil
}

// Person implements people.Store.
func (s *Store) Person(_ context.Context, id string) (people.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people[id]
	if !ok {
		return p, people.Unknown()
	}
	return p, nil
}

// People implements people.Store.
func (s *Store) People(context.Context) (all []people.Person, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		all = append(all, p)
	}
	return all, nil
}

// EndPerson implements people.Store.
func (s *Store) EndPerson(_ context.Context, id string, by activity.Actor, at time.Time) (people.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people[id]
	if !ok {
		return p, people.Unknown()
	}
	if p.EndedAt.IsZero() {
		p.EndedAt, p.EndedBy = millis(at), activity.Actor{Who: by.Who, From: by.From}
	}
	p.Hash = token.Hash{}
	s.people[id] = p
	return p, nil
}

// RemovePerson implements people.Store.
func (s *Store) RemovePerson(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.people[id]; !ok {
		return people.Unknown()
	}
	delete(s.people, id)
	return nil
}

// NotePersonUse implements people.Store.
func (s *Store) NotePersonUse(_ context.Context, id, from string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people[id]
	if !ok {
		return people.Unknown()
	}
	p.UsedAt, p.UsedFrom = millis(at), from
	s.people[id] = p
	return nil
}
