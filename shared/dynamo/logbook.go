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
	it := item{ChatPartition: partition(n.Workspace), ChatSort: str(notePrefix + n.ID), LogOrder: str(delivery.LogOrder(n.At, n.ID))}
	return s.putRecord(ctx, it, n, n.At)
}

// putRecord stores a row of the logbook for as long as receipts are kept.
func (s *Store) putRecord(ctx context.Context, it item, v any, at time.Time) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fault.Store("encode record", err)
	}
	it["rec"], it[TTLAttribute] = str(string(raw)), num(at.Add(s.Retention).Unix())
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
		var n delivery.Note
		if err := json.Unmarshal([]byte(strOf(it["rec"])), &n); err != nil {
			return fault.Store("decode note", err)
		}
		out = append(out, delivery.Record{Order: order[key], Note: &n})
		return nil
	})
	slices.SortFunc(out, func(a, b delivery.Record) int { return cmp.Compare(b.Order, a.Order) })
	return out, err
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
	return s.putRecord(ctx, item{ChatPartition: partition(d.Source), ChatSort: str(delegationPrefix + d.ID)}, d, d.At)
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
