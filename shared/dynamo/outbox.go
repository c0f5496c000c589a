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
)

func outboxKey(id string, left delivery.OutboxItem) item {
	return workspaceKey(id, fmt.Sprintf("%s%s#%d", outboxPrefix, left.MessageID, left.Version))
}

// Outbox implements delivery.Ledger.
func (s *Store) Outbox(ctx context.Context, id string) (out []delivery.OutboxItem, err error) {
	q := queryChat{what: "outbox", key: ofWorkspace(id, outboxPrefix), attributes: []string{ChatSort}}
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
func (s *Store) OutboxDone(ctx context.Context, id string, left delivery.OutboxItem) error {
	var c change
	c.add(lease("OutboxItems"), -1)
	counted, err := c.write(s.Leases, leaseKey(id))
	if err != nil {
		return err
	}
	_, err = s.transact(ctx, []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName: &s.Chat, Key: outboxKey(id, left),
			ConditionExpression: aws.String("attribute_exists(" + ChatSort + ")"),
		}},
		counted,
	})
	if fault.CodeOf(err) == fault.Conflict {
		return nil // another did it, or is at it: what is left is found by the next drain
	}
	return err
}
