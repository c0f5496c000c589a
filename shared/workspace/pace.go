package workspace

import "time"

// paceJitter is the share that is added to a pace or taken off it at random, so that agents that called together do not
// go on calling together.
const paceJitter = 0.2

// NextCall is in how long an agent is asked to call again: as slowly as keeps a fleet of so many agents (0: not known)
// at FleetRate, not more often than HeartbeatEvery, and never later than a third of the lease, so that one late call
// does not end it. An agent that returned from a silence is given any moment of that time: of many that came back
// together, the next calls are spread. random is in [0, 1).
func (p Policy) NextCall(agents int, returned bool, random float64) time.Duration {
	longest := p.LeaseTTL / 3
	if returned {
		return time.Duration((returnsFrom + (1-returnsFrom)*random) * float64(longest))
	}
	every := min(p.HeartbeatEvery, longest)
	if p.FleetRate > 0 {
		every = min(max(every, time.Duration(float64(agents)/p.FleetRate*float64(time.Second))), longest)
	}
	every = min(every, time.Duration(float64(longest)/(1+paceJitter)))
	return time.Duration(float64(every) * (1 - paceJitter + 2*paceJitter*random))
}

// returnsFrom is the part of the longest pace that an agent is given at least that returned.
const returnsFrom = 0.1

// Returned reports whether the agent's last call, at now, ended a silence.
func (f Facts) Returned(now time.Time) bool {
	return !f.RecoveredAt.IsZero() && !f.RecoveredAt.Before(now.Truncate(time.Millisecond))
}
