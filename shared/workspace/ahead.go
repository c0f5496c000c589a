package workspace

import (
	"slices"
	"time"
)

// A date that lies ahead of now by more than clocks may differ is a wrong clock's. When it was, nobody knows: it may
// have been just now, a long time ago, or never. So it excuses nothing: where all is well with it, and would not be if
// it was another one, the worst of that is told. Where the agent was heard as late, as its last call and its lease say,
// it may be the reader's clock that is wrong, and the date stands.
//
// An end that lies ahead, as that of a claim or a rest, has a rule of its own: none is further away than the longest.

// heardAt is when the agent was last heard, as both its last call and its lease say.
func (f *Facts) heardAt(p Policy) time.Time {
	heard := f.LastSignal()
	if leased := f.LeaseUntil.Add(-p.LeaseTTL); leased.Before(heard) {
		return leased
	}
	return heard
}

// latestDate is the latest that a date of what has happened may be, when the facts are judged at a time. What was when
// they are read lies ahead of no earlier time.
func (s *situation) latestDate(at time.Time) time.Time {
	return latest(at, s.asked, s.heardAt(s.p)).Add(MaxSkew)
}

// unlessAhead is a verdict, or if it is well, the worst that the facts give when what lies ahead never was, was long
// ago, or was when the agent was last heard.
func (s *situation) unlessAhead(v Verdict) Verdict {
	limit := s.latestDate(s.now)
	if v.Status != StatusOnline || !s.newest.After(limit) {
		return v
	}
	for _, instead := range s.instead() {
		other := s.with(instead, limit)
		if w := other.rule(); Severity(w.Status, w.Reason) < Severity(v.Status, v.Reason) {
			v = w
		}
	}
	return v
}

// instead is what a date that lies ahead may have been.
func (s *situation) instead() [3]time.Time { return [3]time.Time{{}, s.CreatedAt, s.heardAt(s.p)} }

// with is the situation with another date in place of each after limit.
func (s *situation) with(instead, limit time.Time) situation {
	other := *s
	if s.LeaseUntil.Add(-s.p.LeaseTTL).After(limit) {
		if heard := s.LastSignal().Add(s.p.LeaseTTL); heard.Before(s.LeaseUntil) {
			other.LeaseUntil = heard
		}
	}
	other.eachDate(func(at time.Time) time.Time {
		if at.After(limit) {
			return instead
		}
		return at
	})
	other.newest, other.mode = other.newestDate(s.p), other.Mode(s.p, s.now)
	return other
}

// clocksAhead are the clocks of what lies ahead at a time.
func (s *situation) clocksAhead(from, to time.Time) (out []time.Time) {
	if !s.newest.After(latest(from, s.asked).Add(MaxSkew)) {
		return nil
	}
	s.eachDate(func(at time.Time) time.Time {
		out = append(out, at.Add(-MaxSkew))
		return at
	})
	out = append(out, s.LeaseUntil.Add(-s.p.LeaseTTL-MaxSkew))
	out = slices.DeleteFunc(out, func(at time.Time) bool { return !at.After(from) || !to.IsZero() && at.After(to) })
	for _, instead := range s.instead() {
		other := s.with(instead, s.latestDate(from))
		out = append(out, other.ownClocks(from, to)...)
	}
	return out
}

// newestDate is the newest date of what has happened, as far as verdicts depend on it.
func (f *Facts) newestDate(p Policy) time.Time {
	newest := f.LeaseUntil.Add(-p.LeaseTTL)
	f.eachDate(func(at time.Time) time.Time {
		newest = latest(newest, at)
		return at
	})
	return newest
}

// eachDate replaces each date of what has happened, as far as verdicts depend on it.
func (f *Facts) eachDate(replace func(time.Time) time.Time) {
	f.CreatedAt, f.ResumedAt, f.RegisteredAt = replace(f.CreatedAt), replace(f.ResumedAt), replace(f.RegisteredAt)
	f.QuickSince, f.RegisterFailedAt = replace(f.QuickSince), replace(f.RegisterFailedAt)
	f.URLEndedAt, f.HoldSince = replace(f.URLEndedAt), replace(f.HoldSince)
	f.IssuedAt, f.RevokedAt, f.FetchAskedAt = replace(f.IssuedAt), replace(f.RevokedAt), replace(f.FetchAskedAt)
	f.RefusedSince, f.RefusedAt = replace(f.RefusedSince), replace(f.RefusedAt)
	f.AlternatedAt, f.RefusedEnoughAt = replace(f.AlternatedAt), replace(f.RefusedEnoughAt)
	f.RegisterRefusedAt, f.StrangerAt = replace(f.RegisterRefusedAt), replace(f.StrangerAt)
	f.HeartbeatAt, f.PolledAt, f.CalledAt = replace(f.HeartbeatAt), replace(f.PolledAt), replace(f.CalledAt)
	f.RecoveredAt, f.PollAwaitedAt = replace(f.RecoveredAt), replace(f.PollAwaitedAt)
	f.ActiveAt, f.AtWorkSince, f.FreeSince = replace(f.ActiveAt), replace(f.AtWorkSince), replace(f.FreeSince)
	f.ErrorsSince, f.WedgedSince, f.BadMetricAt = replace(f.ErrorsSince), replace(f.WedgedSince), replace(f.BadMetricAt)
	f.TakeoversSince, f.TakenOverAt = replace(f.TakeoversSince), replace(f.TakenOverAt)
	f.OldestOpen, f.DeliveredAt, f.TriedAt = replace(f.OldestOpen), replace(f.DeliveredAt), replace(f.TriedAt)
	f.FetchedSince, f.HandedAt, f.PassedAt = replace(f.FetchedSince), replace(f.HandedAt), replace(f.PassedAt)
	f.ReachedAt, f.UndeliveredAt = replace(f.ReachedAt), replace(f.UndeliveredAt)
	f.FullSince, f.FullAt, f.LostAt = replace(f.FullSince), replace(f.FullAt), replace(f.LostAt)
	f.PushFailingSince, f.PushDegradedAt = replace(f.PushFailingSince), replace(f.PushDegradedAt)
	f.PushFailedAt, f.ProbePushedAt, f.BusySince = replace(f.PushFailedAt), replace(f.ProbePushedAt), replace(f.BusySince)
	f.AnswersFailingSince, f.AnswerFailedAt = replace(f.AnswersFailingSince), replace(f.AnswerFailedAt)
	f.AnswersDegradedAt = replace(f.AnswersDegradedAt)
}
