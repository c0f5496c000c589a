package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
)

// Probe sends a message without content on the path of every other one: its
// receipt shows whether mail reaches the agent. One that isn't delivered within
// two delivery objectives is evidence against it (see
// workspace.Mailbox.UndeliveredAt). An agent that polls proves it by its poll.
func (d *Delivery) Probe(ctx context.Context, id string, now time.Time) (Accepted, error) {
	mid := "probe-" + uuid.NewString()
	return d.Enqueue(ctx, chat.Message{
		ID: mid, Workspace: id, Method: chat.ProbeMethod, Priority: chat.Info, Body: chat.ProbeBody(mid), Probe: true,
		ExpiresAt: now.Add(2 * d.Registry.Policy.DeliveryObjective),
	}, now)
}
