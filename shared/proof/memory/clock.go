package memory

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
)

// Clock shows the time that a test sets and takes no chances: Random is always
// the same. It really waits, as what is waited for runs in another goroutine.
type Clock struct {
	Time   func() time.Time
	Chance float64 // what Random answers
}

var _ clock.Clock = Clock{}

// Now implements clock.Clock.
func (c Clock) Now() time.Time { return c.Time() }

// Random implements clock.Clock.
func (c Clock) Random() float64 { return c.Chance }

// Sleep implements clock.Clock.
func (c Clock) Sleep(ctx context.Context, d time.Duration) error { return clock.System{}.Sleep(ctx, d) }
