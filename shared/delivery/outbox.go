package delivery

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The outbox is what is left to do when a message has ended: a dead one's ticket goes to the dead-letter queue and
// its death is announced; a sender that gave a callback URL is told; a workspace that asked is sent the answer, or
// a notice. An item is written in the transaction of the end itself, so that no crash forgets it, and struck off when
// it is done. It may be done twice. A callback is not: each call is claimed before it is made, and counts even when it
// is cut off.
//
// A drain does what no server of a sender can hold. Callbacks have a part of the outbox and a lane of their own:
// DrainCallbacks. Either part is done in fair turns of the receivers, see clearing.

// outboxOf is what the ends among the moves leave to do.
func outboxOf(moves []chat.Move) (items []OutboxItem) {
	for _, m := range moves {
		ends := m.From.State.Open() && !m.To.State.Open()
		dead := m.To.State == chat.Dead && !m.To.Probe
		tells := m.To.Callback != "" || m.To.OwesAnswerOrNotice()
		if !ends || !dead && !tells {
			continue
		}
		item := OutboxItem{
			MessageID: m.To.ID, Version: m.To.Version, Callback: m.To.Callback != "", Dead: dead, EndedAt: m.To.SettledAt,
		}
		if tells {
			item.Receiver = receiverOf(m.To)
		}
		items = append(items, item)
	}
	return items
}

// receiverOf is who is told of a message's end: the workspace that sent it, or the server of a user, who has none.
func receiverOf(m chat.Message) string {
	if m.Source != "" {
		return m.Source
	}
	u, err := url.Parse(m.Callback)
	if err != nil {
		return m.Callback
	}
	return u.Scheme + "://" + u.Host
}

// clearOutboxes does what is left to do for a workspace's ended messages, and for those of its former lives, but for
// the callbacks. again is when to look again, if it is known; zero else. callbacks reports whether some may be left.
func (d *Delivery) clearOutboxes(ctx context.Context, f workspace.Facts) (again time.Time, callbacks bool, err error) {
	c := d.newClearing()
	if f.OutboxItems > 0 {
		var items []OutboxItem
		q := ChatQueue{Life: f.Life(), Generation: f.QueueGeneration}
		items, again, err = d.clearOutbox(ctx, c, q, false, d.Ledger.Outbox)
		callbacks = err == nil && int64(len(items)) < f.OutboxItems
	}
	for _, life := range f.FormerLives() {
		_, _, formerErr := d.clearOutbox(ctx, c, ChatQueue{Life: life}, true, d.Ledger.Outbox) // the sweep sees to the rest
		err, callbacks = errors.Join(err, formerErr), true
	}
	return again, callbacks, err
}

// DrainCallbacks tells the URLs of the senders of a workspace's ended messages. It works in a lane of its own: a server
// that lets a call hang keeps no mail waiting.
func (d *Delivery) DrainCallbacks(ctx context.Context, id, _ string) (DrainResult, error) {
	f, err := d.Registry.Leases.Get(ctx, id)
	if fault.CodeOf(err) == fault.WorkspaceUnknown {
		return DrainResult{Ended: "no such workspace"}, nil
	}
	if err != nil {
		return DrainResult{}, err
	}
	c := d.newClearing()
	items, _, err := d.clearOutbox(
		ctx, c, ChatQueue{Life: f.Life(), Generation: f.QueueGeneration}, false, d.Ledger.CallbackOutbox)
	if err == nil && len(items) == 0 && f.OutboxItems > 0 {
		err = d.countNothingLeft(ctx, f)
	}
	for _, life := range f.FormerLives() {
		_, _, formerErr := d.clearOutbox(ctx, c, ChatQueue{Life: life}, true, d.Ledger.CallbackOutbox)
		err = errors.Join(err, formerErr)
	}
	if c.done.Load() > 0 && c.left.Load() > 0 {
		return DrainResult{Ended: "more callbacks are due"},
			errors.Join(err, d.Registry.Wakeups.SendCallbacks(ctx, id, causeContinue))
	}
	return DrainResult{Ended: "no more callbacks can be made now"}, err
}

