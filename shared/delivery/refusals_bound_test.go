package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

// However many senders are refused, few are remembered, and the one that was refused last is.
func TestFewRefusalsAreRemembered(t *testing.T) {
	var r Refusals
	now := time.Now()
	for i := range 5 * maxRefusals / 2 {
		m := chat.Message{Workspace: "w", Source: fmt.Sprint("s", i)}
		r.note(m, refusal{at: now})
		if r.of(m, now) == nil || len(r.known) > maxRefusals {
			t.Fatalf("%d are remembered after %d", len(r.known), i)
		}
	}
	m := chat.Message{Workspace: "w", Source: "s"}
	r.note(m, refusal{at: now})
	for age, want := range map[time.Duration]bool{-time.Second: false, 0: true, refusalFor - 1: true, refusalFor: false} {
		if got := r.of(m, now.Add(age)) != nil; got != want {
			t.Errorf("remembered after %s: %t", age, got)
		}
	}
	m.Probe = true
	if r.of(m, now) != nil {
		t.Error("a probe, which has a place of its own, is refused")
	}
	(*Refusals)(nil).note(m, refusal{at: now}) // who has none looks each time
	if (*Refusals)(nil).of(m, now) != nil {
		t.Error("remembered by nobody")
	}
}
