package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The attributes of an outbox item, beside its key.
const (
	outboxReceiver = "receiver"
	outboxDead     = "dead"
	outboxEnded    = "ended"
	outboxRests    = "rests"
	outboxSince    = "since"
	outboxHolds    = "holds"
)

func outboxKey(life workspace.Life, left delivery.OutboxItem) item {
	prefix := outboxPrefix
	if left.Callback {
		prefix = callbackPrefix
	}
	return lifeKey(life, fmt.Sprintf("%s%s#%d", prefix, left.MessageID, left.Version))
}

func encodeOutbox(life workspace.Life, left delivery.OutboxItem) item {
	it := outboxKey(life, left)
	it[outboxEnded] = millis(left.EndedAt)
	if left.Receiver != "" {
		it[outboxReceiver] = str(left.Receiver)
	}
	if left.Dead {
		it[outboxDead] = &types.AttributeValueMemberBOOL{Value: true}
	}
	if !left.RestsUntil.IsZero() {
		it[outboxRests] = millis(left.RestsUntil)
		if !left.RestsSince.IsZero() { // of one of before this attribute
			it[outboxSince] = millis(left.RestsSince)
		}
	}
	if left.Holds {
		it[outboxHolds] = &types.AttributeValueMemberBOOL{Value: true}
	}
	return it
}

// decodeOutbox reads what encodeOutbox makes. An item of before these attributes has its key alone: whether its message
// died is seen when it is read.
func decodeOutbox(it item) (delivery.OutboxItem, error) {
	out, err := parseOutboxKey(strOf(it[ChatSort]))
	_, ended := it[outboxEnded]
	_, dead := it[outboxDead]
	_, out.Holds = it[outboxHolds]
	out.Dead = dead || !ended
	out.Receiver, out.EndedAt = strOf(it[outboxReceiver]), timeOf(it[outboxEnded])
	out.RestsUntil, out.RestsSince = timeOf(it[outboxRests]), timeOf(it[outboxSince])
	return out, err
}

// Outbox implements delivery.Ledger.
func (s *Store) Outbox(ctx context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	return s.outbox(ctx, life, outboxPrefix)
}

// CallbackOutbox implements delivery.Ledger.
func (s *Store) CallbackOutbox(ctx context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	return s.outbox(ctx, life, callbackPrefix)
}

func (s *Store) outbox(ctx context.Context, life workspace.Life, prefix string) (out []delivery.OutboxItem, err error) {
	q := queryChat{what: "outbox", key: ofKind(life, prefix)}
	err = s.query(ctx, q, func(it item) (bool, error) {
		left, err := decodeOutbox(it)
		out = append(out, left)
		return false, err
	})
	return out, err
}

// parseOutboxKey reads the sort key that outboxKey makes.
func parseOutboxKey(sort string) (delivery.OutboxItem, error) {
	key, callback := strings.CutPrefix(sort, callbackPrefix)
	if !callback {
		key = strings.TrimPrefix(sort, outboxPrefix)
	}
	cut := strings.LastIndexByte(key, '#')
	version, err := strconv.ParseInt(key[cut+1:], 10, 64)
	if cut < 0 || err != nil {
		return delivery.OutboxItem{}, fault.Store("decode outbox item", fmt.Errorf("key %q", key))
	}
	return delivery.OutboxItem{MessageID: key[:cut], Version: version, Callback: callback}, nil
}

// OutboxRests implements delivery.Ledger.
func (s *Store) OutboxRests(ctx context.Context, life workspace.Life, left delivery.OutboxItem) error {
	e := of(named(ChatPartition).Exists())
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Chat, Item: encodeOutbox(life, left),
		ConditionExpression: e.Condition, ExpressionAttributeNames: e.Names,
	})
	if _, done := errors.AsType[*types.ConditionalCheckFailedException](err); done {
		return nil
	}
	if err != nil {
		return fault.Store("note outbox item", err)
	}
	return nil
}

// OutboxDone implements delivery.Ledger: the item is struck off and counted down
// together, once, whoever else did it too.
func (s *Store) OutboxDone(ctx context.Context, life workspace.Life, left delivery.OutboxItem, former bool) error {
	writes := []types.TransactWriteItem{{Delete: &types.Delete{
		TableName: &s.Chat, Key: outboxKey(life, left),
		ConditionExpression: aws.String("attribute_exists(" + ChatSort + ")"),
	}}}
	if !former {
		var c change
		c.require(presentLife(life))
		c.add(lease("OutboxItems"), -1)
		writes = append(writes, c.write(s.Leases, leaseKey(life.Workspace)))
	}
	_, err := s.transact(ctx, writes)
	if fault.CodeOf(err) == fault.Conflict {
		return nil // another did it, or is at it: what is left is found by the next drain
	}
	return err
}
