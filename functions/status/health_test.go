package main

import (
	"context"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A platform whose sweeper is dead says so; one that is new has time for its first
// sweep.
func TestHealthTellsOfTheSweeper(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) // when the cast was created
	env := fixture.Env(t)
	outage := env.Registry.Policy.OutageAfter
	at := start
	env.AnnounceTo(&memory.Announcer{})
	env.Sweeper.Clock = memory.Clock{Time: func() time.Time { return at }}
	ask := func() api.Health {
		t.Helper()
		out, err := health(env.Registry)(t.Context(), httpapi.Call{Now: at}, api.None{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, step := range []struct {
		after   time.Duration // since the start
		sweep   bool
		status  string
		sweeper string
	}{
		{0, false, "ok", "no sweep yet"},
		{outage, false, "ok", "no sweep yet"},
		{outage + time.Second, false, "degraded", "no sweep yet"},
		{outage + time.Minute, true, "ok", "the last sweep ended 0s ago"},
		{2*outage + time.Minute, false, "ok", "the last sweep ended 3m0s ago"},
		{2*outage + time.Minute + time.Second, false, "degraded", "the last sweep ended 3m1s ago"},
		{time.Hour, true, "ok", "the last sweep ended 0s ago"},
	} {
		at = start.Add(step.after)
		if step.sweep {
			if _, err := env.Sweeper.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h := ask()
		if h.Status != step.status || h.Sweeper != step.sweeper || (h.Hint != "") != (step.status == "degraded") {
			t.Errorf("after %s: %+v, want %s, %q", step.after, h, step.status, step.sweeper)
		}
		if step.sweep && !h.SweepEndedAt.Equal(at) {
			t.Errorf("after %s: the last sweep ended at %s", step.after, h.SweepEndedAt)
		}
	}
}

// Anyone may ask, so a flood of calls asks the store once in a few seconds.
func TestHealthIsKeptForSeconds(t *testing.T) {
	env := fixture.Env(t)
	counted := &countedFleets{FleetStore: env.Registry.Fleets}
	env.Registry.Fleets = counted
	ask := health(env.Registry)
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for i := range 100 {
		at := start.Add(time.Duration(i) * 100 * time.Millisecond)
		if _, err := ask(t.Context(), httpapi.Call{Now: at}, api.None{}); err != nil {
			t.Fatal(err)
		}
	}
	if counted.reads != 2 {
		t.Errorf("%d reads for a hundred calls in ten seconds", counted.reads)
	}
}

type countedFleets struct {
	registry.FleetStore
	reads int
}

func (c *countedFleets) Fleet(ctx context.Context) (workspace.Fleet, error) {
	c.reads++
	return c.FleetStore.Fleet(ctx)
}

// A platform with no workspace has nothing to sweep.
func TestHealthOfAnEmptyPlatform(t *testing.T) {
	env := fixture.Env(t)
	store := memory.NewStore(env.Registry.Policy)
	env.Registry.Leases, env.Registry.Fleets = store, store
	out, err := health(env.Registry)(t.Context(), httpapi.Call{Now: time.Now()}, api.None{})
	if err != nil || out.Status != "ok" || out.Sweeper != "no sweep yet" {
		t.Errorf("%+v, %v", out, err)
	}
}
