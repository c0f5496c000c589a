package workspace

import (
	"slices"
	"time"
)

// A verdict is never stored, but when it began can't always be told from the facts that it rests on: what ended the one
// before may have left none. So each write that looks at the verdict before and after it notes the one that stands
// then. Time may have brought another one about since: the clocks that ran out since the last write say when.

// NoteStanding is next with the verdict that stands after a write at now, which made next of old. A silent agent is
// judged with its fleet, which no write knows: what stays silent is not noted.
func NoteStanding(old, next Facts, p Policy, now time.Time) Facts {
	was, is := newSituation(&old, Fleet{}, p, now), newSituation(&next, Fleet{}, p, now)
	before, after := was.judge(), is.judge()
	if before.Reason == ReasonLeaseExpired && after.Reason == ReasonLeaseExpired {
		next.Standing = old.Standing
		return next
	}
	next.StandsAs, next.StandsSince = after.code(), now
	if next.StandsChanges = old.StandsChanges; IsChange(old.StandsAs, next.StandsAs) {
		next.StandsChanges++
	}
	if old.ID != "" && before.code() == next.StandsAs {
		if next.StandsSince = was.since(before); next.StandsSince.IsZero() {
			next.StandsSince = old.CreatedAt
		}
	}
	return next
}

// code is the verdict as one word: status/reason.
func (v Verdict) code() string { return string(v.Status) + "/" + string(v.Reason) }

// since is when the verdict began. Where a write that looked at no verdict brought it about, it is what its rule says,
// and not before a moment at which another one was noted.
func (s *situation) since(v Verdict) time.Time {
	if s.StandsAs == "" {
		return v.Since
	}
	as, since, from := s.StandsAs, s.StandsSince, s.lastWrite()
	if seen := s.seenUnknown(v); !seen.IsZero() {
		as, since, from = s.AnnouncedAs, seen, seen
	}
	for _, at := range s.clocks(from, s.now) {
		if then := s.at(at).code(); then != as {
			as, since = then, at
		}
	}
	if as == v.code() {
		return since
	}
	if s.AnnouncedAs != v.code() {
		since = latest(since, s.AnnouncedAt)
	}
	if v.Status == StatusOnline {
		since = latest(since, s.lastWrite()) // what ended the trouble before was the last write: it is noted in a moment
	}
	return latest(since, v.Since)
}

// sinceEvidence is the fact that a verdict began with, where another one stood before it that is not in the history: it
// began and ended between two sweeps, or between two writes of one call. Other evidence may have it already.
func (s *situation) sinceEvidence(v Verdict) []Evidence {
	named := func(e Evidence) bool { return e.At.Equal(v.Since) }
	if IsChange(s.AnnouncedAs, v.code()) || !v.Since.After(s.AnnouncedAt) || slices.ContainsFunc(v.Evidence, named) {
		return nil
	}
	what := "it had this status before, then another one for a moment, and this one again since: that moment lay " +
		"between two sweeps, so the history does not have it"
	switch {
	case v.Since.Equal(s.RegisteredAt):
		what = "the agent registered"
	case v.Since.Equal(s.RecoveredAt):
		what = "the agent came back"
	case v.Since.Equal(s.FreeSince):
		what = "the agent said that it is free"
	}
	return []Evidence{{v.Since, what}}
}

// seenUnknown is when the agent, which is offline now, was last seen to be unknown; zero: it was not, since it fell
// silent. That it is no longer unknown may come of other agents, which leaves no trace with this one. But what is
// recorded as unknown was unknown at each sweep since, or else the sweep would have recorded another verdict.
func (s *situation) seenUnknown(v Verdict) time.Time {
	unknown := Verdict{Status: StatusUnknown, Reason: ReasonPlatformSuspect}
	if v.Reason != ReasonLeaseExpired || s.AnnouncedAs != unknown.code() || s.AnnouncedAt.Before(s.graceEnd(s.p)) ||
		s.AnnouncedAt.Before(s.lastWrite()) {
		return time.Time{}
	}
	if swept := s.fleet.SweptAt; !swept.After(s.now) {
		return latest(s.AnnouncedAt, swept)
	}
	return s.AnnouncedAt
}

// lastWrite is when a write that bears on verdicts last changed the facts.
func (s *situation) lastWrite() time.Time {
	return latest(s.StandsSince, s.LastSignal(), s.TriedAt, s.DeliveredAt, s.ReachedAt, s.PushFailedAt, s.FetchedSince,
		s.UndeliveredAt, s.RefusedAt, s.HoldSince, s.ResumedAt)
}
