package statuslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// RecordCall records a change of the verdict that a call itself brought about, as
// the call is answered: what was seen and mended within a minute leaves its trace.
// Silence is no call's doing, and is judged by the sweep, which knows the fleet.
// Of one workspace, calls record a bounded number (workspace.TraceChange): a change
// beyond that is left to the next sweep, which records what stands then, and the
// record says how many were left out. A fault fails no call: the next sweep records
// what is missing.
func (l *Log) RecordCall(ctx context.Context, f workspace.Facts, now time.Time) {
	e, changes := l.entryOf(f, workspace.Fleet{}, now)
	if !changes || e.Change.To.Reason == workspace.ReasonLeaseExpired ||
		e.Change.To.Reason == workspace.ReasonPlatformSuspect {
		return
	}
	traced, ok := workspace.TraceChange(f, l.Policy, now)
	if !ok {
		return
	}
	e.Next.Traces = traced.Traces
	_, _ = l.record(ctx, e)
}

// Record writes the workspace's verdict down if it is another than the last one
// recorded, on condition that nobody else did: each change stands once.
func (l *Log) Record(
	ctx context.Context, f workspace.Facts, fl workspace.Fleet, now time.Time,
) (changed bool, err error) {
	e, changes := l.entryOf(f, fl, now)
	if !changes {
		return false, nil
	}
	return l.record(ctx, e)
}

// callTries bounds the races of a call for the next number of the fleet's log. A sweep that records many changes leaves
// it a fifth of the time: most calls that meet one are through within these.
const callTries = 8

func (l *Log) record(ctx context.Context, e Entry) (changed bool, err error) {
	err = retry.OnConflict(ctx, l.Clock, callTries, func() error {
		last, err := l.LatestChange(ctx)
		if err != nil {
			return err
		}
		e.Change.Seq = last + 1
		err = l.AddChanges(ctx, []Entry{e})
		if lost, ok := errors.AsType[*Lost](err); ok && len(lost.Entries) > 0 {
			return retry.Final(err)
		}
		return err
	})
	if fault.CodeOf(err) == fault.Conflict {
		return false, nil // the facts changed meanwhile: the next sweep looks again
	}
	if err == nil && l.Recorded != nil {
		l.Recorded(ctx)
	}
	return err == nil, err
}

// Due reports whether the workspace's verdict is another than the last one recorded.
func (l *Log) Due(f workspace.Facts, fl workspace.Fleet, now time.Time) bool {
	_, due := l.standsAs(f, fl, now)
	return due
}

// standsAs is the verdict as it is recorded; changes says that it is another one than the last that was, and is to be
// recorded now.
func (l *Log) standsAs(f workspace.Facts, fl workspace.Fleet, now time.Time) (as string, changes bool) {
	status, reason := fl.Stands(f, l.Policy, now)
	as = string(status) + "/" + string(reason)
	return as, workspace.IsChange(f.AnnouncedAs, as) && !fl.AwaitsCalls(reason, l.Policy, now)
}

// entryOf is the change to the present verdict; changes says that it is another one than the last that was recorded.
// The words and the evidence of a verdict are worked out only then: most calls change nothing.
func (l *Log) entryOf(f workspace.Facts, fl workspace.Fleet, now time.Time) (e Entry, changes bool) {
	as, changes := l.standsAs(f, fl, now)
	if !changes {
		return e, false
	}
	v := fl.Assess(f, l.Policy, now)
	next := f
	next.AnnouncedAs, next.AnnouncedAt, next.AnnouncedSeq = as, now, f.AnnouncedSeq+1
	next.Standing = workspace.Standing{StandsAs: as, StandsSince: v.Since}
	next.Version++
	c := Change{
		WorkspaceSeq: next.AnnouncedSeq, Workspace: f.ID, Life: f.Lives + 1, At: now, To: StatusReason{v.Status, v.Reason},
		Since: v.Since, Hint: v.Hint, Action: v.Action, Evidence: append([]workspace.Evidence{}, v.Evidence...),
		LeftOut: f.ChangesLeftOut(as),
	}
	if status, reason, ok := strings.Cut(f.AnnouncedAs, "/"); ok {
		c.From = &StatusReason{workspace.Status(status), workspace.Reason(reason)}
	}
	silent := v.Status == workspace.StatusOffline || v.Status == workspace.StatusUnknown
	return Entry{f, next, c, silent}, true
}

// Find reads the facts of a workspace.
type Find func(ctx context.Context, id string) (workspace.Facts, error)

// leftTries is how often those are looked at that kept their page from being written.
const leftTries = 5

// RecordAll records the changes of the verdicts of different workspaces, many at a time. One whose workspace has
// changed since is judged again; the others do not wait for it. It returns how many were recorded. What a fault
// leaves, the next sweep records.
func (l *Log) RecordAll(
	ctx context.Context, facts []workspace.Facts, fl workspace.Fleet, now time.Time, find Find,
) (recorded int, err error) {
	for try := 1; len(facts) > 0; try++ {
		n, rest, err := l.recordOnce(ctx, facts, fl, now)
		recorded += n
		if err == nil && try == leftTries {
			err = rest.err()
		}
		if err == nil && len(rest.entries) > 0 {
			err = retry.Pause(ctx, l.Clock, try) // who writes there now is through then
		}
		if err != nil {
			return recorded, err
		}
		if facts, err = rest.again(ctx, find); err != nil {
			return recorded, err
		}
	}
	return recorded, nil
}

