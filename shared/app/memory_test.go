package app

import "testing"

func TestMemoryLimit(t *testing.T) {
	for size, want := range map[string]int64{"256": 192 << 20, "1769": 1769 << 20 / 4 * 3, "": 0, "x": 0, "-1": 0} {
		if got := memoryLimit(size); got != want {
			t.Errorf("%q: %d, want %d", size, got, want)
		}
	}
}
