package delivery

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// inTurn is open mail in the order in which it is delivered now: by priority, then by acceptance. Each second turn is
// of what has waited for longer than the objective, the oldest first, whatever its priority is: so no sender can keep
// another's mail back with a high one.
func inTurn(open []OpenMessage, f workspace.Facts, p workspace.Policy, now time.Time) []OpenMessage {
	if (f.Delivered+f.Dead)%2 == 0 {
		return open
	}
	waited := func(m OpenMessage) int {
		if now.Sub(m.AcceptedAt) >= p.DeliveryObjective {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(open), func(a, b OpenMessage) int {
		if first := cmp.Compare(waited(a), waited(b)); first != 0 || waited(a) > 0 {
			return first
		}
		return cmp.Compare(a.Seq, b.Seq)
	})
}
