package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/rollcall/rollcall/shared/activity"
)

// rowRecord is a row as it is stored: without the request or the response that
// it has none of.
type rowRecord struct {
	activity.Row
	Request  json.RawMessage `json:",omitempty"`
	Response json.RawMessage `json:",omitempty"`
}

// row is a stored row.
type row struct {
	record
	order string // its order key
	trail bool   // it belongs to the audit trail
}

// newRow makes the row to store, and its key.
func newRow(r activity.Row) (key string, _ row, err error) {
	raw, err := newRecord(rowRecord{r, r.Request, r.Response})
	if r.InAuditTrail() {
		return "trail " + r.OrderKey(), row{raw, r.OrderKey(), true}, err
	}
	return "log " + r.ID, row{raw, r.OrderKey(), false}, err
}

func (r row) decode() activity.Row {
	out := decode[rowRecord](r.record)
	out.Row.Request, out.Row.Response = out.Request, out.Response
	return out.Row
}

// putRow stores a row in the place of one with the same key.
func (s *Store) putRow(id, key string, r row) {
	if s.rows[id] == nil {
		s.rows[id] = map[string]row{}
	}
	s.rows[id][key] = r
}

// AddRow implements activity.Log.
func (s *Store) AddRow(_ context.Context, r activity.Row) error {
	key, stored, err := newRow(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putRow(r.Workspace, key, stored)
	return nil
}

// ActivityLog implements activity.Log.
func (s *Store) ActivityLog(_ context.Context, id string, r activity.Range) ([]activity.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []activity.Item
	first, end := r.Bounds()
	within := func(order string) bool { return first <= order && order < end }
	for _, m := range s.messages[id] {
		if order := activity.MessageOrderKey(m); within(order) {
			m = copyMessage(m)
			out = append(out, activity.Item{OrderKey: order, Message: &m})
		}
	}
	for _, stored := range s.rows[id] {
		if !stored.trail && within(stored.order) {
			r := stored.decode()
			out = append(out, activity.Item{OrderKey: stored.order, Row: &r})
		}
	}
	slices.SortFunc(out, func(a, b activity.Item) int { return cmp.Compare(b.OrderKey, a.OrderKey) })
	return firstOf(out, r.Limit), nil
}

// AuditTrail implements activity.Log.
func (s *Store) AuditTrail(_ context.Context, id, below string, limit int) (out []activity.Row, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stored := range s.rows[id] {
		if stored.trail && (below == "" || stored.order < below) {
			out = append(out, stored.decode())
		}
	}
	slices.SortFunc(out, func(a, b activity.Row) int { return cmp.Compare(b.OrderKey(), a.OrderKey()) })
	return firstOf(out, limit), nil
}

// firstOf are the first of a list, nil for none.
func firstOf[V any](list []V, limit int) []V {
	if n := min(limit, len(list)); n > 0 {
		return list[:n]
	}
	return nil
}
