package delivery

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Of one priority the order of acceptance holds in each turn, whatever the clock said when a message was accepted.
func TestATurnKeepsTheOrderOfAPriority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		var open []OpenMessage
		for i, p := range []chat.Priority{chat.Critical, chat.Task} {
			for n := range rapid.IntRange(0, 5).Draw(t, "messages") {
				age := time.Duration(rapid.IntRange(-400, 400).Draw(t, "age")) * time.Second
				open = append(open, OpenMessage{Priority: p, Seq: int64(2*n + i), WaitsSince: now.Add(-age)})
			}
		}
		var f workspace.Facts
		f.PriorityHadTurn = rapid.Bool().Draw(t, "priority had its turn")
		turn := inTurn(open, f, workspace.DefaultPolicy(), now)
		if len(turn) != len(open) {
			t.Fatalf("%d of %d", len(turn), len(open))
		}
		last := map[chat.Priority]int64{chat.Critical: -1, chat.Task: -1}
		for _, m := range turn {
			if m.Seq < last[m.Priority] {
				t.Fatalf("%d comes after %d: %+v", m.Seq, last[m.Priority], turn)
			}
			last[m.Priority] = m.Seq
		}
	})
}
