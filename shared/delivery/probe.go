package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Probe sends a message that says nothing through the path of every other one:
// its receipt tells whether mail reaches the agent. One that isn't delivered
// within two delivery objectives is evidence against it (see
// workspace.Facts.ProbeLostAt). An agent that polls proves it by its poll.
func (d *Delivery) Probe(ctx context.Context, id string, now time.Time) (Accepted, error) {
	mid := "probe-" + uuid.NewString()
	return d.Enqueue(ctx, chat.Message{
		ID: mid, Workspace: id, Method: chat.ProbeMethod, Priority: chat.Info, Body: chat.ProbeBody(mid), Probe: true, ExpiresAt: now.Add(2 * d.Registry.Policy.DeliveryObjective),
	}, now)
}

// lostProbe tells whether a message that ends undelivered is a probe that shows
// something: a push that failed, or an agent that polls, is there, and did not. One
// that was never tried, because its agent was at work, held or away, shows nothing.
func (d *Delivery) lostProbe(f workspace.Facts, m chat.Message, now time.Time) bool {
	if !m.Probe {
		return false
	}
	polls := workspace.EffectiveMode(f, d.Registry.Policy, now).Effective == workspace.Poll
	return m.Tried() || (polls && f.Hold == workspace.NoHold && f.Leased(d.Registry.Policy, now))
}

// probe is the sweeper's: to an idle workspace of which nothing else has proved
// for a while that mail reaches it.
func (d *Delivery) probe(ctx context.Context, f workspace.Facts, now time.Time) (probed bool, err error) {
	every := d.Registry.Policy.ProbeEvery
	if every == 0 || f.Open > 0 || f.Busy(d.Registry.Policy, now) >= f.Slots() || !workspace.Assess(f, d.Registry.Policy, now).Reachable() {
		return false, nil
	}
	for _, proof := range []time.Time{f.DeliveredAt, f.ProbedAt, f.PolledAt, f.RegisteredAt} {
		if now.Sub(proof) < every {
			return false, nil
		}
	}
	_, err = d.Probe(ctx, f.ID, now)
	switch fault.CodeOf(err) {
	case "":
		return true, nil
	case fault.Conflict, fault.InboxFull, fault.WorkspaceRemoved:
		return false, nil // it has mail of its own now, or is gone
	}
	return false, err
}
