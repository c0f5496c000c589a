package registry

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// fleetSampleSize is how many leases stand for the fleet. The table's order is that
// of a hash of the ids, so that any page of it is a fair sample.
const fleetSampleSize = 500

// fleetCacheFor is how long a process uses one sample of the fleet, at most; it is
// less where the policy's grace is short. The leases that an outage ends run out
// one after another, and the first is judged when its grace is over. A sample that
// is much younger than a grace has seen most of the others run out too.
const fleetCacheFor = 5 * time.Second

type fleetCache struct {
	mu sync.Mutex
	fl workspace.Fleet
}

// FleetContext is what is known of the fleet, for the verdicts over these workspaces. It
// costs nothing unless one of them fell silent: no other verdict asks for it. A
// platform that can't say how it is is suspected itself, so this has no error.
func (r *Registry) FleetContext(ctx context.Context, now time.Time, facts ...workspace.Facts) workspace.Fleet {
	for _, f := range facts {
		status, reason := workspace.Fleet{}.Stands(f, r.Policy, now)
		if status == workspace.StatusOffline && reason == workspace.ReasonLeaseExpired {
			return r.sampleFleet(ctx, now)
		}
	}
	return workspace.Fleet{}
}

func (r *Registry) sampleFleet(ctx context.Context, now time.Time) workspace.Fleet {
	r.fleet.mu.Lock()
	defer r.fleet.mu.Unlock()
	if age := now.Sub(r.fleet.fl.SampledAt); age >= 0 && age < min(fleetCacheFor, r.Policy.Grace/6) {
		return r.fleet.fl
	}
	fl, err := r.Fleets.Fleet(ctx)
	if err == nil {
		var facts []workspace.Facts
		facts, _, err = r.Leases.Scan(ctx, workspace.All, "", fleetSampleSize)
		for _, f := range facts {
			fl.Sample(f)
		}
	}
	if err != nil {
		return workspace.Fleet{SampledAt: now, StoreFailed: true}
	}
	fl.SampledAt = now
	r.fleet.fl = fl
	return fl
}

// BeginSweep notes that a sweep begins, and tells what is known of the fleet.
func (r *Registry) BeginSweep(ctx context.Context, now time.Time) (workspace.Fleet, error) {
	fl, err := r.Fleets.Fleet(ctx)
	if err != nil {
		return fl, err
	}
	fl = fl.NoteSweep(r.Policy, now)
	if err := r.Fleets.NoteSweep(ctx, fl); err != nil {
		return fl, err
	}
	r.fleet.mu.Lock()
	r.fleet.fl = workspace.Fleet{}
	r.fleet.mu.Unlock()
	sampled := r.sampleFleet(ctx, now)
	fl.SampledAt, fl.StoreFailed = sampled.SampledAt, sampled.StoreFailed
	fl.LeaseEnds, fl.LastSignalAt, fl.SweeperOnly = sampled.LeaseEnds, sampled.LastSignalAt, sampled.SweeperOnly
	return fl, nil
}

// SweptFleet tells a worker of a sweep what is known of the fleet.
func (r *Registry) SweptFleet(ctx context.Context, now time.Time) workspace.Fleet {
	return r.sampleFleet(ctx, now)
}

// Health is how the platform itself is.
type Health struct {
	SweepEndedAt time.Time // when the last sweep ended; zero: none has
	// SweeperSilent says that no sweep has ended for so long that silent agents,
	// waiting mail and changes of status may be overlooked.
	SweeperSilent bool
}

// Health asks the store how the platform is. Error: platform_unavailable.
func (r *Registry) Health(ctx context.Context, now time.Time) (Health, error) {
	fl, err := r.Fleets.Fleet(ctx)
	if err != nil {
		return Health{}, err
	}
	sample := 1 // only to see that the leases can be read
	if fl.SweepEndedAt.IsZero() {
		sample = fleetSampleSize
	}
	facts, _, err := r.Leases.Page(ctx, "", sample)
	if err != nil {
		return Health{}, err
	}
	var oldest time.Time
	for _, f := range facts {
		if oldest.IsZero() || f.CreatedAt.Before(oldest) {
			oldest = f.CreatedAt
		}
	}
	return Health{fl.SweepEndedAt, fl.SweeperSilent(r.Policy, oldest, now)}, nil
}

// Assess is the verdict over one workspace amid the fleet.
func (r *Registry) Assess(ctx context.Context, f workspace.Facts, now time.Time) workspace.Verdict {
	return r.FleetContext(ctx, now, f).Assess(f, r.Policy, now)
}
