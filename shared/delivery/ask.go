package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A workspace that asks another one gets the answer in the call that asks, if the
// agent gives it in time, else as a message of its own. Which of the two it is, the
// outbox decides: its item for the answer is left to the call while that may wait, and
// the call strikes it off when it takes the answer. When the call dies, the item stays,
// and a sweep has the answer sent. A call that was cut off may go on, and take an answer
// that nobody reads: a repeat that ends without it leaves an item of its own.

// answerGrace is how long after a call has stopped to wait its answer is left to it:
// it may be about to take it.
const answerGrace = 2 * time.Second

// The looks of a call that waits: the pause before the first, and the longest.
const firstLook, slowestLook = 50 * time.Millisecond, 500 * time.Millisecond

// replyTime is how long before the end of its function a call stops to wait.
const replyTime = 3 * time.Second

// Asker is who waits for the answer to a message.
type Asker struct {
	Place *waiting.Place // that it waits in
	// Still is asked when the call has waited: its error is returned instead, and an answer that came is sent.
	Still func(context.Context) error
}

// Ask is Enqueue for a message whose sender waits for the answer, if one can come in
// time and a place is free. The result is of the moment at which it is returned.
// Errors: those of Enqueue, and of Asker.Still.
func (d *Delivery) Ask(ctx context.Context, m chat.Message, by Asker, now time.Time) (Accepted, error) {
	if d.Policy.AnswerWithin > 0 {
		m.AwaitedUntil = now.Add(d.Policy.AnswerWithin)
	}
	defer by.Place.GiveBack(ctx)
	out, err := d.accept(ctx, m, anyLife, by.Place, now)
	if err != nil {
		return out, err
	}
	d.expect(ctx, &out, out.before, now)
	if out.open() && out.Message.AwaitedUntil.After(now) && by.Place.Take(ctx) == nil {
		d.await(ctx, &out)
		if err := by.Still(ctx); err != nil {
			return Accepted{}, err
		}
		if m := out.Message; out.takes() { // the reply says it
			item := OutboxItem{MessageID: m.ID, Version: m.Version}
			_ = d.Ledger.OutboxDone(ctx, LifeOf(m), item, false) // else it is sent too
		}
	}
	if !out.First && out.open() {
		if err := d.leaveAnswer(ctx, out.Message); err != nil {
			return Accepted{}, err
		}
	}
	out.NoPlace = by.Place.NoneFree()
	return out, nil
}

// open reports whether a message that was accepted had not ended at the moment that is told.
func (a Accepted) open() bool { return a.Message.At(a.At).State.Open() }

// takes reports whether a call that has waited takes the answer, or the notice, that it is to return: nobody is sent it
// then. A repeat takes what the first call has seen too, which looks for the last time when its wait is over.
func (a Accepted) takes() bool {
	m := a.Message
	if a.First {
		return m.OwesAnswerOrNotice()
	}
	return m.OwesAnswer() && m.SettledAt.Before(m.AwaitedUntil)
}

// leaveAnswer has the answer to an open message sent, though another call may still take it: the caller's ends without
// it. The item waits until no call does. If the message has not ended by then, its end leaves another one.
func (d *Delivery) leaveAnswer(ctx context.Context, m chat.Message) error {
	now, over := d.Clock.Now(), m.AwaitedUntil.Add(answerGrace)
	if m.AwaitedUntil.IsZero() || !now.Before(over) {
		return nil
	}
	item := OutboxItem{
		MessageID: m.ID, Version: m.Version, Receiver: receiverOf(m), EndedAt: over, RestsSince: now, RestsUntil: over,
	}
	err := retry.OnConflict(ctx, d.Clock, acceptTries, func() error {
		items, err := d.Ledger.Outbox(ctx, LifeOf(m))
		if err != nil || slices.ContainsFunc(items, func(i OutboxItem) bool { return i.MessageID == m.ID }) {
			return err
		}
		return d.Ledger.WriteMessages(ctx, LifeOf(m), nil, MailboxUpdate{Outbox: []OutboxItem{item}})
	})
	if err == nil {
		_ = d.Registry.Wakeups.Send(ctx, m.Workspace, "outbox", over.Sub(now)) // when it is lost, the sweeper sends another
	}
	return err
}

// answersInTime reports whether a message that is accepted now may be answered while
// its sender waits: it is pushed, and nothing keeps it from being so.
func (d *Delivery) answersInTime(f workspace.Facts, now time.Time) bool {
	p := d.Registry.Policy
	return f.Mode(p, now) == workspace.Push && f.Deliverable(p, now) && !f.Resting(p, now)
}

