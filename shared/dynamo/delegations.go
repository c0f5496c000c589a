package dynamo

import (
	"cmp"
	"context"
	"errors"
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

// Delegations implements delegation.Store. A workspace has few, so they have no
// index of their own.
func (s *Store) Delegations(ctx context.Context, source workspace.Life) (out []delegation.Delegation, err error) {
	q := queryChat{what: "delegations", key: ofKind(source, delegationPrefix)}
	err = s.query(ctx, q, func(it item) (bool, error) {
		d, err := decodeRecord[delegation.Delegation](it)
		out = append(out, d)
		return false, err
	})
	slices.SortFunc(out, func(a, b delegation.Delegation) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID))
	})
	return out, err
}
