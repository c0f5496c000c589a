package workspace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNextCall(t *testing.T) {
	slow := DefaultPolicy()
	slow.LeaseTTL = 5 * time.Minute
	for _, c := range []struct {
		name     string
		p        Policy
		agents   int
		returned bool
		random   float64
		want     time.Duration
	}{
		{"the soonest", DefaultPolicy(), 0, false, 0, 20 * time.Second},
		{"as a rule", DefaultPolicy(), 0, false, 0.5, 25 * time.Second},
		{"a third of the lease is the end", DefaultPolicy(), 1_000_000, false, 0.5, 25 * time.Second},
		{"a small fleet calls as often as policy says", slow, 100, false, 0.5, 30 * time.Second},
		{"a larger one calls less often", slow, 60_000, false, 0.5, 60 * time.Second},
		{"down to a third of the lease", slow, 1_000_000, false, 0.5, 250 * time.Second / 3},
		{"one that returned calls soon", DefaultPolicy(), 0, true, 0, 3 * time.Second},
		{"or not so soon", DefaultPolicy(), 0, true, 0.5, 16500 * time.Millisecond},
	} {
		if got := c.p.NextCall(c.agents, c.returned, c.random); (got - c.want).Abs() > time.Microsecond {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// An agent that calls when it is asked to never loses its lease for one late call, and a larger fleet is never asked to
// call more often.
func TestAPaceIsWithinAThirdOfTheLease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := DefaultPolicy()
		p.LeaseTTL = time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "lease"))
		p.HeartbeatEvery = time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "every"))
		p.FleetRate = rapid.Float64Range(0, 1e6).Draw(t, "rate")
		agents, returned := rapid.IntRange(0, 1e7).Draw(t, "agents"), rapid.Bool().Draw(t, "returned")
		random := rapid.Float64Range(0, 0.999999).Draw(t, "random")
		got := p.NextCall(agents, returned, random)
		if got < 0 || got > p.LeaseTTL/3 {
			t.Fatalf("%s of a lease of %s", got, p.LeaseTTL)
		}
		if more := p.NextCall(2*agents, returned, random); more < got {
			t.Fatalf("%s for %d agents, %s for twice as many", got, agents, more)
		}
	})
}
