package workspace

import (
	"fmt"
	"slices"
	"time"
)

// Fleet is what is known of the platform itself, and bears on the verdict over a
// workspace that fell silent: did it die, or did nobody hear it? The zero Fleet
// knows nothing and suspects nothing.
type Fleet struct {
	SampledAt    time.Time   // when it was looked at
	SweptAt      time.Time   // last sweep; zero: none is on record
	OutageStart  time.Time   // the last gap between two sweeps that was longer than Policy.DeafAfter:
	OutageEnd    time.Time   // it lasted from DeafAt to HeardAt
	LeaseEnds    []time.Time // when the leases of a sample of the fleet run out, or ran out
	LastSignalAt time.Time   // newest accepted signal in the sample
	SweeperOnly  bool        // an agent in the sample was heard all through that gap: its lease never ran out
	StoreFailed  bool        // the platform's own records can't be read
	SweepCursor  string      // where the next sweep begins: the last one had no time for what comes after; "" for the start
}

// Sample adds a workspace to what is known of the fleet, of which the sweeps are
// known already.
func (fl *Fleet) Sample(f Facts) {
	if f.RegisteredAt.Before(fl.OutageStart) && !f.RegisteredAt.IsZero() && !f.RecoveredAt.After(fl.OutageStart) && f.LeaseUntil.After(fl.OutageEnd) {
		fl.SweeperOnly = true
	}
	if f.Hold == NoHold && !f.LeaseUntil.IsZero() {
		fl.LeaseEnds = append(fl.LeaseEnds, f.LeaseUntil)
	}
	if at := f.LastSignal(); at.After(fl.LastSignalAt) {
		fl.LastSignalAt = at
	}
}

// NoteSweep notes a sweep at now: when the one before is too long ago, the platform
// was deaf in between.
func (fl Fleet) NoteSweep(p Policy, now time.Time) Fleet {
	if !fl.SweptAt.IsZero() && now.Sub(fl.SweptAt) > p.OutageAfter {
		fl.OutageStart, fl.OutageEnd = fl.SweptAt, now
	}
	fl.SweptAt = now
	return fl
}

// lapses counts the leases that ran out within a TTL of end, and those there
// were to run out: what lives, and what ran out since.
func (fl Fleet) lapses(end time.Time, p Policy) (lapsed, of int) {
	for _, e := range fl.LeaseEnds {
		if e.Before(end.Add(-p.LeaseTTL)) {
			continue
		}
		of++
		if !e.After(fl.SampledAt) && !e.After(end.Add(p.LeaseTTL)) {
			lapsed++
		}
	}
	return lapsed, of
}

// suspicion says why a lease's end may be the platform's fault, in words, since
// when, with what evidence, and until when that may be thought; nil when
// nothing points at the platform.
type suspicion struct {
	why      string
	until    time.Time
	evidence []Evidence
}

func (fl Fleet) suspect(f Facts, p Policy, now time.Time) *suspicion {
	end := f.LeaseUntil.Add(p.Grace)
	longest := end.Add(p.SuspectFor)
	var all []suspicion
	if fl.StoreFailed {
		all = append(all, suspicion{"the platform's own records can't be read", longest, []Evidence{{fl.SampledAt, "the store did not answer"}}})
	}
	// The platform was deaf, and hears again: every agent that lives calls within
	// a TTL and its grace. If any lived through it, only the sweeper was dead.
	if !fl.OutageStart.IsZero() && end.After(fl.OutageStart) && f.LeaseUntil.Before(fl.OutageEnd.Add(p.LeaseTTL)) && !fl.SweeperOnly {
		all = append(all, suspicion{"the platform itself did not work for a while", fl.OutageEnd.Add(p.LeaseTTL + p.Grace),
			[]Evidence{{fl.OutageStart, "last sweep before the platform fell silent"}, {fl.OutageEnd, "first sweep after it"}}})
	}
	// It may be deaf now: no sweep, and nobody was heard since this lease ran out.
	if !fl.SweptAt.IsZero() && fl.SampledAt.Sub(fl.SweptAt) > p.OutageAfter && end.After(fl.SweptAt) && !fl.LastSignalAt.After(f.LeaseUntil) {
		all = append(all, suspicion{"the platform's sweeper has not run since " + stamp(fl.SweptAt) + ", and no agent has been heard either", longest,
			[]Evidence{{fl.SweptAt, "last sweep"}, {fl.LastSignalAt, "last accepted call of any agent"}}})
	}
	if lapsed, of := fl.lapses(f.LeaseUntil, p); lapsed >= p.SuspectLeases && float64(lapsed) >= p.SuspectShare*float64(of) {
		all = append(all, suspicion{atOnce(lapsed, of), longest, []Evidence{{fl.SampledAt, atOnce(lapsed, of)}}})
	}
	if len(all) == 0 {
		return nil
	}
	s := slices.MaxFunc(all, func(a, b suspicion) int { return a.until.Compare(b.until) })
	if !now.Before(s.until) {
		return nil
	}
	return &s
}

func atOnce(lapsed, of int) string {
	return fmt.Sprintf("the leases of %d of %d agents ran out at about the same time", lapsed, of)
}
