package dynamo

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

var _ delivery.Logbook = (*Store)(nil)

// Note implements delivery.Logbook.
func (s *Store) Note(ctx context.Context, n delivery.Note) error {
	it, err := s.encodeNote(n)
	if err != nil {
		return err
	}
	return s.put(ctx, it)
}

// trailRetention is how long a workspace's trail is kept: who did what is asked
// long after the mail is forgotten.
const trailRetention = 400 * 24 * time.Hour

func (s *Store) encodeNote(n delivery.Note) (item, error) {
	if n.OnTrail() {
		it := item{ChatPartition: partition(n.Workspace), ChatSort: str(trailPrefix + delivery.PlaceOf(n))}
		return it, encodeRecord(it, n, n.At.Add(trailRetention))
	}
	it := item{ChatPartition: partition(n.Workspace), ChatSort: str(notePrefix + n.ID), LogOrder: str(delivery.PlaceOf(n))}
	return it, encodeRecord(it, n, n.At.Add(s.Retention))
}

// encodeRecord puts v into an item that is kept until a time.
func encodeRecord(it item, v any, until time.Time) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fault.Store("encode record", err)
	}
	it["rec"], it[TTLAttribute] = str(string(raw)), num(until.Unix())
	return nil
}

func (s *Store) put(ctx context.Context, it item) error {
	if _, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it}); err != nil {
		return fault.Store("put record", err)
	}
	return nil
}

// History implements delivery.Logbook: a query of the index, which holds keys
// only, then the rows.
func (s *Store) History(ctx context.Context, id string, w delivery.Window) ([]delivery.Record, error) {
	first, end := w.Bounds()
	if first >= end {
		return nil, nil // DynamoDB refuses an empty range
	}
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, IndexName: aws.String(LogIndex), ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(w.Limit) + 1),
		KeyConditionExpression:    aws.String(ChatPartition + " = :pk AND #at BETWEEN :first AND :end"),
		ExpressionAttributeNames:  map[string]string{"#at": LogOrder},
		ExpressionAttributeValues: item{":pk": partition(id), ":first": str(first), ":end": str(end)},
	}
	var keys []item
	order := map[string]string{}
	for len(keys) < w.Limit {
		page, err := s.DB.Query(ctx, in)
		if err != nil {
			return nil, fault.Store("query log", err)
		}
		for _, it := range page.Items {
			if at := strOf(it[LogOrder]); at < end && len(keys) < w.Limit { // BETWEEN takes its end in
				keys = append(keys, item{ChatPartition: it[ChatPartition], ChatSort: it[ChatSort]})
				order[strOf(it[ChatSort])] = at
			}
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	var out []delivery.Record
	err := s.batchGet(ctx, keys, func(it item) error {
		key := strOf(it[ChatSort])
		if strings.HasPrefix(key, messagePrefix) {
			m, err := decodeMessage(it)
			out = append(out, delivery.Record{Order: order[key], Message: &m})
			return err
		}
		n, err := decodeNote(it)
		out = append(out, delivery.Record{Order: order[key], Note: &n})
		return err
	})
	slices.SortFunc(out, func(a, b delivery.Record) int { return cmp.Compare(b.Order, a.Order) })
	return out, err
}

// Trail implements delivery.Logbook: one query, as a trail's rows have keys in
// the order of time.
func (s *Store) Trail(ctx context.Context, id, below string, limit int) ([]delivery.Note, error) {
	end := trailPrefix + "9" // sorts after every time
	if below != "" {
		end = trailPrefix + below
	}
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit) + 1),
		KeyConditionExpression:    aws.String(ChatPartition + " = :pk AND " + ChatSort + " BETWEEN :first AND :end"),
		ExpressionAttributeValues: item{":pk": partition(id), ":first": str(trailPrefix), ":end": str(end)},
	}
	var out []delivery.Note
	for len(out) < limit {
		page, err := s.DB.Query(ctx, in)
		if err != nil {
			return nil, fault.Store("query trail", err)
		}
		for _, it := range page.Items {
			if strOf(it[ChatSort]) == end || len(out) == limit { // BETWEEN takes its end in
				continue
			}
			n, err := decodeNote(it)
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	return out, nil
}

func decodeNote(it item) (n delivery.Note, err error) {
	if err := json.Unmarshal([]byte(strOf(it["rec"])), &n); err != nil {
		return n, fault.Store("decode note", err)
	}
	return n, nil
}

// Delegation implements delivery.Logbook.
func (s *Store) Delegation(ctx context.Context, source, id string) (d delivery.Delegation, found bool, err error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Chat, Key: item{ChatPartition: partition(source), ChatSort: str(delegationPrefix + id)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return d, false, fault.Store("get delegation", err)
	}
	if len(out.Item) == 0 {
		return d, false, nil
	}
	d, err = decodeDelegation(out.Item)
	return d, true, err
}

func decodeDelegation(it item) (d delivery.Delegation, err error) {
	if err := json.Unmarshal([]byte(strOf(it["rec"])), &d); err != nil {
		return d, fault.Store("decode delegation", err)
	}
	return d, nil
}

// SaveDelegation implements delivery.Logbook.
func (s *Store) SaveDelegation(ctx context.Context, d delivery.Delegation) error {
	it := item{ChatPartition: partition(d.Source), ChatSort: str(delegationPrefix + d.ID)}
	if err := encodeRecord(it, d, d.At.Add(s.Retention)); err != nil {
		return err
	}
	return s.put(ctx, it)
}

// Delegations implements delivery.Logbook. They are few a workspace, so they
// have no index of their own.
func (s *Store) Delegations(ctx context.Context, source string) ([]delivery.Delegation, error) {
	var out []delivery.Delegation
	err := s.query(ctx, source, delegationPrefix, "", nil, func(it item) error {
		d, err := decodeDelegation(it)
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b delivery.Delegation) int { return b.At.Compare(a.At) })
	return out, nil
}
