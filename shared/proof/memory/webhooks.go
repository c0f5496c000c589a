package memory

import (
	"context"
	"slices"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/webhook"
)

// AddHook implements webhook.Store.
func (s *Store) AddHook(_ context.Context, h webhook.Hook, by activity.AuditEntry) error {
	return s.putHook(h, 0, &by)
}

// SaveHook implements webhook.Store.
func (s *Store) SaveHook(_ context.Context, h webhook.Hook, by *activity.AuditEntry) error {
	return s.putHook(h, h.Version-1, by)
}

// putHook writes a webhook if this version of it is stored, 0 for none.
func (s *Store) putHook(h webhook.Hook, was int64, by *activity.AuditEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hooks[h.ID].Version != was {
		return fault.New(fault.Conflict, "the webhook has changed")
	}
	if by != nil {
		if err := s.audit(activity.Platform, *by); err != nil {
			return err
		}
	}
	h.Statuses = slices.Clone(h.Statuses)
	s.hooks[h.ID] = h
	return nil
}

// Hook implements webhook.Store.
func (s *Store) Hook(_ context.Context, id string) (webhook.Hook, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.hooks[id]
	if !ok {
		return h, webhook.Unknown()
	}
	return h, nil
}

// AnyHook implements webhook.Store.
func (s *Store) AnyHook(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.hooks) > 0, nil
}

// Hooks implements webhook.Store.
func (s *Store) Hooks(context.Context) (all []webhook.Hook, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hooks {
		all = append(all, h)
	}
	return all, nil
}

// RemoveHook implements webhook.Store.
func (s *Store) RemoveHook(_ context.Context, id string, by activity.AuditEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.hooks[id]; !ok {
		return webhook.Unknown()
	}
	if err := s.audit(activity.Platform, by); err != nil {
		return err
	}
	delete(s.hooks, id)
	return nil
}
