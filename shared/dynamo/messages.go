package dynamo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

var _ delivery.Ledger = (*Store)(nil)

func messageKey(life workspace.Life, messageID string) item {
	return lifeKey(life, messagePrefix+messageID)
}

// topPriority is subtracted from, as the index of open mail ascends.
const topPriority = 999

// openOrder orders open mail by priority and then acceptance; since when it waits, and
// when it expires, are in it
// so that the index alone answers "how old" and "what is due", and the sender, for
// "whose".
func openOrder(m chat.Message) string {
	return fmt.Sprintf("%03d#%012d#%d#%d#%s",
		topPriority-int(m.Priority), m.Seq, m.WaitsSince().UnixMilli(), m.ExpiresAt.UnixMilli(), m.Source)
}

// parseOpenOrder is openOrder's inverse.
func parseOpenOrder(s string) (m delivery.OpenMessage) {
	var priority int
	var since, expires int64
	if parts := strings.SplitN(s, "#", 5); len(parts) == 5 {
		m.Source = parts[4]
	}
	_, _ = fmt.Sscanf(s, "%03d#%012d#%d#%d#", &priority, &m.Seq, &since, &expires) // written by openOrder
	m.Priority = chat.Priority(topPriority - priority)
	m.WaitsSince, m.ExpiresAt = time.UnixMilli(since).UTC(), time.UnixMilli(expires).UTC()
	return m
}

// The orders of open mail begin with a digit, those of lost mail with lostMark, which is greater than every digit.
const (
	firstOpen, lastOpen = "0", "9~"
	lostMark            = "L#"
)

// lostOrder orders lost mail by its acceptance; its end is in it, so that the index alone answers what is lost.
func lostOrder(m chat.Message) string {
	return fmt.Sprintf("%s%012d#%d#%s", lostMark, m.Seq, m.SettledAt.UnixMilli(), m.State)
}

// parseLostOrder is lostOrder's inverse.
func parseLostOrder(s string) (m delivery.LostMessage) {
	var settled int64
	if parts := strings.SplitN(strings.TrimPrefix(s, lostMark), "#", 3); len(parts) == 3 {
		m.State = chat.State(parts[2])
	}
	_, _ = fmt.Sscanf(s, lostMark+"%012d#%d#", &m.Seq, &settled) // written by lostOrder
	m.SettledAt = time.UnixMilli(settled).UTC()
	return m
}

// messageRecord is what of a message is only ever read whole, without its texts.
type messageRecord struct {
	Seq        int64
	Source     string
	Method     string
	Priority   chat.Priority
	Reason     string
	AcceptedAt time.Time
	ExpiresAt  time.Time
	NotBefore  time.Time       `json:",omitzero"`
	AsideEpoch int64           `json:",omitempty"`
	Unanswered chat.Unanswered `json:",omitzero"`
	SourceLife int64           `json:",omitempty"`
	SentBy     string          `json:",omitempty"`
	SentFrom   string          `json:",omitempty"`
	SettledAt  time.Time       `json:",omitzero"`
	Dropped    chat.Dropped    `json:",omitzero"`
	Attempts   []chat.Attempt  `json:",omitempty"`
	Claim      chat.Claim      `json:",omitzero"`
	Callback   string          `json:",omitempty"`
	Told       chat.Told       `json:",omitzero"`
	Awaited    time.Time       `json:",omitzero"`
	AnswerTo   string          `json:",omitempty"`
	Delegation string          `json:",omitempty"`
	Digest     string          `json:",omitempty"`
	ByWish     bool            `json:",omitempty"`
	Probe      bool            `json:",omitempty"`
	RedrivenAt time.Time       `json:",omitzero"`
	Redrives   int             `json:",omitempty"`
	Former     chat.Former     `json:",omitzero"`

	BodyApart   chat.Apart `json:",omitzero"`
	AnswerApart chat.Apart `json:",omitzero"`
}

// Attributes of a message beside the keys and its record.
const (
	messageVersion = "v"
	messageState   = "state"
	messageBody    = "body"
	messageAnswer  = "answer"
	// messageApart holds the record, in place of recordAttribute, of a message of which a text is apart: a release
	// that does not know where such texts stand must not take the message for one without a body.
	messageApart = "texts"
	// formerApart held it while the texts of all messages of a life stood together.
	formerApart = "apart"
)

