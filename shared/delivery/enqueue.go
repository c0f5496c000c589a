package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Accepted is the answer to an enqueue.
type Accepted struct {
	Message  chat.Message
	First    bool // false: this id was accepted before, and this is that one's receipt
	Expected workspace.Expectation
	Why      string // why it is not delivered now; "" when that is plain
	Verdict  workspace.Verdict
	Mode     workspace.Delivery
	Depth    int64
	Facts    workspace.Facts
}

// acceptTries bounds the races for the next sequence number; each loser reads
// again.
const acceptTries = 12

// Enqueue accepts a message once, durably: when it returns without an error the
// message is in the ledger. The same id again, with the same content (chat.Digest),
// gets the first one's receipt; with other content it is refused. Two calls in the steady case (read the lease, write
// message and counters), and one wake-up; none while a drain is at work, which
// looks again when it has written the outcome of what it delivers. Errors:
// workspace_unknown, workspace_removed, inbox_full, message_id_taken,
// platform_unavailable.
func (d *Delivery) Enqueue(ctx context.Context, m chat.Message, now time.Time) (out Accepted, err error) {
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	lifetime := time.Duration(0) // the sender didn't say
	if m.ExpiresAt.IsZero() {
		m.ExpiresAt = now.Add(d.Policy.Lifetime)
	} else {
		lifetime = m.ExpiresAt.Sub(now)
	}
	m.Digest = chat.Digest(m, lifetime)
	m.AcceptedAt, m.State, m.Reason, m.Version = now, chat.Queued, "accepted", 1
	err = retry.OnConflict(ctx, d.Clock, acceptTries, func() error {
		out, err = d.accept(ctx, m, now)
		return err
	})
	if err != nil {
		return Accepted{}, err
	}
	return out, nil
}

// accept tries once. Error: conflict when another message was accepted meanwhile.
func (d *Delivery) accept(ctx context.Context, m chat.Message, now time.Time) (Accepted, error) {
	f, err := d.Registry.Read(ctx, m.Workspace)
	if err != nil {
		return Accepted{}, err
	}
	if f.Open >= d.Policy.MaxOpen {
		return Accepted{}, fault.New(fault.InboxFull, "this workspace's inbox is full: %d messages wait", f.Open).
			WithHint("see why they wait: GET /workspaces/"+m.Workspace, "retry").WithRetryAfter(30 * time.Second)
	}
	m.Seq = f.Accepted + 1
	attended := f.Delivering(d.Registry.Policy, now)
	stored, first, err := d.Ledger.Accept(ctx, f, m, attended)
	if err != nil {
		return Accepted{}, err
	}
	if !first && stored.Digest != m.Digest {
		return Accepted{}, takenBy(stored, m)
	}
	out := Accepted{Message: stored, First: first}
	d.expect(ctx, &out, f, now)
	if first {
		f.Open++
		f.Accepted++
		if f.OldestOpen.IsZero() {
			f.OldestOpen = now
		}
		if !attended {
			d.Registry.WakeIfDeliverable(ctx, f, "enqueue", now)
		}
	}
	out.Depth, out.Facts = f.Open, f
	return out, nil
}

// takenBy is the refusal of m, whose id the stored message has.
func takenBy(stored, m chat.Message) error {
	e := fault.New(fault.MessageIDTaken, "this message id was used here before, for other content; "+
		"the first message stays as it was, and this one is not accepted")
	if stored.Source != m.Source {
		e = fault.New(fault.MessageIDTaken, "another sender used this message id here; this message is not accepted")
	}
	return e.WithHint("send it under a new messageId", "retry")
}
