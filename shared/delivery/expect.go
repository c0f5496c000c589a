package delivery

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// expect fills in what will happen to a message as it is now. One that has ended has nothing to expect: its state is
// what is said.
func (d *Delivery) expect(ctx context.Context, a *Accepted, f workspace.Facts, now time.Time) {
	p := d.Registry.Policy
	a.At, a.Expected, a.Why = now, "", ""
	a.Verdict, a.Mode = d.Registry.Assess(ctx, f, now), workspace.EffectiveMode(f, p, now)
	if a.Message.ID != "" && !a.Message.At(now).State.Open() {
		return
	}
	a.Expected, a.Why = workspace.Expect(f, a.Verdict, a.Mode.Effective, p, now)
	if a.Expected == workspace.ExpectWhenIdle && a.Message.At(now).State == chat.InFlight {
		a.Expected, a.Why = workspace.ExpectNow, "the agent has it, and has not answered yet"
	}
}
