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
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Sweeper sweeps.
type Sweeper struct {
	Registry    *registry.Registry
	Delivery    *delivery.Delivery
	StatusLog   *statuslog.Log
	Webhooks    Webhooks
	Activity    activity.Log
	Clock       clock.Clock
	Tasks       Tasks
	SegmentSize int // the most workspaces that one function sweeps
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
	// Segments is how many workers were given a task each, instead of a sweep by one.
	Segments int `json:"segments,omitempty"`
	// Lag is how many seconds ago the last sweep of all workspaces, or of a worker's segment, ended when this one began;
	// nil: none had.
	Lag *float64 `json:"lag_seconds,omitempty"`
	// Cut says that the sweep ran out of time; the next one goes on from there.
	Cut bool `json:"cut,omitempty"`
	// Broken are the workspaces whose counters differed from the ledger; they are
	// corrected.
	Broken []string `json:"broken,omitempty"`
	Errors []string `json:"errors,omitempty"`
}

// Sweep sees to it that every workspace is looked at once: it looks itself, or, of a
// fleet that is too large for one function, it has workers look at a segment each. It
// announces what changed, and removes chat queues that nobody owns.
func (s *Sweeper) Sweep(ctx context.Context) (Result, error) {
	now := s.Clock.Now()
	r := run{Sweeper: s, within: workspace.All}
	var err error
	if r.fleet, err = s.Registry.BeginSweep(ctx, now); err != nil {
		return r.Result, err
	}
	r.end = r.fleet
	r.listQueues(ctx)
	var whole bool
	if n := workspace.Segments(r.fleet.Workspaces, s.SegmentSize); n > 1 {
		err = r.handOut(ctx, n, now)
	} else {
		r.lag(r.fleet.SweepEndedAt, now)
		whole, err = r.everything(ctx)
	}
	r.tell(ctx)
	if err != nil {
		return r.Result, err
	}
	r.removeOrphans(ctx, whole)
	r.end.QueueCursor = r.nextQueues
	return r.Result, s.Registry.Fleets.NoteSweepEnd(ctx, r.end)
}

// everything looks at all workspaces, from where the last sweep ran out of time. whole
// says that it has seen each.
func (r *run) everything(ctx context.Context) (whole bool, err error) {
	began := workspace.Pass{Cursor: r.fleet.SweepCursor, Seen: r.fleet.Seen, Calls: r.fleet.Counted}
	pass, err := r.pages(ctx, began)
	if r.Cut = pass.Cursor != ""; r.Cut { // the rest is not counted yet
		r.end.Workspaces, r.end.Agents = max(pass.Seen, r.fleet.Workspaces), max(pass.Calls, r.fleet.Agents)
	} else if err == nil {
		r.end.SweepEndedAt, r.end.Workspaces, r.end.Agents = r.Clock.Now(), pass.Seen, pass.Calls
		pass = workspace.Pass{}
	}
	if err == nil && pass.Cursor != began.Cursor {
		err = r.Registry.Fleets.NotePass(ctx, pass)
	}
	return began.Cursor == "" && !r.Cut && err == nil, err
}

// lag notes how long ago the last sweep of all workspaces, or of a segment, ended; zero: none has.
func (r *run) lag(ended, now time.Time) {
	if !ended.IsZero() {
		r.Lag = new(max(0, now.Sub(ended).Seconds()))
	}
}

// tell has announced what was recorded.
func (r *run) tell(ctx context.Context) {
	if err := r.StatusLog.Announce(ctx); err != nil {
		r.fails("announcing", err)
	}
	if err := r.Webhooks.RingIfDue(ctx); err != nil {
		r.fails("ringing for webhooks", err)
	}
}

// run is one sweep under way, by the scheduled function or by the worker of a segment.
type run struct {
	*Sweeper
	fleet  workspace.Fleet
	end    workspace.Fleet // as it is when this sweep has ended
	within workspace.Segment
	noted  func(context.Context, workspace.Pass) error // after each page; nil: nothing is

	mu         sync.Mutex      // guards what follows: several workspaces are looked at at once
	orphans    map[string]bool // chat queues of a slice whose workspaces this sweep has not seen
	nextQueues string          // where the next slice begins
	nameless   bool            // the name of a queue among them does not say whose it is
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

// A page of workspaces is looked at workspacesAtOnce at a time; the changes of a page
// are written in one turn. No page is begun with less than spareTime left of the
// function's time: that is for the page and for what comes after the last.
const (
	pageSize         = statuslog.TurnSize
	workspacesAtOnce = 8
	spareTime        = 15 * time.Second
)

// pages looks at the workspaces from where a pass was cut off; it returns how far it
// came, with a cursor when it ran out of time.
func (r *run) pages(ctx context.Context, pass workspace.Pass) (workspace.Pass, error) {
	for first := true; ; first = false {
		if left, ends := clock.Left(ctx); ends && !first && left < spareTime {
			return pass, nil
		}
		facts, next, err := r.read(ctx, pass.Cursor)
		if err != nil {
			return pass, err
		}
		err = fault.Contain(func() error { return r.page(ctx, facts) })
		switch {
		case fault.IsPanic(err):
			r.fails("a page of workspaces", err) // the others are swept
		case err != nil:
			return pass, err
		}
		pass.Cursor, pass.Seen, pass.Calls = next, pass.Seen+len(facts), pass.Calls+calling(facts, r.Clock.Now())
		if next == "" {
			return pass, nil
		}
		if r.noted != nil {
			if err := r.noted(ctx, pass); err != nil {
				return pass, err
			}
		}
	}
}

// read reads a page of workspaces.
func (r *run) read(ctx context.Context, cursor string) ([]workspace.Facts, string, error) {
	if r.nameless { // nobody reads the lease again of whom such a queue may be
		return r.Registry.Leases.Page(ctx, cursor, pageSize)
	}
	return r.Registry.Leases.Scan(ctx, r.within, cursor, pageSize)
}

// page looks at a page of workspaces. What it shows may be of a moment ago: those that
// there is anything to do about are read again, and only what is so then is done.
func (r *run) page(ctx context.Context, facts []workspace.Facts) error {
	now := r.Clock.Now()
	var due []string
	for _, f := range facts {
		r.keepQueue(f)
		if r.due(f, now) {
			due = append(due, f.ID)
		}
	}
	r.Seen += len(facts)
	if len(due) == 0 {
		return nil
	}
	facts, err := r.Registry.Leases.GetAll(ctx, due...)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(workspacesAtOnce)
	for _, f := range facts {
		g.Go(func() error {
			if err := fault.Contain(func() error { return r.workspace(ctx, f) }); err != nil {
				r.fails(f.ID, err)
			}
			return nil
		})
	}
	_ = g.Wait() // errors are in the result
	r.record(ctx, facts)
	return nil
}

// due reports whether there is anything to do about a workspace.
func (r *run) due(f workspace.Facts, now time.Time) bool {
	return r.mailboxDue(f, now) || r.wakeDue(f, now) || len(f.Erasable(delivery.AcceptPatience, now)) > 0 ||
		r.probeDue(f, now) || f.LeftOut() || r.StatusLog.Due(f, r.fleet, now)
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

// workspace sweeps one workspace: its mailbox, its drain, its former lives and a probe.
func (r *run) workspace(ctx context.Context, f workspace.Facts) error {
	now := r.Clock.Now()
	if r.mailboxDue(f, now) {
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

// mailboxDue reports whether a mailbox has anything that may end, or is to be compared with the ledger.
func (r *run) mailboxDue(f workspace.Facts, now time.Time) bool {
	return f.Open > 0 || !f.Conserved() || auditDue(f, now)
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
