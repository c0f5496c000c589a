package registry

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// fleetSample is how many leases stand for the fleet. The table's order is that
// of a hash of the ids, so that any page of it is a fair sample.
const fleetSample = 500

// fleetFor is how long one look at the fleet serves a process, at most; a grace
// is the time that the leases of one outage have to run out in before the first
// of them is judged, so a look must be much younger.
const fleetFor = 5 * time.Second

type fleetCache struct {
	mu sync.Mutex
	fl workspace.Fleet
}

// Amid is what is known of the fleet, for the verdicts over these workspaces. It
// costs nothing unless one of them fell silent: no other verdict asks for it. A
// platform that can't say how it is is suspected itself, so this has no error.
func (r *Registry) Amid(ctx context.Context, now time.Time, facts ...workspace.Facts) workspace.Fleet {
	for _, f := range facts {
		if v := workspace.Assess(f, r.Policy, now); v.Status == workspace.StatusOffline && v.Reason == workspace.ReasonLeaseExpired {
			return r.lookAtFleet(ctx, now)
		}
	}
	return workspace.Fleet{}
}

func (r *Registry) lookAtFleet(ctx context.Context, now time.Time) workspace.Fleet {
	r.fleet.mu.Lock()
	defer r.fleet.mu.Unlock()
	if age := now.Sub(r.fleet.fl.At); age >= 0 && age < min(fleetFor, r.Policy.Grace/6) {
		return r.fleet.fl
	}
	fl, err := r.Fleets.Fleet(ctx)
	if err == nil {
		var facts []workspace.Facts
		facts, _, err = r.Leases.Page(ctx, "", fleetSample)
		for _, f := range facts {
			fl.Sample(f)
		}
	}
	if err != nil {
		return workspace.Fleet{At: now, Broken: true}
	}
	fl.At = now
	r.fleet.fl = fl
	return fl
}

// Sweeping notes that a sweep begins, and tells what is known of the fleet.
func (r *Registry) Sweeping(ctx context.Context, now time.Time) (workspace.Fleet, error) {
	fl, err := r.Fleets.Fleet(ctx)
	if err != nil {
		return fl, err
	}
	fl = fl.Gap(r.Policy, now)
	if err := r.Fleets.Swept(ctx, fl); err != nil {
		return fl, err
	}
	r.fleet.mu.Lock()
	r.fleet.fl = workspace.Fleet{}
	r.fleet.mu.Unlock()
	next := fl.Next
	fl = r.lookAtFleet(ctx, now)
	fl.Next = next
	return fl, nil
}

// Assess is the verdict over one workspace amid the fleet.
func (r *Registry) Assess(ctx context.Context, f workspace.Facts, now time.Time) workspace.Verdict {
	return r.Amid(ctx, now, f).Assess(f, r.Policy, now)
}
