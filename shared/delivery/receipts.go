package delivery

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Selection is which of a workspace's messages to list.
type Selection struct {
	State  chat.State      // "": any
	At     time.Time       // when it has the state; zero: as it is stored
	Sender *workspace.Life // nil: of anyone; else what this one may see
	From   string          // only what this sender sent; see workspace.IsFrom
	Below  string          // where the page before ended, "" for the newest
	Limit  int
}

// List reads this many items at a time, and stops after this many pages, or when it has read enough
// (activity.MaxRead); the next call goes on from there.
const (
	listPage  = 50
	listPages = 20
)

// List gives messages without their bodies, newest first, and where to go on;
// next is "" at the end.
func (d *Delivery) List(
	ctx context.Context, life workspace.Life, s Selection,
) (ms []chat.Message, next string, err error) {
	ms, next, err = d.list(ctx, life, s)
	if err != nil {
		return nil, "", err
	}
	ms, err = d.Ledger.Texts(ctx, chat.Answers, ms)
	return ms, next, err
}

// list is List without the answers that are apart.
func (d *Delivery) list(
	ctx context.Context, life workspace.Life, s Selection,
) (ms []chat.Message, next string, err error) {
	r := activity.Range{Below: s.Below, Limit: listPage, Messages: true}
	size, read := 0, 0
	for pages := 0; pages < listPages && read < activity.MaxRead; pages++ {
		items, err := d.Activity.ActivityLog(ctx, life, r)
		if err != nil {
			return nil, "", err
		}
		for _, i := range items {
			read += i.Bytes
			if i.Message == nil || !s.wants(*i.Message) {
				r.Below = i.OrderKey
				continue
			}
			m := *i.Message
			m.Body, m.BodyApart = nil, chat.Apart{}
			size += chat.RowSize(m) + chat.EncodedSize(m.Attempts) + chat.EncodedSize(m.Former)
			if size > chat.MaxReply && len(ms) > 0 {
				return ms, r.Below, nil
			}
			r.Below = i.OrderKey
			if ms = append(ms, m); len(ms) == s.Limit {
				return ms, r.Below, nil
			}
		}
		if len(items) < listPage {
			return ms, "", nil
		}
	}
	return ms, r.Below, nil
}

func (s Selection) wants(m chat.Message) bool {
	if !s.At.IsZero() {
		m = m.At(s.At)
	}
	seen := s.Sender == nil || SenderOf(m) == *s.Sender
	return seen && (s.State == "" || m.State == s.State) && workspace.IsFrom(m.Source, s.From)
}

// Redrive puts a message back that is dead or has expired, with its id and place. Error:
// message_not_dead.
func (d *Delivery) Redrive(ctx context.Context, id, messageID string, now time.Time) (chat.Message, error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return chat.Message{}, err
	}
	return d.redrive(ctx, life, messageID, func() ([]LostMessage, error) { return d.lostMail(ctx, life, now) }, now)
}

// redrive puts one message back; lost lists what is lost, for the case that it is asked.
func (d *Delivery) redrive(
	ctx context.Context, life workspace.Life, messageID string, lost func() ([]LostMessage, error), now time.Time,
) (chat.Message, error) {
	return d.ChangeMessage(ctx, life, messageID, func(m chat.Message) (chat.Message, MailboxUpdate, error) {
		next, err := m.Redrive(d.Policy, now)
		if err == nil {
			err = d.hasBody(ctx, m, now)
		}
		if err != nil || m.State.Open() || m.ByWish {
			return next, MailboxUpdate{}, err // it has expired, and nobody has told that it is lost
		}
		u, err := d.lessLost(ctx, m, lost)
		return next, u, err
	})
}

// hasBody refuses to redrive a message whose body is no longer kept. A long body is kept for a time that begins when
// the message expires; where no sweep ran, that is long before its end is written down. Error: message_not_dead.
func (d *Delivery) hasBody(ctx context.Context, m chat.Message, now time.Time) error {
	if m.BodyApart.Bytes == 0 || now.Sub(m.ExpiresAt) < d.Policy.Retention {
		return nil
	}
	with, err := d.Ledger.Texts(ctx, chat.Bodies, []chat.Message{m})
	if err != nil || with[0].Body != nil {
		return err
	}
	return fault.New(fault.MessageNotDead, "the body of this message is no longer kept, so it can't be redriven").
		WithHint("send it again under a new id", "stop")
}

// lessLost is what the redrive of a message does to what is told to be lost: it is one less, and of what is left the
// last one says why.
func (d *Delivery) lessLost(
	ctx context.Context, m chat.Message, lost func() ([]LostMessage, error),
) (u MailboxUpdate, err error) {
	u.Lost, u.LostInVain = -1, -inVain(m)
	f, err := d.Registry.Leases.Get(ctx, m.Workspace)
	if err != nil || f.LostMessages <= 1 || f.LostAt.IsZero() {
		return u, err
	}
	left, err := lost()
	if err != nil {
		return u, err
	}
	u.LostSeen, u.LostAt = f.LostAt, f.LostAt
	left = slices.DeleteFunc(slices.Clone(left), func(l LostMessage) bool { return l.ID == m.ID || l.State.Open() })
	if len(left) == 0 {
		return u, nil
	}
	last := slices.MaxFunc(left, func(a, b LostMessage) int { return a.SettledAt.Compare(b.SettledAt) })
	ms, err := d.Ledger.Messages(ctx, LifeOf(m), last.ID)
	if err != nil || len(ms) == 0 {
		return u, err
	}
	u.LostAt, u.LostWhy = ms[0].SettledAt, registry.Beginning(ms[0].FullReason())
	d.Registry.Quote(ctx, f.ID, ms[0].FullReason(), func(said *workspace.Words) *string { return &said.LostWhy })
	return u, nil
}

