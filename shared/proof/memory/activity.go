package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/workspace"
)

// rowRecord is a row as it is stored: without the request or the response that
// it has none of.
type rowRecord struct {
	activity.Row
	Request  json.RawMessage `json:",omitempty"`
	Response json.RawMessage `json:",omitempty"`
}

// auditRetention is how long an audit trail is kept.
const auditRetention = 400 * 24 * time.Hour

// row is a stored row.
type row struct {
	record
	order string // its order key
	until time.Time
	trail bool // it belongs to the audit trail
}

func (r row) decode() activity.Row {
	out := decode[rowRecord](r.record)
	out.Row.Request, out.Row.Response = out.Request, out.Response
	return out.Row
}

// putRow stores a row in the place of one with the same key: an audit entry with its
// workspace, another one with its life. A long one has its head in the log.
func (s *Store) putRow(r activity.Row) error {
	r.Apart = activity.Apart{}
	raw, err := newRecord(rowRecord{r, r.Request, r.Response})
	if err != nil {
		return err
	}
	life := workspace.Life{Workspace: r.Workspace, Number: r.Life}
	if !r.InAuditTrail() && len(raw) > activity.InlineRow {
		put(s.texts, life, rowTextKey(r), text{json.RawMessage(raw), r.At.Add(s.Retention + textGrace)})
		if raw, err = newRecord(rowRecord{Row: r.Head([]byte(raw))}); err != nil {
			return err
		}
	}
	stored, key := row{raw, r.OrderKey(), r.At.Add(s.Retention), r.InAuditTrail()}, "log "+r.ID
	if stored.trail {
		key, stored.until = "trail "+stored.order, r.At.Add(auditRetention)
	}
	if r.Type == activity.TypeAudit {
		put(s.trails, r.Workspace, key, stored)
		return nil
	}
	put(s.rows, life, key, stored)
	return nil
}

// rowTextKey is the key of a row that is kept apart from its head.
func rowTextKey(r activity.Row) string { return "row " + r.ID }

// WholeRows implements activity.Log.
func (s *Store) WholeRows(_ context.Context, rows []activity.Row) ([]activity.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(rows)
	for i, r := range out {
		kept, there := s.texts[workspace.Life{Workspace: r.Workspace, Number: r.Life}][rowTextKey(r)]
		if r.Apart.Bytes > 0 && there {
			out[i] = row{record: record(kept.raw)}.decode()
		}
	}
	return out, nil
}

// put sets an entry of a map in a map.
func put[Of comparable, V any](all map[Of]map[string]V, of Of, key string, v V) {
	if all[of] == nil {
		all[of] = map[string]V{}
	}
	all[of][key] = v
}

// AddRow implements activity.Log.
func (s *Store) AddRow(_ context.Context, r activity.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putRow(r)
}

// ActivityLog implements activity.Log.
func (s *Store) ActivityLog(_ context.Context, life workspace.Life, r activity.Range) ([]activity.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []activity.Item
	first, end := r.Bounds()
	within := func(order string) bool { return first <= order && order < end }
	for _, m := range s.messages[life] {
		if order := activity.MessageOrderKey(m); within(order) {
			m = copyMessage(m)
			out = append(out, activity.Item{OrderKey: order, Message: &m, Bytes: itemOverhead + len(m.Body) + len(m.Answer)})
		}
	}
	for _, stored := range s.rows[life] {
		if stored.trail || !within(stored.order) {
			continue
		}
		entry := activity.Item{OrderKey: stored.order}
		if !r.Messages {
			row := stored.decode()
			entry.Row, entry.Bytes = &row, itemOverhead+len(stored.record)
		}
		out = append(out, entry)
	}
	slices.SortFunc(out, func(a, b activity.Item) int { return cmp.Compare(b.OrderKey, a.OrderKey) })
	return firstOf(out, r.Limit), nil
}

// AuditTrail implements activity.Log.
func (s *Store) AuditTrail(
	_ context.Context, life workspace.Life, below string, limit int,
) (out []activity.Row, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rows := range []map[string]row{s.trails[life.Workspace], s.rows[life]} {
		for _, stored := range rows {
			if stored.trail && (below == "" || stored.order < below) {
				out = append(out, stored.decode())
			}
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
