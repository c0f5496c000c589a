package workspace

import "time"

// SignalKind is what a signal is.
type SignalKind string

// The kinds of signal that renew a lease.
const (
	SignalHeartbeat SignalKind = "heartbeat"
	SignalPoll      SignalKind = "poll"
	SignalCall      SignalKind = "call" // any other authenticated call
)

// Signal is one authenticated call of an agent. A nil metric says nothing and
// changes nothing: two writers of one workspace may each know different ones.
type Signal struct {
	Kind        SignalKind
	From        string // network address
	Instance    Instance
	ActiveTasks *int
	ErrorRate   *float64
	SampleError string
	Wedged      bool // heartbeats only: its absence is the all-clear, as the runtime sends it only while wedged
}

// Observe is what an accepted signal makes of the facts. Stores do the same in
// one conditional write; their contract suite compares them with this.
func Observe(f Facts, s Signal, p Policy, now time.Time) Facts {
	if s.recovers(f, p, now) {
		f.RecoveredAt = now
	}
	if !SameInstance(f, s) {
		f = takeOver(f, s, p, now)
	}
	if f.Instance == "" {
		f.Instance = s.Instance.Name
	}
	f.LeaseUntil = now.Add(p.LeaseTTL)
	f.SeenFrom = s.From
	switch s.Kind {
	case SignalPoll:
		f.PolledAt, f.CallsRefused = now, 0
	case SignalCall:
		f.CalledAt, f.CallsRefused = now, 0
	case SignalHeartbeat:
		f.HeartbeatAt, f.BeatsRefused = now, 0
		switch {
		case !s.Wedged:
			f.WedgedSince = time.Time{}
		case f.WedgedSince.IsZero():
			f.WedgedSince = now
		}
	}
	if s.ActiveTasks != nil {
		f.ActiveTasks, f.ActiveAt = *s.ActiveTasks, now
	}
	switch {
	case s.EndsErrors(p):
		f.ErrorsSince, f.SampleError = time.Time{}, ""
	case s.ErrorRate != nil && *s.ErrorRate >= p.ErrorRateEnter:
		if f.ErrorsSince.IsZero() {
			f.ErrorsSince = now
		}
		f.SampleError = s.SampleError
	}
	return f
}

// EndsErrors tells whether the signal ends the error-rate band.
func (s Signal) EndsErrors(p Policy) bool {
	return s.ErrorRate != nil && *s.ErrorRate < p.ErrorRateLeave
}

func (s Signal) recovers(f Facts, p Policy, now time.Time) bool {
	return (!f.LeaseUntil.IsZero() && !f.Leased(p, now)) || (s.Kind == SignalHeartbeat && !s.Wedged && !f.WedgedSince.IsZero()) || (s.EndsErrors(p) && !f.ErrorsSince.IsZero())
}
