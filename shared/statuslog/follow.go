package statuslog

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/waiting"
)

// A call that waits for a change looks at the log again after a pause, which chance spreads over look/2 either
// way of it, so that pages that were opened together don't look together.
const look = 2 * time.Second

// LongestWait is how long a call may wait for a change, and MaxReads how often it reads the store at most: at once, for
// the newest number, and after each of the shortest pauses.
const (
	LongestWait = 20 * time.Second
	MaxReads    = 2 + int((LongestWait+look*3/4-1)/(look*3/4))
)

// replyTime is how long before the end of its function a call stops to wait. A look that a hanging store holds up ends
// within it.
const replyTime = 5 * time.Second

// Follow lists the fleet's log after a number, in order and without a gap. The store forgets old changes one by one, in
// no order: what comes behind one that is gone is for who begins again. While there is nothing it waits, for as long as
// wait says and the function runs, in a place of its caller. Errors: cursor_gone when the log doesn't go on from the
// number, too_many_waits, platform_unavailable.
func (l *Log) Follow(
	ctx context.Context, since int64, limit int, wait time.Duration, place *waiting.Place,
) ([]Change, error) {
	found, err := l.Changes(ctx, since, limit)
	if err == nil && len(found) == 0 {
		found, err = l.goesOn(ctx, since, limit)
	}
	if err == nil && len(found) == 0 && wait > 0 {
		err = place.Take(ctx)
		defer place.GiveBack(ctx)
	}
	for waited := time.Duration(0); err == nil && len(found) == 0 && waited < wait; {
		pause := min(wait-waited, time.Duration((0.75+l.Clock.Random()/2)*float64(look)))
		if left, ends := clock.Left(ctx); ends && left < pause+replyTime {
			return nil, nil
		}
		if l.Clock.Sleep(ctx, pause) != nil {
			return nil, nil
		}
		waited += pause
		found, err = l.Changes(ctx, since, limit)
	}
	if err != nil {
		return nil, err
	}
	unbroken := 0
	for unbroken < len(found) && found[unbroken].Seq == since+int64(unbroken)+1 {
		unbroken++
	}
	if unbroken == 0 && len(found) > 0 {
		return nil, pastGone(since)
	}
	return found[:unbroken], nil
}

// goesOn checks that the log, which had nothing after a number, ends at it. Else it is another log's number, or what
// came after it is no longer kept: who follows must not be left to believe that nothing happened. A change that comes
// between the two reads is found by a third one. Error: cursor_gone.
func (l *Log) goesOn(ctx context.Context, since int64, limit int) ([]Change, error) {
	latest, err := l.LatestChange(ctx)
	if err != nil || latest == since {
		return nil, err
	}
	found, err := l.Changes(ctx, since, limit)
	switch {
	case err != nil || len(found) > 0:
	case since > latest:
		err = cursorGone("the log has not come as far as %d: it ends at %d, or the number is another log's", since, latest)
	default:
		err = pastGone(since)
	}
	return found, err
}

// Newest lists the newest changes that the log still has, in order and without a gap, and the number from which Follow
// goes on: that of the last change, though the log may no longer have it.
func (l *Log) Newest(ctx context.Context, limit int) (found []Change, last int64, err error) {
	if last, err = l.LatestChange(ctx); err != nil {
		return nil, 0, err
	}
	found, err = l.Changes(ctx, max(0, last-int64(limit)), limit)
	if n := len(found); n > 0 {
		last = max(last, found[n-1].Seq)
	}
	first := len(found)
	for first > 0 && found[first-1].Seq == last-int64(len(found)-first) {
		first--
	}
	return found[first:], last, err
}

func pastGone(since int64) error {
	return cursorGone("the log no longer has what came after %d", since)
}

func cursorGone(format string, args ...any) error {
	return fault.New(fault.CursorGone, format, args...).
		WithHint("read the fleet again (GET /workspaces), then follow from GET /events without since", "drop_cursor")
}
