package workspace

import "time"

// paceJitter is the share that is added to a pace or taken off it at random, so that agents that called together do not
// go on calling together.
const paceJitter = 0.2

// returnsFrom is the part of the longest pace that an agent is given at least that returned.
const returnsFrom = 0.1

// countedFor is how long after the end of its lease an agent counts as one that calls: after an outage all return.
const countedFor = time.Hour

// NextBeat is in how long an agent is asked to send its next heartbeat, of a fleet of so many agents (0: not known). It
// is never later than a third of the lease, so that one late call does not end it.
func (p Policy) NextBeat(agents int, returned bool, random float64) time.Duration {
	return p.pace(p.ShortestBeat, p.LeaseTTL/3, agents, returned, random)
}

// NextPoll is in how long an agent is asked to poll again that was handed nothing. It is never later than a third of
// the lease, which a poll renews, nor than half of the time that mail may wait.
func (p Policy) NextPoll(agents int, returned bool, random float64) time.Duration {
	return p.pace(p.ShortestPoll, p.longestPoll(), agents, returned, random)
}

func (p Policy) longestPoll() time.Duration { return min(p.LeaseTTL/3, p.DeliveryObjective/2) }

// pace is a time from shortest to longest at which a fleet of so many agents makes FleetRate calls a second: a small
// fleet calls more often, a large one less. An agent that returned from a silence is given any moment up to the longest
// time: of many that came back together, the next calls are spread. random is in [0, 1).
func (p Policy) pace(shortest, longest time.Duration, agents int, returned bool, random float64) time.Duration {
	if returned {
		return time.Duration((returnsFrom + (1-returnsFrom)*random) * float64(longest))
	}
	quickest, slowest := means(shortest, longest)
	every := quickest
	if p.FleetRate > 0 {
		every = min(max(quickest, float64(agents)/p.FleetRate*float64(time.Second)), slowest)
	}
	return time.Duration(every * (1 - paceJitter + 2*paceJitter*random))
}

// means are the shortest and the longest mean whose jitter stays from shortest to longest. Where these are too close,
// longest counts.
func means(shortest, longest time.Duration) (quickest, slowest float64) {
	slowest = float64(longest) / (1 + paceJitter)
	return min(float64(shortest)/(1-paceJitter), slowest), slowest
}

// FleetMatters reports whether the pace depends on how large the fleet is.
func (p Policy) FleetMatters() bool {
	beat, slowestBeat := means(p.ShortestBeat, p.LeaseTTL/3)
	poll, slowestPoll := means(p.ShortestPoll, p.longestPoll())
	return p.FleetRate > 0 && (beat < slowestBeat || poll < slowestPoll)
}

// Returned reports whether the agent's last call, at now, ended a silence.
func (f *Facts) Returned(now time.Time) bool {
	return !f.RecoveredAt.IsZero() && !f.RecoveredAt.Before(now.Truncate(time.Millisecond))
}

// Calls reports whether the agent counts among those that call: its lease runs, or ended a while ago at most.
func (f *Facts) Calls(now time.Time) bool {
	return f.Hold != Removed && !f.LeaseUntil.IsZero() && now.Sub(f.LeaseUntil) < countedFor
}
