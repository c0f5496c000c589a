package workspace

import (
	"fmt"
	"time"
)

// An agent whose calls are further apart than its lease is offline before each of them, and online after it. Nothing is
// wrong with it but its pace. What shows that is that it falls silent again and again, each time right after it was
// heard. A register is the sign of a start: silence before it shows no pace.

// SeldomToTell is how many silences in a row show that the calls of an agent are further apart than its lease.
const SeldomToTell = 2

// mostSeldom and longestSeldom bound what is kept of the silences: their number, and the shortest of them.
const (
	mostSeldom    = 99
	longestSeldom = 24 * time.Hour
)

// seldomPatience is after how many times the shortest silence the next call is not awaited any more.
const seldomPatience = 3

// atOnce is for how long an agent may go on to call after a silence, so that these calls count as one: it may send a
// heartbeat, poll and acknowledge in one go.
func (p Policy) atOnce() time.Duration { return min(p.ShortestPoll, p.LeaseTTL/6) }

// noteSilence is the facts after a signal that ended a silence. The rest of the facts are those before it.
func (f Facts) noteSilence(s Signal, p Policy, now time.Time) Facts {
	silent := now.Sub(f.LastSignal())
	if f.PolledAt.Equal(f.LastSignal()) {
		silent -= p.PollNoted // it may have polled since
	}
	silent = min(silent, longestSeldom).Truncate(time.Second)
	started, wrongClock := bootOf(s.Instance.Name).After(f.LastSignal()), silent < p.LeaseTTL
	switch {
	case started, wrongClock:
		return f.endSeldom()
	case f.SeldomCalls == 0 || f.wentOn(p):
		f.SeldomCalls, f.SeldomGap = 0, int(longestSeldom.Seconds())
	}
	f.SeldomCalls = min(f.SeldomCalls+1, mostSeldom)
	f.SeldomGap = min(f.SeldomGap, int(silent.Seconds()))
	return f
}

// wentOn reports whether the agent went on to call after it ended its last silence.
func (f *Facts) wentOn(p Policy) bool { return f.LastSignal().Sub(f.RecoveredAt) > p.atOnce() }

// endSeldom forgets the silences.
func (f Facts) endSeldom() Facts {
	f.SeldomCalls, f.SeldomGap = 0, 0
	return f
}

// seldomGap is the shortest of its last silences.
func (f *Facts) seldomGap() time.Duration { return time.Duration(f.SeldomGap) * time.Second }

// CallsTooSeldom reports whether the agent's last calls were each further from the one before than its lease lasts, and
// nothing since shows that this is over: it did not go on to call, and its next call may still come.
func (f *Facts) CallsTooSeldom(p Policy, now time.Time) bool {
	return f.Hold == NoHold && f.SeldomCalls >= SeldomToTell && !f.wentOn(p) && now.Before(f.seldomUntil())
}

// seldomUntil is until when the next call of an agent that calls too seldom is awaited.
func (f *Facts) seldomUntil() time.Time { return f.LastSignal().Add(seldomPatience * f.seldomGap()) }

// callsTooSeldom is CallsTooSeldom, unless the platform may have heard nobody in one of the last silences.
func (s *situation) callsTooSeldom() bool {
	if !s.CallsTooSeldom(s.p, s.now) {
		return false
	}
	began := s.RecoveredAt.Add(-SeldomToTell * s.seldomGap())
	deaf := !s.fleet.SweeperOnly && s.fleet.OutageEnd.After(began) && s.fleet.OutageStart.Before(s.RecoveredAt)
	return !deaf
}

// SeldomWords say how far the calls of an agent are apart that calls too seldom, and how long its lease is.
func (f *Facts) SeldomWords(p Policy) string {
	return fmt.Sprintf("nothing was heard for %s or more before each of the last %d times that a call came, and its "+
		"lease is for %s", f.seldomGap(), f.SeldomCalls, p.LeaseTTL)
}

// seldomSteps are what to do about it.
func (s *situation) seldomSteps() string {
	return "let it call again in as many seconds as each answer says (next_heartbeat_seconds), also while it works. " +
		"If it is not its pace, something ends it or keeps it away: " + s.doctorWords()
}

// seldomRemark is the remark that the agent calls too seldom, beside a verdict that does not say so.
func (s *situation) seldomRemark(v Verdict) []Remark {
	if !s.callsTooSeldom() || v.Reason == ReasonLeaseExpired {
		return nil
	}
	return []Remark{{
		Code: RemarkCallsTooSeldom, Command: "rollcall doctor " + s.ID,
		Text: s.SeldomWords(s.p) + ": it counts as offline in between, though it may run; " + s.seldomSteps(),
	}}
}

// mayCallSeldom reports whether the last call of the agent ended a silence longer than its lease, and it has not gone
// on to call since: one such silence shows no pace, and no end of the agent either.
func (s *situation) mayCallSeldom() bool {
	return s.Hold == NoHold && s.SeldomCalls > 0 && s.SeldomCalls < SeldomToTell && !s.wentOn(s.p) &&
		s.now.Before(s.seldomUntil())
}

// orSeldom is what follows on words about a silent agent that may call too seldom; "": nothing shows that.
func (s *situation) orSeldom() string {
	if !s.mayCallSeldom() {
		return ""
	}
	return fmt.Sprintf("; or it runs, and calls less often than its lease lasts (%s): before its last call nothing was "+
		"heard of it for %s either. If that is its pace, let it call as often as each answer says "+
		"(next_heartbeat_seconds)", s.p.LeaseTTL, s.seldomGap())
}

// tellSeldom completes the verdict over a silent agent whose silence is no news.
func (s *situation) tellSeldom(v *Verdict) {
	if s.mayCallSeldom() {
		v.Sentence = "Its agent has fallen silent: it may have stopped, or its network may be down, or it calls less often " +
			"than its lease lasts."
		v.Hint = "no accepted call since the lease ran out: check whether the agent runs and reaches the platform, and " +
			"restart it if it does not run" + s.orSeldom() + "; " + s.doctorWords() + s.strangerHint()
	}
	if !s.callsTooSeldom() {
		return
	}
	v.Action = "inspect"
	v.Sentence = "Its agent calls less often than each lease: its lease has run out, and its next call may still come."
	v.Hint = fmt.Sprintf("no accepted call since the lease ran out. Its agent may run all the same, and call too seldom: "+
		"%s. If so, %s. If none comes by %s, it has most likely stopped", s.SeldomWords(s.p), s.seldomSteps(),
		stamp(s.seldomUntil())) + s.strangerHint()
	v.Evidence = append(v.Evidence, Evidence{s.RecoveredAt, fmt.Sprintf(
		"the last of %d calls that each ended a silence of %s or more", s.SeldomCalls, s.seldomGap())})
}
