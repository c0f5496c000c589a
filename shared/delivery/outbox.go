package delivery

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

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

// outboxOf is what the ends among the moves leave to do.
func outboxOf(moves []chat.Move) (items []OutboxItem) {
	for _, m := range moves {
		ends := m.From.State.Open() && !m.To.State.Open()
		dead := m.To.State == chat.Dead && !m.To.Probe
		if ends && (dead || m.To.Callback != "" || m.To.OwesAnswerOrNotice()) {
			items = append(items, OutboxItem{MessageID: m.To.ID, Version: m.To.Version})
		}
	}
	return items
}

// Of a workspace's outbox a drain does outboxAtOnce items at a time and
// outboxAtMost in all, picked at random, so that dead callback URLs can't starve
// the rest. It begins none after outboxFor, so that callbacks that hang don't hold
// it; the sweep sends a wake-up for what is left.
const (
	outboxAtOnce, outboxAtMost = 8, 64
	outboxFor                  = 3 * time.Second
)

// clearOutboxes does what is left to do for a workspace's ended messages, and for
// those of its former lives. again is when to look again, if it is known; zero else.
func (d *Delivery) clearOutboxes(ctx context.Context, f workspace.Facts) (again time.Time, err error) {
	until := d.Clock.Now().Add(outboxFor)
	if f.OutboxItems > 0 {
		var found int
		found, again, err = d.clearOutbox(ctx, ChatQueue{Life: f.Life(), Generation: f.QueueGeneration}, false, until)
		if err == nil && found == 0 {
			err = d.countNothingLeft(ctx, f)
		}
	}
	for _, life := range f.FormerLives() {
		_, _, formerErr := d.clearOutbox(ctx, ChatQueue{Life: life}, true, until) // the sweep sees to the rest
		err = errors.Join(err, formerErr)
	}
	return again, err
}

// clearOutbox does what is left to do for a life's ended messages. An item that fails
// stays, and does not keep the others from being done. No item is begun after until.
// found is how many there were; again is as in clearOutboxes.
func (d *Delivery) clearOutbox(
	ctx context.Context, q ChatQueue, former bool, until time.Time,
) (found int, again time.Time, err error) {
	items, err := d.Ledger.Outbox(ctx, q.Life)
	if err != nil {
		return 0, time.Time{}, err
	}
	found = len(items)
	for i := len(items) - 1; i > 0; i-- { // Fisher-Yates
		j := int(d.Clock.Random() * float64(i+1))
		items[i], items[j] = items[j], items[i]
	}
	items = items[:min(len(items), outboxAtMost)]
	failed, later := make([]error, len(items)), make([]time.Time, len(items))
	var g errgroup.Group
	g.SetLimit(outboxAtOnce)
	for i, item := range items {
		g.Go(func() error { // waits for a place
			if d.Clock.Now().After(until) {
				return nil
			}
			failed[i] = fault.Contain(func() (err error) {
				later[i], err = d.doOutboxItem(ctx, q, former, item)
				return err
			})
			return nil
		})
	}
	_ = g.Wait() // errors are in failed
	for _, at := range later {
		if again.IsZero() || (!at.IsZero() && at.Before(again)) {
			again = at
		}
	}
	return found, again, errors.Join(failed...)
}

// countNothingLeft mends the number of what is left to do, where nothing was found that it counts: else a purge would
// wait for it without end. An item is written under the id of its message and the version of its end. When the id is
// used anew after the receipt was deleted, with the item of its first end still there, the second one replaces it.
// Whatever is written meanwhile moves a counter, and keeps the number as it is.
func (d *Delivery) countNothingLeft(ctx context.Context, f workspace.Facts) error {
	next := f
	next.OutboxItems = 0
	err := d.Ledger.CorrectCounters(ctx, f, next)
	if fault.CodeOf(err) == fault.Conflict {
		return nil
	}
	return err
}

// doOutboxItem does what an item says, and strikes it off. The item of an answer or a
// notice that the asking call may still take stays; again is then when to look again, if nobody
// else is known to see to it.
func (d *Delivery) doOutboxItem(
	ctx context.Context, q ChatQueue, former bool, item OutboxItem,
) (again time.Time, err error) {
	ms, err := d.Ledger.Messages(ctx, q.Life, item.MessageID)
	if err == nil {
		ms, err = d.Ledger.Texts(ctx, chat.Bodies|chat.Answers, ms)
	}
	if err == nil && len(ms) > 0 { // of a message that is gone, nothing is left to tell
		if until, awaited := awaited(ms[0], d.Clock.Now()); awaited {
			return until, nil
		}
		done, err := d.tellEnd(ctx, q, ms[0])
		if err != nil || !done {
			return time.Time{}, err
		}
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Time{}, d.Ledger.OutboxDone(ctx, q.Life, item, former)
}

// tellEnd tells whoever is to be told of a message's end. done is false while the
// sender's URL is to be called again, or its inbox is full.
func (d *Delivery) tellEnd(ctx context.Context, q ChatQueue, m chat.Message) (done bool, err error) {
	if m.State == chat.Dead && m.Told.Tries == 0 { // else it was announced before the first callback
		ticket := Ticket{MessageID: m.ID, Seq: m.Seq, Dedup: dedupID(m, m)}
		if err := d.Queues.SendToDeadLetter(ctx, q, ticket, m.FullReason()); err != nil {
			return false, err
		}
		if err := d.DeadAnnouncer.AnnounceDead(ctx, m); err != nil {
			return false, err
		}
	}
	switch {
	case m.State.Open(): // redriven, and told at its next end
		return true, nil
	case m.OwesAnswerOrNotice():
		return d.sendAnswerOrNotice(ctx, m)
	case m.Callback == "":
		return true, nil
	case !m.Told.Done && m.Told.Due(d.Clock.Now()):
		return d.callBack(ctx, m)
	}
	return m.Told.Done, nil
}

// callBack claims a call of the URL of a message's sender, makes it, and notes on the
// message what became of it. Of several drains that see the message as it is, one
// calls. A URL that fails is the sender's trouble and fails no drain.
func (d *Delivery) callBack(ctx context.Context, m chat.Message) (done bool, err error) {
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
	problem := ""
	err = fault.Contain(func() error { return d.Callbacks.Tell(ctx, to, m) })
	var defect error
	switch {
	case fault.IsPanic(err):
		problem, defect = defectWords, err
	case err != nil:
		problem = chat.Clip(err.Error(), registry.MaxWhole)
	}
	_, unreached := errors.AsType[*UnreachedError](err)
	told := claimed.Tried(problem, unreached)
	_, err = d.noteTold(ctx, m, claimed, told)
	return told.Done, errors.Join(err, defect)
}

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
