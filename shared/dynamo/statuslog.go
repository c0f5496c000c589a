package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

var _ statuslog.Store = (*Store)(nil)

func changeSort(seq int64) string { return fmt.Sprintf("%s%015d", changePrefix, seq) }

// addChangeTries bounds the races for the next number of the fleet's log.
const addChangeTries = 5

// AddChange implements statuslog.Store.
func (s *Store) AddChange(
	ctx context.Context, old, next workspace.Facts, ch statuslog.Change,
) (statuslog.Change, error) {
	for range addChangeTries {
		last, err := s.LatestChange(ctx)
		if err != nil {
			return ch, err
		}
		ch.Seq = last + 1
		writes, err := s.changeWrites(old, next, ch, last)
		if err != nil {
			return ch, err
		}
		reasons, err := s.transact(ctx, writes)
		if len(reasons) == len(writes) && reasonIs(reasons[0], "None") {
			continue // only the fleet's number had moved on
		}
		return ch, err
	}
	return ch, fault.New(fault.Conflict, "the fleet's log kept moving")
}

// changeWrites are the writes of a change: the facts first, then the fleet's
// number, its log and the workspace's history.
func (s *Store) changeWrites(
	old, next workspace.Facts, ch statuslog.Change, last int64,
) ([]types.TransactWriteItem, error) {
	facts, err := s.saveLease(old, next)
	if err != nil {
		return nil, err
	}
	var c change
	c.set(fleetLatestChange, num(ch.Seq))
	if last > 0 {
		c.require(fleetLatestChange.Equal(value(num(last))))
	} else {
		c.require(fleetLatestChange.AttributeNotExists())
	}
	number, err := c.write(s.Chat, fleetKey())
	if err != nil {
		return nil, err
	}
	logged := chatKey(fleetPartition, changeSort(ch.Seq))
	if err := encodeRecord(logged, ch, ch.At.Add(s.Retention)); err != nil {
		return nil, err
	}
	row, err := ch.Row()
	if err != nil {
		return nil, fault.Store("encode change", err)
	}
	history, err := s.encodeRow(row)
	if err != nil {
		return nil, err
	}
	return []types.TransactWriteItem{facts, number, s.chatPut(logged), s.chatPut(history)}, nil
}

// Changes implements statuslog.Store.
func (s *Store) Changes(ctx context.Context, after int64, limit int) (out []statuslog.Change, err error) {
	if limit < 1 {
		return nil, nil
	}
	first := expression.Value(changeSort(max(0, after) + 1))
	q := queryChat{
		what: "changes", limit: limit,
		key: expression.Key(ChatPartition).Equal(expression.Value(fleetPartition)).
			And(expression.Key(ChatSort).Between(first, expression.Value(changePrefix+afterEveryTime))),
	}
	err = s.query(ctx, q, func(it item) (bool, error) {
		ch, err := decodeRecord[statuslog.Change](it)
		out = append(out, ch)
		return len(out) >= limit, err
	})
	return out, err
}

// LatestChange implements statuslog.Store.
func (s *Store) LatestChange(ctx context.Context) (int64, error) {
	it, err := s.getChat(ctx, "fleet", fleetKey())
	return intOf(it["seq"]), err
}

// ClaimAnnouncing implements statuslog.Store.
func (s *Store) ClaimAnnouncing(ctx context.Context, now, until time.Time) (int64, bool, error) {
	var c change
	c.set(fleetAnnouncing, millis(until))
	c.require(fleetAnnouncing.AttributeNotExists().Or(fleetAnnouncing.LessThanEqual(value(millis(now)))))
	e, err := c.build()
	if err != nil {
		return 0, false, err
	}
	out, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: fleetKey(), UpdateExpression: e.Update(), ConditionExpression: e.Condition(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(), ReturnValues: types.ReturnValueAllNew,
	})
	if _, taken := errors.AsType[*types.ConditionalCheckFailedException](err); taken {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fault.Store("claim announcing", err)
	}
	return intOf(out.Attributes["announced"]), true, nil
}

// NoteAnnounced implements statuslog.Store.
func (s *Store) NoteAnnounced(ctx context.Context, last int64) error {
	var c change
	c.set(fleetAnnounced, num(last))
	c.remove(fleetAnnouncing)
	return s.updateFleet(ctx, "note announced", c)
}
