// Package retry runs a write again that lost a race against another one. It is
// the only place that does: whoever reads, decides and writes on the condition
// that nothing changed in between, does all three inside OnConflict.
package retry

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
)

// The pause before the next try doubles with each, from twice pauseBase up to
// pauseMax; a random part of it is taken.
const (
	pauseBase = 5 * time.Millisecond
	pauseMax  = time.Second
)

// OnConflict runs op until it succeeds or fails with something other than a
// conflict, at most tries times, with a pause before each further one. It
// returns the last error of op; when ctx ends in a pause, that is the conflict.
func OnConflict(ctx context.Context, c clock.Clock, tries int, op func() error) error {
	for try := 1; ; try++ {
		err := op()
		if final, ok := errors.AsType[*finalError](err); ok {
			return final.error
		}
		if fault.CodeOf(err) != fault.Conflict || try == tries || Pause(ctx, c, try) != nil {
			return err
		}
	}
}

// Pause waits before the try after the given one (from 1). It returns ctx's
// error when ctx ends first.
func Pause(ctx context.Context, c clock.Clock, try int) error {
	longest := min(pauseBase<<min(try, 8), pauseMax)
	return c.Sleep(ctx, time.Duration(c.Random()*float64(longest)))
}

// finalError ends OnConflict, whatever code it has.
type finalError struct{ error }

// Unwrap gives the error that OnConflict returns.
func (f *finalError) Unwrap() error { return f.error }

// Final marks an error of op that another try can't mend: OnConflict returns err
// at once, even when it is a conflict.
func Final(err error) error { return &finalError{err} }
