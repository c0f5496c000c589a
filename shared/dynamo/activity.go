package dynamo

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

var _ activity.Log = (*Store)(nil)

// auditRetention is how long an audit trail is kept: who did what is asked long
// after the mail is forgotten.
const auditRetention = 400 * 24 * time.Hour

// rowRecord is a row as it is stored: without the request or the response that
// it has none of.
type rowRecord struct {
	activity.Row
	Request  json.RawMessage `json:",omitempty"`
	Response json.RawMessage `json:",omitempty"`
}

func (s *Store) encodeRow(r activity.Row) (item, error) {
	record := rowRecord{r, r.Request, r.Response}
	if r.InAuditTrail() {
		it := chatKey(auditPartition+r.Workspace, trailPrefix+r.OrderKey())
		return it, encodeRecord(it, record, r.At.Add(auditRetention))
	}
	it := lifeKey(lifeOfRow(r), rowPrefix+r.ID)
	it[LogOrder] = str(r.OrderKey())
	return it, encodeRecord(it, record, r.At.Add(s.Retention))
}

func lifeOfRow(r activity.Row) workspace.Life {
	return workspace.Life{Workspace: r.Workspace, Number: r.Life}
}

// rowTextKey is the key of a row that is kept apart from its head.
func rowTextKey(r activity.Row) item {
	return textKey(lifeOfRow(r), rowPrefix+r.ID, rowPrefix+r.ID, r.Apart.Own)
}

// encodeHistory makes the item of a change of verdict in the trail of its life. The change is all there is to its row.
func encodeHistory(ch statuslog.Change) (item, error) {
	row, err := ch.Row()
	if err != nil {
		return nil, fault.Store("encode change", err)
	}
	it := lifeKey(workspace.Life{Workspace: row.Workspace, Number: row.Life}, trailPrefix+row.OrderKey())
	return it, encodeRecord(it, ch, ch.At.Add(auditRetention))
}

func decodeHistory(it item) (activity.Row, error) {
	ch, err := decodeRecord[statuslog.Change](it)
	if err != nil {
		return activity.Row{}, err
	}
	return ch.Row()
}

func decodeRow(it item) (activity.Row, error) {
	record, err := decodeRecord[rowRecord](it)
	record.Row.Request, record.Row.Response = record.Request, record.Response
	return record.Row, err
}

// AddRow implements activity.Log. A long row is written before its head.
func (s *Store) AddRow(ctx context.Context, r activity.Row) error {
	r.Apart = activity.Apart{}
	it, err := s.encodeRow(r)
	if err != nil {
		return err
	}
	if record := strOf(it[recordAttribute]); !r.InAuditTrail() && len(record) > activity.InlineRow {
		head := r.Head([]byte(record))
		text := rowTextKey(head)
		text[recordAttribute], text[TTLAttribute] = it[recordAttribute], num(r.At.Add(s.Retention+textGrace).Unix())
		if err := s.putChat(ctx, "long row", text); err != nil {
			return err
		}
		if it, err = s.encodeRow(head); err != nil {
			return err
		}
	}
	return s.putChat(ctx, "row", it)
}

// WholeRows implements activity.Log.
func (s *Store) WholeRows(ctx context.Context, rows []activity.Row) ([]activity.Row, error) {
	var keys []item
	for _, r := range rows {
		if r.Apart.Bytes > 0 {
			keys = append(keys, rowTextKey(r))
		}
	}
	whole := map[string]activity.Row{} // by id
	err := s.batchGet(ctx, s.Chat, keys, nil, func(it item) error {
		row, err := decodeRow(it)
		whole[row.ID] = row
		return err
	})
	if err != nil {
		return nil, err
	}
	out := slices.Clone(rows)
	for i, r := range out {
		if w, ok := whole[r.ID]; ok && r.Apart.Bytes > 0 {
			out[i] = w
		}
	}
	return out, nil
}

// ActivityLog implements activity.Log: a query of the index, which holds keys
// only, then the items. A key tells a message from a row.
func (s *Store) ActivityLog(ctx context.Context, life workspace.Life, r activity.Range) ([]activity.Item, error) {
	first, end := r.Bounds()
	if first >= end || r.Limit < 1 {
		return nil, nil // DynamoDB refuses an empty range, and to read nothing
	}
	var keys []item
	var out []activity.Item
	place := map[string]int{} // in out, by sort key
	q := queryChat{
		what: "activity log", index: LogIndex, newest: true, limit: r.Limit + 1, // BETWEEN takes its end in
		key: ofLife(life).
			And(named(LogOrder).Between(first, end)),
	}
	err := s.query(ctx, q, func(it item) (bool, error) {
		if at := strOf(it[LogOrder]); at < end {
			if !r.Messages || isMessage(it) {
				keys = append(keys, item{ChatPartition: it[ChatPartition], ChatSort: it[ChatSort]})
			}
			place[strOf(it[ChatSort])] = len(out)
			out = append(out, activity.Item{OrderKey: at})
		}
		return len(out) >= r.Limit, nil
	})
	if err != nil {
		return nil, err
	}
	err = s.batchGet(ctx, s.Chat, keys, nil, func(it item) error {
		entry := &out[place[strOf(it[ChatSort])]]
		entry.Bytes = ItemSize(it)
		if isMessage(it) {
			m, err := decodeMessage(it)
			entry.Message = &m
			return err
		}
		row, err := decodeRow(it)
		entry.Row = &row
		return err
	})
	return out, err
}

// isMessage reports whether an item of the log, or its key, is a message's.
func isMessage(it item) bool { return strings.HasPrefix(strOf(it[ChatSort]), messagePrefix) }

// AuditTrail implements activity.Log: a query of the workspace's trail and one of its
// life's, as the rows of both have keys in the order of time.
func (s *Store) AuditTrail(
	ctx context.Context, life workspace.Life, below string, limit int,
) (out []activity.Row, err error) {
	if limit < 1 {
		return nil, nil
	}
	entries, err := s.trail(ctx, auditPartition+life.Workspace, below, limit, decodeRow)
	if err != nil {
		return nil, err
	}
	changes, err := s.trail(ctx, lifePartition+life.Key(), below, limit, decodeHistory)
	if err != nil {
		return nil, err
	}
	out = slices.Concat(entries, changes)
	slices.SortFunc(out, func(a, b activity.Row) int { return cmp.Compare(b.OrderKey(), a.OrderKey()) })
	return out[:min(limit, len(out))], nil
}

// trail lists the rows of a trail in one partition, newest first.
func (s *Store) trail(
	ctx context.Context, partition, below string, limit int, decode func(item) (activity.Row, error),
) (out []activity.Row, err error) {
	end := trailPrefix + afterEveryTime
	if below != "" {
		end = trailPrefix + below
	}
	q := queryChat{
		what: "audit trail", newest: true, limit: limit + 1, // BETWEEN takes its end in
		key: named(ChatPartition).Equal(str(partition)).
			And(named(ChatSort).Between(trailPrefix, end)),
	}
	err = s.query(ctx, q, func(it item) (bool, error) {
		if strOf(it[ChatSort]) == end {
			return false, nil
		}
		row, err := decode(it)
		out = append(out, row)
		return len(out) >= limit, err
	})
	return out, err
}
