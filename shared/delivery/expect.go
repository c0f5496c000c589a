package delivery

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// expect fills in what will happen to a message accepted now.
func (d *Delivery) expect(ctx context.Context, a *Accepted, f workspace.Facts, now time.Time) {
	p := d.Registry.Policy
	a.Verdict, a.Mode = d.Registry.Assess(ctx, f, now), workspace.EffectiveMode(f, p, now)
	a.Expected, a.Why = workspace.Expect(f, a.Verdict, a.Mode.Effective, p, now)
}
