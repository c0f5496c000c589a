package delivery

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxError bounds what is kept of an agent's error, in bytes: it stands in the
// message, and on the lease that every heartbeat writes.
const maxError = 300

// push claims one message, pushes it and writes the outcome. Its ticket is used
// up by the attempt, however it ends: what is still open gets a new one. Claim
// and outcome are written only while the host is the one it was read of. Error:
// conflict when the claim was lost to another.
func (d *Delivery) push(
	ctx context.Context, f workspace.Facts, q ChatQueue, url string, m chat.Message, t ReceivedTicket,
) (chat.Outcome, error) {
	taken, err := d.claim(ctx, f, m)
	if err != nil {
		_ = d.Queues.Release(ctx, q, t) // the ticket is still good; if this fails, its visibility timeout frees it
		return "", err
	}
	if taken.State == chat.Dead {
		return chat.Lost, d.Queues.Delete(ctx, q, t)
	}
	next, u, outcome := d.outcome(f, taken, d.Agents.Push(ctx, url, taken))
	err = d.writeOutcome(ctx, taken, next, u)
	if errors.Is(err, errOtherHost) {
		outcome = chat.Superseded
		err = d.writeOutcome(ctx, taken, taken.Recall(), MailboxUpdate{ClaimReleased: true})
	}
	if err != nil {
		return outcome, err
	}
	return outcome, d.Queues.Delete(ctx, q, t)
}

// claim takes the message for one delivery. It is dead instead when its attempts
// are used up: that is so for any host.
func (d *Delivery) claim(ctx context.Context, f workspace.Facts, m chat.Message) (chat.Message, error) {
	now := d.Clock.Now()
	claim := chat.Claim{Token: uuid.NewString(), Until: now.Add(d.Policy.VisibilityTimeout), Epoch: f.Epoch}
	taken := m.Take(chat.ByPush, claim, d.Policy, now)
	u := MailboxUpdate{Host: HostOf(f), RequireNoHold: true, ClaimedUntil: taken.Claim.Until}
	if taken.State == chat.Dead {
		u = MailboxUpdate{}
	}
	return taken, d.write(ctx, m.Workspace, nil, []chat.Move{{From: m, To: taken}}, u)
}

// outcome is what a push's result makes of the message.
func (d *Delivery) outcome(f workspace.Facts, taken chat.Message, r PushResult) (
	chat.Message, MailboxUpdate, chat.Outcome,
) {
	now := d.Clock.Now()
	u := MailboxUpdate{Host: HostOf(f), ClaimReleased: true}
	switch {
	case r.Busy:
		u.Busy, u.BusyAt = f.Slots(), now
		return taken.Defer(r.RetryAfter, d.Policy, now), u, chat.AgentBusy
	case r.Err != nil:
		cause := chat.Clip(r.Err.Error(), maxError)
		next := taken.Fail(cause, d.Policy, d.Clock.Random(), now)
		u.PushFailedAt, u.PushError = now, cause
		if next.State == chat.Dead && taken.Probe {
			u.ProbeLostAt = now
		}
		return next, u, chat.Failed
	}
	u.PushSucceeded, u.DeliveredAt = true, now
	return taken.Deliver("the agent took it", r.Answer, now), u, chat.Succeeded
}
