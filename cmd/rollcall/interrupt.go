package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/visible"
)

// interruption is the end of a command that a person interrupted during what changes something.
type interruption struct {
	what, next string
	maybe      bool // the call that was under way may have been done
}

// Error implements error.
func (i *interruption) Error() string {
	switch {
	case i.maybe && i.what != "":
		return interrupted + i.what + "; the call that was under way may have been done all the same"
	case i.maybe:
		return interrupted + "; it may have been done all the same"
	}
	return interrupted + cmp.Or(i.what, "; nothing was done")
}

// interrupted is what is said of a command that a person interrupted.
const interrupted = "interrupted"

// grace is for how long the answer of a call that changes something is waited for after an interrupt: so its outcome
// is known, and a credential that it made is shown. The platform answers most calls in less than a second.
const grace = 3 * time.Second

// finishing is ctx, but of a call that changes something it ends only when grace is over. end frees what it holds.
func (c *request) finishing(ctx context.Context) (finishing context.Context, end func()) {
	if c.reads() {
		return ctx, func() {}
	}
	finishing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-ended:
		case <-time.After(grace):
			cancel()
		}
	})
	return finishing, func() {
		stop()
		close(ended)
		cancel()
	}
}

// interrupted is the error of a call that was under way at an interrupt, or was to come after it.
func (c *request) interrupted(ctx context.Context) error {
	if c.reads() {
		return ctx.Err()
	}
	out := &interruption{maybe: c.wire.wrote.Load()}
	if out.maybe {
		out.next = looks(c.path) + " says whether it was done"
	}
	return out
}

// cut is the end of a command on several things at an interrupt, when done and failed of all were over. err is why the
// call for the next one, at, was not done.
func cut(verb string, done, failed, all int, at string, err error) error {
	out := &interruption{what: fmt.Sprintf(": %s was done for %d of %d", verb, done, all)}
	if failed > 0 {
		out.what += fmt.Sprintf(", and failed for %d", failed)
	}
	left := all - done - failed
	last := ""
	if under, ok := errors.AsType[*interruption](err); ok && under.maybe {
		left, out.next = left-1, under.next
		last = fmt.Sprintf("; for %s it may have been done", visible.Text(at))
	} else if waited, ok := errors.AsType[*outcome](err); ok { // it was done, and then waited for
		left--
		last = fmt.Sprintf("; %s: %s", visible.Text(at), waited)
	}
	if left > 0 {
		out.what += fmt.Sprintf(", and was not tried for %d", left)
	}
	out.what += last
	return out
}
