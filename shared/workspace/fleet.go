package workspace

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fleet is what is known of the platform itself. It bears on the verdict over a workspace that has fallen silent: did
// the agent die, or did nobody hear it? The zero Fleet knows nothing and suspects nothing.
type Fleet struct {
	SampledAt    time.Time   // when the sample was taken
	SweptAt      time.Time   // when the last sweep began; zero: none is on record
	SweepEndedAt time.Time   // when the last sweep of all workspaces ended; zero: none has
	OutageStart  time.Time   // start of the last gap between two sweeps that was longer than Policy.OutageAfter
	OutageEnd    time.Time   // end of that gap
	LeaseEnds    []time.Time // when the leases of a sample of the fleet run out, or ran out
	LastSignalAt time.Time   // newest accepted signal in the sample
	SweeperOnly  bool        // an agent in the sample was heard all through that gap: its lease never ran out
	StoreFailed  bool        // the platform's own records cannot be read
	SweepCursor  string      // where the next sweep begins, when the last ran out of time; "" for the start
	Seen         int         // how many workspaces there are before SweepCursor
	Counted      int         // how many of those have an agent that calls
	QueueCursor  string      // where the next slice of the chat queues' names begins; "" for the start
	Workspaces   int         // how many workspaces there are, as far as they were swept
	Agents       int         // how many agents call of the whole fleet, as far as it was swept
}

// Sample adds a workspace to what is known of the fleet; the sweeps must be known already.
func (fl *Fleet) Sample(f Facts) {
	if fl.heardThroughOutage(f) {
		fl.SweeperOnly = true
	}
	if f.Hold == NoHold && !f.LeaseUntil.IsZero() {
		fl.LeaseEnds = append(fl.LeaseEnds, f.LeaseUntil)
	}
	if at := f.LastSignal(); at.After(fl.LastSignalAt) {
		fl.LastSignalAt = at
	}
}

// heardThroughOutage reports whether the workspace's lease was renewed all through the last gap between sweeps.
func (fl *Fleet) heardThroughOutage(f Facts) bool {
	registeredBefore := !f.RegisteredAt.IsZero() && f.RegisteredAt.Before(fl.OutageStart)
	return registeredBefore && !f.RecoveredAt.After(fl.OutageStart) && f.LeaseUntil.After(fl.OutageEnd)
}

// NoteSweep notes a sweep at now. If the one before is too long ago, the platform was out of order in between.
func (fl Fleet) NoteSweep(p Policy, now time.Time) Fleet {
	if !fl.SweptAt.IsZero() && now.Sub(fl.SweptAt) > p.OutageAfter {
		fl.OutageStart, fl.OutageEnd = fl.SweptAt, now
	}
	fl.SweptAt = now
	return fl
}

// SweeperSilent reports whether no sweep has ended for longer than Policy.OutageAfter. A platform on which none has
// ended yet may be new: then oldest, when its oldest workspace was created, says how long there has been something to
// sweep. It is zero when there is nothing.
func (fl Fleet) SweeperSilent(p Policy, oldest, now time.Time) bool {
	since := fl.SweepEndedAt
	if since.IsZero() {
		since = oldest
	}
	return !since.IsZero() && now.Sub(since) > p.OutageAfter
}

// lapses counts the agents that fell silent within a lease of end, and those that could have. One that calls as
// often as it is asked to never has less than half a lease left, so a lease with less was not renewed when it
// should have been.
func (fl Fleet) lapses(end time.Time, p Policy) (lapsed, of int) {
	for _, e := range fl.LeaseEnds {
		if e.Before(end.Add(-p.LeaseTTL)) {
			continue
		}
		of++
		if e.Before(fl.SampledAt.Add(p.LeaseTTL/2)) && !e.After(end.Add(p.LeaseTTL)) {
			lapsed++
		}
	}
	return lapsed, of
}

// suspicion is a reason to think that a lease ran out by the platform's fault.
type suspicion struct {
	why      string
	until    time.Time // from then on, the agent is taken for offline
	unless   string    // what has to happen for it to end before that
	evidence []Evidence
}

