// Package clock is where use cases get the time, chance and waiting from, so
// that a test decides all three. Any package may import it.
package clock

import (
	"context"
	"math/rand/v2"
	"time"
)

// Clock gives the time of the server. Times of clients decide nothing.
type Clock interface {
	// Now is the present time.
	Now() time.Time
	// Random is a number in [0, 1).
	Random() float64
	// Sleep waits for d. It returns ctx's error when ctx ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// Left is the time until ctx ends, and whether it ends at all. A deadline is in
// the machine's own time, from which a Clock may be set apart.
func Left(ctx context.Context) (time.Duration, bool) {
	deadline, ok := ctx.Deadline()
	return time.Until(deadline), ok
}

// System is the clock of the machine, moved by Offset: tests use an offset to
// see what a wrong clock does.
type System struct{ Offset time.Duration }

var _ Clock = System{}

// Now implements Clock.
func (s System) Now() time.Time { return time.Now().Add(s.Offset) }

// Random implements Clock.
func (System) Random() float64 { return rand.Float64() }

// Sleep implements Clock.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
