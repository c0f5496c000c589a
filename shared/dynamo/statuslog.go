package dynamo

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
)

var _ statuslog.Store = (*Store)(nil)

// A page of the fleet's log is one item, whose sort key has the number of its last change: who reads on from a number
// finds the page that it is in. A single change is a record; several are a list of records, compressed, as they say
// much the same: the log is one partition of the table, and each kilobyte of it is a write of a thousand a second.
func changeSort(last int64) string { return fmt.Sprintf("%s%015d", changePrefix, last) }

const changesAttribute = "recs"

// AddChanges implements statuslog.Store.
func (s *Store) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	if err := statuslog.CheckPage(page); err != nil {
		return err
	}
	writes, err := s.pageWrites(page)
	if err != nil {
		return err
	}
	_, err = s.transact(ctx, writes)
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return lostOf(cancelled.CancellationReasons, len(page), err)
	}
	return err
}

// lostOf says which of a page's entries cancelled its transaction, by the reasons of its writes. Without one it was the
// fleet's log or its number: what failed there is err.
func lostOf(reasons []types.CancellationReason, entries int, err error) error {
	lost := &statuslog.Lost{}
	for i := range entries {
		for _, at := range []int{i, entries + i} { // the facts, and the history
			if at >= len(reasons) || reasonIs(reasons[at], "None") || reasonIs(reasons[at], "") {
				continue
			}
			lost.Entries = append(lost.Entries, i)
			if fault.CodeOf(err) != fault.Conflict {
				lost.Cause = err
			}
			break
		}
	}
	if len(lost.Entries) == 0 && fault.CodeOf(err) != fault.Conflict {
		return err
	}
	return lost
}

// pageWrites are the writes of a page: the facts first, each in its place, then the histories, the fleet's log and its
// number.
func (s *Store) pageWrites(page []statuslog.Entry) (writes []types.TransactWriteItem, err error) {
	var histories []types.TransactWriteItem
	var changes []statuslog.Change
	for _, e := range page {
		var same []string
		if e.Unheard {
			same = []string{"LeaseUntil"}
		}
		facts := s.saveLease(e.Old, e.Next, same...)
		history, err := encodeHistory(e.Change)
		if err != nil {
			return nil, err
		}
		writes, histories, changes = append(writes, facts), append(histories, s.chatPut(history)), append(changes, e.Change)
	}
	logged, err := s.encodeChanges(changes)
	if err != nil {
		return nil, err
	}
	number := s.latestChange(changes[0].Seq-1, changes[len(changes)-1].Seq)
	return append(append(writes, histories...), s.chatPut(logged), number), nil
}

// latestChange is the write of the number of the newest change.
func (s *Store) latestChange(was, is int64) types.TransactWriteItem {
	var c change
	c.set(fleetLatestChange, num(is))
	if was > 0 {
		c.require(fleetLatestChange.Equal(num(was)))
	} else {
		c.require(fleetLatestChange.NotExists())
	}
	return c.write(s.Chat, fleetKey())
}

