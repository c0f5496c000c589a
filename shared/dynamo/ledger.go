package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The chat table: partition "W#<workspace>", one item for the profile and one
// for each message, note and delegation; partition "C#<credential hash>" names a
// credential's owner, "N#<public id>" is an enrolment, and "FLEET" has what is
// known of the platform and the log of the fleet's changes. A message that is open has the attribute ready, whose
// order is the order of delivery, and so stands in the local index open; an
// ended one does not. Messages and notes have the attribute at, whose order is
// that of time, and stand in the local index log. Local indexes, because they
// can be read strongly consistent: mail that was accepted is mail that the next
// drain sees.
const (
	ChatPartition = "pk"
	ChatSort      = "sk"
	OpenIndex     = "open"
	OpenOrder     = "ready"
	LogIndex      = "log"
	LogOrder      = "at"
	TTLAttribute  = "ttl"

	profileSort      = "PROFILE"
	ownerSort        = "OWNER"
	messagePrefix    = "M#"
	notePrefix       = "A#"
	delegationPrefix = "D#"
	errandPrefix     = "E#"
	trailPrefix      = "H#"
)

var _ delivery.Ledger = (*Store)(nil)

func partition(id string) types.AttributeValue { return str("W#" + id) }

func messageKey(id, messageID string) item {
	return item{ChatPartition: partition(id), ChatSort: str(messagePrefix + messageID)}
}

// ready orders open mail: priority (inverted, as the index ascends), then
// acceptance; the times ride along so that the index alone answers "how old" and
// "what is due".
func ready(m chat.Message) string {
	return fmt.Sprintf("%03d#%012d#%d#%d", 999-int(m.Priority), m.Seq, m.AcceptedAt.UnixMilli(), m.ExpiresAt.UnixMilli())
}

func parseReady(s string) delivery.Entry {
	var priority int
	var e delivery.Entry
	var accepted, expires int64
	_, _ = fmt.Sscanf(s, "%03d#%012d#%d#%d", &priority, &e.Seq, &accepted, &expires) // our own writing
	e.Priority, e.AcceptedAt, e.ExpiresAt = chat.Priority(999-priority), time.UnixMilli(accepted).UTC(), time.UnixMilli(expires).UTC()
	return e
}

// record is a message's attributes beside the keys, as JSON in one attribute
// each for what is only ever read whole.
type record struct {
	Seq        int64
	Source     string
	Method     string
	Priority   chat.Priority
	Reason     string
	AcceptedAt time.Time
	ExpiresAt  time.Time
	NotBefore  time.Time
	SettledAt  time.Time
	Attempts   []chat.Attempt
	Claim      chat.Claim
	Callback   string `json:",omitempty"`
	Probe      bool   `json:",omitempty"`
}

func (s *Store) encodeMessage(m chat.Message) (item, error) {
	raw, err := json.Marshal(record{m.Seq, m.Source, m.Method, m.Priority, m.Reason, m.AcceptedAt, m.ExpiresAt, m.NotBefore, m.SettledAt, m.Attempts, m.Claim, m.Callback, m.Probe})
	if err != nil {
		return nil, err
	}
	it := messageKey(m.Workspace, m.ID)
	it["v"], it["state"], it["rec"], it["body"] = num(m.Version), str(string(m.State)), str(string(raw)), str(string(m.Body))
	if len(m.Answer) > 0 {
		it["answer"] = str(string(m.Answer))
	}
	it[LogOrder] = str(delivery.OrderOf(m))
	if m.State.Open() {
		it[OpenOrder] = str(ready(m))
	} else {
		it[TTLAttribute] = num(m.SettledAt.Add(s.Retention).Unix())
	}
	return it, nil
}

func decodeMessage(it item) (chat.Message, error) {
	var r record
	if err := json.Unmarshal([]byte(strOf(it["rec"])), &r); err != nil {
		return chat.Message{}, fault.Store("decode message", err)
	}
	m := chat.Message{
		ID: strings.TrimPrefix(strOf(it[ChatSort]), messagePrefix), Workspace: strings.TrimPrefix(strOf(it[ChatPartition]), "W#"),
		Seq: r.Seq, Source: r.Source, Method: r.Method, Priority: r.Priority, Body: json.RawMessage(strOf(it["body"])),
		State: chat.State(strOf(it["state"])), Reason: r.Reason, AcceptedAt: r.AcceptedAt, ExpiresAt: r.ExpiresAt, NotBefore: r.NotBefore,
		SettledAt: r.SettledAt, Attempts: r.Attempts, Claim: r.Claim, Callback: r.Callback, Probe: r.Probe, Version: intOf(it["v"]),
	}
	if a := strOf(it["answer"]); a != "" {
		m.Answer = json.RawMessage(a)
	}
	return m, nil
}

