package sweep

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// wake sends a wake-up for a workspace whose mail can be pushed now and whom no
// drain is at, or whose ended messages leave something to do.
func (r *run) wake(ctx context.Context, f workspace.Facts, now time.Time) error {
	if !r.wakeDue(f, now) {
		return nil
	}
	var after time.Duration
	r.count(func(out *Result) {
		after = wakeDelay(out.Woken, r.Clock.Random())
		out.Woken++
	})
	return r.Registry.Wakeups.Send(ctx, f.ID, "sweep", after)
}

func (r *run) wakeDue(f workspace.Facts, now time.Time) bool {
	idle := r.Delivery.WhyNotPush(f, now) == "" && !f.Delivering(r.Registry.Policy, now)
	return idle || f.OutboxItems > 0 || f.FinishedLives != f.Lives
}

// A sweep's wake-ups are spread over its minute, so that a fleet that comes back
// at once does not have all its drains begin in one second: wakesPerSecond of
// them begin each second, at random within it, and none later than wakeWithin.
const (
	wakesPerSecond = 25
	wakeWithin     = 45 * time.Second
)

// wakeDelay is the delay of a sweep's n-th wake-up; random is in [0, 1).
func wakeDelay(n int, random float64) time.Duration {
	if n < wakesPerSecond {
		return 0
	}
	seconds := (float64(n) + random*wakesPerSecond) / wakesPerSecond
	return min(time.Duration(seconds*float64(time.Second)), wakeWithin)
}
