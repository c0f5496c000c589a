package dynamo

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A text that is apart is written before its message refers to it, and never changed. Its key has what no other
// message under the same id, and no other end of the message, has: so whoever is refused has overwritten nothing, and
// what it wrote is left to TTL.

func bodyKey(m chat.Message) item {
	return textKey(delivery.LifeOf(m), messagePrefix+m.ID, bodyPrefix+m.ID+"#"+m.BodyApart.Name, m.BodyApart.Own)
}

func answerKey(m chat.Message) item {
	return textKey(delivery.LifeOf(m), messagePrefix+m.ID, answerPrefix+m.ID+"#"+m.AnswerApart.Name, m.AnswerApart.Own)
}

// textKey is the key of a text that belongs to one of a life's items, of which owner is the sort key. The texts of each
// owner are a partition: the table's local indexes bound what one partition holds to 10 GB, and what a workspace is
// sent has no such bound. One that does not have its own is of a former release.
func textKey(life workspace.Life, owner, sort string, own bool) item {
	if !own {
		return chatKey(formerTextPartition+life.Key(), sort)
	}
	return chatKey(textPartition+life.Key()+"#"+owner, sort)
}

// textKeys are the keys of the texts that belong to an item of a life; none if it can't be read, and then TTL removes
// them.
func textKeys(it item) (keys []item) {
	switch sort := strOf(it[ChatSort]); {
	case isMessage(it):
		m, err := decodeMessage(it)
		if err == nil && m.BodyApart.Bytes > 0 {
			keys = append(keys, bodyKey(m))
		}
		if err == nil && m.AnswerApart.Bytes > 0 {
			keys = append(keys, answerKey(m))
		}
	case strings.HasPrefix(sort, rowPrefix):
		if row, err := decodeRow(it); err == nil && row.Apart.Bytes > 0 {
			keys = append(keys, rowTextKey(row))
		}
	}
	return keys
}

// textGrace is how much longer a text is kept than its message: TTL removes either some time late.
const textGrace = 2 * 24 * time.Hour

// textTTL is until when the texts of a message are kept: its end is at its expiry at the latest.
func (s *Store) textTTL(m chat.Message) types.AttributeValue {
	end := m.ExpiresAt
	if m.SettledAt.After(end) {
		end = m.SettledAt
	}
	return num(end.Add(s.Retention + textGrace).Unix())
}

// putTexts writes the texts of a message that are apart; nil ones are not written.
func (s *Store) putTexts(ctx context.Context, m chat.Message, body, answer json.RawMessage) error {
	if body != nil {
		it := bodyKey(m)
		it[messageBody], it[TTLAttribute] = str(string(body)), s.textTTL(m)
		if err := s.putChat(ctx, "body", it); err != nil {
			return err
		}
	}
	if answer == nil {
		return nil
	}
	it := answerKey(m)
	it[messageAnswer], it[TTLAttribute] = str(string(answer)), s.textTTL(m)
	return s.putChat(ctx, "answer", it)
}

// writeTexts writes the texts that moves bring, and returns the moves without them. A body whose message is to live
// longer, as one that is redriven, is kept as long, by a write that goes with the moves.
func (s *Store) writeTexts(
	ctx context.Context, moves []chat.Move,
) (small []chat.Move, writes []types.TransactWriteItem, err error) {
	small = slices.Clone(moves)
	for i, mv := range moves {
		var body, answer json.RawMessage
		small[i].To, body, answer = mv.To.Split()
		if err := s.putTexts(ctx, small[i].To, body, answer); err != nil {
			return nil, nil, err
		}
		if mv.To.BodyApart.Bytes > 0 && mv.To.ExpiresAt.After(mv.From.ExpiresAt) {
			writes = append(writes, types.TransactWriteItem{Update: &types.Update{
				TableName: &s.Chat, Key: bodyKey(mv.To), UpdateExpression: aws.String("SET #ttl = :until"),
				ConditionExpression:       aws.String("attribute_exists(" + ChatSort + ")"),
				ExpressionAttributeNames:  map[string]string{"#ttl": TTLAttribute},
				ExpressionAttributeValues: item{":until": s.textTTL(mv.To)},
			}})
		}
	}
	return small, writes, nil
}

// Texts implements delivery.Ledger.
func (s *Store) Texts(ctx context.Context, which chat.Texts, ms []chat.Message) ([]chat.Message, error) {
	var keys []item
	for _, m := range ms {
		lacks := m.Lacks(which)
		if lacks&chat.Bodies != 0 {
			keys = append(keys, bodyKey(m))
		}
		if lacks&chat.Answers != 0 {
			keys = append(keys, answerKey(m))
		}
	}
	if len(keys) == 0 {
		return ms, nil
	}
	texts := map[string]json.RawMessage{}
	name := func(key item) string { return strOf(key[ChatPartition]) + "\x00" + strOf(key[ChatSort]) }
	err := s.batchGet(ctx, s.Chat, keys, nil, func(it item) error {
		text := textOf(it[messageBody])
		if text == nil {
			text = textOf(it[messageAnswer])
		}
		texts[name(it)] = text
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := slices.Clone(ms)
	for i := range out {
		m := &out[i]
		lacks := m.Lacks(which)
		if lacks&chat.Bodies != 0 {
			m.Body = texts[name(bodyKey(*m))]
		}
		if lacks&chat.Answers != 0 {
			m.Answer = texts[name(answerKey(*m))]
		}
	}
	return out, nil
}
