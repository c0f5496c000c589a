package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/rollcall/rollcall/shared/activity"
)

// AddRow implements activity.Log.
func (s *Store) AddRow(_ context.Context, n activity.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[n.Workspace] = append(s.rows[n.Workspace], n)
	return nil
}

// ActivityLog implements activity.Log.
func (s *Store) ActivityLog(_ context.Context, id string, w activity.Range) ([]activity.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []activity.Item
	for _, m := range s.messages[id] {
		out = append(out, activity.Item{OrderKey: activity.MessageOrderKey(m), Message: &m})
	}
	for _, n := range s.rows[id] {
		if n.InAuditTrail() {
			continue
		}
		out = append(out, activity.Item{OrderKey: n.OrderKey(), Row: &n})
	}
	first, end := w.Bounds()
	out = slices.DeleteFunc(out, func(r activity.Item) bool { return r.OrderKey < first || r.OrderKey >= end })
	slices.SortFunc(out, func(a, b activity.Item) int { return cmp.Compare(b.OrderKey, a.OrderKey) })
	return out[:min(w.Limit, len(out))], nil
}

// AuditTrail implements activity.Log.
func (s *Store) AuditTrail(_ context.Context, id, below string, limit int) ([]activity.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.rows[id])
	out = slices.DeleteFunc(out, func(n activity.Row) bool { return !n.InAuditTrail() || (below != "" && n.OrderKey() >= below) })
	slices.SortFunc(out, func(a, b activity.Row) int { return cmp.Compare(b.OrderKey(), a.OrderKey()) })
	return out[:min(limit, len(out))], nil
}
