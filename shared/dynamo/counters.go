package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// EndedMail implements delivery.Ledger: one query of the table, as a message's state stands in no index.
func (s *Store) EndedMail(
	ctx context.Context, life workspace.Life, after string, limit int,
) (ended []delivery.EndedMessage, next string, err error) {
	q := queryChat{
		what: "ended messages", key: ofKind(life, messagePrefix), limit: limit,
		attributes: []string{messageState, recordAttribute, messageApart},
	}
	if after != "" {
		q.after = messageKey(life, after)
	}
	items, last, err := s.queryOnce(ctx, q)
	for _, it := range items {
		if chat.State(strOf(it[messageState])).Open() {
			continue
		}
		m, err := decodeMessage(it)
		if err != nil {
			return nil, "", err
		}
		ended = append(ended, delivery.EndedMessage{State: m.State, SettledAt: m.SettledAt})
	}
	return ended, strings.TrimPrefix(strOf(last[ChatSort]), messagePrefix), err
}

// NoteTally implements delivery.Ledger.
func (s *Store) NoteTally(ctx context.Context, life workspace.Life, r delivery.Tally) error {
	it := lifeKey(life, tallySort)
	if err := encodeRecord(it, r, r.BeganAt.Add(s.Retention)); err != nil {
		return err
	}
	return s.putChat(ctx, "tally", it)
}

// Tally implements delivery.Ledger.
func (s *Store) Tally(ctx context.Context, life workspace.Life) (delivery.Tally, error) {
	it, err := s.getChat(ctx, "tally", lifeKey(life, tallySort))
	if err != nil || len(it) == 0 {
		return delivery.Tally{}, err
	}
	return decodeRecord[delivery.Tally](it)
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
