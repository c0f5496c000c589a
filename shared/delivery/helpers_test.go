package delivery

import (
	"testing"

	"pgregory.net/rapid"
)

// However drains take helpers and give them back, together they have as many as one drain may have beside its first
// worker, and none is kept back while it is wanted.
func TestDrainsShareTheirHelpers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Helpers
		var out []int // what each drain at work has
		busy := 0
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			if len(out) > 0 && rapid.Bool().Draw(t, "a drain ends") {
				i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
				h.giveBack(out[i])
				busy -= out[i]
				out = append(out[:i], out[i+1:]...)
				continue
			}
			wanted := rapid.IntRange(0, maxWorkers-1).Draw(t, "wanted")
			got := h.take(wanted)
			out, busy = append(out, got), busy+got
			if want := min(wanted, maxWorkers-1-(busy-got)); got != want || busy >= maxWorkers {
				t.Fatalf("%d of %d wanted, not %d, and %d are at work", got, wanted, want, busy)
			}
		}
	})
}
