package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// sized is a fleet whose size is read, and counts the reads.
type sized struct {
	registry.FleetStore
	agents, reads int
	err           error
}

func (s *sized) Agents(context.Context) (int, error) {
	s.reads++
	return s.agents, s.err
}

// The size of the fleet is read once a minute, however often agents call, and what was read last stands while it
// can't be read.
func TestTheFleetIsCountedOnceAMinute(t *testing.T) {
	fleet := &sized{agents: 10_000}
	reg := &registry.Registry{Policy: workspace.DefaultPolicy(), Clock: memory.Clock{Chance: 0.5}, Fleets: fleet}
	began := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	asks := func(at time.Duration, want time.Duration, reads int) {
		t.Helper()
		now := began.Add(at)
		if got := reg.NextPoll(t.Context(), workspace.Facts{}, now); got != want || fleet.reads != reads {
			t.Errorf("at %s: %s after %d reads, want %s after %d", at, got, fleet.reads, want, reads)
		}
	}
	asks(0, 20*time.Second, 1)
	fleet.agents = 100_000
	asks(59*time.Second, 20*time.Second, 1)
	asks(60*time.Second, 25*time.Second, 2)
	fleet.err = errors.New("the store is out of order")
	asks(2*time.Minute, 25*time.Second, 3)
	asks(2*time.Minute+time.Second, 25*time.Second, 3)
	fleet.agents, fleet.err = 0, nil
	asks(3*time.Minute, 6*time.Second, 4)
}

// Where the fleet's size changes nothing, nobody asks for it.
func TestAShortLeaseAsksForNoFleet(t *testing.T) {
	fleet := &sized{agents: 10_000}
	p := workspace.DefaultPolicy()
	p.LeaseTTL, p.DeliveryObjective = 2*time.Second, time.Second
	reg := &registry.Registry{Policy: p, Clock: memory.Clock{Chance: 0.5}, Fleets: fleet}
	if got := reg.NextBeat(t.Context(), workspace.Facts{}, time.Now()); got != time.Second || fleet.reads > 0 {
		t.Errorf("%s after %d reads", got, fleet.reads)
	}
}

// An agent is asked to call in whole seconds, at least one, and soon after it ended a silence.
func TestThePaceIsInWholeSeconds(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		ttl       time.Duration
		recovered time.Time
		random    float64
		want      time.Duration
	}{
		{90 * time.Second, time.Time{}, 0, 15 * time.Second},
		{90 * time.Second, time.Time{}, 0.999, 22 * time.Second},
		{90 * time.Second, now, 0, 3 * time.Second},
		{2 * time.Second, time.Time{}, 0.5, time.Second},
	} {
		p, f := workspace.DefaultPolicy(), workspace.Facts{}
		p.LeaseTTL, f.RecoveredAt = c.ttl, c.recovered
		reg := &registry.Registry{Policy: p, Clock: memory.Clock{Chance: c.random}, Fleets: &sized{}}
		if got := reg.NextBeat(t.Context(), f, now); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
