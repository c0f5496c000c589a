package fault_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
)

// Each is done once, no more at a time than may be, and gives its own error; a panic is one.
func TestEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.IntRange(0, 2), 0, 30).Draw(t, "what each does")
		atOnce := rapid.IntRange(1, 5).Draw(t, "at once")
		failed := errors.New("failed")
		var under, most, done atomic.Int64
		errs := fault.Each(all, atOnce, func(i, what int) error {
			if what != all[i] {
				t.Errorf("%d is %d", i, what)
			}
			if now := under.Add(1); now > most.Load() {
				most.Store(now)
			}
			defer under.Add(-1)
			done.Add(1)
			switch what {
			case 1:
				return failed
			case 2:
				panic("a defect")
			}
			return nil
		})
		if int(done.Load()) != len(all) || len(errs) != len(all) || int(most.Load()) > atOnce {
			t.Fatalf("%d of %d done, %d errors, %d at once", done.Load(), len(all), len(errs), most.Load())
		}
		for i, err := range errs {
			want := slices.Contains([]int{1, 2}, all[i])
			if want != (err != nil) || errors.Is(err, failed) != (all[i] == 1) || fault.IsPanic(err) != (all[i] == 2) {
				t.Fatalf("%d: %v", all[i], err)
			}
		}
	})
}
