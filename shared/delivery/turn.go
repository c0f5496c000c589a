package delivery

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// inTurn is open mail in the order in which it is delivered now: by priority, then by acceptance. Each second push
// is of what has waited for longer than the objective, the oldest first, whatever its priority is: so no sender keeps
// back the mail of another with a high one, whatever becomes of what was pushed. Of one priority the order of
// acceptance holds in each turn, whatever a clock said when a message was accepted.
func inTurn(open []OpenMessage, f workspace.Facts, p workspace.Policy, now time.Time) []OpenMessage {
	if !f.PriorityHadTurn {
		return open
	}
	var waited, others []OpenMessage
	young := map[chat.Priority]bool{} // those of which an earlier message has not waited so long
	for _, m := range open {
		if !young[m.Priority] && now.Sub(m.WaitsSince) >= p.DeliveryObjective {
			waited = append(waited, m)
			continue
		}
		young[m.Priority] = true
		others = append(others, m)
	}
	slices.SortStableFunc(waited, func(a, b OpenMessage) int { return cmp.Compare(a.Seq, b.Seq) })
	return append(waited, others...)
}
