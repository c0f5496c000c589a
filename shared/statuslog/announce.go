package statuslog

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
)

// AnnounceAtOnce is the most changes of one call that announces: EventBridge takes ten events in a call.
const AnnounceAtOnce = 10

const (
	announceFor   = time.Minute     // how long one caller has the right to announce
	announcePage  = 10 * PageSize   // the changes whose events go out before that is noted
	announceCalls = 10              // that are made at the same time
	announceTries = 3               // for an event that is not taken
	announceSpare = 3 * time.Second // what is left of a function's time when no further page is begun
)

// Announce sends out what was recorded and not announced, a page after the other, and notes after each how far it is.
// One caller does so at a time. A crash between the events of a page and its note lets these go out twice; none is left
// out. Events that are not taken are sent again, alone; when they still are not, they are the first of the next call.
func (l *Log) Announce(ctx context.Context) error {
	latest, pending, err := l.pending(ctx)
	if err != nil || !pending {
		return err
	}
	now := l.Clock.Now()
	until := now.Add(announceFor)
	taken, err := l.TakeRight(ctx, Announcing, now, until)
	if err != nil || !taken {
		return err
	}
	return errors.Join(l.announcePages(ctx, until, latest), l.GiveBack(ctx, Announcing, until))
}

// pending reports whether anything was recorded that is not announced: a right that is not needed is not taken. latest
// is the number of the last change.
func (l *Log) pending(ctx context.Context) (latest int64, pending bool, err error) {
	if latest, err = l.LatestChange(ctx); err != nil {
		return 0, false, err
	}
	done, err := l.Announced(ctx)
	return latest, done.Last < latest, err
}

// announcePages announces for as long as its right and its function last. Of the changes up to latest, those that the
// log no longer keeps are skipped.
func (l *Log) announcePages(ctx context.Context, until time.Time, latest int64) error {
	done, err := l.Announced(ctx) // again: who had the right until now may have gone on
	for err == nil && l.Clock.Now().Before(until.Add(-announceFor/2)) {
		if left, ends := clock.Left(ctx); ends && left < announceSpare {
			return nil
		}
		var page []Change
		page, err = l.Changes(ctx, done.Last, announcePage)
		switch {
		case err != nil:
			return err
		case len(page) == 0 && done.Last < latest:
			return l.NoteAnnounced(ctx, until, Announced{Last: latest})
		case len(page) == 0:
			return nil
		}
		var failed error
		done, failed = l.announcePage(ctx, page, done)
		err = errors.Join(failed, l.NoteAnnounced(ctx, until, done))
	}
	return err
}

// announcePage sends a page's events but for those that are sent already. It returns how far the log is announced then.
func (l *Log) announcePage(ctx context.Context, page []Change, done Announced) (Announced, error) {
	due := slices.DeleteFunc(slices.Clone(page), func(c Change) bool { return slices.Contains(done.Ahead, c.Seq) })
	var calls [][]Change
	for call := range slices.Chunk(due, AnnounceAtOnce) {
		calls = append(calls, call)
	}
	refused := make([][]Change, len(calls))
	errs := make([]error, len(calls))
	var g errgroup.Group
	g.SetLimit(announceCalls)
	for i, call := range calls {
		g.Go(func() error {
			errs[i] = fault.Contain(func() (err error) {
				refused[i], err = l.send(ctx, call)
				return err
			})
			return nil
		})
	}
	_ = g.Wait() // errors are in errs
	return done.after(page, slices.Concat(refused...)), errors.Join(errs...)
}

// send sends one call's events, and those that are not taken again, alone.
func (l *Log) send(ctx context.Context, due []Change) (refused []Change, err error) {
	for try := 1; ; try++ {
		if due, err = l.Announcer.Announce(ctx, due); len(due) == 0 {
			return nil, nil
		}
		if try == announceTries || retry.Pause(ctx, l.Clock, try) != nil {
			return due, err
		}
	}
}

// after is how far the log is announced when all of a page is but for those that were refused.
func (a Announced) after(page, refused []Change) Announced {
	isRefused := map[int64]bool{}
	for _, c := range refused {
		isRefused[c.Seq] = true
	}
	out, ahead := Announced{Last: a.Last}, false
	for _, c := range page {
		switch {
		case isRefused[c.Seq]:
			ahead = true
		case ahead:
			out.Ahead = append(out.Ahead, c.Seq)
		default:
			out.Last = c.Seq
		}
	}
	return out
}
