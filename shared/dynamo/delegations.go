package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

var _ delegation.Store = (*Store)(nil)

// Delegation implements delegation.Store.
func (s *Store) Delegation(
	ctx context.Context, source workspace.Life, id string,
) (d delegation.Delegation, found bool, err error) {
	it, err := s.getChat(ctx, "delegation", lifeKey(source, delegationPrefix+id))
	if err != nil || len(it) == 0 {
		return d, false, err
	}
	d, err = decodeRecord[delegation.Delegation](it)
	return d, true, err
}

// SaveDelegation implements delegation.Store.
func (s *Store) SaveDelegation(ctx context.Context, d delegation.Delegation) error {
	it := lifeKey(d.From(), delegationPrefix+d.ID)
	if err := encodeRecord(it, d, d.At.Add(s.Retention)); err != nil {
		return err
	}
	it[OpenOrder] = str(delegationOrder(d))
	return s.putChat(ctx, "delegation", it)
}

// claimRecord says which delegation has a message that was sent without one.
type claimRecord struct{ Source, ID string }

// ClaimMessage implements delegation.Store: the claim is an item of its own, as a
// deliverer may be writing the message.
func (s *Store) ClaimMessage(ctx context.Context, d delegation.Delegation) (claimed bool, err error) {
	it := lifeKey(d.To(), claimPrefix+d.MessageID)
	if err := encodeRecord(it, claimRecord{d.Source, d.ID}, d.At.Add(s.Retention)); err != nil {
		return false, err
	}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Chat, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(" + ChatSort + ") OR " + recordAttribute + " = :own"),
		ExpressionAttributeValues: item{":own": it[recordAttribute]},
	})
	if _, taken := errors.AsType[*types.ConditionalCheckFailedException](err); taken {
		return false, nil
	}
	if err != nil {
		return false, fault.Store("claim message", err)
	}
	return true, nil
}

// delegationsAtOnce is how many delegations are read in one call, whatever their order. Of more than that, the newest
// ones are read one by one.
const delegationsAtOnce = 200

// delegationMark begins the place of a delegation in the index of open mail: it is greater than that of every open
// message, and less than lostMark.
const delegationMark = "D#"

// delegationOrder orders delegations by time.
func delegationOrder(d delegation.Delegation) string {
	return fmt.Sprintf("%s%020d#%s", delegationMark, d.At.UnixNano(), d.ID)
}

// Delegations implements delegation.Store. Most workspaces have few, which one query of the table reads whole. Where
// there are more, the index says which are the newest.
func (s *Store) Delegations(
	ctx context.Context, source workspace.Life, limit int,
) (out []delegation.Delegation, err error) {
	q := queryChat{what: "delegations", key: ofKind(source, delegationPrefix), limit: delegationsAtOnce + 1}
	items, last, err := s.queryOnce(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(last) > 0 {
		if items, err = s.newestDelegations(ctx, source, limit); err != nil {
			return nil, err
		}
	}
	for _, it := range items {
		d, err := decodeRecord[delegation.Delegation](it)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b delegation.Delegation) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(limit, len(out))], nil
}

// newestDelegations are the items of a workspace's newest delegations, in no order.
func (s *Store) newestDelegations(ctx context.Context, source workspace.Life, limit int) (items []item, err error) {
	var keys []item
	q := queryChat{
		what: "newest delegations", index: OpenIndex, newest: true, limit: limit,
		key: ofLife(source).And(named(OpenOrder).BeginsWith(delegationMark)),
	}
	err = s.query(ctx, q, func(it item) (bool, error) {
		keys = append(keys, item{ChatPartition: it[ChatPartition], ChatSort: it[ChatSort]})
		return len(keys) == limit, nil
	})
	if err != nil {
		return nil, err
	}
	err = s.batchGet(ctx, s.Chat, keys, nil, func(it item) error {
		items = append(items, it)
		return nil
	})
	return items, err
}
