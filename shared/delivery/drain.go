package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Drained says what a drain did and why it ended.
type Drained struct {
	Delivered, Failed, Deferred int
	Ended                       string
}

// window is how much of the head of a backlog one slot looks at.
const window = 25

// wake is when a drain wants to be woken again, and for what.
type wake struct {
	cause string
	after time.Duration
}

// The causes of a drain's own wake-ups, beside retryOf.
const (
	causeContinue = "continue"
	causeConflict = "conflict"
	causeHeld     = "lane held"
	causeRetry    = "retry " // and of which head
)

// retryOf is the cause of the wake-up at which the mail behind a head that can't
// be delivered yet is tried again.
func retryOf(head chat.Message) string { return causeRetry + ticketID(head, head) }

// Drain is the only code that takes a message off a chat queue and delivers it.
// It goes on, one worker a free task slot, until the inbox is empty, the agent
// is busy, or the context's deadline is too near for another delivery. cause is
// that of the wake-up that it answers.
func (d *Delivery) Drain(ctx context.Context, id, cause string) (Drained, error) {
	f, err := d.Registry.Leases.Get(ctx, id)
	if fault.CodeOf(err) == fault.WorkspaceUnknown {
		return Drained{Ended: "no such workspace"}, nil
	}
	if err != nil {
		return Drained{}, err
	}
	slots := make([]slot, min(max(1, f.Slots()-f.Busy(d.Registry.Policy, d.Now())), 8))
	var g errgroup.Group // not one with a context: a fault of one worker must not hang up on another's agent
	for i := range slots {
		g.Go(func() error { return d.drainSlot(ctx, id, &slots[i]) })
	}
	err = g.Wait()
	// What the drain, or another before it that died, left to do.
	if f, getErr := d.Registry.Leases.Get(ctx, id); getErr == nil && f.OutboxItems > 0 {
		err = errors.Join(err, d.runErrands(ctx, Lane{id, f.QueueGeneration}))
	}
	out := Drained{}
	for _, s := range slots {
		out.Delivered, out.Failed, out.Deferred, out.Ended = out.Delivered+s.Delivered, out.Failed+s.Failed, out.Deferred+s.Deferred, s.Ended
	}
	if w := nextWake(slots, cause, out.Delivered+out.Failed+out.Deferred > 0); w != nil {
		err = errors.Join(err, d.Registry.Wakeups.Send(ctx, id, w.cause, w.after))
	}
	return out, err
}

// nextWake is the one wake-up that a drain leaves, if any. Each drain leaves at
// most one, and one that only found that it is too early leaves none but the one
// it came by: else wake-ups would breed. One that is lost costs a sweep's wait.
func nextWake(slots []slot, cause string, attempted bool) *wake {
	var next *wake
	for _, s := range slots {
		w := s.wake
		switch {
		case w == nil:
		case w.cause == causeHeld && cause == causeHeld:
		case strings.HasPrefix(w.cause, causeRetry) && !attempted && w.cause != cause:
		case next == nil || w.after < next.after:
			next = w
		}
	}
	return next
}

// slot is what one worker of a drain did.
type slot struct {
	Drained
	wake *wake
}

// closed says why nothing may be pushed to this workspace now; "" when it may.
func (d *Delivery) closed(f workspace.Facts, now time.Time) string {
	p := d.Registry.Policy
	switch v, mode := workspace.Assess(f, p, now), workspace.EffectiveMode(f, p, now); {
	case f.Open == 0:
		return "empty"
	case !v.Reachable():
		return fmt.Sprintf("not reachable: %s (%s)", v.Status, v.Reason)
	case mode.Effective != workspace.Push:
		return "polls for its mail: " + mode.Reason
	case f.Busy(p, now) >= f.Slots():
		return fmt.Sprintf("busy: %d of %d task slots taken", f.Busy(p, now), f.Slots())
	}
	return ""
}