// await waits for the end of a message. It looks at the lease, and reads the message only when some message has ended,
// and once more when the wait is over: what is answered is how the message is then.
func (d *Delivery) await(ctx context.Context, out *Accepted) {
	ctx = registry.OfAnyTeam(ctx) // what was accepted is answered, wherever the agent is by now
	ended, pause, waited := endedOf(out.before), firstLook, time.Duration(0)
	for waited < d.Policy.AnswerWithin && d.Clock.Now().Before(out.Message.AwaitedUntil) {
		if left, ends := clock.Left(ctx); ends && left < replyTime {
			break
		}
		look := pause
		if left := out.Message.ExpiresAt.Sub(d.Clock.Now()); left > 0 {
			look = min(pause, left)
		}
		if d.Clock.Sleep(ctx, look) != nil {
			return
		}
		waited, pause = waited+look, min(2*pause, slowestLook)
		f, err := d.Registry.Leases.Get(ctx, out.Message.Workspace)
		if err != nil || endedOf(f) == ended && d.Clock.Now().Before(out.Message.ExpiresAt) {
			continue
		}
		if d.readAnew(ctx, out, f); !out.open() {
			return
		}
	}
	if f, err := d.Registry.Leases.Get(ctx, out.Message.Workspace); err == nil {
		d.readAnew(ctx, out, f)
	}
}

// readAnew makes of an acceptance one of this moment. When the store can't be asked, it stays as it is.
func (d *Delivery) readAnew(ctx context.Context, out *Accepted, f workspace.Facts) {
	m, err := d.message(ctx, LifeOf(out.Message), out.Message.ID)
	if now := d.Clock.Now(); err == nil && m.State.Open() && !m.At(now).State.Open() && f.Life() == LifeOf(m) {
		if ended, endErr := d.End(ctx, f, m.ID, now); ended && endErr == nil { // else a sweep ends it
			m, err = d.message(ctx, LifeOf(m), m.ID)
		}
	}
	if err != nil {
		return
	}
	if m, err = d.withTexts(ctx, chat.Bodies|chat.Answers, m); err != nil {
		return
	}
	out.Message, out.Facts, out.Depth = m, f, f.Open
	if m.State.Open() {
		f = uncounted(f) // what is expected of it goes by what is before it
	}
	d.expect(ctx, out, f, d.Clock.Now())
}

// endedOf is how many messages of a mailbox have ended.
func endedOf(f workspace.Facts) int64 { return f.Delivered + f.Expired + f.Cancelled + f.Dead }

// awaited reports whether the answer or the notice about an ended message is left to
// the call that asks. until is when that is over, for an answer that came when the call may have
// looked for the last time; zero for one that it should have seen: then the call
// strikes the item off, or it has died and the sweep comes by.
func awaited(m chat.Message, now time.Time) (until time.Time, is bool) {
	if m.AwaitedUntil.IsZero() || !m.OwesAnswerOrNotice() || !now.Before(m.AwaitedUntil.Add(answerGrace)) {
		return time.Time{}, false
	}
	if m.SettledAt.Before(m.AwaitedUntil.Add(-2 * slowestLook)) {
		return time.Time{}, true
	}
	return m.AwaitedUntil.Add(answerGrace), true
}

// answerSpace is the namespace of the ids of answers; any fixed UUID serves.
var answerSpace = uuid.MustParse("5d0f3b0e-6a5c-4f8e-9a53-2f4f6c1f9b7a")

// answerPatience is how long an answer is tried to be sent while its receiver's inbox
// is full.
const answerPatience = time.Hour

// sendAnswerOrNotice sends the workspace that sent a message the answer to it, or the
// notice that it was not delivered. Its id is made of the message's, and that of a notice of the end
// too, as a message that is redriven may end again: however often it is done, it arrives
// once. A full inbox is its receiver's trouble and fails no drain: done is false, and the
// next sweep has it tried again.
func (d *Delivery) sendAnswerOrNotice(ctx context.Context, m chat.Message) (done bool, err error) {
	seed := LifeOf(m).Key() + "\n" + m.ID
	if m.OwesNotice() {
		seed += "\n" + string(m.State) + "\n" + m.SettledAt.UTC().Format(time.RFC3339Nano)
	}
	id := chat.OwnID(uuid.NewSHA1(answerSpace, []byte(seed)).String())
	told := m.Answered(id)
	if m.OwesNotice() {
		told = m.Notice(id, workspace.Platform)
	}
	now := d.Clock.Now()
	f, err := d.Registry.Leases.Get(ctx, m.Source)
	if err == nil && f.Lives == m.SourceLife { // one that was created again since has not asked
		_, err = d.accept(ctx, told, m.SourceLife, nil, now)
	}
	if errors.Is(err, errLifeOver) { // it is created again just now
		return true, nil
	}
	switch fault.CodeOf(err) {
	case fault.WorkspaceUnknown, fault.WorkspaceRemoved, fault.MessageIDTaken:
		return true, nil // nobody is left to get it, or it was sent before
	case fault.InboxFull:
		return now.Sub(m.SettledAt) >= answerPatience, nil // it stays in the receipt
	}
	return err == nil, err
}
