package dynamo

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/workspace"
)

const (
	// eraseAtOnce is how many items one transaction deletes: as many as fit in it however large each is.
	eraseAtOnce = maxTransaction / maxItem
	// eraseAtMost is how many items one call of Erase deletes.
	eraseAtMost = 1000
)

// Erase implements delivery.Ledger: all that is kept of a life are two partitions, one
// of them with its texts. Messages go first: a text without its message is never read.
func (s *Store) Erase(ctx context.Context, life workspace.Life) (left bool, err error) {
	for _, partition := range []string{lifePartition, textPartition} {
		if left, err = s.erase(ctx, partition+life.Key()); left || err != nil {
			return left, err
		}
	}
	return false, nil
}

// erase deletes the items of a partition.
func (s *Store) erase(ctx context.Context, partition string) (left bool, err error) {
	var keys []item
	q := queryChat{
		what: "items of a life", key: named(ChatPartition).Equal(str(partition)),
		attributes: []string{ChatPartition, ChatSort}, limit: eraseAtMost + 1,
	}
	if err := s.query(ctx, q, func(it item) (bool, error) {
		if left = len(keys) == eraseAtMost; !left {
			keys = append(keys, it)
		}
		return left, nil
	}); err != nil {
		return false, err
	}
	for chunk := range slices.Chunk(keys, eraseAtOnce) {
		var writes []types.TransactWriteItem
		for _, key := range chunk {
			writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Chat, Key: key}})
		}
		if _, err := s.transact(ctx, writes); err != nil {
			return false, err
		}
	}
	return left, nil
}
