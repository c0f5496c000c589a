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

// probe is the sweeper's: to an idle workspace of which nothing else has proved
// for a while that mail reaches it.
func (d *Delivery) probe(ctx context.Context, f workspace.Facts, now time.Time, out *Swept) error {
	every := d.Registry.Policy.ProbeEvery
	if every == 0 || f.Open > 0 || !workspace.Assess(f, d.Registry.Policy, now).Reachable() {
		return nil
	}
	for _, proof := range []time.Time{f.DeliveredAt, f.ProbedAt, f.PolledAt, f.RegisteredAt} {
		if now.Sub(proof) < every {
			return nil
		}
	}
	_, err := d.Probe(ctx, f.ID, now)
	switch fault.CodeOf(err) {
	case "":
		out.Probed++
		return nil
	case fault.Conflict, fault.TooManyInFlight, fault.Removed:
		return nil // it has mail of its own now, or is gone
	}
	return err
}
