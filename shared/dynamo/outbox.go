package dynamo

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

func outboxKey(life workspace.Life, left delivery.OutboxItem) item {
	return lifeKey(life, fmt.Sprintf("%s%s#%d", outboxPrefix, left.MessageID, left.Version))
}

// Outbox implements delivery.Ledger.
func (s *Store) Outbox(ctx context.Context, life workspace.Life) (out []delivery.OutboxItem, err error) {
	q := queryChat{what: "outbox", key: ofKind(life, outboxPrefix), attributes: []string{ChatSort}}
	err = s.query(ctx, q, func(it item) (bool, error) {
		left, err := parseOutboxKey(strOf(it[ChatSort]))
		out = append(out, left)
		return false, err
	})
	return out, err
}

// parseOutboxKey reads the sort key that outboxKey makes.
func parseOutboxKey(sort string) (delivery.OutboxItem, error) {
	key := strings.TrimPrefix(sort, outboxPrefix)
	cut := strings.LastIndexByte(key, '#')
	version, err := strconv.ParseInt(key[cut+1:], 10, 64)
	if cut < 0 || err != nil {
		return delivery.OutboxItem{}, fault.Store("decode outbox item", fmt.Errorf("key %q", key))
	}
	return delivery.OutboxItem{MessageID: key[:cut], Version: version}, nil
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
