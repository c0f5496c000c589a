package memory

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/registry"
)

// Enrol implements registry.Enrolments.
func (s *Store) Enrol(_ context.Context, e registry.Enrolment, by activity.AuditEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enrolments[e.ID] = e
	s.audit(e, by)
	return nil
}

func (s *Store) audit(e registry.Enrolment, by activity.AuditEntry) {
	id := e.AuditTrailID()
	s.rows[id] = append(s.rows[id], activity.AuditRow(id, by))
}

// Enrolment implements registry.Enrolments.
func (s *Store) Enrolment(_ context.Context, id string) (registry.Enrolment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.enrolments[id]
	if !ok {
		return e, registry.EnrolmentUnknown()
	}
	return e, nil
}

// Withdraw implements registry.Enrolments.
func (s *Store) Withdraw(_ context.Context, id string, by activity.AuditEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.enrolments[id]
	if !ok {
		return registry.EnrolmentUnknown()
	}
	delete(s.enrolments, id)
	s.audit(e, by)
	return nil
}
