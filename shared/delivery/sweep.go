package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Swept is what one sweep saw and did.
type Swept struct {
	Seen      int      `json:"seen"`
	Rung      int      `json:"rung"`
	Announced int      `json:"announced"`
	Expired   int      `json:"expired"` // messages ended: outlived their time, or their workspace
	Removed   int      `json:"removed_queues"`
	Probed    int      `json:"probed"`
	Cut       bool     `json:"cut,omitempty"`    // it ran out of time; the next sweep goes on from there
	Broken    []string `json:"broken,omitempty"` // workspaces whose counters differed from the ledger; they are mended
	Errors    []string `json:"errors,omitempty"`
}

// Sweep looks at every workspace once: it gives each idle one with mail its
// drain, ends what has outlived its time or its workspace, finishes what a crash
// left undone, compares counters with the ledger, announces verdicts that
// changed, and removes chat queues that nobody owns. A fault with one workspace
// is noted and does not keep it from the rest. A sweep that runs out of time says
// where, and the next one begins there, so that the end of a large fleet has its
// turn as its beginning has.
func (d *Delivery) Sweep(ctx context.Context) (Swept, error) {
	w := sweep{Delivery: d}
	now := d.Now()
	var err error
	if w.fleet, err = d.Registry.BeginSweep(ctx, now); err != nil {
		return w.Swept, err
	}
	if w.orphans, err = d.queuesToCheck(ctx); err != nil {
		w.fails("listing chat queues", err)
	}
	start := w.fleet.SweepCursor
	next, err := w.pages(ctx, start)
	if err == nil && next != start {
		err = d.Registry.Fleets.NoteSweepCursor(ctx, next)
	}
	w.Cut = next != ""
	if announceErr := d.announce(ctx); announceErr != nil {
		w.fails("announcing", announceErr)
	}
	if err != nil {
		return w.Swept, err
	}
	if start != "" || w.Cut {
		return w.Swept, nil // of what was not looked at, a queue may have its owner there
	}
	for name := range w.orphans {
		if err := d.Queues.Remove(ctx, name); err != nil {
			w.fails("removing chat queue "+name, err)
			continue
		}
		w.Removed++
	}
	return w.Swept, nil
}

// sweep is one under way.
type sweep struct {
	*Delivery
	fleet workspace.Fleet

	mu      sync.Mutex // guards what follows: several workspaces are looked at at once
	orphans map[string]bool
	Swept
}

func (w *sweep) fails(what string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Errors = append(w.Errors, what+": "+err.Error())
}

// A page of workspaces is looked at sweepAtOnce at a time. No page is begun with
// less than sweepSpare left of the function's time: that is for the page and for
// what comes after the last.
const (
	sweepPage   = 200
	sweepAtOnce = 8
	sweepSpare  = 15 * time.Second
)

// pages looks at the fleet from a cursor on; it returns where it ran out of time,
// "" when it did not.
func (w *sweep) pages(ctx context.Context, cursor string) (next string, err error) {
	for first := true; ; first = false {
		if deadline, ok := ctx.Deadline(); ok && !first && time.Until(deadline) < sweepSpare {
			return cursor, nil
		}
		facts, next, err := w.Registry.Leases.Page(ctx, cursor, sweepPage)
		if err != nil {
			return cursor, err
		}
		var g errgroup.Group
		g.SetLimit(sweepAtOnce)
		for _, f := range facts {
			g.Go(func() error {
				if err := w.one(ctx, f); err != nil {
					w.fails(f.ID, err)
				}
				return nil
			})
		}
		_ = g.Wait() // what failed is in Errors
		if cursor = next; cursor == "" {
			return "", nil
		}
	}
}

// queuesEvery is how often, in minutes, the queues are compared with the leases.
const queuesEvery = 10

// queuesToCheck are the names of all chat queues there are, when it is time to
// look. They are listed before the leases: a queue made meanwhile isn't among
// them.
func (d *Delivery) queuesToCheck(ctx context.Context) (map[string]bool, error) {
	if d.Now().Minute()%queuesEvery != 0 {
		return nil, nil
	}
	names, err := d.Queues.List(ctx)
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out, err
}

func (w *sweep) one(ctx context.Context, f workspace.Facts) error {
	now := w.Now()
	w.mu.Lock()
	w.Seen++
	if f.Hold != workspace.Removed || f.Open > 0 || f.OutboxItems > 0 {
		delete(w.orphans, w.Queues.Name(Lane{f.ID, f.QueueGeneration}))
	}
	w.mu.Unlock()
	if f.Open > 0 || !f.Conserved() || auditDue(f.ID, now) {
		if err := w.mail(ctx, f, now); err != nil {
			return err
		}
	}
	if (w.closed(f, now) == "" && !f.Delivering(w.Registry.Policy, now)) || f.OutboxItems > 0 {
		w.mu.Lock()
		after := w.spread(w.Rung)
		w.Rung++
		w.mu.Unlock()
		if err := w.Registry.Wakeups.Send(ctx, f.ID, "sweep", after); err != nil {
			return err
		}
	}
	probed, err := w.probe(ctx, f, now)
	if err != nil {
		return err
	}
	announced, err := w.notice(ctx, f, w.fleet, now)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Probed += count(probed)
	w.Announced += count(announced)
	return nil
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// A sweep's rings are spread over its minute, or a fleet that comes back at once
// would have all its drains begin in one second: ringsASecond of them begin each
// second, at random within it, and none later than ringWithin.
const (
	ringsASecond = 25
	ringWithin   = 45 * time.Second
)

func (d *Delivery) spread(rung int) time.Duration {
	if rung < ringsASecond {
		return 0
	}
	return min(time.Duration((float64(rung)+d.Jitter()*ringsASecond)/ringsASecond*float64(time.Second)), ringWithin)
}

// mail compares a mailbox's counters with the ledger, and ends what is due. Which
// mail is open, and when it is due, the index says, whatever the mail weighs.
func (w *sweep) mail(ctx context.Context, f workspace.Facts, now time.Time) error {
	open, err := w.Ledger.Open(ctx, f.ID, 0)
	if err != nil {
		return err
	}
	mended, err := w.recount(ctx, f, open, now)
	if err != nil {
		return err
	}
	ended := 0
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Expired += ended
		if mended {
			w.Broken = append(w.Broken, f.ID)
		}
	}()
	due := slices.DeleteFunc(open, func(e Entry) bool { return f.Hold != workspace.Removed && now.Before(e.ExpiresAt) })
	for chunk := range slices.Chunk(due, window) {
		ms, err := w.Ledger.Messages(ctx, f.ID, ids(chunk, len(chunk))...)
		if err != nil {
			return err
		}
		for _, m := range ms {
			next, mail := m, Mail{}
			switch {
			case !m.State.Open():
				continue
			case f.Hold == workspace.Removed:
				if next, err = m.Cancel("the removal of its workspace", now); err != nil {
					return err
				}
			case m.Due(now):
				next = m.Expire(now)
				if w.lostProbe(f, m, now) {
					mail.ProbeLostAt = now
				}
			default:
				continue
			}
			switch err := w.move(ctx, m, next, mail); fault.CodeOf(err) {
			case "":
				ended++
			case fault.Conflict: // it moved by itself
			default:
				return err
			}
		}
	}
	return nil
}
