package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// AckRequest says that an agent is done with the mail up to a number.
type AckRequest struct {
	Workspace  string
	Credential string
	From       string
	Seq        int64
	Epoch      int64 // the caller's, as its register was answered; 0: it doesn't say
}

// Ack takes the mail that was handed out to polls, up to a number, for done. From
// then on the cursor of this host acknowledges nothing: what it says is that the
// mail arrived, and not that the work is done. It returns up to which number no mail is
// left to acknowledge: less than was said where mail up to that was not handed out, and
// of an old acknowledgement, which ends nothing, up to all. Errors: those of
// Registry.Signal, invalid_request, epoch_superseded, epoch_unknown.
func (d *Delivery) Ack(ctx context.Context, in AckRequest, now time.Time) (mark int64, err error) {
	f, err := d.Registry.AuthenticateCall(ctx, in.Workspace, in.Credential, in.From, now)
	if err != nil {
		return 0, err
	}
	d.Registry.NoteEpoch(ctx, f, workspace.SignalCall, in.Epoch, now)
	switch {
	case f.Superseded(in.Epoch):
		return 0, supersededError()
	case in.Epoch > f.Epoch:
		return 0, epochUnknown(in.Epoch, f)
	case in.Seq > f.Accepted:
		return 0, fault.New(fault.InvalidRequest, "acked_seq is %d, and the last message has the number %d",
			in.Seq, f.Accepted).WithHint("send the seq of the last row that is done", "stop")
	}
	u := MailboxUpdate{}
	if f.AcksEpoch != f.Epoch {
		epoch := f.Epoch // the facts themselves stay off the heap
		u.AcksEpoch = &epoch
	}
	ended := 0
	for more := true; more; u.AcksEpoch = nil {
		var left []OpenMessage
		var n int
		err := retry.OnConflict(ctx, d.Clock, handOutTries, func() (err error) {
			left, n, more, err = d.ackSome(ctx, f, in.Seq, u, now)
			return err
		})
		if err != nil {
			return 0, err
		}
		ended += n
		mark = markAfter(f, left, ended, in.Seq)
	}
	if ended > 0 {
		return min(in.Seq, mark), nil // nothing that came meanwhile
	}
	return mark, nil
}

// markAfter is up to which number no mail is left to acknowledge once it is up to seq; f are the facts before, left is
// the mail that is open after it, of which ended messages were open before. Mail that is counted and not yet stored may
// have a lower number than what is left.
func markAfter(f workspace.Facts, left []OpenMessage, ended int, seq int64) int64 {
	mark := f.Accepted
	if int64(len(left)+ended) < f.Open {
		mark = seq
	}
	for _, o := range left {
		mark = min(mark, o.Seq-1)
	}
	return mark
}

// ackSome ends as many of the messages up to a number as one transaction takes; left
// is what is open after it, ended how many it ended, and more reports whether some up
// to the number are left to end. Error: conflict when the mailbox moved.
func (d *Delivery) ackSome(
	ctx context.Context, f workspace.Facts, seq int64, u MailboxUpdate, now time.Time,
) (left []OpenMessage, ended int, more bool, err error) {
	moves, open, more, err := d.ackable(ctx, f, seq, now)
	if err != nil || (len(moves) == 0 && u.AcksEpoch == nil) {
		return open, 0, more, err
	}
	if len(moves) > 0 {
		u.DeliveredAt = now
	}
	if err := d.write(ctx, f, open, moves, u); err != nil {
		return open, 0, more, err
	}
	d.wakeOutbox(ctx, f.ID, len(outboxOf(moves)) > 0)
	left = slices.DeleteFunc(slices.Clone(open), func(o OpenMessage) bool {
		return slices.ContainsFunc(moves, func(m chat.Move) bool { return m.From.ID == o.ID })
	})
	return left, len(moves), more, nil
}

// ackable is the ends of the first messages up to a number that a poll was handed. One that waits to be handed out
// again is ended by its own number alone, and so is one that was handed out after the message of that number.
func (d *Delivery) ackable(ctx context.Context, f workspace.Facts, seq int64, now time.Time) (
	moves []chat.Move, open []OpenMessage, more bool, err error,
) {
	if f.Open == 0 {
		return nil, nil, false, nil
	}
	if open, err = d.Ledger.OpenMail(ctx, f.Life(), 0); err != nil {
		return nil, nil, false, err
	}
	var ids []string
	for _, o := range bySeq(open) {
		if o.Seq <= seq {
			ids = append(ids, o.ID)
		}
	}
	var last *chat.Message
	var l load
	for len(ids) > 0 {
		page := ids[:min(len(ids), MaxMoves)]
		ms, err := d.Ledger.Messages(ctx, f.Life(), page...)
		if err != nil {
			return nil, nil, false, err
		}
		if last == nil {
			if last, err = d.ofNumber(ctx, f, seq, ms, ids[len(page):]); err != nil {
				return nil, nil, false, err
			}
		}
		for _, m := range ms {
			its := m.Seq == seq && m.FetchedOnce()
			if !its && (!m.Fetched() || last.Fetched() && !m.HandedBefore(*last)) {
				continue
			}
			if tooMuch := l.exceeded(m); len(moves) == MaxMoves || (tooMuch && len(moves) > 0) {
				return moves, open, true, nil
			}
			done := m.Deliver("acknowledged by the agent, by its number", nil, "", now)
			moves = append(moves, chat.Move{From: m, To: done})
		}
		ids = ids[len(page):]
	}
	return moves, open, false, nil
}

// ofNumber is the message of a number, which is the last one of ms or else of the others that are open up to it; one of
// nothing, where it is not open.
func (d *Delivery) ofNumber(
	ctx context.Context, f workspace.Facts, seq int64, ms []chat.Message, others []string,
) (*chat.Message, error) {
	if len(others) > 0 {
		var err error
		if ms, err = d.Ledger.Messages(ctx, f.Life(), others[len(others)-1]); err != nil {
			return nil, err
		}
	}
	if i := slices.IndexFunc(ms, func(m chat.Message) bool { return m.Seq == seq }); i >= 0 {
		return &ms[i], nil
	}
	return &chat.Message{}, nil
}

// ackPatience is how long a host that acknowledges by number may be at work on a
// message. After that its cursor counts: it may be another client, which doesn't.
const ackPatience = 15 * time.Minute

// meaning is what a returning cursor says of a message.
type meaning int

const (
	nothing meaning = iota // it may not have arrived; or it arrived at a former host, and has to be done again
	atWork                 // it arrived, and is acknowledged by its number when its work is done
	done                   // it is acknowledged
)

// saysOf is what the cursor says of m, now that f are the facts of its workspace.
func (c Cursor) saysOf(m chat.Message, f workspace.Facts, now time.Time) meaning {
	switch {
	case m.FetchedOnce() && c == Cursor{m.Seq, f.Epoch} && f.AcksEpoch != f.Epoch:
		return done // the host that it was handed to was at work on it all the same
	case !c.proves(m):
		return nothing
	case !awaitsAck(f, m) || !now.Before(m.Claim.Until.Add(ackPatience)):
		return done
	case m.Claim.Epoch < f.Epoch:
		return nothing
	}
	return atWork
}

// awaitsAck reports whether m, which a poll was handed, is acknowledged by its
// number: the host it was handed to acknowledges so, or the host before it did and
// this one has not shown that it doesn't.
func awaitsAck(f workspace.Facts, m chat.Message) bool {
	return f.AcksEpoch > 0 && f.AcksEpoch >= m.Claim.Epoch-1
}
