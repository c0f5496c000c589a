package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// outboxOf is what the ends among the moves leave to do. A death whose sender has a URL leaves two items: it is
// announced in a drain of mail, which waits for no URL.
func outboxOf(moves []chat.Move) (items []OutboxItem) {
	for _, m := range moves {
		if !m.From.State.Open() || m.To.State.Open() {
			continue
		}
		item := OutboxItem{MessageID: m.To.ID, Version: m.To.Version, EndedAt: m.To.SettledAt}
		dead, owes := m.To.State == chat.Dead && !m.To.Probe, m.To.OwesAnswerOrNotice()
		if dead || owes {
			own := item
			if own.Dead = dead; owes {
				own.Receiver = receiverOf(m.To)
			}
			items = append(items, own)
		}
		if m.To.Callback != "" {
			item.Callback, item.Receiver = true, receiverOf(m.To)
			items = append(items, item)
		}
	}
	return items
}

// Receivers that are no workspace, whose ids have no blank: a person, and the URL of a caller who is not known.
const (
	personPrefix  = "person "
	unknownPrefix = "unknown "
)

// receiverOf is who is told of a message's end: whoever sent it. Nobody knows how many URLs one caller has who is not
// known: each is one receiver, and together they have a small part of the turns, see clearing.
func receiverOf(m chat.Message) string {
	switch {
	case m.Source != "":
		return m.Source
	case m.SentBy != "":
		return personPrefix + m.SentBy
	}
	sum := sha256.Sum256([]byte(m.Callback))
	return unknownPrefix + hex.EncodeToString(sum[:8])
}

// outboxPart is a part of the outbox of one life.
type outboxPart struct {
	ChatQueue
	former bool // the life is a former one
	last   bool // the life is to be erased: what is told is tried once
	list   func(context.Context, workspace.Life) ([]OutboxItem, error)
}

// parts are the parts of one kind of the outboxes of a workspace, that of the present life first.
func parts(f workspace.Facts, list func(context.Context, workspace.Life) ([]OutboxItem, error)) []outboxPart {
	out := []outboxPart{{ChatQueue: ChatQueue{Life: f.Life(), Generation: f.QueueGeneration}, list: list}}
	for _, life := range f.FormerLives() {
		out = append(out, outboxPart{ChatQueue: ChatQueue{Life: life}, former: true, list: list})
	}
	for i := range out {
		out[i].last = out[i].Life.Number < f.LivesToErase
	}
	return out
}

