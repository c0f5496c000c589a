package workspace

import "time"

// SignalKind is the kind of a signal.
type SignalKind string

// The kinds of signal that renew a lease.
const (
	SignalHeartbeat SignalKind = "heartbeat"
	SignalPoll      SignalKind = "poll"
	SignalCall      SignalKind = "call" // any other authenticated call
)

// Signal is one authenticated call of an agent. A nil metric changes nothing: two processes that write for one
// workspace may each know different metrics.
type Signal struct {
	Kind        SignalKind
	From        string // network address
	Instance    Instance
	ActiveTasks *int
	ErrorRate   *float64
	SampleError string // at most MaxWords bytes
	SampleWhole string // of which SampleError is the beginning
	BadMetric   string // the metric that could not be read, and so was dropped; "": none; at most MaxWords bytes
	Wedged      bool   // of heartbeats, which say it only while it is so
	PollsAgain  bool   // of polls: see Facts.PollsAgain
	Epoch       int64  // of polls: which epoch the caller says is its own; 0: none
}

// Observe is the facts after an accepted signal. Stores do the same in one conditional write; their contract suite
// compares them with this.
func Observe(f Facts, s Signal, p Policy, now time.Time) Facts {
	old := f
	if s.recovers(f, p, now) {
		f = f.endSeldom()
		f.RecoveredAt = now
	}
	if s.endsSilence(old, p, now) {
		next := old.noteSilence(s, p, now)
		f.SeldomCalls, f.SeldomGap = next.SeldomCalls, next.SeldomGap
		f = f.awaitPoll(now)
	}
	if !SameInstance(f, s) {
		f = takeOver(f, s, p, now)
	}
	if f.Instance == "" {
		f.Instance = s.Instance.Name
	}
	f.LeaseUntil = now.Add(s.Lease(p))
	f = f.noteFirst(now).noteMove(s.From, now)
	f.SeenFrom, f.Homes = s.From, NoteHome(f.Homes, s.From, now)
	switch s.Kind {
	case SignalPoll:
		if s.PollsAgain {
			f.PollAwaitedAt = now
		}
		f.PolledAt, f.CallsRefused = now, 0
	case SignalCall:
		f.CalledAt, f.CallsRefused = now, 0
	case SignalHeartbeat:
		f.HeartbeatAt, f.BeatsRefused = now, 0
	}
	f.Reported = s.report(f.Reported, p, now)
	return NoteStanding(old, f, p, now)
}

// Lease is how long the signal proves life. A poll proves it for longer by as much as a later one may come that is not
// written: from that one on, the lease is as long as any.
func (s Signal) Lease(p Policy) time.Duration {
	if s.Kind == SignalPoll {
		return p.LeaseTTL + p.PollNoted
	}
	return p.LeaseTTL
}

// report is what the agent says of itself after the signal.
func (s Signal) report(r Reported, p Policy, now time.Time) Reported {
	switch {
	case s.Kind != SignalHeartbeat: // says nothing about a wedge
	case !s.Wedged:
		r.WedgedSince = time.Time{}
	case r.WedgedSince.IsZero():
		r.WedgedSince = now
	}
	switch {
	case s.BadMetric != "":
		r.BadMetric, r.BadMetricAt = s.BadMetric, now
	case now.Sub(r.BadMetricAt) >= p.LeaseTTL: // nobody is told of it any more
		r.BadMetric, r.BadMetricAt = "", time.Time{}
	}
	if s.ActiveTasks != nil {
		r.ActiveTasks, r.ActiveAt = *s.ActiveTasks, now
		if *s.ActiveTasks == 0 {
			r.AtWorkSince, r.FreeSince = time.Time{}, firstOf(r.FreeSince, now)
		} else {
			r.AtWorkSince, r.FreeSince = firstOf(r.AtWorkSince, now), time.Time{}
		}
	}
	switch {
	case s.EndsErrors(p):
		r.ErrorsSince, r.SampleError = time.Time{}, ""
	case s.ErrorRate != nil && *s.ErrorRate >= p.ErrorRateEnter:
		if r.ErrorsSince.IsZero() {
			r.ErrorsSince = now
		}
		r.SampleError = s.SampleError
	}
	return r
}

// firstOf is when something began that is so now.
func firstOf(began, now time.Time) time.Time {
	if began.IsZero() {
		return now
	}
	return began
}

// EndsErrors reports whether the signal ends the error-rate band.
func (s Signal) EndsErrors(p Policy) bool {
	return s.ErrorRate != nil && *s.ErrorRate < p.ErrorRateLeave
}

// recovers reports whether the signal ends silence, a wedge or errors.
func (s Signal) recovers(f Facts, p Policy, now time.Time) bool {
	endsWedge := s.Kind == SignalHeartbeat && !s.Wedged && !f.WedgedSince.IsZero()
	endsErrors := s.EndsErrors(p) && !f.ErrorsSince.IsZero()
	return s.endsSilence(f, p, now) || endsWedge || endsErrors
}

func (s Signal) endsSilence(f Facts, p Policy, now time.Time) bool {
	return !f.LeaseUntil.IsZero() && !f.Leased(p, now)
}
