package workspace_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Calls are accepted and refused from any address, in any order, and somebody opens a window. Whoever opened it, and
// who reads the verdict while it is open, is told whom it is for. If calls from another address were refused within the
// lease's time, they are told that too, with the command that lets nobody in. Of a window that is for anyone, no
// address is said to be left out.
func TestWhoOpensAWindowIsToldWhomItLeavesOut(t *testing.T) {
	const leftOut = "and the window is not for them"
	addresses := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}
	rapid.Check(t, func(t *rapid.T) {
		f, now := live(nil), at(600)
		refusedAt := map[string]time.Time{} // the last that was noted, by address
		call := func() {
			now = now.Add(rapid.SampledFrom([]time.Duration{time.Second, 30 * time.Second, time.Hour}).Draw(t, "time"))
			from := rapid.SampledFrom(addresses).Draw(t, "from")
			with := rapid.SampledFrom([]string{"", "secret", "garbage"}).Draw(t, "with")
			var noted bool
			if f, noted = refuse(f, rapid.SampledFrom(refusalKinds).Draw(t, "kind"), from, with, now); noted {
				refusedAt[from] = now
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "calls before") {
			if rapid.Bool().Draw(t, "accepted") {
				f = beat(f, rapid.SampledFrom(addresses).Draw(t, "accepted from"), now)
			} else {
				call()
			}
		}
		before := f
		window := rapid.SampledFrom(append([]string{""}, addresses...)).Draw(t, "window for")
		f, _ = workspace.Repair(f, window, p, now)
		check := func(text string) {
			told := strings.Contains(text, leftOut)
			if !strings.Contains(text, window) || told && !strings.Contains(text, "rollcall repair w --show") ||
				told && window == "" {
				t.Fatalf("a window for %q: %s", window, text)
			}
			for address, at := range refusedAt {
				known := at.Equal(f.RefusedAt) || at.Equal(f.StrangerAt) // of each kind, the last is kept
				recent := now.Sub(at) < p.LeaseTTL
				if window != "" && address != window && known && recent && !(told && strings.Contains(text, address)) {
					t.Fatalf("a window for %s, and calls from %s are refused: %s", window, address, text)
				}
			}
		}
		check(workspace.AfterRepair(before, f, p, now))
		for range rapid.IntRange(0, 3).Draw(t, "calls after") {
			call()
		}
		if now.Before(f.BootstrapUntil) {
			check(workspace.Assess(f, p, now).Hint)
		}
	})
}

// Some agents register again and again when they are refused, and need no restart after a repair; what a person is told
// says whom to restart. The same stands in docs/operate.md and docs/agents.md.
func TestARestartIsAskedForWhereNoRegisterComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		repaired, _ := workspace.Repair(f, "10.0.0.1", p, now)
		next := workspace.AfterRepair(f, repaired, p, now)
		if !strings.HasPrefix(next, "restart the agent if it does not register again before the window ends: ") {
			t.Fatal(next)
		}
		v := workspace.Assess(repaired, p, now)
		if strings.Contains(v.Hint, "restart the agent, and its register") {
			t.Fatal(v.Hint)
		}
	})
}
