// Package sweep is what the scheduled sweeper does, a file for each concern: it
// wakes the drains of idle workspaces with mail, ends messages whose lifetime is
// over, reconciles counters with the ledger, probes, records and announces
// changes of verdicts, and removes chat queues that nobody owns.
package sweep

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Sweeper sweeps.
type Sweeper struct {
	Registry  *registry.Registry
	Delivery  *delivery.Delivery
	StatusLog *statuslog.Log
	Webhooks  Webhooks
	Activity  activity.Log
	Clock     clock.Clock
}

// Webhooks are told by others; a sweep only sees to it that somebody does.
type Webhooks interface {
	// RingIfDue has somebody tell the webhooks if something is due.
	RingIfDue(ctx context.Context) error
}

// Result is what one sweep saw and did.
type Result struct {
	Seen      int `json:"seen"`
	Woken     int `json:"rung"`      // wake-ups sent
	Announced int `json:"announced"` // changes of verdicts recorded
	Expired   int `json:"expired"`   // messages ended: their lifetime is over, or their workspace was removed
	Removed   int `json:"removed_queues"`
	Probed    int `json:"probed"`
	// Cut says that the sweep ran out of time; the next one goes on from there.
	Cut bool `json:"cut,omitempty"`
	// Broken are the workspaces whose counters differed from the ledger; they are
	// corrected.
	Broken []string `json:"broken,omitempty"`
	Errors []string `json:"errors,omitempty"`
}

// Sweep looks at every workspace once. A fault with one workspace is noted and
// does not keep it from the rest. A sweep that runs out of time says where, and
// the next one begins there, so that every page of a large fleet is swept.
func (s *Sweeper) Sweep(ctx context.Context) (Result, error) {
	r := run{Sweeper: s}
	var err error
	if r.fleet, err = s.Registry.BeginSweep(ctx, s.Clock.Now()); err != nil {
		return r.Result, err
	}
	r.listQueues(ctx)
	start := r.fleet.SweepCursor
	r.agents = r.fleet.Counted
	next, err := r.pages(ctx, start)
	if err == nil && next != start {
		counted := r.agents
		if next == "" {
			counted = 0
		}
		err = s.Registry.Fleets.NoteSweepCursor(ctx, next, counted)
	}
	if r.Cut = next != ""; r.Cut {
		r.agents = max(r.agents, r.fleet.Agents) // the rest is not counted yet
	}
	if announceErr := s.StatusLog.Announce(ctx); announceErr != nil {
		r.fails("announcing", announceErr)
	}
	if hookErr := s.Webhooks.RingIfDue(ctx); hookErr != nil {
		r.fails("ringing for webhooks", hookErr)
	}
	if err != nil {
		return r.Result, err
	}
	r.removeOrphans(ctx, start == "" && !r.Cut)
	return r.Result, s.Registry.Fleets.NoteSweepEnd(ctx, s.Clock.Now(), r.agents, r.nextQueues)
}

// run is one sweep under way.
type run struct {
	*Sweeper
	fleet workspace.Fleet

	mu         sync.Mutex      // guards what follows: several workspaces are looked at at once
	orphans    map[string]bool // chat queues of a slice whose workspaces this sweep has not seen
	nextQueues string          // where the next slice begins
	agents     int             // that call, as far as they are counted
	Result
}

// count changes the result.
func (r *run) count(change func(*Result)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.Result)
}

func (r *run) fails(what string, err error) {
	r.count(func(out *Result) { out.Errors = append(out.Errors, what+": "+err.Error()) })
}

// A page of workspaces is looked at workspacesAtOnce at a time. No page is begun
// with less than spareTime left of the function's time: that is for the page and
// for what comes after the last.
const (
	pageSize         = 200
	workspacesAtOnce = 8
	spareTime        = 15 * time.Second
)

// pages looks at the fleet from a cursor on; it returns where it ran out of time,
// "" when it did not.
func (r *run) pages(ctx context.Context, cursor string) (next string, err error) {
	for first := true; ; first = false {
		if left, ends := clock.Left(ctx); ends && !first && left < spareTime {
			return cursor, nil
		}
		facts, next, err := r.Registry.Leases.Page(ctx, cursor, pageSize)
		if err != nil {
			return cursor, err
		}
		r.agents += calling(facts, r.Clock.Now())
		var g errgroup.Group
		g.SetLimit(workspacesAtOnce)
		for _, f := range facts {
			g.Go(func() error {
				if err := r.workspace(ctx, f); err != nil {
					r.fails(f.ID, err)
				}
				return nil
			})
		}
		_ = g.Wait() // errors are in the result
		r.record(ctx, facts)
		if cursor = next; cursor == "" {
			return "", nil
		}
	}
}

// calling is how many of the workspaces have an agent that calls.
func calling(facts []workspace.Facts, now time.Time) (n int) {
	for _, f := range facts {
		if f.Calls(now) {
			n++
		}
	}
	return n
}

// record records the changes of a page's verdicts.
func (r *run) record(ctx context.Context, facts []workspace.Facts) {
	recorded, err := r.StatusLog.RecordAll(ctx, facts, r.fleet, r.Clock.Now(), r.Registry.Leases.Get)
	r.Announced += recorded
	if err != nil {
		r.fails("recording changes", err)
	}
}

// workspace sweeps one workspace: its chat queue, its mailbox, its drain and a probe.
func (r *run) workspace(ctx context.Context, f workspace.Facts) error {
	now := r.Clock.Now()
	r.count(func(out *Result) { out.Seen++ })
	r.keepQueue(f)
	if f.Open > 0 || !f.Conserved() || auditDue(f, now) {
		if err := r.mailbox(ctx, f, now); err != nil {
			return err
		}
	}
	if err := r.wake(ctx, f, now); err != nil {
		return err
	}
	if err := r.formerLives(ctx, f, now); err != nil {
		return err
	}
	if err := r.erase(ctx, f, now); err != nil {
		return err
	}
	if err := r.probe(ctx, f, now); err != nil {
		return err
	}
	return r.Registry.TellLeftOut(ctx, f, now)
}

// mailbox compares a mailbox's counters with the ledger, and ends what is due.
// Which mail is open, and when it is due, the index says, whatever the mail
// weighs.
func (r *run) mailbox(ctx context.Context, f workspace.Facts, now time.Time) error {
	open, err := r.Delivery.Ledger.OpenMail(ctx, f.Life(), 0)
	if err != nil {
		return err
	}
	corrected, err := r.reconcile(ctx, f, open, now)
	if corrected {
		r.count(func(out *Result) { out.Broken = append(out.Broken, f.ID) })
	}
	if err != nil {
		return err
	}
	return r.expire(ctx, f, open, now)
}
