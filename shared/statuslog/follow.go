package statuslog

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
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

// Follow lists the fleet's log after a number, in order. While there is nothing it waits, for as long as wait says and
// the function runs. Errors: cursor_gone when the log doesn't go on from the number, platform_unavailable.
func (l *Log) Follow(ctx context.Context, since int64, limit int, wait time.Duration) ([]Change, error) {
	found, err := l.Changes(ctx, since, limit)
	if err == nil && len(found) == 0 {
		err = l.endsAt(ctx, since)
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
	if since > 0 && len(found) > 0 && found[0].Seq != since+1 {
		return nil, cursorGone(since)
	}
	return found, nil
}

// endsAt refuses a number at which the log, that has nothing after it, does not end: it is another log's. Who follows
// must not be left to believe that nothing happened. Error: cursor_gone.
func (l *Log) endsAt(ctx context.Context, since int64) error {
	if since == 0 {
		return nil
	}
	latest, err := l.LatestChange(ctx)
	if err == nil && latest != since {
		err = cursorGone(since)
	}
	return err
}

func cursorGone(since int64) error {
	return fault.New(fault.CursorGone, "the log no longer has what came after %d", since).
		WithHint("read the fleet again (GET /workspaces), then follow from GET /events without since", "drop_cursor")
}
