package sweep

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A mailbox with more messages than one call counts is counted over as many sweeps as
// that takes, one call in each, while it moves. What moves adds to the counters what it
// does to the ledger, so counters that are wrong stay wrong by as much: a tally finds
// by how much they were wrong when it began. Whether a message had ended by then, its own
// time says; if one ended at about that time, and the mailbox moves, it is not certain, and
// the tally begins anew. A difference is corrected when the next tally finds the same.

// beginTally begins a tally of a mailbox with what a look has shown of it.
func (r *run) beginTally(ctx context.Context, f workspace.Facts, is seen, c delivery.Tally) error {
	c.Of, c.Open = f.Counters, is.open.Counters
	addSeen(&c, is.ended)
	c.After = is.next
	if err := r.Delivery.Ledger.NoteTally(ctx, f.Life(), c); err != nil {
		return err
	}
	return r.noteAudited(ctx, f, workspace.Tallying)
}

// addSeen counts some more messages.
func addSeen(c *delivery.Tally, ended []delivery.EndedMessage) {
	for _, m := range ended {
		switch age := c.BeganAt.Sub(m.SettledAt); {
		case age > workspace.MaxSkew:
			c.Before.Add(m.State, 1)
		case age > -workspace.MaxSkew:
			c.About.Add(m.State, 1)
		default:
			c.Later.Add(m.State, 1)
		}
	}
}

// tally goes on with a tally.
func (r *run) tally(
	ctx context.Context, f workspace.Facts, open []delivery.OpenMessage, now time.Time,
) (corrected bool, err error) {
	c, err := r.Delivery.Ledger.Tally(ctx, f.Life())
	if err != nil {
		return false, err
	}
	if c.BeganAt.IsZero() { // it is not kept any more
		return false, r.noteAudited(ctx, f, 0)
	}
	ended, next, err := r.Delivery.Ledger.EndedMail(ctx, f.Life(), c.After, countAtOnce)
	if err != nil {
		return false, err
	}
	addSeen(&c, ended)
	if c.After = next; next != "" {
		return false, r.Delivery.Ledger.NoteTally(ctx, f.Life(), c)
	}
	differs, certain := difference(c, f)
	switch {
	case differs == workspace.Counters{}:
		return false, r.noteAudited(ctx, f, c.Of.Sum())
	case certain && c.Again && c.Differs == differs:
		return r.correctBy(ctx, f, differs, now)
	}
	anew := delivery.Tally{BeganAt: now, Again: c.Again, Differs: c.Differs}
	if certain {
		anew.Again, anew.Differs = true, differs
	}
	is, err := r.look(ctx, f, open)
	if err != nil {
		return false, err
	}
	return false, r.beginTally(ctx, f, is, anew)
}

// correctBy corrects the counters of a mailbox, as it is now, by what two tallies have found. The tally is ended
// before: so no other sweep corrects them once more.
func (r *run) correctBy(
	ctx context.Context, f workspace.Facts, differs workspace.Counters, now time.Time,
) (corrected bool, err error) {
	again, err := r.Registry.Leases.Get(ctx, f.ID)
	if err != nil || again.Audited != workspace.Tallying || again.Life() != f.Life() {
		return false, err
	}
	open, err := r.Delivery.Ledger.OpenMail(ctx, f.Life(), 0)
	if err != nil {
		return false, err
	}
	right, err := r.withOpen(ctx, again, open)
	if err != nil {
		return false, err
	}
	addEnded(&right.Counters, differs, 1)
	if err := r.noteAudited(ctx, again, 0); err != nil || !right.Conserved() {
		return false, err
	}
	return r.correct(ctx, again, right, now)
}

// difference is by how much the counters of a mailbox were wrong when a tally began that has ended; f is the mailbox
// now. Those of open messages are looked at apart.
func difference(c delivery.Tally, f workspace.Facts) (differs workspace.Counters, certain bool) {
	still := f.Counters == c.Of // all had ended when it began
	kept := c.Before
	if still {
		kept = kept.Plus(c.About).Plus(c.Later)
	}
	var then workspace.Facts
	then.Counters = c.Open
	balance(&then, kept, max(0, c.Of.Open-c.Open.Open))
	addEnded(&differs, then.Counters, 1)
	addEnded(&differs, c.Of, -1)
	return differs, still || c.About == chat.Ends{}
}

// addEnded adds the counters of what is not open, as often as times says.
func addEnded(to *workspace.Counters, c workspace.Counters, times int64) {
	to.Accepted += times * c.Accepted
	to.Delivered += times * c.Delivered
	to.Expired += times * c.Expired
	to.Cancelled += times * c.Cancelled
	to.Dead += times * c.Dead
	to.Missing += times * c.Missing
	to.Unused += times * c.Unused
}
