package sweep

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// probe probes an idle workspace when nothing else has shown for a while that
// mail reaches it.
func (r *run) probe(ctx context.Context, f workspace.Facts, now time.Time) error {
	if !r.probeDue(f, now) {
		return nil
	}
	_, err := r.Delivery.Probe(ctx, f.ID, now)
	switch fault.CodeOf(err) {
	case "":
		r.count(func(out *Result) { out.Probed++ })
	case fault.Conflict, fault.InboxFull, fault.WorkspaceRemoved:
		return nil // it has mail of its own now, or is gone
	}
	return err
}

func (r *run) probeDue(f workspace.Facts, now time.Time) bool {
	p := r.Registry.Policy
	if p.ProbeEvery == 0 || f.Open > 0 || f.Busy(p, now) >= f.Slots() || !f.Deliverable(p, now) {
		return false
	}
	for _, proof := range []time.Time{f.DeliveredAt, f.ProbedAt, f.PolledAt, f.RegisteredAt} {
		if now.Sub(proof) < p.ProbeEvery {
			return false
		}
	}
	return true
}
