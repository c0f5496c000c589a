package delivery

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Selection is which of a workspace's messages to list.
type Selection struct {
	State  chat.State // "": any
	At     time.Time  // when it has the state; zero: as it is stored
	Source *string    // nil: of anyone
	Below  string     // where the page before ended, "" for the newest
	Limit  int
}

// List reads this many items at a time, and stops after this many pages; the
// next call goes on from there.
const (
	listPage  = 50
	listPages = 20
)

// List gives messages without their bodies, newest first, and where to go on;
// next is "" at the end.
func (d *Delivery) List(
	ctx context.Context, life workspace.Life, s Selection,
) (ms []chat.Message, next string, err error) {
	r := activity.Range{Below: s.Below, Limit: listPage}
	size := 0
	for range listPages {
		items, err := d.Activity.ActivityLog(ctx, life, r)
		if err != nil {
			return nil, "", err
		}
		for _, i := range items {
			if i.Message == nil || !s.wants(*i.Message) {
				r.Below = i.OrderKey
				continue
			}
			m := *i.Message
			m.Body = nil
			if size += chat.RowSize(m) + chat.EncodedSize(m.Attempts); size > chat.MaxReply && len(ms) > 0 {
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
	return (s.State == "" || m.State == s.State) && (s.Source == nil || m.Source == *s.Source)
}

// Redrive puts a message back that is dead or has expired, with its id and place. Error:
// message_not_dead.
func (d *Delivery) Redrive(ctx context.Context, id, messageID string, now time.Time) (chat.Message, error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return chat.Message{}, err
	}
	return d.ChangeMessage(ctx, life, messageID, func(m chat.Message) (chat.Message, MailboxUpdate, error) {
		next, err := m.Redrive(d.Policy, now)
		if m.State.Open() {
			return next, MailboxUpdate{}, err // it has expired, and nobody has told that it is lost
		}
		return next, MailboxUpdate{Lost: -1}, err
	})
}

// RedriveAll puts back every message of a workspace that is dead, or that expired undelivered in the last day, with its
// id and place, oldest first; dry only says which. One that is redriven by another meanwhile is left to it.
func (d *Delivery) RedriveAll(ctx context.Context, id string, dry bool, now time.Time) ([]chat.Message, error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return nil, err
	}
	lost, err := d.lostMail(ctx, life, now)
	if err != nil {
		return nil, err
	}
	out := []chat.Message{}
	for _, m := range lost {
		if !dry {
			m, err = d.Redrive(ctx, id, m.ID, now)
			if fault.CodeOf(err) == fault.MessageNotDead {
				continue
			}
			if err != nil {
				return out, err
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// lostMail lists the messages that a redrive of all puts back, oldest first.
func (d *Delivery) lostMail(
	ctx context.Context, life workspace.Life, now time.Time,
) (lost []chat.Message, err error) {
	for _, state := range []chat.State{chat.Dead, chat.Expired} {
		for below := ""; ; {
			page, next, err := d.List(ctx, life, Selection{State: state, At: now, Below: below, Limit: listPage})
			if err != nil {
				return nil, err
			}
			lost = append(lost, page...)
			if below = next; below == "" {
				break
			}
		}
	}
	lost = slices.DeleteFunc(lost, func(m chat.Message) bool {
		old := now.Sub(m.At(now).SettledAt) >= d.Registry.Policy.LostMailMemory
		return m.Probe || (m.State == chat.Expired && old)
	})
	slices.SortFunc(lost, func(a, b chat.Message) int { return cmp.Compare(a.Seq, b.Seq) })
	return lost, nil
}
