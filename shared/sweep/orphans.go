package sweep

import (
	"context"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// queuesEvery is how often, in minutes, the chat queues are compared with the
// leases.
const queuesEvery = 10

// queuesToCheck are the names of all chat queues there are, when it is time to
// look. They are listed before the leases: a queue made meanwhile isn't among
// them.
func (s *Sweeper) queuesToCheck(ctx context.Context) (map[string]bool, error) {
	if s.Clock.Now().Minute()%queuesEvery != 0 {
		return nil, nil
	}
	names, err := s.Delivery.Queues.List(ctx)
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out, err
}

// keepQueue takes the workspace's queue off the orphans, unless the workspace is
// removed and done with it.
func (r *run) keepQueue(f workspace.Facts) {
	if f.Hold == workspace.Removed && f.Open == 0 && f.OutboxItems == 0 {
		return
	}
	name := r.Delivery.Queues.Name(delivery.ChatQueue{Life: f.Life(), Generation: f.QueueGeneration})
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.orphans, name)
}

// removeOrphans deletes the queues that no workspace owns. It may be called only
// when every workspace was looked at.
func (r *run) removeOrphans(ctx context.Context) {
	for name := range r.orphans {
		if err := r.Delivery.Queues.Remove(ctx, name); err != nil {
			r.fails("removing chat queue "+name, err)
			continue
		}
		r.Removed++
	}
}
