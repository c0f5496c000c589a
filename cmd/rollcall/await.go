package main

import (
	"context"
	"time"
)

// await calls read until it reports done, or until patience has passed. When the
// platform fails meanwhile, await asks again; the first failure is printed.
func (a *app) await(
	ctx context.Context, patience, every time.Duration, read func(context.Context) (done bool, err error),
) (bool, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for warned := false; ; {
		done, err := read(within)
		switch {
		case done:
			return true, nil
		case within.Err() != nil:
			return false, ctx.Err()
		case err != nil && !temporary(err):
			return false, err
		case err != nil && !warned:
			a.warnRetry(err)
			warned = true
		}
		pause(within, every)
	}
}

// warnRetry prints a failure after which the call is made again.
func (a *app) warnRetry(err error) { a.warn("%v; asking again", err) }

// pause waits for d. It reports false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
