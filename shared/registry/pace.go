package registry

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// fleetSizeFor is how long a process uses the size of the fleet that it read, and fleetSizePatience how long an answer
// waits for it: it fails no call.
const (
	fleetSizeFor      = time.Minute
	fleetSizePatience = time.Second
)

// fleetSize is how many agents call, as far as this process knows.
type fleetSize struct {
	mu     sync.Mutex
	agents int
	readAt time.Time
}

// NextBeat is in how long the agent is asked to send its next heartbeat, at least one second.
func (r *Registry) NextBeat(ctx context.Context, f workspace.Facts, now time.Time) time.Duration {
	return inSeconds(r.Policy.NextBeat(r.agents(ctx, now), f.Returned(now), r.Clock.Random()))
}

// NextPoll is in how long the agent is asked to poll again that was handed nothing, at least one second.
func (r *Registry) NextPoll(ctx context.Context, f workspace.Facts, now time.Time) time.Duration {
	return inSeconds(r.Policy.NextPoll(r.agents(ctx, now), f.Returned(now), r.Clock.Random()))
}

func inSeconds(d time.Duration) time.Duration { return max(time.Second, d.Truncate(time.Second)) }

// agents is how many agents call: read by the first call that asks for it in a minute, and only where it matters. While
// it can't be read, what was read last stands.
func (r *Registry) agents(ctx context.Context, now time.Time) int {
	if !r.Policy.FleetMatters() {
		return 0
	}
	r.size.mu.Lock()
	known, age := r.size.agents, now.Sub(r.size.readAt)
	due := age < 0 || age >= fleetSizeFor
	if due {
		r.size.readAt = now // other calls don't wait for this one
	}
	r.size.mu.Unlock()
	if !due {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, fleetSizePatience)
	defer cancel()
	agents, err := r.Fleets.Agents(ctx)
	if err != nil {
		return known
	}
	r.size.mu.Lock()
	r.size.agents = agents
	r.size.mu.Unlock()
	return agents
}
