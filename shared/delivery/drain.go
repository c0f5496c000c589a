package delivery

import (
	"context"
	"errors"
	"fmt"
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

// Drain is the only code that takes a message off a chat queue and delivers it.
// It goes on, one worker a free task slot, until the inbox is empty, the agent
// is busy, or the context's deadline is too near for another delivery.
func (d *Delivery) Drain(ctx context.Context, id string) (Drained, error) {
	f, err := d.Registry.Leases.Get(ctx, id)
	if fault.CodeOf(err) == fault.Unknown {
		return Drained{Ended: "no such workspace"}, nil
	}
	if err != nil {
		return Drained{}, err
	}
	results := make([]Drained, min(max(1, f.Slots()-f.Busy(d.Registry.Policy, d.Now())), 8))
	g, gctx := errgroup.WithContext(ctx)
	for i := range results {
		g.Go(func() (err error) {
			results[i], err = d.drainSlot(gctx, id)
			return err
		})
	}
	err = g.Wait()
	// What the drain, or another before it that died, left to do.
	if f, getErr := d.Registry.Leases.Get(ctx, id); getErr == nil && f.Errands > 0 {
		err = errors.Join(err, d.runErrands(ctx, Lane{id, f.LaneGeneration}))
	}
	out := Drained{}
	for _, r := range results {
		out.Delivered, out.Failed, out.Deferred, out.Ended = out.Delivered+r.Delivered, out.Failed+r.Failed, out.Deferred+r.Deferred, r.Ended
	}
	return out, err
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

func (d *Delivery) drainSlot(ctx context.Context, id string) (out Drained, err error) {
	profile, err := d.Registry.Profiles.Profile(ctx, id)
	if err != nil {
		return out, err
	}
	for conflicts := 0; conflicts < 20; {
		now := d.Now()
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(now) < d.Policy.Visibility {
			out.Ended = "out of time"
			return out, d.Registry.Bell.Ring(ctx, id, "continue", 0)
		}
		f, err := d.Registry.Leases.Get(ctx, id)
		if err != nil {
			return out, err
		}
		if out.Ended = d.closed(f, now); out.Ended != "" {
			return out, nil
		}
		open, err := d.Ledger.Open(ctx, id, 0)
		if err != nil {
			return out, err
		}
		ms, err := d.Ledger.Messages(ctx, id, ids(open, window)...)
		if err != nil {
			return out, err
		}
		if moved, err := d.expire(ctx, id, open, ms, now); fault.CodeOf(err) == fault.Conflict {
			conflicts++
			continue
		} else if err != nil {
			return out, err
		} else if moved {
			continue
		}
		head, retryAt := chat.Next(ms, f.Slots(), now)
		if head == nil {
			out.Ended = "nothing to deliver yet"
			if !retryAt.IsZero() {
				return out, d.Registry.Bell.Ring(ctx, id, "retry", retryAt.Sub(now))
			}
			return out, nil
		}
		lane := Lane{id, f.LaneGeneration}
		ticket, err := d.ticket(ctx, lane, f.Slots(), *head, ms, now)
		// A queue that was deleted rests, and one that gives no ticket although the
		// head is free and has waited for two visibility timeouts is stuck: no
		// holder of a ticket lives that long without a claim. The lane moves on to
		// its next generation; the ledger keeps two drains from one message.
		stuck := err == nil && ticket == nil && now.Sub(head.WaitsSince(now)) > 2*d.Policy.Visibility
		if err == ErrLaneResting || stuck {
			next := f
			next.LaneGeneration++
			next.Version++
			if err := d.Registry.Leases.Save(ctx, f, next, registry.With{}); err != nil && fault.CodeOf(err) != fault.Conflict {
				return out, err
			}
			conflicts++
			continue
		}
		if err != nil {
			return out, err
		}
		if ticket == nil {
			out.Ended = "another drain holds the chat queue"
			return out, d.Registry.Bell.Ring(ctx, id, "lane held", 5*time.Second)
		}
		kind, err := d.deliver(ctx, f, lane, profile.URL, *head, *ticket)
		switch fault.CodeOf(err) {
		case "":
		case fault.Conflict:
			conflicts++
			continue
		default:
			return out, err
		}
		switch kind {
		case chat.Succeeded:
			out.Delivered++
		case chat.AgentBusy:
			out.Deferred++
		default:
			out.Failed++
		}
	}
	out.Ended = "the mailbox kept changing"
	return out, d.Registry.Bell.Ring(ctx, id, "conflict", 2*time.Second)
}

// ticket takes one from the chat queue, putting in first those of the mail that
// has none there (after an enqueue, a crash, or a queue that was lost). A send is
// told from a repeat of it by the head's version, which each attempt raises:
// tickets are used up by attempts at the head, whichever message they were put
// in for, so each attempt entitles the mail to a fresh set.
func (d *Delivery) ticket(ctx context.Context, l Lane, slots int, head chat.Message, ms []chat.Message, now time.Time) (*Held, error) {
	held, err := d.Queues.Receive(ctx, l, d.Policy.Visibility, 0)
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
	return d.Queues.Receive(ctx, l, d.Policy.Visibility, time.Second)
}

// ticketID tells a ticket from another for the same message: by the head's
// version when it was put in.
func ticketID(m, head chat.Message) string {
	return fmt.Sprintf("%d.%d.%d", m.Seq, head.Seq, head.Version)
}

// deliver claims, pushes and settles one message. Its ticket is used up by the
// attempt, however it ends: what is still open gets a new one.
func (d *Delivery) deliver(ctx context.Context, f workspace.Facts, l Lane, url string, m chat.Message, t Held) (chat.Outcome, error) {
	now := d.Now()
	taken := m.Take(chat.ByPush, chat.Claim{Token: uuid.NewString(), Until: now.Add(d.Policy.Visibility), Epoch: f.Epoch}, d.Policy, now)
	if err := d.move(ctx, m, taken, Mail{}); err != nil {
		_ = d.Queues.Release(ctx, l, t) // the ticket is still good; if this fails, its visibility timeout frees it
		return "", err
	}
	if taken.State == chat.Dead {
		return chat.Lost, d.Queues.Delete(ctx, l, t)
	}
	result := d.Agents.Push(ctx, url, taken)
	now = d.Now()
	var next chat.Message
	var mail Mail
	outcome := chat.Succeeded
	switch {
	case result.Busy:
		outcome = chat.AgentBusy
		next = taken.Defer(result.RetryAfter, d.Policy, now)
		mail = Mail{Busy: f.Slots(), BusyAt: now}
	case result.Err != nil:
		outcome = chat.Failed
		next = taken.Fail(result.Err.Error(), d.Policy, d.Jitter(), now)
		mail = Mail{PushFailed: true, PushError: result.Err.Error()}
	default:
		next = taken.Deliver("the agent took it", result.Answer, now)
		mail = Mail{PushOK: true, DeliveredAt: now}
	}
	if err := d.move(ctx, taken, next, mail); err != nil {
		return outcome, err
	}
	return outcome, d.Queues.Delete(ctx, l, t)
}

// move settles one message whose version is known to be ours, however the rest
// of the mailbox changes meanwhile.
func (d *Delivery) move(ctx context.Context, from, to chat.Message, mail Mail) error {
	var err error
	for range 5 {
		var open []Entry
		if !to.State.Open() {
			if open, err = d.Ledger.Open(ctx, from.Workspace, 0); err != nil {
				return err
			}
		}
		if err = d.settle(ctx, from.Workspace, open, []chat.Move{{From: from, To: to}}, mail); fault.CodeOf(err) != fault.Conflict {
			return err
		}
		if now, lookErr := d.Message(ctx, from.Workspace, from.ID); lookErr != nil || now.Version != from.Version {
			return err // the message itself was changed: not ours any more
		}
	}
	return err
}
