package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
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
	Broken    []string `json:"broken,omitempty"` // workspaces whose counters differed from the ledger; they are mended
	Errors    []string `json:"errors,omitempty"`
}

// Sweep looks at every workspace once: it gives each idle one with mail its
// drain, ends what has outlived its time or its workspace, finishes what a crash
// left undone, compares counters with the ledger, announces verdicts that
// changed, and removes chat queues that nobody owns. A fault with one workspace
// is noted and does not keep it from the rest.
func (d *Delivery) Sweep(ctx context.Context) (Swept, error) {
	var out Swept
	now := d.Now()
	fl, err := d.Registry.Sweeping(ctx, now)
	if err != nil {
		return out, err
	}
	orphans, err := d.queuesToCheck(ctx)
	if err != nil {
		out.Errors = append(out.Errors, "listing chat queues: "+err.Error())
	}
	for cursor := ""; ; {
		facts, next, err := d.Registry.Leases.Page(ctx, cursor, 500)
		if err != nil {
			return out, err
		}
		for _, f := range facts {
			out.Seen++
			if f.Hold != workspace.Removed || f.Open > 0 || f.Errands > 0 {
				delete(orphans, d.Queues.Name(Lane{f.ID, f.LaneGeneration}))
			}
			if err := d.sweepOne(ctx, f, fl, &out); err != nil {
				out.Errors = append(out.Errors, f.ID+": "+err.Error())
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if err := d.announce(ctx); err != nil {
		out.Errors = append(out.Errors, "announcing: "+err.Error())
	}
	for name := range orphans {
		if err := d.Queues.Remove(ctx, name); err != nil {
			out.Errors = append(out.Errors, "removing chat queue "+name+": "+err.Error())
			continue
		}
		out.Removed++
	}
	return out, nil
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

func (d *Delivery) sweepOne(ctx context.Context, f workspace.Facts, fl workspace.Fleet, out *Swept) error {
	now := d.Now()
	if f.Open > 0 || !Conserved(f) || auditDue(f.ID, now) {
		if err := d.sweepMail(ctx, f, now, out); err != nil {
			return err
		}
	}
	if d.closed(f, now) == "" || f.Errands > 0 {
		if err := d.Registry.Bell.Ring(ctx, f.ID, "sweep", d.spread(out.Rung)); err != nil {
			return err
		}
		out.Rung++
	}
	if err := d.probe(ctx, f, now, out); err != nil {
		return err
	}
	return d.notice(ctx, f, fl, now, out)
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

// sweepMail reads a mailbox's open mail: it ends what is due, and compares the
// counters with what is there.
func (d *Delivery) sweepMail(ctx context.Context, f workspace.Facts, now time.Time, out *Swept) error {
	entries, err := d.Ledger.Open(ctx, f.ID, 0)
	if err != nil {
		return err
	}
	open, err := d.Ledger.Messages(ctx, f.ID, ids(entries, len(entries))...)
	if err != nil {
		return err
	}
	open = slices.DeleteFunc(open, func(m chat.Message) bool { return !m.State.Open() })
	mended, err := d.recount(ctx, f, open, now)
	if err != nil {
		return err
	}
	if mended {
		out.Broken = append(out.Broken, f.ID)
	}
	for _, m := range open {
		next := m
		switch {
		case f.Hold == workspace.Removed:
			if next, err = m.Cancel("the removal of its workspace", now); err != nil {
				return err
			}
		case m.Due(now):
			next = m.Expire(now)
		default:
			continue
		}
		switch err := d.move(ctx, m, next, Mail{}); fault.CodeOf(err) {
		case "":
			out.Expired++
		case fault.Conflict: // it moved by itself
		default:
			return err
		}
	}
	return nil
}