// suspect returns the suspicion that lasts longest, or nil if nothing points at the platform now. It ends before its
// time only together with the others that last as long.
func (fl Fleet) suspect(f Facts, p Policy, now time.Time) *suspicion {
	all := slices.Concat(fl.storeFailed(f, p), fl.outage(f, p), fl.sweeperSilent(f, p), fl.lapsedTogether(f, p))
	if len(all) == 0 {
		return nil
	}
	longest := slices.MaxFunc(all, func(a, b suspicion) int { return a.until.Compare(b.until) })
	if !now.Before(longest.until) {
		return nil
	}
	var unless []string
	for _, s := range all {
		if s.until.Equal(longest.until) {
			unless = append(unless, s.unless)
		}
	}
	longest.unless = strings.Join(unless, ", and ")
	return &longest
}

// graceEnd is when silence becomes "offline".
func (f *Facts) graceEnd(p Policy) time.Time { return f.LeaseUntil.Add(p.Grace) }

func (fl Fleet) storeFailed(f Facts, p Policy) []suspicion {
	if !fl.StoreFailed {
		return nil
	}
	return []suspicion{{
		why: "the platform's own records can't be read", until: f.graceEnd(p).Add(p.SuspectFor),
		unless:   "they can be read again",
		evidence: []Evidence{{fl.SampledAt, "the store did not answer"}},
	}}
}

// outage: the platform heard nobody for a while, and hears agents again. Every agent that is alive calls within a lease
// and its grace. If any agent was heard all through, only the sweeper was down.
func (fl Fleet) outage(f Facts, p Policy) []suspicion {
	if fl.OutageStart.IsZero() || fl.SweeperOnly {
		return nil
	}
	if !f.graceEnd(p).After(fl.OutageStart) || !f.LeaseUntil.Before(fl.OutageEnd.Add(p.LeaseTTL)) {
		return nil
	}
	return []suspicion{{
		why: "the platform itself did not work for a while", until: fl.outageOver(p),
		unless: "another agent turns out to have been heard all the while",
		evidence: []Evidence{
			{fl.OutageStart, "last sweep before the platform fell silent"}, {fl.OutageEnd, "first sweep after it"},
		},
	}}
}

// AwaitsCalls reports whether a verdict of this reason is not to be recorded yet. After an outage, every agent that is
// alive calls again within a lease and its grace, and much of the fleet is unknown until then: each would be a change
// to record, and one more to take it back. Whoever reads a status is told what it is.
func (fl Fleet) AwaitsCalls(reason Reason, p Policy, now time.Time) bool {
	return reason == ReasonPlatformSuspect && !fl.OutageStart.IsZero() && !fl.SweeperOnly &&
		now.Before(fl.outageOver(p))
}

// outageOver is when every agent that is alive has called again since the last outage.
func (fl Fleet) outageOver(p Policy) time.Time { return fl.OutageEnd.Add(p.LeaseTTL + p.Grace) }

// sweeperSilent: the platform may hear nobody now, for there was no sweep, and no agent was heard since this lease ran
// out.
func (fl Fleet) sweeperSilent(f Facts, p Policy) []suspicion {
	if fl.SweptAt.IsZero() || fl.SampledAt.Sub(fl.SweptAt) <= p.OutageAfter {
		return nil
	}
	if !f.graceEnd(p).After(fl.SweptAt) || fl.LastSignalAt.After(f.LeaseUntil) {
		return nil
	}
	return []suspicion{{
		why:   "the platform's sweeper has not run since " + stamp(fl.SweptAt) + ", and no agent has been heard either",
		until: f.graceEnd(p).Add(p.SuspectFor), unless: "either another agent is heard or the sweeper runs again",
		evidence: []Evidence{
			{fl.SweptAt, "last sweep"}, {fl.LastSignalAt, "last accepted call of any agent"},
		},
	}}
}

// lapsedTogether: so many agents fell silent at about the same time that the platform is the likelier cause.
func (fl Fleet) lapsedTogether(f Facts, p Policy) []suspicion {
	lapsed, of := fl.lapses(f.LeaseUntil, p)
	if lapsed < p.SuspectLeases || float64(lapsed) < p.SuspectShare*float64(of) {
		return nil
	}
	why := fmt.Sprintf("%d of %d agents fell silent at about the same time", lapsed, of)
	return []suspicion{{
		why: why, until: f.graceEnd(p).Add(p.SuspectFor), unless: "enough of the others are heard again",
		evidence: []Evidence{{fl.SampledAt, why}},
	}}
}
