package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Count implements delivery.Ledger: one conditional update, which adds and so
// needs to know nothing of the other messages that are counted at the same time.
func (s *Store) Count(
	ctx context.Context, id string, at time.Time, probe bool, maxOpen int64,
) (workspace.Facts, bool, error) {
	var c change
	c.add(lease("Accepted"), 1)
	c.add(lease("Open"), 1)
	c.setOnce(lease("OldestOpen"), instant(at))
	c.set(lease("CountedAt"), instant(at))
	if probe {
		c.set(lease("ProbedAt"), instant(at))
	}
	c.require(lease("ID").Exists())
	c.require(notRemoved())
	c.require(lease("Open").NotExists().Or(lease("Open").LessThan(num(maxOpen))))
	return s.updateLease(ctx, "count message", id, c)
}

// Uncount implements delivery.Ledger. When the count is the only one, no mail is
// open without it; which of the two it is may change before the write.
func (s *Store) Uncount(ctx context.Context, life workspace.Life) error {
	const tries = 4
	for range tries {
		for _, only := range []bool{false, true} {
			var c change
			c.require(presentLife(life))
			c.add(lease("Open"), -1)
			c.add(lease("Unused"), 1)
			if only {
				c.remove(lease("OldestOpen"))
				c.require(lease("Open").Equal(num(1)))
			} else {
				c.require(lease("Open").GreaterThan(num(1)))
			}
			f, done, err := s.updateLease(ctx, "take back a count", life.Workspace, c)
			if done || err != nil || f.Open == 0 || f.Life() != life {
				return err
			}
		}
	}
	return conflict(errors.New("the count kept changing"))
}

// NoteFull implements delivery.Ledger.
func (s *Store) NoteFull(ctx context.Context, life workspace.Life, full workspace.Full) error {
	var c change
	is := encodeFacts(workspace.Facts{Mailbox: workspace.Mailbox{Full: full}})
	for _, field := range workspace.FieldsOf[workspace.Full]() {
		if to, ok := is[leaseAttributes[field]]; ok {
			c.set(lease(field), to)
		} else {
			c.remove(lease(field))
		}
	}
	c.require(presentLife(life))
	_, _, err := s.updateLease(ctx, "note a full inbox", life.Workspace, c)
	return err
}

// updateLease updates the facts on a condition. It returns them as they are
// afterwards; they are zero when there are none, and done is false when the
// condition fails. Error: conflict while a transaction writes them.
func (s *Store) updateLease(ctx context.Context, what, id string, c change) (f workspace.Facts, done bool, err error) {
	e := c.build()
	out, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Leases, Key: leaseKey(id), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if len(failed.Item) > 0 {
			f = decodeFacts(failed.Item)
		}
		return f, false, nil
	}
	if err != nil {
		return f, false, writeError(what, err)
	}
	return decodeFacts(out.Attributes), true, nil
}

// Put implements delivery.Ledger.
func (s *Store) Put(ctx context.Context, m chat.Message) (chat.Message, error) {
	small, body, answer := m.Split()
	if body != nil || answer != nil {
		// A message that is sent again must not cost its body again.
		stored, err := s.Messages(ctx, delivery.LifeOf(m), m.ID)
		if err != nil {
			return m, err
		}
		if len(stored) > 0 {
			return stored[0], nil
		}
		if err := s.putTexts(ctx, small, body, answer); err != nil {
			return m, err
		}
	}
	it, err := s.encodeMessage(small)
	if err != nil {
		return m, err
	}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Chat, Item: it, ConditionExpression: aws.String("attribute_not_exists(" + ChatSort + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return decodeMessage(failed.Item)
	}
	if err != nil {
		return m, writeError("put message", err)
	}
	m.BodyApart, m.AnswerApart = small.BodyApart, small.AnswerApart
	return m, nil
}

// writeError is the error of a write of one item: a conflict while a transaction
// writes the same item, which is no fault of the store.
func writeError(what string, err error) error {
	if _, busy := errors.AsType[*types.TransactionConflictException](err); busy {
		return conflict(err)
	}
	return storeError(what, err)
}