// LeftToDo reports whether something is left to do for the ended messages of a life.
func (d *Delivery) LeftToDo(ctx context.Context, life workspace.Life) (bool, error) {
	items, err := d.Ledger.Outbox(ctx, life)
	if err != nil || len(items) > 0 {
		return true, err
	}
	items, err = d.Ledger.CallbackOutbox(ctx, life)
	return len(items) > 0, err
}

// clearOutbox does what is left to do for a life's ended messages, of one part of its outbox. An item that fails stays,
// and does not keep the others from being done. items are all that there were; again is as in clearOutboxes.
func (d *Delivery) clearOutbox(
	ctx context.Context, c *clearing, q ChatQueue, former bool,
	part func(context.Context, workspace.Life) ([]OutboxItem, error),
) (items []OutboxItem, again time.Time, err error) {
	items, err = part(ctx, q.Life)
	if err != nil {
		return nil, time.Time{}, err
	}
	var mu sync.Mutex
	err = c.clear(ctx, items, func(t turn) (holds bool, err error) {
		at, holds, err := d.doOutboxItem(ctx, q, former, t)
		mu.Lock()
		defer mu.Unlock()
		if again.IsZero() || (!at.IsZero() && at.Before(again)) {
			again = at
		}
		return holds, err
	})
	return items, again, err
}

// countNothingLeft mends the number of what is left to do, where nothing was found that it counts: else a purge would
// wait for it without end. An item is written under the id of its message and the version of its end. When the id is
// used anew after the receipt was deleted, with the item of its first end still there, the second one replaces it.
// Whatever is written meanwhile moves a counter, and keeps the number as it is.
func (d *Delivery) countNothingLeft(ctx context.Context, f workspace.Facts) error {
	if left, err := d.LeftToDo(ctx, f.Life()); left || err != nil {
		return err
	}
	next := f
	next.OutboxItems = 0
	err := d.Ledger.CorrectCounters(ctx, f, next)
	if fault.CodeOf(err) == fault.Conflict {
		return nil
	}
	return err
}

// doOutboxItem does what an item says, and strikes it off, or notes when its next try is due. The item of an answer
// or a notice that the asking call may still take stays; again is then when to look again, if nobody else is known to
// see to it. holds reports whether its receiver is to be left alone until then.
func (d *Delivery) doOutboxItem(
	ctx context.Context, q ChatQueue, former bool, t turn,
) (again time.Time, holds bool, err error) {
	needs := chat.Answers
	if !t.Callback { // whether an answer is owed stands in the body; a callback tells nothing of it
		needs |= chat.Bodies
	}
	ms, err := d.Ledger.Messages(ctx, q.Life, t.MessageID)
	if err == nil {
		ms, err = d.Ledger.Texts(ctx, needs, ms)
	}
	if err != nil {
		return time.Time{}, false, err
	}
	item, was := t.OutboxItem, t.OutboxItem
	done := len(ms) == 0 // of a message that is gone, nothing is left to tell
	if !done {
		if until, awaited := awaited(ms[0], d.Clock.Now()); awaited {
			return until, false, nil
		}
		if item.Dead, err = false, d.announceDead(ctx, q, ms[0], was.Dead); err != nil {
			return time.Time{}, false, err
		}
		done, err = d.tellEnd(ctx, ms[0], t.held, &item)
	}
	switch {
	case done && err == nil:
		err = d.Ledger.OutboxDone(ctx, q.Life, item, former)
	case item != was:
		err = errors.Join(err, d.Ledger.OutboxRests(ctx, q.Life, item))
	}
	return time.Time{}, item.Holds && !done && !t.held, err
}

// announceDead announces that a message died, if it is still dead.
func (d *Delivery) announceDead(ctx context.Context, q ChatQueue, m chat.Message, due bool) error {
	if !due || m.State != chat.Dead {
		return nil
	}
	ticket := Ticket{MessageID: m.ID, Seq: m.Seq, Dedup: dedupID(m, m)}
	if err := d.Queues.SendToDeadLetter(ctx, q, ticket, m.FullReason()); err != nil {
		return err
	}
	return d.DeadAnnouncer.AnnounceDead(ctx, m)
}

// fullRest is how long a receiver is left alone whose inbox is full. The next sweep, which comes each minute, finds
// that it is over.
const fullRest = 30 * time.Second