// left are changes that are not written, because of their workspaces: most have changed meanwhile.
type left struct {
	entries []Entry
	cause   error // nil: no other
}

func (r *left) add(entries []Entry, cause error) {
	r.entries = append(r.entries, entries...)
	if cause != nil {
		r.cause = cause
	}
}

func (r *left) err() error {
	if len(r.entries) == 0 {
		return nil
	}
	return fmt.Errorf("the changes of %d workspaces, of which one is %s, are left to the next sweep: %w",
		len(r.entries), r.entries[0].Old.ID, &Lost{Cause: r.cause})
}

// again reads their facts.
func (r *left) again(ctx context.Context, find Find) (facts []workspace.Facts, err error) {
	for _, e := range r.entries {
		f, err := find(ctx, e.Old.ID)
		switch fault.CodeOf(err) {
		case "":
			facts = append(facts, f)
		case fault.WorkspaceUnknown: // it was erased
		default:
			return nil, err
		}
	}
	return facts, nil
}

// recordOnce records the changes of verdicts as these facts give them.
func (l *Log) recordOnce(
	ctx context.Context, facts []workspace.Facts, fl workspace.Fleet, now time.Time,
) (recorded int, rest left, err error) {
	var due []Entry
	for _, f := range facts {
		if e, changes := l.entryOf(f, fl, now); changes {
			due = append(due, e)
		}
	}
	for turn := range slices.Chunk(due, TurnSize) {
		n, r, err := l.recordInTurn(ctx, turn)
		recorded += n
		rest.add(r.entries, r.cause)
		if err != nil {
			return recorded, rest, err
		}
	}
	return recorded, rest, nil
}

// TurnSize is the most changes that are written in one turn.
const TurnSize = 5 * PageSize

// Writers of pages take turns: all write the one number of the fleet's log, and a transaction that loses costs as
// much as one that is written. A turn only spares that: a page whose number has moved on is not written in any case.
// Who can't have it while its function runs goes on without, and so does a call, whose change is small.
const (
	turnFor   = 5 * time.Second // longer than a turn takes: so long are others held up when its holder has died
	turnTries = 600
	turnPause = 200 * time.Millisecond // before a try, at most
	pageTries = 12                     // of a page whose number has moved on
)

// recordInTurn records changes as soon as it is their turn.
func (l *Log) recordInTurn(ctx context.Context, due []Entry) (recorded int, rest left, err error) {
	until, err := l.awaitTurn(ctx)
	if err != nil {
		return 0, rest, err
	}
	recorded, rest, err = l.writePages(ctx, due)
	return recorded, rest, errors.Join(err, l.GiveBack(ctx, Recording, until))
}

// awaitTurn waits for the turn to record, for a while. It returns until when it is taken.
func (l *Log) awaitTurn(ctx context.Context) (until time.Time, err error) {
	for range turnTries {
		now := l.Clock.Now()
		until = now.Add(turnFor)
		taken, err := l.TakeRight(ctx, Recording, now, until)
		if taken || err != nil {
			return until, err
		}
		if rest, ends := clock.Left(ctx); ends && rest < turnFor {
			break
		}
		if err := l.Clock.Sleep(ctx, time.Duration(l.Clock.Random()*float64(turnPause))); err != nil {
			return until, fault.Store("wait for the turn to record", err)
		}
	}
	return until, nil
}

// writePages writes changes as pages of the fleet's log.
func (l *Log) writePages(ctx context.Context, due []Entry) (recorded int, rest left, err error) {
	last, err := l.LatestChange(ctx)
	for try := 1; err == nil && len(due) > 0; {
		page := pageOf(due, last)
		err = l.AddChanges(ctx, page)
		lost, moved := errors.AsType[*Lost](err)
		switch {
		case err == nil:
			recorded, last, due, try = recorded+len(page), last+int64(len(page)), due[len(page):], 1
		case moved && len(lost.Entries) > 0:
			var out []Entry
			out, due = takeOut(due, lost.Entries)
			rest.add(out, lost.Cause)
			err = nil
		case moved && try < pageTries:
			if err = retry.Pause(ctx, l.Clock, try); err == nil {
				last, err = l.LatestChange(ctx)
			}
			try++
		}
	}
	return recorded, rest, err
}

// pageBytes bounds the texts of a page: its item in the fleet's log has at most 400 KB.
const pageBytes = 200 << 10

// pageOf is the first page of the changes, numbered after the last of the log.
func pageOf(due []Entry, last int64) []Entry {
	size := 0
	page := slices.Clone(due[:min(len(due), PageSize)])
	for i := range page {
		if size += page[i].Change.bytes(); size > pageBytes && i > 0 {
			return page[:i]
		}
		page[i].Change.Seq = last + 1 + int64(i)
	}
	return page
}

// bytes is about the size of a change's texts.
func (c Change) bytes() int {
	n := 512 + len(c.Workspace) + len(c.Hint)
	for _, e := range c.Evidence {
		n += 64 + len(e.Fact)
	}
	return n
}

// takeOut parts the entries at some places from the others.
func takeOut(due []Entry, places []int) (out, others []Entry) {
	for i, e := range due {
		if slices.Contains(places, i) {
			out = append(out, e)
		} else {
			others = append(others, e)
		}
	}
	return out, others
}
