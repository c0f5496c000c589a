package registry_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Only the call that ends a silence spreads its drain: of many that come back at once,
// the drains begin one by one. A sender is promised a delivery now, and gets it.
func TestOnlyTheCallThatEndsASilenceSpreadsItsDrain(t *testing.T) {
	r := deployed()
	wakeups := &memory.Wakeups{}
	r.Wakeups, r.Clock = wakeups, memory.Clock{Time: func() time.Time { return t0 }, Chance: 0.5}
	back := t0.Add(123456789 * time.Nanosecond)
	f := workspace.Facts{
		Identity:    workspace.Identity{ID: "w", Pushable: true},
		Credentials: workspace.Credentials{Credential: [32]byte{1}},
		Liveness: workspace.Liveness{
			HeartbeatAt: back.Truncate(time.Millisecond), RecoveredAt: back.Truncate(time.Millisecond),
			LeaseUntil: back.Add(r.Policy.LeaseTTL),
		},
		Mailbox: workspace.Mailbox{Counters: workspace.Counters{Accepted: 1, Open: 1}, OldestOpen: t0},
	}
	for _, c := range []struct {
		cause string
		at    time.Time
		after time.Duration
	}{
		{"heartbeat", back, 5 * time.Second},
		{"enqueue", back.Add(time.Second), 0},
		{"heartbeat", back.Add(r.Policy.ShortestBeat), 0},
	} {
		r.WakeIfDeliverable(t.Context(), f, c.cause, c.at)
		if sent := wakeups.Take(); len(sent) != 1 || sent[0].After != c.after {
			t.Errorf("%s at %s: %+v", c.cause, c.at, sent)
		}
	}
}
