package retry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
)

// pauses is a clock that waits for nothing, and keeps what it was asked to wait.
type pauses struct{ slept []time.Duration }

func (*pauses) Now() time.Time  { return time.Time{} }
func (*pauses) Random() float64 { return 1 }
func (p *pauses) Sleep(ctx context.Context, d time.Duration) error {
	p.slept = append(p.slept, d)
	return ctx.Err()
}

func TestOnlyALostRaceIsRunAgain(t *testing.T) {
	conflict, other := fault.New(fault.Conflict, "moved"), errors.New("no store")
	for name, c := range map[string]struct {
		ends []error // of each try; the last one of all further ones too
		want error
		runs int
	}{
		"no race":                  {[]error{nil}, nil, 1},
		"won after two":            {[]error{conflict, conflict, nil}, nil, 3},
		"lost each time":           {[]error{conflict}, conflict, 5},
		"another error":            {[]error{conflict, other}, other, 2},
		"a race that is lost":      {[]error{retry.Final(conflict)}, conflict, 1},
		"another error, and final": {[]error{conflict, retry.Final(other)}, other, 2},
	} {
		runs, clk := 0, &pauses{}
		err := retry.OnConflict(t.Context(), clk, 5, func() error {
			runs++
			return c.ends[min(runs, len(c.ends))-1]
		})
		if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) || runs != c.runs || len(clk.slept) != runs-1 {
			t.Errorf("%s: %v after %d tries, with the pauses %v", name, err, runs, clk.slept)
		}
	}
}

// The pauses double up to a second, and the end of a call ends them.
func TestPauses(t *testing.T) {
	clk := &pauses{}
	for try := 1; try <= 20; try++ {
		if err := retry.Pause(t.Context(), clk, try); err != nil {
			t.Fatal(err)
		}
	}
	if clk.slept[0] != 10*time.Millisecond || clk.slept[1] != 20*time.Millisecond || clk.slept[19] != time.Second {
		t.Error(clk.slept)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runs, conflict := 0, fault.New(fault.Conflict, "moved")
	err := retry.OnConflict(ctx, clk, 5, func() error { runs++; return conflict })
	if !errors.Is(err, conflict) || runs != 1 {
		t.Errorf("%v after %d tries", err, runs)
	}
}
