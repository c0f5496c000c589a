package delivery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
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

// rests reports whether the next try of an item is not due yet. A rest that was noted by a clock that jumped keeps
// nobody waiting.
func (i OutboxItem) rests(now time.Time) bool {
	return i.RestsUntil.After(now) && i.RestsSince.Sub(now) <= workspace.MaxSkew
}

// turn is an item of a part of the outbox that is due. held says that its receiver is left alone: a death is announced
// all the same, and what is late is given up.
type turn struct {
	OutboxItem
	part outboxPart
	held bool
}

// turnsOf are the items that are due, in a list for each receiver. What one receiver does keeps no other one waiting,
// so one that holds loses its turns until the next try is due, and then that try alone comes first. Of a life that is
// to be erased there is no next try, and nothing rests.
func turnsOf(items []turn, now time.Time) map[string][]turn {
	holds := map[string]bool{}
	for _, item := range items {
		if item.Holds && (item.part.last || item.rests(now)) {
			holds[item.Receiver] = true
		}
	}
	turns := map[string][]turn{}
	for _, item := range items {
		item.held = holds[item.Receiver]
		due := !item.held && !item.rests(now)
		if item.Dead || item.part.last || due || item.held && item.late(now) {
			turns[item.Receiver] = append(turns[item.Receiver], item)
		}
	}
	return turns
}

// clearing does what is due of the outboxes of one workspace, in fair turns of the receivers: each begins with one
// item, and has twice as many at a time after all of those were done, up to outboxOfOne. One that holds has no more
// turns. Callers who are not known may be any number of receivers: beside all others, they have as much as one of
// them.
type clearing struct {
	clock          clock.Clock
	until          time.Time
	known, unknown allowance
	done           atomic.Int64 // items that were done, or whose next try is set
	left           atomic.Int64 // items that are due and were not begun
}

// allowance is what receivers have together: how many items at a time, and how many in all.
type allowance struct {
	places *semaphore.Weighted
	most   int
	budget atomic.Int64
}

func (a *allowance) set(atOnce, most int) {
	a.places, a.most = semaphore.NewWeighted(int64(atOnce)), most
	a.budget.Store(int64(most))
}

func (d *Delivery) newClearing() *clearing {
	c := &clearing{clock: d.Clock, until: d.Clock.Now().Add(outboxFor)}
	c.known.set(outboxAtOnce, outboxAtMost)
	c.unknown.set(outboxOfOne, outboxAtMost/2)
	return c
}

// of is the allowance that a receiver has part in.
func (c *clearing) of(receiver string) *allowance {
	if strings.HasPrefix(receiver, unknownPrefix) {
		return &c.unknown
	}
	return &c.known
}

// clear does items. do reports whether the receiver of one holds; its errors are joined.
func (c *clearing) clear(
	ctx context.Context, items []turn, do func(turn) (holds bool, err error),
) error {
	turns := turnsOf(items, c.clock.Now())
	receivers := map[*allowance]int{}
	for receiver := range turns {
		receivers[c.of(receiver)]++
	}
	var mu sync.Mutex
	var failed []error
	var g errgroup.Group
	begun := map[*allowance]int{}
	for receiver, due := range turns { // in the order of a map: any
		from := c.of(receiver)
		if begun[from]++; begun[from] > from.most {
			c.left.Add(int64(len(due)))
			continue
		}
		share := c.inOrder(due)
		share = share[:min(len(due), max(1, from.most/receivers[from]))]
		c.left.Add(int64(len(due) - len(share)))
		g.Go(fault.Contained(func() error {
			c.inTurn(ctx, from, share, func(t turn) (ends bool) {
				var holds bool
				err := fault.Contain(func() (err error) {
					holds, err = do(t)
					return err
				})
				if err == nil {
					c.done.Add(1)
					return holds
				}
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
				return holds
			})
			return nil
		}))
	}
	err := g.Wait()
	return errors.Join(append(failed, err)...)
}

// inOrder puts the turns of one receiver in order: deaths, which keep nobody waiting; then the tries that it rested
// for; then the others at random, so that none is always the last. Why a receiver is left alone is given up after
// what it keeps waiting.
func (c *clearing) inOrder(turns []turn) []turn {
	rank := func(t turn) int {
		switch {
		case t.Dead:
			return 0
		case t.Holds && t.held:
			return 3
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
func (c *clearing) inTurn(ctx context.Context, from *allowance, turns []turn, do func(turn) (ends bool)) {
	var ends atomic.Bool
	for size := 1; len(turns) > 0 && !ends.Load(); size = min(2*size, outboxOfOne) {
		var g errgroup.Group
		for _, t := range turns[:min(size, len(turns))] {
			if !c.begins(ctx, from) {
				c.left.Add(int64(len(turns)))
				_ = g.Wait() // it has no errors
				return
			}
			turns = turns[1:]
			g.Go(fault.Contained(func() error {
				defer from.places.Release(1)
				if do(t) {
					ends.Store(true)
				}
				return nil
			}))
		}
		_ = g.Wait() // it has no errors
	}
}

// begins takes a place for an item, if one may still begin.
func (c *clearing) begins(ctx context.Context, from *allowance) bool {
	if from.places.Acquire(ctx, 1) != nil {
		return false
	}
	if c.clock.Now().After(c.until) || from.budget.Add(-1) < 0 {
		from.places.Release(1)
		return false
	}
	return true
}