// encodeMessage is the item of a message, without the texts that are apart.
func (s *Store) encodeMessage(m chat.Message) (item, error) {
	raw, err := chat.Marshal(messageRecord{
		m.Seq, m.Source, m.Method, m.Priority, m.Reason, m.AcceptedAt, m.ExpiresAt, m.NotBefore, m.AsideEpoch,
		m.Unanswered,
		m.SourceLife, m.SentBy, m.SentFrom, m.SettledAt, m.Dropped, m.Attempts, m.Claim, m.Callback, m.Told, m.AwaitedUntil,
		m.AnswerTo, m.Delegation, m.Digest, m.ByWish, m.Probe, m.RedrivenAt, m.Redrives, m.Former,
		m.BodyApart, m.AnswerApart,
	})
	if err != nil {
		return nil, fault.Store("encode message", err)
	}
	it := messageKey(delivery.LifeOf(m), m.ID)
	it[messageVersion], it[messageState] = num(m.Version), str(string(m.State))
	if m.BodyApart.Bytes+m.AnswerApart.Bytes > 0 {
		it[messageApart] = str(string(raw))
	} else {
		it[recordAttribute] = str(string(raw))
	}
	if m.BodyApart.Bytes == 0 {
		it[messageBody] = str(string(m.Body))
	}
	if len(m.Answer) > 0 {
		it[messageAnswer] = str(string(m.Answer))
	}
	it[LogOrder] = str(activity.MessageOrderKey(m))
	switch {
	case m.State.Open():
		it[OpenOrder] = str(openOrder(m))
	case m.Lost():
		it[OpenOrder] = str(lostOrder(m))
	}
	if !m.State.Open() {
		it[TTLAttribute] = num(m.SettledAt.Add(s.Retention).Unix())
	}
	return it, nil
}

func decodeMessage(it item) (chat.Message, error) {
	for _, a := range []string{messageApart, formerApart} {
		if record, ok := it[a]; ok {
			it = maps.Clone(it)
			it[recordAttribute] = record
		}
	}
	r, err := decodeRecord[messageRecord](it)
	if err != nil {
		return chat.Message{}, err
	}
	life := workspace.ParseLife(strings.TrimPrefix(strOf(it[ChatPartition]), lifePartition))
	m := chat.Message{
		ID:        strings.TrimPrefix(strOf(it[ChatSort]), messagePrefix),
		Workspace: life.Workspace, Life: life.Number,
		Seq: r.Seq, Source: r.Source, SourceLife: r.SourceLife, SentBy: r.SentBy,
		SentFrom: r.SentFrom, Method: r.Method, Priority: r.Priority,
		Body: textOf(it[messageBody]), State: chat.State(strOf(it[messageState])), Reason: r.Reason,
		AcceptedAt: r.AcceptedAt, RedrivenAt: r.RedrivenAt, Redrives: r.Redrives, Former: r.Former,
		ExpiresAt: r.ExpiresAt,
		NotBefore: r.NotBefore, AsideEpoch: r.AsideEpoch, Unanswered: r.Unanswered,
		Dropped:   r.Dropped,
		SettledAt: r.SettledAt, Attempts: r.Attempts, Claim: r.Claim,
		Callback: r.Callback, Told: r.Told, AwaitedUntil: r.Awaited, AnswerTo: r.AnswerTo,
		Delegation: r.Delegation, Digest: r.Digest,
		ByWish: r.ByWish, Probe: r.Probe, BodyApart: r.BodyApart, AnswerApart: r.AnswerApart,
		Version: intOf(it[messageVersion]), Answer: textOf(it[messageAnswer]),
	}
	return m, nil
}

// OpenMail implements delivery.Ledger: one strongly consistent query of the
// index, which holds keys only.
func (s *Store) OpenMail(
	ctx context.Context, life workspace.Life, limit int,
) (out []delivery.OpenMessage, err error) {
	q := queryChat{
		what: "open mail", index: OpenIndex, limit: limit,
		key: ofLife(life).And(named(OpenOrder).Between(firstOpen, lastOpen)),
	}
	err = s.query(ctx, q, func(it item) (bool, error) {
		m := parseOpenOrder(strOf(it[OpenOrder]))
		m.ID = strings.TrimPrefix(strOf(it[ChatSort]), messagePrefix)
		out = append(out, m)
		return len(out) == limit, nil
	})
	return out, err
}