// MaxRedriven is how many messages one redrive of all puts back or shows: a call has an end, however many were lost.
const MaxRedriven = 100

// RedriveAll puts back the messages of a workspace that are dead, or that expired undelivered in the last day, with
// their ids and places: the oldest first, and MaxRedriven at most; left is how many more there are. Without ask it only
// says which. One that is redriven by another meanwhile is left to it.
func (d *Delivery) RedriveAll(
	ctx context.Context, id string, ask Ask, now time.Time,
) (back []chat.Message, left int, err error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	lost, err := d.lostMail(ctx, life, now)
	if err != nil || len(lost) == 0 {
		return []chat.Message{}, 0, err
	}
	n := min(len(lost), MaxRedriven)
	if left = len(lost) - n; ask == nil {
		ids := make([]string, 0, n)
		for _, m := range lost[:n] {
			ids = append(ids, m.ID)
		}
		back, err = d.Ledger.Messages(ctx, life, ids...)
		return back, left, err
	}
	if err := ask(life, n, left); err != nil {
		return nil, 0, err
	}
	back = []chat.Message{}
	for i, l := range lost {
		left = len(lost) - i
		if len(back) == MaxRedriven {
			return back, left, nil
		}
		m, err := d.redrive(ctx, life, l.ID, func() ([]LostMessage, error) { return lost[i:], nil }, now)
		if code := fault.CodeOf(err); code == fault.MessageNotDead || code == fault.MessageUnknown {
			continue
		}
		if err != nil {
			return back, left, err
		}
		back = append(back, m)
	}
	return back, 0, nil
}

// Dismiss closes messages that are lost, without delivering them: those with these ids, or with none all that is lost,
// MaxRedriven at most; left is how many more there are. Before the first one it asks. Errors: message_not_dead,
// message_unknown; those of ask.
func (d *Delivery) Dismiss(
	ctx context.Context, id, by string, messages []string, ask Ask, now time.Time,
) (closed []chat.Message, left int, err error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	all := len(messages) == 0
	lost, err := d.lostMail(ctx, life, now)
	if err != nil {
		return nil, 0, err
	}
	if all {
		for _, l := range lost {
			if !l.State.Open() {
				messages = append(messages, l.ID)
			}
		}
	}
	if left = max(0, len(messages)-MaxRedriven); left > 0 {
		messages = messages[:MaxRedriven]
	}
	if len(messages) == 0 {
		return nil, 0, nil
	}
	if err := ask(life, len(messages), left); err != nil {
		return nil, 0, err
	}
	for _, one := range messages {
		m, err := d.ChangeMessage(ctx, life, one, func(m chat.Message) (chat.Message, MailboxUpdate, error) {
			next, err := m.Dismiss(by, now)
			if err != nil {
				return m, MailboxUpdate{}, err
			}
			u, err := d.lessLost(ctx, m, func() ([]LostMessage, error) { return lost, nil })
			lost = slices.DeleteFunc(lost, func(l LostMessage) bool { return l.ID == m.ID })
			return next, u, err
		})
		if code := fault.CodeOf(err); all && (code == fault.MessageNotDead || code == fault.MessageUnknown) {
			continue // redriven or dismissed by another meanwhile
		}
		if err != nil {
			return closed, left, err
		}
		closed = append(closed, m)
	}
	return closed, left, nil
}

// lostMail lists the messages that a redrive of all puts back, oldest first. It reads the keys of what is open and of
// what is lost, and what is due: nothing of what was delivered.
func (d *Delivery) lostMail(ctx context.Context, life workspace.Life, now time.Time) ([]LostMessage, error) {
	lost, err := d.Ledger.LostMail(ctx, life)
	if err != nil {
		return nil, err
	}
	open, err := d.Ledger.OpenMail(ctx, life, 0)
	if err != nil {
		return nil, err
	}
	due := slices.DeleteFunc(open, func(m OpenMessage) bool { return now.Before(m.ExpiresAt) })
	ms, err := d.Ledger.Messages(ctx, life, IDs(due, len(due))...)
	if err != nil {
		return nil, err
	}
	for _, m := range ms { // no sweep has ended it yet
		if ended := m.At(now); ended.Lost() {
			lost = append(lost, LostMessage{ID: m.ID, Seq: m.Seq, State: m.State, SettledAt: ended.SettledAt})
		}
	}
	lost = slices.DeleteFunc(lost, func(m LostMessage) bool {
		return m.State == chat.Expired && now.Sub(m.SettledAt) >= d.Registry.Policy.LostMailMemory
	})
	slices.SortFunc(lost, func(a, b LostMessage) int { return cmp.Compare(a.Seq, b.Seq) })
	return lost, nil
}
