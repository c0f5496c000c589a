package memory

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// AddChange implements statuslog.Store.
func (s *Store) AddChange(
	_ context.Context, old, next workspace.Facts, c statuslog.Change,
) (statuslog.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Seq = int64(len(s.changes)) + 1
	history, err := c.Row()
	if err != nil {
		return c, err
	}
	raw, err := newRecord(c)
	if err != nil {
		return c, err
	}
	if err := s.save(old, next, registry.SaveExtras{}); err != nil {
		return c, err
	}
	if err := s.putRow(history); err != nil {
		return c, err
	}
	s.changes = append(s.changes, raw)
	return c, nil
}

// Changes implements statuslog.Store.
func (s *Store) Changes(_ context.Context, after int64, limit int) (out []statuslog.Change, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, raw := range firstOf(s.changes[min(max(0, after), int64(len(s.changes))):], limit) {
		out = append(out, decode[statuslog.Change](raw))
	}
	return out, nil
}

// LatestChange implements statuslog.Store.
func (s *Store) LatestChange(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.changes)), nil
}

// ClaimAnnouncing implements statuslog.Store.
func (s *Store) ClaimAnnouncing(_ context.Context, now, until time.Time) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if millis(now).Before(s.announcing) {
		return 0, false, nil
	}
	s.announcing = millis(until)
	return s.announced, true, nil
}

// NoteAnnounced implements statuslog.Store.
func (s *Store) NoteAnnounced(_ context.Context, last int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced, s.announcing = last, time.Time{}
	return nil
}
