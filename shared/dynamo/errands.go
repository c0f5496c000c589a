package dynamo

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// query reads every item of a workspace whose sort key begins with a prefix;
// attributes "" is all of each item.
func (s *Store) query(ctx context.Context, id, prefix, attributes string, names map[string]string, each func(item) error) error {
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), ExpressionAttributeNames: names,
		KeyConditionExpression:    aws.String(ChatPartition + " = :pk AND begins_with(" + ChatSort + ", :prefix)"),
		ExpressionAttributeValues: item{":pk": partition(id), ":prefix": str(prefix)},
	}
	if attributes != "" {
		in.ProjectionExpression = &attributes
	}
	for {
		page, err := s.DB.Query(ctx, in)
		if err != nil {
			return fault.Store("query "+prefix, err)
		}
		for _, it := range page.Items {
			if err := each(it); err != nil {
				return err
			}
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil
		}
	}
}

// Errands implements delivery.Ledger.
func (s *Store) Errands(ctx context.Context, id string) ([]delivery.Errand, error) {
	var out []delivery.Errand
	err := s.query(ctx, id, errandPrefix, ChatSort, nil, func(it item) error {
		key := strings.TrimPrefix(strOf(it[ChatSort]), errandPrefix)
		cut := strings.LastIndexByte(key, '#')
		version, err := strconv.ParseInt(key[cut+1:], 10, 64)
		if cut < 0 || err != nil {
			return fault.Store("decode errand", fmt.Errorf("key %q", key))
		}
		out = append(out, delivery.Errand{MessageID: key[:cut], Version: version})
		return nil
	})
	return out, err
}

// ErrandDone implements delivery.Ledger: struck off and counted down together,
// once, whoever else did it too.
func (s *Store) ErrandDone(ctx context.Context, id string, e delivery.Errand) error {
	u := update{}
	u.add("OutboxItems", -1)
	_, err := s.transact(ctx, []types.TransactWriteItem{
		{Delete: &types.Delete{TableName: &s.Chat, Key: errandKey(id, e), ConditionExpression: aws.String("attribute_exists(" + ChatSort + ")")}},
		{Update: &types.Update{TableName: &s.Leases, Key: s.leaseItem(id), UpdateExpression: u.expression(), ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values}},
	})
	if fault.CodeOf(err) == fault.Conflict {
		return nil // another did it, or is at it: what is left is found by the next drain
	}
	return err
}

// Ends implements delivery.Ledger. It reads all of a workspace's messages, which
// is dear: it is asked only when the counters are known to be wrong.
func (s *Store) Ends(ctx context.Context, id string) (map[chat.State]int64, error) {
	out := map[chat.State]int64{}
	err := s.query(ctx, id, messagePrefix, "#state", map[string]string{"#state": "state"}, func(it item) error {
		if state := chat.State(strOf(it["state"])); !state.Open() {
			out[state]++
		}
		return nil
	})
	return out, err
}

// Correct implements delivery.Ledger.
func (s *Store) Correct(ctx context.Context, seen, next workspace.Facts) error {
	was, is := encodeFacts(seen), encodeFacts(next)
	u := update{}
	condition := "attribute_exists(" + u.name("ID") + ")"
	counters := workspace.FieldsOf[workspace.Counters]()
	for _, field := range counters {
		attr := leaseAttributes[field]
		if av, ok := was[attr]; ok {
			condition += " AND " + u.name(field) + " = " + u.value(":was_"+attr, av)
		} else {
			// A counter that was added to and taken from again is there, and zero.
			condition += " AND (attribute_not_exists(" + u.name(field) + ") OR " + u.name(field) + " = " + u.value(":zero", num(0)) + ")"
		}
	}
	for _, field := range append(counters, "OldestOpen") {
		if av, ok := is[leaseAttributes[field]]; ok {
			u.set(field, av)
		} else {
			u.remove(field)
		}
	}
	_, err := s.transact(ctx, []types.TransactWriteItem{{Update: &types.Update{
		TableName: &s.Leases, Key: s.leaseItem(seen.ID), UpdateExpression: u.expression(), ConditionExpression: &condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	}}})
	return err
}