// LostMail implements delivery.Ledger: one strongly consistent query of the index, which holds keys only.
func (s *Store) LostMail(ctx context.Context, life workspace.Life) (out []delivery.LostMessage, err error) {
	q := queryChat{what: "lost mail", index: OpenIndex, key: ofLife(life).And(named(OpenOrder).BeginsWith(lostMark))}
	err = s.query(ctx, q, func(it item) (bool, error) {
		m := parseLostOrder(strOf(it[OpenOrder]))
		m.ID = strings.TrimPrefix(strOf(it[ChatSort]), messagePrefix)
		out = append(out, m)
		return false, nil
	})
	return out, err
}

// Messages implements delivery.Ledger with strongly consistent batches.
func (s *Store) Messages(ctx context.Context, life workspace.Life, messageIDs ...string) ([]chat.Message, error) {
	keys := make([]item, 0, len(messageIDs))
	for _, mid := range messageIDs {
		keys = append(keys, messageKey(life, mid))
	}
	found := map[string]chat.Message{}
	err := s.batchGet(ctx, s.Chat, keys, nil, func(it item) error {
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

// WriteMessages implements delivery.Ledger.
func (s *Store) WriteMessages(
	ctx context.Context, life workspace.Life, moves []chat.Move, u delivery.MailboxUpdate,
) error {
	if len(moves) > delivery.MaxMoves {
		return fmt.Errorf("dynamo: %d moves in one transaction", len(moves))
	}
	moves, writes, err := s.writeTexts(ctx, moves)
	if err != nil {
		return err
	}
	for _, left := range u.Outbox {
		writes = append(writes, s.chatPut(encodeOutbox(life, left)))
	}
	mailbox := mailboxChange(life, chat.DeltaOf(moves), u)
	if !u.Former && (mailbox.updates() || u.Host != nil || u.RequireNoHold || u.Team != nil) {
		writes = append(writes, mailbox.write(s.Leases, leaseKey(life.Workspace)))
	}
	for _, mv := range moves {
		it, err := s.encodeMessage(mv.To)
		if err != nil {
			return err
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName: &s.Chat, Item: it, ConditionExpression: aws.String(messageVersion + " = :seen"),
			ExpressionAttributeValues: item{":seen": num(mv.From.Version)},
		}})
	}
	if len(writes) == 0 {
		return nil
	}
	_, err = s.transact(ctx, writes)
	return err
}

// mailboxChange is what moves and an update do to the mailbox's facts, on the
// update's conditions.
func mailboxChange(life workspace.Life, d chat.Delta, u delivery.MailboxUpdate) change {
	var c change
	c.require(presentLife(life))
	countMoves(&c, d)
	c.add(lease("OutboxItems"), int64(len(u.Outbox)))
	if u.Host != nil {
		c.require(currentHost(*u.Host))
	}
	if u.RequireNoHold {
		c.require(lease("Hold").NotExists())
	}
	if u.Team != nil {
		c.require(ofTeam(*u.Team))
	}
	if u.OldestOpen != nil {
		setOldestOpen(&c, *u.OldestOpen, d.Open)
	}
	switch {
	case !u.ClaimedUntil.IsZero():
		c.set(lease("ClaimedUntil"), instant(u.ClaimedUntil))
	case u.ClaimReleased:
		c.remove(lease("ClaimedUntil"))
	}
	if u.PushBegins != nil {
		countPush(&c, *u.PushBegins)
	}
	if u.PushEnded != "" {
		c.add(lease(string(u.PushEnded)), -1)
	}
	if u.Probe != nil {
		claimProbe(&c, *u.Probe)
	}
	c.noteTime(lease("DeliveredAt"), u.DeliveredAt)
	c.noteTime(lease("UndeliveredAt"), u.UndeliveredAt)
	switch delivers, fetches := !u.DeliveredAt.IsZero(), !u.FetchedAt.IsZero(); {
	case delivers && fetches:
		c.set(lease("FetchedSince"), instant(u.FetchedAt))
	case delivers:
		c.remove(lease("FetchedSince"))
	case fetches:
		c.setOnce(lease("FetchedSince"), instant(u.FetchedAt))
	}
	switch {
	case u.AcksEpoch == nil:
	case *u.AcksEpoch == 0:
		c.remove(lease("AcksEpoch"))
	default:
		c.set(lease("AcksEpoch"), num(*u.AcksEpoch))
	}
	c.noteTime(lease("HandedAt"), u.HandedAt)
	countHosts(&c, u)
	noteLost(&c, u)
	if u.Push != nil {
		notePush(&c, *u.Push)
	}
	if u.Unacknowledged != nil {
		noteUnacknowledged(&c, *u.Unacknowledged)
	}
	if u.BlameEnds {
		c.set(lease("PushError"), leaseText(workspace.BlameEnded))
		c.set(lease("PushFault"), leaseText(string(workspace.FaultBroken)))
	}
	if u.Standing != nil {
		c.set(lease("StandsAs"), leaseText(u.Standing.StandsAs))
		c.set(lease("StandsSince"), instant(u.Standing.StandsSince))
		c.setCount(lease("StandsChanges"), u.Standing.StandsChanges)
	}
	return c
}

// countPush counts a push that begins.
func countPush(c *change, p workspace.PushCount) {
	own := lease(string(p.Counter))
	if len(p.Forget) == 0 {
		c.require(own.NotExists().Or(own.LessThan(num(p.Most))))
	} else {
		c.requireTime(lease("TriedAt"), p.Seen)
	}
	if slices.Contains(p.Forget, p.Counter) {
		c.set(own, num(1))
	} else {
		c.add(own, 1)
	}
	if had := lease("PriorityHadTurn"); p.ByPriority {
		c.set(had, &types.AttributeValueMemberBOOL{Value: true})
	} else {
		c.remove(had)
	}
	if other := p.Counter.Other(); slices.Contains(p.Forget, other) {
		c.remove(lease(string(other)))
	}
}

// claimProbe begins or ends a probe that no message stands behind.
func claimProbe(c *change, p delivery.ProbeClaim) {
	at := lease("ProbedAt")
	c.requireTime(at, p.Seen)
	if c.noteTime(at, p.Next); p.Next.IsZero() {
		c.remove(at)
	}
}

// countHosts counts the hosts that were handed mail since the last delivery.
func countHosts(c *change, u delivery.MailboxUpdate) {
	switch handed, anew := !u.HandedAt.IsZero(), u.CountsHostsAnew(); {
	case handed && anew:
		c.set(lease("FetchedHosts"), num(1))
	case anew:
		c.remove(lease("FetchedHosts"))
	case handed:
		c.add(lease("FetchedHosts"), 1)
	}
}

// noteLost counts the mail that is told to be lost.
func noteLost(c *change, u delivery.MailboxUpdate) {
	if u.ForgetLost {
		c.set(lease("LostMessages"), num(u.Lost))
		c.setCount(lease("LostInVain"), u.LostInVain)
	} else {
		c.add(lease("LostMessages"), u.Lost)
		c.add(lease("LostInVain"), u.LostInVain)
	}
	if !u.LostSeen.IsZero() {
		c.require(lease("LostAt").Equal(instant(u.LostSeen)))
	}
	if !u.LostAt.IsZero() {
		c.set(lease("LostAt"), instant(u.LostAt))
		c.set(lease("LostWhy"), leaseText(u.LostWhy))
	}
}

// notePush notes what a hand-over by push has shown.
func notePush(c *change, u delivery.PushUpdate) {
	c.noteTime(lease("TriedAt"), u.TriedAt)
	switch {
	case u.Succeeded:
		for _, field := range workspace.FieldsOf[workspace.PushTrouble]() {
			c.remove(lease(field))
		}
	case !u.FailedAt.IsZero():
		c.add(lease("PushFailures"), 1)
		c.setOnce(lease("PushFailingSince"), instant(u.FailedAt))
		c.set(lease("PushFailedAt"), instant(u.FailedAt))
		if u.Degraded {
			c.setOnce(lease("PushDegradedAt"), instant(u.FailedAt))
		}
		c.set(lease("PushError"), leaseText(u.Error))
		c.set(lease("PushFault"), leaseText(string(u.Fault)))
		if u.ProbePushedAt.IsZero() {
			c.remove(lease("ProbePushedAt"))
			c.remove(lease("ProbePassed"))
		}
	case !u.BusyAt.IsZero():
		c.add(lease("BusyAnswers"), 1)
		c.setOnce(lease("BusySince"), instant(u.BusyAt))
		if u.Degraded {
			c.setOnce(lease("PushDegradedAt"), instant(u.BusyAt))
		}
	}
	notePushedProbe(c, u)
	c.noteTime(lease("RestUntil"), u.RestUntil)
	c.noteTime(lease("ReachedAt"), u.ReachedAt)
	c.noteTime(lease("PassedAt"), u.PassedAt)
	c.noteTime(lease("AsideUntil"), u.AsideUntil)
	switch {
	case u.AnswerSucceeded:
		for _, field := range workspace.FieldsOf[workspace.AnswerTrouble]() {
			c.remove(lease(field))
		}
	case !u.AnswerFailedAt.IsZero():
		c.add(lease("AnswerFailures"), 1)
		c.setOnce(lease("AnswersFailingSince"), instant(u.AnswerFailedAt))
		c.set(lease("AnswerFailedAt"), instant(u.AnswerFailedAt))
		c.set(lease("AnswerError"), leaseText(u.AnswerError))
		if u.Degraded {
			c.setOnce(lease("AnswersDegradedAt"), instant(u.AnswerFailedAt))
		}
	}
}

// noteUnacknowledged names the message that polls are handed again and again, or takes its name away.
func noteUnacknowledged(c *change, name string) {
	for _, field := range workspace.FieldsOf[workspace.AnswerTrouble]() {
		if field != "AnswerError" || name == "" {
			c.remove(lease(field))
		}
	}
	if name != "" {
		c.set(lease("AnswerError"), leaseText(name))
	}
}

// notePushedProbe notes what a probe has shown since a message last failed.
func notePushedProbe(c *change, u delivery.PushUpdate) {
	if u.ProbePushedAt.IsZero() {
		return
	}
	c.set(lease("ProbePushedAt"), instant(u.ProbePushedAt))
	if u.ProbePassed {
		c.set(lease("ProbePassed"), &types.AttributeValueMemberBOOL{Value: true})
	} else {
		c.remove(lease("ProbePassed"))
	}
}

// presentLife requires that a life is its workspace's present one.
func presentLife(life workspace.Life) condition {
	if life.Number == 0 {
		return lease("ID").Exists().And(lease("Lives").NotExists())
	}
	return lease("Lives").Equal(num(life.Number))
}

// ofTeam is that a workspace is of a team; "" is none.
func ofTeam(team string) condition {
	if team == "" {
		return lease("Team").NotExists()
	}
	return lease("Team").Equal(leaseText(team))
}

func countMoves(c *change, d chat.Delta) {
	c.add(lease("Open"), d.Open)
	c.add(lease("InFlight"), d.InFlight)
	c.add(lease("Delivered"), d.Delivered)
	c.add(lease("Expired"), d.Expired)
	c.add(lease("Cancelled"), d.Cancelled)
	c.add(lease("Dead"), d.Dead)
}

// currentHost is delivery.Host.Current as a condition.
func currentHost(h delivery.Host) condition {
	boot, url := lease("Epoch").Equal(num(h.Epoch)), lease("URLFingerprint").Equal(leaseText(h.URLFingerprint))
	if h.Epoch == 0 {
		boot = lease("Epoch").NotExists()
	}
	if h.URLFingerprint == "" {
		return boot.And(lease("URLFingerprint").NotExists())
	}
	if h.Boot {
		return boot.And(url)
	}
	pushable := lease("Pushable").Equal(&types.AttributeValueMemberBOOL{Value: true})
	return url.And(boot.Or(pushable))
}

// setOldestOpen notes when the oldest open message was accepted. Whether mail
// remains is decided on what is stored, not on what was read: "none left" only if
// exactly the messages that end were open. opened is negative when messages end.
func setOldestOpen(c *change, oldest time.Time, opened int64) {
	ending := num(-opened)
	if oldest.IsZero() {
		c.require(lease("Open").Equal(ending))
		c.remove(lease("OldestOpen"))
		return
	}
	if opened <= 0 {
		c.require(lease("Open").GreaterThan(ending))
	}
	c.set(lease("OldestOpen"), instant(oldest))
}
