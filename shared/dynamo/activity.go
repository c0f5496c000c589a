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
	it := lifeKey(workspace.Life{Workspace: r.Workspace, Number: r.Life}, rowPrefix+r.ID)
	it[LogOrder] = str(r.OrderKey())
	return it, encodeRecord(it, record, r.At.Add(s.Retention))
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

// AddRow implements activity.Log.
func (s *Store) AddRow(ctx context.Context, r activity.Row) error {
	it, err := s.encodeRow(r)
	if err != nil {
		return err
	}
	return s.putChat(ctx, "row", it)
}

// ActivityLog implements activity.Log: a query of the index, which holds keys
// only, then the items.
func (s *Store) ActivityLog(ctx context.Context, life workspace.Life, r activity.Range) ([]activity.Item, error) {
	first, end := r.Bounds()
	if first >= end || r.Limit < 1 {
		return nil, nil // DynamoDB refuses an empty range, and to read nothing
	}
	var keys []item
	order := map[string]string{} // by sort key
	q := queryChat{
		what: "activity log", index: LogIndex, newest: true, limit: r.Limit + 1, // BETWEEN takes its end in
		key: ofLife(life).
			And(named(LogOrder).Between(first, end)),
	}
	err := s.query(ctx, q, func(it item) (bool, error) {
		if at := strOf(it[LogOrder]); at < end {
			keys = append(keys, item{ChatPartition: it[ChatPartition], ChatSort: it[ChatSort]})
			order[strOf(it[ChatSort])] = at
		}
		return len(keys) >= r.Limit, nil
	})
	if err != nil {
		return nil, err
	}
	var out []activity.Item
	err = s.batchGet(ctx, s.Chat, keys, nil, func(it item) error {
		entry := activity.Item{OrderKey: order[strOf(it[ChatSort])]}
		if strings.HasPrefix(strOf(it[ChatSort]), messagePrefix) {
			m, err := decodeMessage(it)
			entry.Message = &m
			out = append(out, entry)
			return err
		}
		row, err := decodeRow(it)
		entry.Row = &row
		out = append(out, entry)
		return err
	})
	slices.SortFunc(out, func(a, b activity.Item) int { return cmp.Compare(b.OrderKey, a.OrderKey) })
	return out, err
}

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