// tellEnd tells whoever is to be told of a message's end. While done is false, item says when the next try is due. held
// says that its receiver is left alone: then nothing is told, and what ended too long ago is given up.
func (d *Delivery) tellEnd(ctx context.Context, m chat.Message, held bool, item *OutboxItem) (done bool, err error) {
	now := d.Clock.Now()
	late := item.late(now)
	switch {
	case m.State.Open(): // redriven, and told at its next end
		return true, nil
	case m.OwesAnswerOrNotice() && held:
		return late, nil // it stays in the receipt
	case m.OwesAnswerOrNotice():
		done, err = d.sendAnswerOrNotice(ctx, m)
		if err == nil && !done {
			item.RestsUntil, item.Holds = now.Add(fullRest), true
		}
		return done, err
	case m.Callback == "" || m.Told.Done:
		return true, nil
	case held && late:
		return d.noteTold(ctx, m, m.Told, m.Told.GiveUp(hungServer))
	case held:
		return false, nil
	case m.Told.Due(now):
		return d.callBack(ctx, m, item)
	}
	item.RestsUntil = m.Told.Next()
	return false, nil
}

// callHangs is from when on a call that failed is one that hung: a server that refuses says so in less.
const callHangs = 3 * time.Second

// callBack claims a call of the URL of a message's sender, makes it, and notes on the
// message what became of it. Of several drains that see the message as it is, one
// calls. A URL that fails is the sender's trouble and fails no drain.
func (d *Delivery) callBack(ctx context.Context, m chat.Message, item *OutboxItem) (done bool, err error) {
	sender, err := d.senderProfile(ctx, m)
	if err != nil {
		return false, err
	}
	if !sender.Signing.Calls(m.AcceptedAt) {
		return d.noteTold(ctx, m, m.Told, m.Told.GiveUp(endedSender))
	}
	claimed, call := m.Told.Claim(d.Clock.Now())
	won, err := d.noteTold(ctx, m, m.Told, claimed)
	if err != nil || !won || !call {
		return won && claimed.Done, err
	}
	to := d.target(sender)
	to.URL = m.Callback
	problem, began := "", d.Clock.Now()
	err = fault.Contain(func() error { return d.Callbacks.Tell(ctx, to, m) })
	hung := d.Clock.Now().Sub(began) >= callHangs
	var defect error
	switch {
	case fault.IsPanic(err):
		problem, defect = defectWords, err
	case err != nil:
		problem = chat.Clip(err.Error(), registry.MaxWhole)
	}
	_, unreached := errors.AsType[*UnreachedError](err)
	told := claimed.Tried(problem, unreached)
	item.RestsUntil, item.Holds = told.Next(), hung
	_, err = d.noteTold(ctx, m, claimed, told)
	return told.Done, errors.Join(err, defect)
}

// hungServer is why a sender's URL is not called whose server lets calls hang.
const hungServer = "the URL is not called: its server let other calls hang since the message ended"

// endedSender is why a sender's URL is not called whose credential an operator has ended, or whose workspace.
const endedSender = "the URL is not called: an operator ended the credential that the message was sent with"

// noteTold writes on an ended message what became of telling its sender, if that still
// stands as it was seen; noted reports whether it did.
func (d *Delivery) noteTold(ctx context.Context, m chat.Message, seen, told chat.Told) (noted bool, err error) {
	_, err = d.ChangeMessage(ctx, LifeOf(m), m.ID, func(was chat.Message) (chat.Message, MailboxUpdate, error) {
		noted = !was.State.Open() && was.Told.Tries == seen.Tries && was.Told.At.Equal(seen.At)
		if !noted {
			return was, MailboxUpdate{}, nil // redriven meanwhile and told at its next end, or told by another drain
		}
		return was.Tell(told), MailboxUpdate{Former: true}, nil // it may be of a former life; its mailbox stays as it is
	})
	return noted, err
}

// senderProfile is the profile of the workspace that sent a message, whose secret
// signs the callback; the zero Profile for the user, who has none.
func (d *Delivery) senderProfile(ctx context.Context, m chat.Message) (workspace.Profile, error) {
	if m.Source == "" {
		return workspace.Profile{}, nil
	}
	return d.Registry.Profiles.Profile(ctx, m.Source)
}
