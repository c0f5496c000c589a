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
	if err := s.audit(e.AuditTrailID(), by); err != nil {
		return err
	}
	e.Until = millis(e.Until)
	s.enrolments[e.ID] = e
	return nil
}

// audit adds an entry to a workspace's audit trail.
func (s *Store) audit(id string, by activity.AuditEntry) error {
	key, r, err := newRow(activity.AuditRow(id, by))
	if err != nil {
		return err
	}
	s.putRow(id, key, r)
	return nil
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
	if err := s.audit(e.AuditTrailID(), by); err != nil {
		return err
	}
	delete(s.enrolments, id)
	return nil
}
