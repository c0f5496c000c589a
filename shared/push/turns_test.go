package push

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// However many answers have come, two are read through at a time, and each gets its turn.
func TestTwoAnswersAreReadAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reading, goOn := New(Private, Patience{}).reading, make(chan struct{})
		var begun, done atomic.Int32
		for range 5 {
			go reading.take(func() {
				begun.Add(1)
				<-goOn
				done.Add(1)
			})
		}
		for _, want := range []int32{2, 4, 5} {
			synctest.Wait()
			if n := begun.Load(); n != want {
				t.Fatalf("%d have begun, not %d", n, want)
			}
			for range min(2, 5-done.Load()) {
				goOn <- struct{}{}
			}
		}
	})
}
