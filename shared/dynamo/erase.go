package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/workspace"
)

const (
	// eraseAtOnce is how many items one transaction deletes: as many as fit in it however large each is.
	eraseAtOnce = maxTransaction / maxItem
	// eraseAtMost is how many items one call of Erase deletes, and a few more.
	eraseAtMost = 1000
)

// Erase implements delivery.Ledger: all that is kept of a life are one partition and the texts of its items, each with
// a partition of its own, and what a former release wrote of such texts. A text that belongs to no item, as that of a
// call which was cut off, is left to TTL.
func (s *Store) Erase(ctx context.Context, life workspace.Life) (left bool, err error) {
	for _, partition := range []string{lifePartition, formerTextPartition} {
		if left, err = s.erase(ctx, partition+life.Key()); left || err != nil {
			return left, err
		}
	}
	return false, nil
}

// erase deletes the items of a partition, each in one transaction with its texts.
func (s *Store) erase(ctx context.Context, partition string) (left bool, err error) {
	var owners [][]item // the keys of each item and of its texts
	found := 0
	q := queryChat{
		what: "items of a life", key: named(ChatPartition).Equal(str(partition)),
		attributes: []string{ChatPartition, ChatSort, recordAttribute, messageApart, formerApart}, limit: eraseAtMost + 1,
	}
	if err := s.query(ctx, q, func(it item) (bool, error) {
		if left = found >= eraseAtMost; left {
			return true, nil
		}
		owners = append(owners, append(textKeys(it), chatKey(partition, strOf(it[ChatSort]))))
		found += len(owners[len(owners)-1])
		return false, nil
	}); err != nil {
		return false, err
	}
	var writes []types.TransactWriteItem
	for i, keys := range owners {
		for _, key := range keys {
			writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Chat, Key: key}})
		}
		if i+1 < len(owners) && len(writes)+len(owners[i+1]) <= eraseAtOnce {
			continue
		}
		if _, err := s.transact(ctx, writes); err != nil {
			return false, err
		}
		writes = nil
	}
	return left, nil
}
