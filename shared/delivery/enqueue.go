package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Accepted is the answer to an enqueue.
type Accepted struct {
	Message  chat.Message
	First    bool // false: this id was accepted before, and this is that one's receipt
	Expected Expectation
	Why      string // nobody is listening; "" when somebody is
	Verdict  workspace.Verdict
	Mode     workspace.Delivery
	Depth    int64
	Facts    workspace.Facts
}

// acceptTries bounds the races for the next sequence number; each loser reads
// again and waits a little at random.
const acceptTries = 12

// Enqueue accepts a message once, durably: when it returns without an error the
// message is in the ledger. Two calls in the steady case (read the lease, write
// message and counters), and one ring; none while a drain is at work, which looks
// again when it has settled what it delivers. Errors: workspace_unknown,
// workspace_removed, inbox_full, message_id_taken, platform_unavailable.
func (d *Delivery) Enqueue(ctx context.Context, m chat.Message, now time.Time) (Accepted, error) {
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	if m.ExpiresAt.IsZero() {
		m.ExpiresAt = now.Add(d.Policy.Lifetime)
	}
	m.AcceptedAt, m.State, m.Reason, m.Version = now, chat.Queued, "accepted", 1
	for try := range acceptTries {
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
		if fault.CodeOf(err) == fault.Conflict {
			select {
			case <-ctx.Done():
				return Accepted{}, fault.Store("accept", ctx.Err())
			case <-time.After(time.Duration(rand.IntN(10*(try+1))) * time.Millisecond):
			}
			continue
		}
		if err != nil {
			return Accepted{}, err
		}
		if !first && stored.Source != m.Source {
			return Accepted{}, fault.New(fault.MessageIDTaken, "another sender used this message id here").WithHint("send it under a new messageId", "retry")
		}
		out := Accepted{Message: stored, First: first, Facts: f}
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
	return Accepted{}, fault.Store("accept", errors.New("too many senders at once"))
}