// Accept implements delivery.Ledger: the message and the counters in one
// transaction, which succeeds only if the sequence number is still the next
// one. So numbers are without gaps and visible in order, and a cursor that has
// seen n has seen all before n.
func (s *Store) Accept(ctx context.Context, seen workspace.Facts, m chat.Message, attended bool) (chat.Message, bool, error) {
	it, err := s.encodeMessage(m)
	if err != nil {
		return m, false, fault.Store("encode message", err)
	}
	u := update{}
	u.set("Accepted", num(m.Seq))
	u.add("Open", 1)
	u.setOnce("OldestOpen", millis(m.AcceptedAt))
	if m.Probe {
		u.set("ProbedAt", millis(m.AcceptedAt))
	}
	u.value(":removed", str(string(workspace.Removed)))
	condition := "attribute_not_exists(" + u.name("Accepted") + ")"
	if seen.Accepted > 0 {
		condition = u.name("Accepted") + " = " + u.value(":seen", num(seen.Accepted))
	}
	if attended {
		condition += " AND " + u.name("InFlight") + " = " + u.value(":flying", num(seen.InFlight)) + " AND " + u.name("ClaimedUntil") + " = " + u.value(":held", millis(seen.ClaimedUntil))
	}
	condition += " AND attribute_exists(" + u.name("ID") + ") AND (attribute_not_exists(" + u.name("Hold") + ") OR " + u.name("Hold") + " <> :removed)"
	reasons, err := s.transact(ctx, []types.TransactWriteItem{
		{Update: &types.Update{
			TableName: &s.Leases, Key: s.leaseItem(m.Workspace), UpdateExpression: u.expression(), ConditionExpression: &condition,
			ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		}},
		{Put: &types.Put{
			TableName: &s.Chat, Item: it, ConditionExpression: aws.String("attribute_not_exists(" + ChatSort + ")"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
	})
	if len(reasons) == 2 && len(reasons[1].Item) > 0 {
		was, err := decodeMessage(reasons[1].Item)
		return was, false, err
	}
	return m, err == nil, err
}

// Open implements delivery.Ledger: one strongly consistent query of the index,
// which holds keys only. limit 0 is all.
func (s *Store) Open(ctx context.Context, id string, limit int) ([]delivery.Entry, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, IndexName: aws.String(OpenIndex), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String(ChatPartition + " = :pk"),
		ExpressionAttributeValues: item{":pk": partition(id)},
	}
	if limit > 0 {
		in.Limit = aws.Int32(int32(limit))
	}
	var out []delivery.Entry
	for {
		page, err := s.DB.Query(ctx, in)
		if err != nil {
			return nil, fault.Store("query open mail", err)
		}
		for _, it := range page.Items {
			e := parseReady(strOf(it[OpenOrder]))
			e.ID = strings.TrimPrefix(strOf(it[ChatSort]), messagePrefix)
			out = append(out, e)
		}
		if len(page.LastEvaluatedKey) == 0 || (limit > 0 && len(out) >= limit) {
			return out, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// Messages implements delivery.Ledger with strongly consistent batches.
func (s *Store) Messages(ctx context.Context, id string, messageIDs ...string) ([]chat.Message, error) {
	keys := make([]item, 0, len(messageIDs))
	for _, mid := range messageIDs {
		keys = append(keys, messageKey(id, mid))
	}
	found := map[string]chat.Message{}
	err := s.batchGet(ctx, keys, func(it item) error {
		m, err := decodeMessage(it)
		found[m.ID] = m
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]chat.Message, 0, len(found))
	for _, mid := range messageIDs {
		if m, ok := found[mid]; ok {
			out = append(out, m)
		}
	}
	return out, nil
}

// batchGet reads items of the chat table, strongly consistent, in no order.
func (s *Store) batchGet(ctx context.Context, keys []item, each func(item) error) error {
	for start := 0; start < len(keys); start += 100 { // the most of one BatchGetItem
		request := map[string]types.KeysAndAttributes{s.Chat: {Keys: keys[start:min(start+100, len(keys))], ConsistentRead: aws.Bool(true)}}
		for len(request) > 0 {
			out, err := s.DB.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: request})
			if err != nil {
				return fault.Store("batch get", err)
			}
			for _, it := range out.Responses[s.Chat] {
				if err := each(it); err != nil {
					return err
				}
			}
			if request = out.UnprocessedKeys; len(request) > 0 { // it is throttled
				select {
				case <-ctx.Done():
					return fault.Store("batch get", ctx.Err())
				case <-time.After(rand.N(100 * time.Millisecond)):
				}
			}
		}
	}
	return nil
}

func errandKey(id string, e delivery.Errand) item {
	return item{ChatPartition: partition(id), ChatSort: str(fmt.Sprintf("%s%s#%d", errandPrefix, e.MessageID, e.Version))}
}

// Move implements delivery.Ledger.
func (s *Store) Move(ctx context.Context, id string, moves []chat.Move, mail delivery.Mail) error {
	if len(moves) == 0 || len(moves) > delivery.MaxMoves {
		return fmt.Errorf("dynamo: %d moves in one transaction", len(moves))
	}
	u, d := update{}, chat.DeltaOf(moves)
	for field, n := range map[string]int64{"Open": d.Open, "InFlight": d.InFlight, "Delivered": d.Delivered, "Expired": d.Expired, "Cancelled": d.Cancelled, "Dead": d.Dead} {
		u.add(field, n)
	}
	condition := "attribute_exists(" + u.name("ID") + ")"
	if h := mail.Host; h != nil {
		still := u.name("Epoch") + " = " + u.value(":epoch", num(h.Epoch))
		if h.Served != "" {
			still += " OR (" + u.name("Pushable") + " = " + u.value(":true", &types.AttributeValueMemberBOOL{Value: true}) + " AND " + u.name("URLFingerprint") + " = " + u.value(":served", str(h.Served)) + ")"
		}
		condition += " AND (" + still + ")"
	}
	if mail.Unheld {
		condition += " AND attribute_not_exists(" + u.name("Hold") + ")"
	}
	if mail.Oldest != nil {
		// Whether mail remains is decided on what is stored, not on what was read:
		// "none left" only if exactly these were open.
		u.value(":left", num(-d.Open))
		if mail.Oldest.IsZero() {
			condition += " AND " + u.name("Open") + " = :left"
			u.remove("OldestOpen")
		} else {
			if d.Open < 0 {
				condition += " AND " + u.name("Open") + " > :left"
			} else {
				delete(u.values, ":left")
			}
			u.set("OldestOpen", millis(*mail.Oldest))
		}
	}
	switch {
	case !mail.HeldUntil.IsZero():
		u.set("ClaimedUntil", millis(mail.HeldUntil))
	case mail.Released:
		u.remove("ClaimedUntil")
	}
	if !mail.DeliveredAt.IsZero() {
		u.set("DeliveredAt", millis(mail.DeliveredAt))
	}
	if !mail.ProbeLostAt.IsZero() {
		u.set("ProbeLostAt", millis(mail.ProbeLostAt))
	}
	if mail.PushOK {
		u.remove("PushFailures")
		u.remove("PushFailingSince")
		u.remove("PushError")
	}
	if !mail.PushFailedAt.IsZero() {
		u.add("PushFailures", 1)
		u.setOnce("PushFailingSince", millis(mail.PushFailedAt))
		u.set("PushError", str(mail.PushError))
	}
	if !mail.BusyAt.IsZero() {
		u.set("ActiveTasks", num(int64(mail.Busy)))
		u.set("ActiveAt", millis(mail.BusyAt))
	}
	var writes []types.TransactWriteItem
	errands := int64(0)
	for _, mv := range moves {
		if delivery.HasErrand(mv) {
			errands++
			writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &s.Chat, Item: errandKey(id, delivery.Errand{MessageID: mv.To.ID, Version: mv.To.Version})}})
		}
	}
	u.add("OutboxItems", errands)
	switch expr := u.expression(); {
	case *expr != "":
		writes = append(writes, types.TransactWriteItem{Update: &types.Update{
			TableName: &s.Leases, Key: s.leaseItem(id), UpdateExpression: expr, ConditionExpression: &condition,
			ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		}})
	case mail.Host != nil || mail.Unheld:
		writes = append(writes, types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &s.Leases, Key: s.leaseItem(id), ConditionExpression: &condition, ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		}})
	}
	for _, mv := range moves {
		it, err := s.encodeMessage(mv.To)
		if err != nil {
			return fault.Store("encode message", err)
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName: &s.Chat, Item: it, ConditionExpression: aws.String("v = :seen"), ExpressionAttributeValues: item{":seen": num(mv.From.Version)},
		}})
	}
	_, err := s.transact(ctx, writes)
	return err
}
