package sweep

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// roundEvery is how often, in minutes, a round of all chat queues begins. Each
// sweep takes one slice of their names, until the round is over.
const roundEvery = 10

// spareForEnd is the time that a sweep keeps for noting its end.
const spareForEnd = 2 * time.Second

// listQueues lists the next slice of the chat queues, when a round begins or is
// under way. They are listed before the leases: a queue made meanwhile isn't among
// them.
func (r *run) listQueues(ctx context.Context) {
	cursor := r.fleet.QueueCursor
	if cursor == "" && r.Clock.Now().Minute()%roundEvery != 0 {
		return
	}
	names, next, err := r.Delivery.Queues.List(ctx, cursor)
	if err != nil {
		r.nextQueues = cursor
		r.fails("listing chat queues", err)
		return
	}
	r.nextQueues, r.orphans = next, make(map[string]bool, len(names))
	for _, name := range names {
		r.orphans[name] = true
		r.nameless = r.nameless || r.Delivery.Queues.Workspace(name) == ""
	}
}

// keepQueue takes the workspace's queue off the orphans.
func (r *run) keepQueue(f workspace.Facts) {
	if name, used := r.queueOf(f); used {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.orphans, name)
	}
}

// queueOf is the name of the workspace's queue, unless the workspace is removed
// and done with it.
func (r *run) queueOf(f workspace.Facts) (name string, used bool) {
	if f.Hold == workspace.Removed && f.Open == 0 && f.OutboxItems == 0 {
		return "", false
	}
	return r.Delivery.Queues.Name(delivery.ChatQueue{Life: f.Life(), Generation: f.QueueGeneration}), true
}

// removeOrphans deletes the queues of the slice that no workspace uses; whole says
// that the sweep looked at every workspace. A slice that it has no time for is the
// next sweep's.
func (r *run) removeOrphans(ctx context.Context, whole bool) {
	var g errgroup.Group
	g.SetLimit(workspacesAtOnce)
	for name := range r.orphans {
		if left, ends := clock.Left(ctx); ends && left < spareForEnd {
			r.nextQueues = r.fleet.QueueCursor
			break
		}
		g.Go(func() error {
			if err := fault.Contain(func() error { return r.removeIfOrphan(ctx, name, whole) }); err != nil {
				r.fails("removing chat queue "+name, err)
			}
			return nil
		})
	}
	_ = g.Wait() // errors are in the result
}

// removeIfOrphan deletes a queue that no workspace uses. Its workspace's lease
// decides. Where the name doesn't say whose it is, only a sweep of the whole fleet
// can tell.
func (r *run) removeIfOrphan(ctx context.Context, name string, whole bool) error {
	if id := r.Delivery.Queues.Workspace(name); id != "" {
		f, err := r.Registry.Leases.Get(ctx, id)
		if err != nil && fault.CodeOf(err) != fault.WorkspaceUnknown {
			return err
		}
		if own, used := r.queueOf(f); err == nil && used && own == name {
			return nil
		}
	} else if !whole {
		return nil
	}
	err := r.Delivery.Queues.Remove(ctx, name)
	if err == nil {
		r.count(func(out *Result) { out.Removed++ })
	}
	return err
}