// clearOutboxes does what is left to do for a workspace's ended messages, and for those of its former lives, but for
// the callbacks. again is when to look again, if it is known; zero else. callbacks reports whether some may be left.
func (d *Delivery) clearOutboxes(ctx context.Context, f workspace.Facts) (again time.Time, callbacks bool, err error) {
	var items []turn
	for _, part := range parts(f, d.Ledger.Outbox) {
		if !part.former && f.OutboxItems == 0 {
			continue
		}
		found, partErr := part.items(ctx)
		err = errors.Join(err, partErr)
		items = append(items, found...)
		callbacks = callbacks || part.former || int64(len(found)) < f.OutboxItems
	}
	again, doErr := d.clearOutbox(ctx, d.newClearing(), items)
	return again, callbacks, errors.Join(err, doErr)
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
	var items []turn
	for _, part := range parts(f, d.Ledger.CallbackOutbox) {
		found, partErr := part.items(ctx)
		if partErr == nil && len(found) == 0 && !part.former && f.OutboxItems > 0 {
			partErr = d.countNothingLeft(ctx, f)
		}
		err = errors.Join(err, partErr)
		items = append(items, found...)
	}
	c := d.newClearing()
	_, doErr := d.clearOutbox(ctx, c, items)
	err = errors.Join(err, doErr)
	if err == nil && c.done.Load() > 0 && c.left.Load() > 0 { // after a fault, this wake-up comes back, and later
		return DrainResult{Ended: "more callbacks are due"}, d.Registry.Wakeups.SendCallbacks(ctx, id, causeContinue)
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

// items are all that a part has.
func (p outboxPart) items(ctx context.Context) (items []turn, err error) {
	found, err := p.list(ctx, p.Life)
	for _, item := range found {
		items = append(items, turn{OutboxItem: item, part: p})
	}
	return items, err
}

// clearOutbox does items, those of all lives together: no life keeps another one waiting. An item that fails stays, and
// does not keep the others from being done. again is as in clearOutboxes: the sweep sees to the former lives.
func (d *Delivery) clearOutbox(ctx context.Context, c *clearing, items []turn) (again time.Time, err error) {
	var mu sync.Mutex
	err = c.clear(ctx, items, func(t turn) (holds bool, err error) {
		at, holds, err := d.doOutboxItem(ctx, t.part, t)
		mu.Lock()
		defer mu.Unlock()
		if !t.part.former && (again.IsZero() || (!at.IsZero() && at.Before(again))) {
			again = at
		}
		return holds, err
	})
	return again, err
}

// countNothingLeft mends the number of what is left to do, where no callback was found, if nothing else is that it
// counts: else a purge would wait for it without end. An item is written under the id of its message and the version of
// its end. When the id is used anew after the receipt was deleted, with the item of its first end still there, the
// second one replaces it.
// Whatever is written meanwhile moves a counter, and keeps the number as it is.
func (d *Delivery) countNothingLeft(ctx context.Context, f workspace.Facts) error {
	if items, err := d.Ledger.Outbox(ctx, f.Life()); len(items) > 0 || err != nil {
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
	ctx context.Context, part outboxPart, t turn,
) (again time.Time, holds bool, err error) {
	needs := chat.Answers
	if !t.Callback { // whether an answer is owed stands in the body; a callback tells nothing of it
		needs |= chat.Bodies
	}
	ms, err := d.Ledger.Messages(ctx, part.Life, t.MessageID)
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
		if item.Dead, err = false, d.announceDead(ctx, part.ChatQueue, ms[0], was.Dead); err != nil {
			return time.Time{}, false, err
		}
		done, err = d.tellEnd(ctx, ms[0], t.held, part.last, &item)
	}
	switch {
	case done && err == nil:
		err = d.Ledger.OutboxDone(ctx, part.Life, item, part.former)
	case item != was:
		err = errors.Join(err, d.Ledger.OutboxRests(ctx, part.Life, item))
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
// says that its receiver is left alone: then nothing is told, and what ended too long ago is given up. last says that
// there is no next try.
func (d *Delivery) tellEnd(
	ctx context.Context, m chat.Message, held, last bool, item *OutboxItem,
) (done bool, err error) {
	now := d.Clock.Now()
	late := last || item.late(now)
	switch {
	case m.State.Open(): // redriven, and told at its next end
		return true, nil
	case m.OwesAnswerOrNotice() && held:
		return late, nil // it stays in the receipt
	case m.OwesAnswerOrNotice():
		done, err = d.sendAnswerOrNotice(ctx, m)
		if err == nil && !done {
			item.RestsSince, item.RestsUntil, item.Holds = now, now.Add(fullRest), true
		}
		return done || err == nil && last, err
	case m.Callback == "" || m.Told.Done || !item.Callback:
		return true, nil
	case last && m.Told.Tries > 0:
		return d.noteTold(ctx, m, m.Told, m.Told.GiveUp(erasedReceipt))
	case held && late:
		return d.noteTold(ctx, m, m.Told, m.Told.GiveUp(hungServer))
	case held:
		return false, nil
	case m.Told.Due(now):
		return d.callBack(ctx, m, item)
	}
	item.RestsSince, item.RestsUntil = m.Told.At, m.Told.Next()
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
	item.RestsSince, item.RestsUntil, item.Holds = told.At, told.Next(), hung
	_, err = d.noteTold(ctx, m, claimed, told)
	return told.Done, errors.Join(err, defect)
}

const (
	// hungServer is why a sender's URL is not called whose server lets calls hang.
	hungServer = "the URL is not called: its server let other calls hang since the message ended"
	// erasedReceipt is why it is not called again when the receipt is about to be erased.
	erasedReceipt = "the URL is not called again: the workspace is erased"
)

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
