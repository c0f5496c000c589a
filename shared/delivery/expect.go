package delivery

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Expectation is what the sender of a message is told to expect.
type Expectation string

// What a sender may expect.
const (
	ExpectNow      Expectation = "now"
	ExpectNextPoll Expectation = "next_poll"
	ExpectWhenIdle Expectation = "when_idle"
	ExpectNobody   Expectation = "nobody_is_listening"
)

// expect fills in what will happen to a message accepted now.
func (d *Delivery) expect(ctx context.Context, a *Accepted, f workspace.Facts, now time.Time) {
	p := d.Registry.Policy
	a.Verdict, a.Mode = d.Registry.Assess(ctx, f, now), workspace.EffectiveMode(f, p, now)
	polls := a.Mode.Effective == workspace.Poll
	switch {
	case !a.Verdict.Reachable() || a.Verdict.Reason == workspace.ReasonInboxUnattended:
		a.Expected, a.Why = ExpectNobody, a.Verdict.Hint
	case polls && f.NotPolling(p, now) != "":
		a.Expected = ExpectNobody
		a.Why = "the agent is alive, but " + f.NotPolling(p, now) +
			": see that it polls, or register it with a URL so that mail can be pushed"
	case polls:
		a.Expected = ExpectNextPoll
	case f.Busy(p, now) >= f.Slots() || f.InFlight >= int64(f.Slots()):
		a.Expected = ExpectWhenIdle
	default:
		a.Expected = ExpectNow
	}
}