// drainSlot is one worker: it goes on until it says in out why it ended, and when
// to go on.
func (d *Delivery) drainSlot(ctx context.Context, id string, out *slot) error {
	end := func(why string, w *wake) error {
		out.Ended, out.wake = why, w
		return nil
	}
	var profile workspace.Profile
	var epoch int64 // that the profile was read under
	for conflicts := 0; conflicts < 20; {
		now := d.Now()
		// A deadline is the runtime's own time, not d.Now's.
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d.Policy.VisibilityTimeout {
			return end("out of time", &wake{causeContinue, 0})
		}
		if conflicts > 0 {
			d.pause(ctx, conflicts)
		}
		f, err := d.Registry.Leases.Get(ctx, id)
		if err != nil {
			return err
		}
		if why := d.closed(f, now); why != "" {
			return end(why, nil)
		}
		if epoch == 0 || epoch != f.Epoch {
			if profile, err = d.Registry.Profiles.Profile(ctx, id); err != nil {
				return err
			}
			epoch = f.Epoch
		}
		open, err := d.Ledger.Open(ctx, id, 0)
		if err != nil {
			return err
		}
		ms, err := d.Ledger.Messages(ctx, id, ids(open, window)...)
		if err != nil {
			return err
		}
		if moved, err := d.expire(ctx, f, open, ms, now); fault.CodeOf(err) == fault.Conflict {
			conflicts++
			continue
		} else if err != nil {
			return err
		} else if moved {
			continue
		}
		head, retryAt := chat.Next(ms, f.Slots(), now)
		if head == nil {
			if retryAt.IsZero() {
				return end("nothing to deliver yet", nil)
			}
			return end("nothing to deliver yet", &wake{retryOf(ms[0]), retryAt.Sub(now)})
		}
		lane := Lane{id, f.QueueGeneration}
		ticket, err := d.ticket(ctx, lane, f.Slots(), *head, ms, now)
		// A queue that was deleted rests, and one that gives no ticket although the
		// head is free and has waited for two visibility timeouts is stuck: no
		// holder of a ticket lives that long without a claim. The lane moves on to
		// its next generation; the ledger keeps two drains from one message.
		stuck := err == nil && ticket == nil && now.Sub(head.IdleSince(now)) > 2*d.Policy.VisibilityTimeout
		if err == ErrLaneResting || stuck {
			next := f
			next.QueueGeneration++
			next.Version++
			if err := d.Registry.Leases.Save(ctx, f, next, registry.SaveExtras{}); err != nil && fault.CodeOf(err) != fault.Conflict {
				return err
			}
			conflicts++
			continue
		}
		if err != nil {
			return err
		}
		if ticket == nil {
			return end("another drain holds the chat queue", &wake{causeHeld, heldFor})
		}
		kind, err := d.deliver(ctx, f, lane, profile.URL, *head, *ticket)
		switch fault.CodeOf(err) {
		case "":
		case fault.Conflict:
			conflicts++
			continue
		default:
			return err
		}
		conflicts = 0
		switch kind {
		case chat.Succeeded:
			out.Delivered++
		case chat.AgentBusy, chat.Superseded:
			out.Deferred++
		default:
			out.Failed++
		}
	}
	return end("the mailbox kept changing", &wake{causeConflict, 2 * time.Second})
}

// heldFor is how long after it found the chat queue held a drain looks again,
// once: whoever holds it goes on by itself, unless it died.
const heldFor = 5 * time.Second

// ticket takes one from the chat queue, putting in first those of the mail that
// has none there (after an enqueue, a crash, or a queue that was lost). A send is
// told from a repeat of it by the head's version, which each attempt raises:
// tickets are used up by attempts at the head, whichever message they were put
// in for, so each attempt entitles the mail to a fresh set.
func (d *Delivery) ticket(ctx context.Context, l Lane, slots int, head chat.Message, ms []chat.Message, now time.Time) (*Held, error) {
	held, err := d.Queues.Receive(ctx, l, d.Policy.VisibilityTimeout, 0)
	if held != nil || err != nil {
		return held, err
	}
	var tickets []Ticket
	for _, m := range ms {
		if m.Available(now) && len(tickets) < 10 { // the most SQS takes in one call
			tickets = append(tickets, Ticket{MessageID: m.ID, Seq: m.Seq, Dedup: ticketID(m, head)})
		}
	}
	if err := d.Queues.Send(ctx, l, slots, tickets); err != nil {
		return nil, err
	}
	return d.Queues.Receive(ctx, l, d.Policy.VisibilityTimeout, time.Second)
}

// ticketID tells a ticket from another for the same message: by the head's
// version when it was put in.
func ticketID(m, head chat.Message) string {
	return fmt.Sprintf("%d.%d.%d", m.Seq, head.Seq, head.Version)
}

