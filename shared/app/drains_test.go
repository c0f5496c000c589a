package app

import "testing"

// Without shared helpers, ten drains of one run have eighty workers, and more memory than the run has (0240).
func TestTheDrainsOfAProcessShareTheirHelpers(t *testing.T) {
	if newBench(t).Delivery.Helpers == nil {
		t.Error("each drain has as many workers as it wants")
	}
}
