package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// CountEnded implements delivery.Ledger. It reads all of a workspace's messages,
// which is expensive: it is asked only when the counters may be wrong.
func (s *Store) CountEnded(ctx context.Context, life workspace.Life) (map[chat.State]int64, error) {
	out := map[chat.State]int64{}
	q := queryChat{what: "ended messages", key: ofKind(life, messagePrefix), attributes: []string{messageState}}
	err := s.query(ctx, q, func(it item) (bool, error) {
		if state := chat.State(strOf(it[messageState])); !state.Open() {
			out[state]++
		}
		return false, nil
	})
	return out, err
}

// NoteAudited implements delivery.Ledger.
func (s *Store) NoteAudited(ctx context.Context, life workspace.Life, sum int64) error {
	var c change
	c.set(lease("Audited"), num(sum))
	c.require(presentLife(life))
	_, _, err := s.updateLease(ctx, "note an audit", life.Workspace, c)
	return err
}

// CorrectCounters implements delivery.Ledger.
func (s *Store) CorrectCounters(ctx context.Context, seen, next workspace.Facts) error {
	was, is := encodeFacts(seen), encodeFacts(next)
	var c change
	c.require(presentLife(seen.Life()))
	counters := append(workspace.FieldsOf[workspace.Counters](), "OutboxItems")
	for _, counter := range counters {
		name := lease(counter)
		if av, ok := was[leaseAttributes[counter]]; ok {
			c.require(name.Equal(av))
		} else {
			// A counter that was added to and taken from again is there, and zero.
			c.require(name.NotExists().Or(name.Equal(num(0))))
		}
	}
	for _, field := range append(counters, "OldestOpen") {
		if av, ok := is[leaseAttributes[field]]; ok {
			c.set(lease(field), av)
		} else {
			c.remove(lease(field))
		}
	}
	_, err := s.transact(ctx, []types.TransactWriteItem{c.write(s.Leases, leaseKey(seen.ID))})
	return err
}