// encodeChanges makes a page's item of the fleet's log.
func (s *Store) encodeChanges(changes []statuslog.Change) (item, error) {
	last := changes[len(changes)-1]
	it := chatKey(fleetPartition, changeSort(last.Seq))
	if len(changes) == 1 {
		return it, encodeRecord(it, last, last.At.Add(s.Retention))
	}
	raw, err := chat.Marshal(changes)
	if err != nil {
		return nil, fault.Store("encode changes", err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(raw); err != nil {
		return nil, fault.Store("compress changes", err)
	}
	if err := w.Close(); err != nil {
		return nil, fault.Store("compress changes", err)
	}
	it[changesAttribute] = &types.AttributeValueMemberB{Value: packed.Bytes()}
	it[TTLAttribute] = num(last.At.Add(s.Retention).Unix())
	return it, nil
}

// decodeChanges reads what encodeChanges made.
func decodeChanges(it item) (changes []statuslog.Change, err error) {
	packed, several := it[changesAttribute].(*types.AttributeValueMemberB)
	if !several {
		ch, err := decodeRecord[statuslog.Change](it)
		return []statuslog.Change{ch}, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed.Value))
	if err == nil {
		err = json.NewDecoder(r).Decode(&changes)
	}
	if err != nil {
		return nil, fault.Store("decode changes", err)
	}
	return changes, nil
}

// readPages is how many items of the fleet's log one call reads at most: of calls, each is a change, of sweeps, a page
// of them.
const readPages = 50

// Changes implements statuslog.Store.
func (s *Store) Changes(ctx context.Context, after int64, limit int) (out []statuslog.Change, err error) {
	if limit < 1 {
		return nil, nil
	}
	first := changeSort(max(0, after) + 1)
	q := queryChat{
		what: "changes", limit: min(limit, readPages),
		key: named(ChatPartition).Equal(str(fleetPartition)).
			And(named(ChatSort).Between(first, changePrefix+afterEveryTime)),
	}
	err = s.query(ctx, q, func(it item) (bool, error) {
		changes, err := decodeChanges(it)
		for _, ch := range changes {
			if ch.Seq > after && len(out) < limit {
				out = append(out, ch)
			}
		}
		return len(out) == limit, err
	})
	return out, err
}

// LatestChange implements statuslog.Store.
func (s *Store) LatestChange(ctx context.Context) (int64, error) {
	it, err := s.getChat(ctx, "fleet", fleetKey())
	return intOf(it["seq"]), err
}

// A right is an item of its own: who takes it comes in nobody's way who writes the fleet's state or its log.
var (
	rightUntil     = named("until") // until when somebody has it
	announcedLast  = named("last")
	announcedAhead = named("ahead")
)

func rightKey(r statuslog.Right) item { return chatKey(rightPartition+string(r), rightSort) }

// TakeRight implements statuslog.Store.
func (s *Store) TakeRight(ctx context.Context, r statuslog.Right, now, until time.Time) (bool, error) {
	var c change
	c.set(rightUntil, millis(until))
	c.require(rightUntil.NotExists().Or(rightUntil.AtMost(millis(now))))
	return s.updateRight(ctx, r, c)
}

// GiveBack implements statuslog.Store.
func (s *Store) GiveBack(ctx context.Context, r statuslog.Right, until time.Time) error {
	var c change
	c.remove(rightUntil)
	c.require(rightUntil.Equal(millis(until)))
	_, err := s.updateRight(ctx, r, c)
	return err
}

// updateRight changes the item of a right; done says whether its condition held.
func (s *Store) updateRight(ctx context.Context, r statuslog.Right, c change) (done bool, err error) {
	e := c.build()
	_, err = s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: rightKey(r), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	})
	if _, failed := errors.AsType[*types.ConditionalCheckFailedException](err); failed {
		return false, nil
	}
	if err != nil {
		return false, fault.Store("the right of "+string(r), err)
	}
	return true, nil
}

// Announced implements statuslog.Store.
func (s *Store) Announced(ctx context.Context) (a statuslog.Announced, err error) {
	it, err := s.getChat(ctx, "announced", rightKey(statuslog.Announcing))
	a.Last = intOf(it["last"])
	if ahead := strOf(it["ahead"]); err == nil && ahead != "" {
		if err := json.Unmarshal([]byte(ahead), &a.Ahead); err != nil {
			return a, fault.Store("decode announced", err)
		}
	}
	return a, err
}

// NoteAnnounced implements statuslog.Store.
func (s *Store) NoteAnnounced(ctx context.Context, until time.Time, a statuslog.Announced) error {
	var c change
	c.set(announcedLast, num(a.Last))
	ahead, err := json.Marshal(a.Ahead)
	if err != nil {
		return fault.Store("encode announced", err)
	}
	if len(a.Ahead) > 0 {
		c.set(announcedAhead, str(string(ahead)))
	} else {
		c.remove(announcedAhead)
	}
	c.require(rightUntil.Equal(millis(until)))
	done, err := s.updateRight(ctx, statuslog.Announcing, c)
	if err == nil && !done {
		err = conflict(nil)
	}
	return err
}
