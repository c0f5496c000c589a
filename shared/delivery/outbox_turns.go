package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
)

// Of a workspace's outbox a drain does outboxAtOnce items at a time and outboxAtMost in all. Of those for one
// receiver it does outboxOfOne at a time, and in all its even share. It begins none after outboxFor.
const (
	outboxAtOnce, outboxOfOne, outboxAtMost = 8, 4, 64
	outboxFor                               = 3 * time.Second
)

// tellPatience is how long after a message ended its end is told to a receiver that has to be left alone: its inbox is
// full, or its server lets calls hang.
const tellPatience = time.Hour

// late reports whether an end is not told any more while its receiver is left alone.
func (i OutboxItem) late(now time.Time) bool { return now.Sub(i.EndedAt) >= tellPatience }

// turn is an item of the outbox that is due. held says that its receiver is left alone: a death is announced all the
// same, and what is late is given up.
type turn struct {
	OutboxItem
	held bool
}

// turnsOf are the items that are due, in a list for each receiver. What one receiver does keeps no other one waiting,
// so one that holds loses its turns until the next try is due, and then that try alone comes first.
func turnsOf(items []OutboxItem, now time.Time) map[string][]turn {
	holds := map[string]bool{}
	for _, item := range items {
		if item.Holds && item.RestsUntil.After(now) {
			holds[item.Receiver] = true
		}
	}
	turns := map[string][]turn{}
	for _, item := range items {
		held := holds[item.Receiver]
		if due := !held && !item.RestsUntil.After(now); item.Dead || due || held && item.late(now) {
			turns[item.Receiver] = append(turns[item.Receiver], turn{item, held})
		}
	}
	return turns
}

// clearing does what is due of the outboxes of one workspace, in fair turns of the receivers: each begins with one
// item, and has twice as many at a time after all of those were done, up to outboxOfOne. One that holds has no more
// turns.
type clearing struct {
	clock  clock.Clock
	until  time.Time
	places *semaphore.Weighted
	budget atomic.Int64
	done   atomic.Int64 // items that were begun, and after which their receiver does not hold
	left   atomic.Int64 // items that are due and were not begun
}

func (d *Delivery) newClearing() *clearing {
	c := &clearing{
		clock: d.Clock, until: d.Clock.Now().Add(outboxFor), places: semaphore.NewWeighted(outboxAtOnce),
	}
	c.budget.Store(outboxAtMost)
	return c
}

// clear does items. do reports whether the receiver of one holds; its errors are joined.
func (c *clearing) clear(ctx context.Context, items []OutboxItem, do func(turn) (holds bool, err error)) error {
	turns := turnsOf(items, c.clock.Now())
	receivers := make([]string, 0, len(turns))
	for receiver := range turns { // in the order of a map: any
		receivers = append(receivers, receiver)
	}
	var mu sync.Mutex
	var failed []error
	var g errgroup.Group
	for _, receiver := range receivers {
		of := c.inOrder(turns[receiver])
		share := of[:min(len(of), max(1, outboxAtMost/len(receivers)))]
		c.left.Add(int64(len(of) - len(share)))
		g.Go(fault.Contained(func() error {
			c.inTurn(ctx, share, func(t turn) (holds bool) {
				err := fault.Contain(func() (err error) {
					holds, err = do(t)
					return err
				})
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed = append(failed, err)
				}
				return holds
			})
			return nil
		}))
	}
	err := g.Wait()
	return errors.Join(append(failed, err)...)
}

// inOrder puts the turns of one receiver in order: deaths, which keep nobody waiting; then the tries that it rested
// for; then the others at random, so that none is always the last.
func (c *clearing) inOrder(turns []turn) []turn {
	rank := func(t turn) int {
		switch {
		case t.Dead:
			return 0
		case t.Holds:
			return 1
		}
		return 2
	}
	for i := len(turns) - 1; i > 0; i-- { // Fisher-Yates
		j := int(c.clock.Random() * float64(i+1))
		turns[i], turns[j] = turns[j], turns[i]
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return rank(a) - rank(b) })
	return turns
}

// inTurn does the turns of one receiver.
func (c *clearing) inTurn(ctx context.Context, turns []turn, do func(turn) (holds bool)) {
	var holds atomic.Bool
	for size := 1; len(turns) > 0 && !holds.Load(); size = min(2*size, outboxOfOne) {
		var g errgroup.Group
		batch := turns[:min(size, len(turns))]
		for _, t := range batch {
			if !c.begins(ctx) {
				c.left.Add(int64(len(turns)))
				_ = g.Wait() // it has no errors
				return
			}
			turns = turns[1:]
			g.Go(fault.Contained(func() error {
				defer c.places.Release(1)
				if do(t) {
					holds.Store(true)
				} else {
					c.done.Add(1)
				}
				return nil
			}))
		}
		_ = g.Wait() // it has no errors
	}
}

// begins takes a place for an item, if one may still begin.
func (c *clearing) begins(ctx context.Context) bool {
	if c.places.Acquire(ctx, 1) != nil {
		return false
	}
	if c.clock.Now().After(c.until) || c.budget.Add(-1) < 0 {
		c.places.Release(1)
		return false
	}
	return true
}
