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
// message is in the ledger. Two calls in the steady case (read the lease, write
// message and counters), and one wake-up; none while a drain is at work, which
// looks again when it has written the outcome of what it delivers. Errors:
// workspace_unknown, workspace_removed, inbox_full, message_id_taken,
// platform_unavailable.
func (d *Delivery) Enqueue(ctx context.Context, m chat.Message, now time.Time) (out Accepted, err error) {
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	if m.ExpiresAt.IsZero() {
		m.ExpiresAt = now.Add(d.Policy.Lifetime)
	}
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
	if !first && stored.Source != m.Source {
		return Accepted{}, fault.New(fault.MessageIDTaken, "another sender used this message id here").
			WithHint("send it under a new messageId", "retry")
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
