package workspace

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPace(t *testing.T) {
	slow, short := DefaultPolicy(), DefaultPolicy()
	slow.LeaseTTL, slow.DeliveryObjective = 5*time.Minute, 10*time.Minute
	short.LeaseTTL, short.DeliveryObjective = 10*time.Second, 4*time.Second
	type pace = func(Policy, int, bool, float64) time.Duration
	for _, c := range []struct {
		name     string
		next     pace
		p        Policy
		agents   int
		returned bool
		random   float64
		want     time.Duration
	}{
		{"the soonest beat", Policy.NextBeat, DefaultPolicy(), 0, false, 0, 15 * time.Second},
		{"a small fleet beats often", Policy.NextBeat, DefaultPolicy(), 100, false, 0.5, 18750 * time.Millisecond},
		{"a larger one less often", Policy.NextBeat, DefaultPolicy(), 11_000, false, 0.5, 22 * time.Second},
		{"a third of the lease is the end", Policy.NextBeat, DefaultPolicy(), 1_000_000, false, 0.5, 25 * time.Second},
		{"with a longer lease, the fleet decides", Policy.NextBeat, slow, 30_000, false, 0.5, time.Minute},
		{"down to a third of it", Policy.NextBeat, slow, 1_000_000, false, 0.5, 250 * time.Second / 3},
		{"with a short one, a third of it", Policy.NextBeat, short, 1, false, 0.5, 25 * time.Second / 9},
		{"one that returned beats soon", Policy.NextBeat, DefaultPolicy(), 0, true, 0, 3 * time.Second},
		{"or not so soon", Policy.NextBeat, DefaultPolicy(), 0, true, 0.5, 16500 * time.Millisecond},
		{"the soonest poll", Policy.NextPoll, DefaultPolicy(), 0, false, 0, 5 * time.Second},
		{"ten thousand poll", Policy.NextPoll, DefaultPolicy(), 10_000, false, 0.5, 20 * time.Second},
		{"a million poll", Policy.NextPoll, DefaultPolicy(), 1_000_000, false, 0.5, 25 * time.Second},
		{"half of what mail may wait is the end", Policy.NextPoll, short, 1_000_000, false, 0.5, 5 * time.Second / 3},
	} {
		if got := c.next(c.p, c.agents, c.returned, c.random); (got - c.want).Abs() > time.Microsecond {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if !DefaultPolicy().FleetMatters() || short.FleetMatters() {
		t.Error("the fleet matters to the default policy, and not to one with a short lease")
	}
}

// paceOf is a policy and a fleet, and one of its two paces with its bounds.
type paceOf struct {
	p                 Policy
	agents            int
	next              func(agents int, returned bool, random float64) time.Duration
	shortest, longest time.Duration
}

func drawPace(t *rapid.T) (c paceOf) {
	p := DefaultPolicy()
	p.LeaseTTL = time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "lease"))
	p.DeliveryObjective = time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "objective"))
	p.FleetRate = rapid.Float64Range(1, 1e6).Draw(t, "rate")
	c = paceOf{p: p, agents: rapid.IntRange(0, 1e7).Draw(t, "agents")}
	c.next, c.shortest, c.longest = p.NextBeat, p.ShortestBeat, p.LeaseTTL/3
	if rapid.Bool().Draw(t, "polls") {
		c.next, c.shortest, c.longest = p.NextPoll, p.ShortestPoll, min(p.LeaseTTL/3, p.DeliveryObjective/2)
	}
	return c
}

// spread are the paces of many agents that were answered at once.
func (c paceOf) spread(returned bool) (out []time.Duration, mean float64) {
	const herd = 1000
	for i := range herd {
		d := c.next(c.agents, returned, (float64(i)+0.5)/herd)
		out, mean = append(out, d), mean+d.Seconds()/herd
	}
	return out, mean
}

// An agent that calls when it is asked to never loses its lease for one late call, and does not call more often than
// the policy wants. A larger fleet is never asked to call more often.
func TestAPaceIsWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawPace(t)
		random := rapid.Float64Range(0, 0.999999).Draw(t, "random")
		got, least := c.next(c.agents, false, random), min(c.shortest, c.longest*2/3)
		if got < least-time.Microsecond || got > c.longest {
			t.Fatalf("%s, from %s to %s", got, least, c.longest)
		}
		if more := c.next(2*c.agents, false, random); more < got {
			t.Fatalf("%s for %d agents, %s for twice as many", got, c.agents, more)
		}
		if back := c.next(c.agents, true, random); back < c.longest/10-1 || back > c.longest {
			t.Fatalf("one that returned: %s of %s", back, c.longest)
		}
	})
}

// A fleet that the bounds leave a choice makes as many calls as its rate; a smaller one makes fewer.
func TestAFleetCallsAtItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawPace(t)
		_, mean := c.spread(false)
		rate := float64(c.agents) / mean
		quickest, slowest := means(c.shortest, c.longest)
		switch every := float64(c.agents) / c.p.FleetRate * float64(time.Second); {
		case every <= quickest && rate > c.p.FleetRate*1.001:
			t.Fatalf("a small fleet makes %g calls a second, more than %g", rate, c.p.FleetRate)
		case every > quickest && every < slowest && math.Abs(rate-c.p.FleetRate) > c.p.FleetRate/1000:
			t.Fatalf("%g calls a second, not %g", rate, c.p.FleetRate)
		}
	})
}

// Agents that were answered at the same moment do not call at the same moment: no tenth of the time in which they call
// has more than a tenth of them.
func TestAPaceSpreadsAHerd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawPace(t)
		returned := rapid.Bool().Draw(t, "returned")
		calls, mean := c.spread(returned)
		first, last := calls[0], calls[len(calls)-1]
		least := 0.4 * mean
		if returned {
			least = 0.9 * c.longest.Seconds()
		}
		if width := (last - first).Seconds(); width < 0.99*least {
			t.Fatalf("a herd is spread over %g s only, not over %g s", width, least)
		}
		var tenths [10]int
		for _, d := range calls {
			tenths[min(9, int(10*(d-first)/(last-first+1)))]++
		}
		for _, n := range tenths {
			if n > len(calls)/10+2 {
				t.Fatalf("a herd is not spread: %v", tenths)
			}
		}
	})
}

// A removed workspace has no agent that calls; one that is silent counts for a while, as after an outage all return.
func TestWhoCalls(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		f    Facts
		want bool
	}{
		{"its lease runs", Facts{Liveness: Liveness{LeaseUntil: now.Add(time.Minute)}}, true},
		{"silent for some minutes", Facts{Liveness: Liveness{LeaseUntil: now.Add(-10 * time.Minute)}}, true},
		{"silent for hours", Facts{Liveness: Liveness{LeaseUntil: now.Add(-time.Hour)}}, false},
		{"it never called", Facts{}, false},
		{"removed", Facts{Identity: Identity{Hold: Removed}, Liveness: Liveness{LeaseUntil: now.Add(time.Minute)}}, false},
		{"paused", Facts{Identity: Identity{Hold: Paused}, Liveness: Liveness{LeaseUntil: now.Add(time.Minute)}}, true},
	} {
		if got := c.f.Calls(now); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
