package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Probe sends a message without content on the path of every other one: its
// receipt shows whether mail reaches the agent. One that isn't delivered within
// two delivery objectives is evidence against it (see
// workspace.Facts.ProbeLostAt). An agent that polls proves it by its poll.
func (d *Delivery) Probe(ctx context.Context, id string, now time.Time) (Accepted, error) {
	mid := "probe-" + uuid.NewString()
	return d.Enqueue(ctx, chat.Message{
		ID: mid, Workspace: id, Method: chat.ProbeMethod, Priority: chat.Info, Body: chat.ProbeBody(mid), Probe: true,
		ExpiresAt: now.Add(2 * d.Registry.Policy.DeliveryObjective),
	}, now)
}

// lostProbe reports whether a message that ends undelivered is a probe that
// shows something: a push failed, or an agent that polls is there and did not
// poll. A probe that was never tried, because its agent was at work, held or
// away, shows nothing.
func (d *Delivery) lostProbe(f workspace.Facts, m chat.Message, now time.Time) bool {
	if !m.Probe {
		return false
	}
	p := d.Registry.Policy
	polls := workspace.EffectiveMode(f, p, now).Effective == workspace.Poll
	return m.Tried() || (polls && f.Hold == workspace.NoHold && f.Leased(p, now))
}
