package memory

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Enrol implements registry.Enrolments.
func (s *Store) Enrol(_ context.Context, e registry.Enrolment, by activity.AuditEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.audit(e.AuditTrail(), by); err != nil {
		return err
	}
	e.Until = millis(e.Until)
	s.enrolments[e.ID] = e
	return nil
}

// audit adds an entry to a workspace's audit trail.
func (s *Store) audit(life workspace.Life, by activity.AuditEntry) error {
	return s.putRow(activity.AuditRow(life, by))
}

// Enrolment implements registry.Enrolments.
func (s *Store) Enrolment(_ context.Context, id string) (registry.Enrolment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.enrolments[id]
	if !ok {
		return e, registry.EnrolmentAbsent()
	}
	return e, nil
}

// Withdraw implements registry.Enrolments.
func (s *Store) Withdraw(_ context.Context, id string, by activity.AuditEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.enrolments[id]
	if !ok {
		return registry.EnrolmentAbsent()
	}
	if err := s.audit(e.AuditTrail(), by); err != nil {
		return err
	}
	delete(s.enrolments, id)
	return nil
}
