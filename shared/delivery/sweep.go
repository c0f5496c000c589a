package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Swept is what one sweep saw and did.
type Swept struct {
	Seen      int      `json:"seen"`
	Rung      int      `json:"rung"`
	Announced int      `json:"announced"`
	Expired   int      `json:"expired"`
	Broken    []string `json:"broken,omitempty"` // workspaces whose counters don't add up
	Errors    []string `json:"errors,omitempty"`
}

// Sweep looks at every workspace once: it gives each idle one with mail its
// drain, ends what has outlived its time, announces verdicts that changed, and
// checks that nothing accepted is missing. A fault with one workspace is noted
// and does not keep it from the rest.
func (d *Delivery) Sweep(ctx context.Context) (Swept, error) {
	var out Swept
	for cursor := ""; ; {
		facts, next, err := d.Registry.Leases.Page(ctx, cursor, 500)
		if err != nil {
			return out, err
		}
		for _, f := range facts {
			out.Seen++
			if err := d.sweepOne(ctx, f, &out); err != nil {
				out.Errors = append(out.Errors, f.ID+": "+err.Error())
			}
		}
		if cursor = next; cursor == "" {
			return out, nil
		}
	}
}

func (d *Delivery) sweepOne(ctx context.Context, f workspace.Facts, out *Swept) error {
	now := d.Now()
	if f.Open > 0 {
		n, err := d.expireAll(ctx, f.ID, now)
		if err != nil {
			return err
		}
		out.Expired += n
		if d.closed(f, now) == "" {
			if err := d.Registry.Bell.Ring(ctx, f.ID, "sweep", 0); err != nil {
				return err
			}
			out.Rung++
		}
	}
	if !Conserved(f) {
		out.Broken = append(out.Broken, f.ID)
	}
	return d.announce(ctx, f, now, out)
}

// Conserved is the law: everything accepted is open or has come to an end.
func Conserved(f workspace.Facts) bool {
	return f.Accepted == f.Open+f.Delivered+f.Expired+f.Cancelled+f.Dead && f.InFlight >= 0 && f.InFlight <= f.Open
}

func (d *Delivery) expireAll(ctx context.Context, id string, now time.Time) (int, error) {
	open, err := d.Ledger.Open(ctx, id, 0)
	if err != nil {
		return 0, err
	}
	expired := 0
	for start := 0; start < len(open); start += MaxMoves {
		ms, err := d.Ledger.Messages(ctx, id, ids(open[start:], MaxMoves)...)
		if err != nil {
			return expired, err
		}
		for _, m := range ms {
			if !m.Due(now) {
				continue
			}
			if err := d.move(ctx, m, m.Expire(now), Mail{}); err != nil && fault.CodeOf(err) != fault.Conflict {
				return expired, err
			}
			expired++
		}
	}
	return expired, nil
}

// announce tells a changed verdict. It is written down first, on condition that
// nobody else did, so that each change goes out once; a crash in between loses
// the event and not the history.
func (d *Delivery) announce(ctx context.Context, f workspace.Facts, now time.Time, out *Swept) error {
	v := workspace.Assess(f, d.Registry.Policy, now)
	as := fmt.Sprintf("%s/%s", v.Status, v.Reason)
	if quiet(as) == quiet(f.AnnouncedAs) {
		return nil
	}
	next := f
	next.AnnouncedAs, next.AnnouncedAt, next.AnnouncedSeq = as, now, f.AnnouncedSeq+1
	next.Version++
	err := d.Registry.Leases.Save(ctx, f, next, nil)
	if fault.CodeOf(err) == fault.Conflict {
		return nil // it changed under us; the next sweep looks again
	}
	if err != nil {
		return err
	}
	out.Announced++
	return d.Announcer.Announce(ctx, Change{Workspace: f.ID, From: f.AnnouncedAs, Verdict: v, Seq: next.AnnouncedSeq, At: now})
}

// quiet treats healthy and busy as one: an agent at work is no news.
func quiet(as string) string {
	if as == "online/"+string(workspace.ReasonBusy) {
		return "online/" + string(workspace.ReasonHealthy)
	}
	return as
}