// deliver claims, pushes and settles one message. Its ticket is used up by the
// attempt, however it ends: what is still open gets a new one. Claim and outcome
// are written only while the host is the one it was read of.
func (d *Delivery) deliver(ctx context.Context, f workspace.Facts, l Lane, url string, m chat.Message, t Held) (chat.Outcome, error) {
	now := d.Now()
	host := HostOf(f)
	taken := m.Take(chat.ByPush, chat.Claim{Token: uuid.NewString(), Until: now.Add(d.Policy.VisibilityTimeout), Epoch: f.Epoch}, d.Policy, now)
	claim := Mail{Host: host, Unheld: true, HeldUntil: taken.Claim.Until}
	if taken.State == chat.Dead { // its attempts were used up: that is so for any host
		claim = Mail{}
	}
	if err := d.once(ctx, m, taken, claim); err != nil {
		_ = d.Queues.Release(ctx, l, t) // the ticket is still good; if this fails, its visibility timeout frees it
		return "", err
	}
	if taken.State == chat.Dead {
		return chat.Lost, d.Queues.Delete(ctx, l, t)
	}
	result := d.Agents.Push(ctx, url, taken)
	now = d.Now()
	var next chat.Message
	mail := Mail{Host: host, Released: true}
	outcome := chat.Succeeded
	switch {
	case result.Busy:
		outcome = chat.AgentBusy
		next = taken.Defer(result.RetryAfter, d.Policy, now)
		mail.Busy, mail.BusyAt = f.Slots(), now
	case result.Err != nil:
		cause := chat.Clip(result.Err.Error(), maxError)
		outcome = chat.Failed
		next = taken.Fail(cause, d.Policy, d.Jitter(), now)
		mail.PushFailedAt, mail.PushError = now, cause
		if next.State == chat.Dead && m.Probe {
			mail.ProbeLostAt = now
		}
	default:
		next = taken.Deliver("the agent took it", result.Answer, now)
		mail.PushOK, mail.DeliveredAt = true, now
	}
	err := d.move(ctx, taken, next, mail)
	if errors.Is(err, errOtherHost) {
		outcome = chat.Superseded
		err = d.move(ctx, taken, taken.Recall(), Mail{Released: true})
	}
	if err != nil {
		return outcome, err
	}
	return outcome, d.Queues.Delete(ctx, l, t)
}

// maxError bounds what is kept of an agent's error, in bytes: it stands in the
// message, and on the lease that every heartbeat writes.
const maxError = 300

// errOtherHost is move's "the host it was delivered to is the workspace's no more".
var errOtherHost = errors.New("another host has registered")

// once moves one message, if that can be had at once.
func (d *Delivery) once(ctx context.Context, from, to chat.Message, mail Mail) error {
	var open []Entry
	if !to.State.Open() {
		var err error
		if open, err = d.Ledger.Open(ctx, from.Workspace, 0); err != nil {
			return err
		}
	}
	return d.settle(ctx, from.Workspace, open, []chat.Move{{From: from, To: to}}, mail)
}

// moveTries bounds how often a settled outcome is tried against a mailbox that
// keeps moving: some seconds in all, far less than a visibility timeout. An
// outcome given up is a delivery repeated.
const moveTries = 15

// move settles one message whose version is known to be ours, however the rest
// of the mailbox changes meanwhile.
func (d *Delivery) move(ctx context.Context, from, to chat.Message, mail Mail) error {
	var err error
	for try := range moveTries {
		if err = d.once(ctx, from, to, mail); fault.CodeOf(err) != fault.Conflict {
			return err
		}
		if now, lookErr := d.Message(ctx, from.Workspace, from.ID); lookErr != nil || now.Version != from.Version {
			return err // the message itself was changed: not ours any more
		}
		if mail.Host != nil {
			if f, lookErr := d.Registry.Leases.Get(ctx, from.Workspace); lookErr == nil && !mail.Host.Still(f) {
				return errOtherHost
			}
		}
		if !d.pause(ctx, try+1) {
			return err
		}
	}
	return err
}

// pause waits a little, longer each time and at random, before a lost race is run
// again; false when there is no time left.
func (d *Delivery) pause(ctx context.Context, try int) bool {
	longest := min(5*time.Millisecond<<min(try, 8), time.Second)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(rand.Int64N(int64(longest)))):
		return true
	}
}
