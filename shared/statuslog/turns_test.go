package statuslog_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// contended is a store in which a write takes its time, and a transaction is cancelled that comes while another one
// writes the same number.
type contended struct {
	*fleet
	mu      sync.Mutex
	writing bool
	lost    int // pages
	written int
}

const (
	transaction = 25 * time.Millisecond
	oneCall     = 5 * time.Millisecond
)

func (c *contended) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	c.mu.Lock()
	busy := c.writing
	c.writing = true
	c.mu.Unlock()
	if busy {
		time.Sleep(oneCall)
		c.note(len(page), &statuslog.Lost{})
		return &statuslog.Lost{}
	}
	time.Sleep(transaction)
	err := c.fleet.AddChanges(ctx, page)
	c.mu.Lock()
	c.writing = false
	c.mu.Unlock()
	c.note(len(page), err)
	return err
}

// note counts pages, and not the changes of calls.
func (c *contended) note(size int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case size == 1:
	case err != nil:
		c.lost++
	default:
		c.written++
	}
}

func (c *contended) TakeRight(ctx context.Context, r statuslog.Right, now, until time.Time) (bool, error) {
	time.Sleep(oneCall)
	return c.fleet.TakeRight(ctx, r, now, until)
}

func (c *contended) GiveBack(ctx context.Context, r statuslog.Right, until time.Time) error {
	time.Sleep(oneCall)
	return c.fleet.GiveBack(ctx, r, until)
}

func (c *contended) LatestChange(ctx context.Context) (int64, error) {
	time.Sleep(oneCall)
	return c.fleet.LatestChange(ctx)
}

// As many sweeps as a fleet of a million would have segments record together about as fast as one alone, as they do not
// try to write at once; and most calls that come meanwhile record their change themselves.
func TestManySweepsRecordAsFastAsOne(t *testing.T) {
	const sweeps, each, calls = 33, statuslog.TurnSize, 300
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, sweeps*each+calls)
		store := &contended{fleet: f}
		log := &statuslog.Log{Store: store, Policy: f.Policy, Clock: clock.System{}}
		start := time.Now()
		var all sync.WaitGroup
		for part := range slices.Chunk(f.ids[:sweeps*each], each) {
			all.Go(func() {
				for page := range slices.Chunk(part, statuslog.TurnSize) { // of the fleet
					n, err := log.RecordAll(t.Context(), f.facts(page...), workspace.Fleet{}, f.now, f.Get)
					if err != nil || n != len(page) {
						t.Errorf("%d of %d are recorded, %v", n, len(page), err)
					}
				}
			})
		}
		over := make(chan struct{})
		called, byCalls := 0, 0
		var calling sync.WaitGroup
		calling.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(100 * time.Millisecond):
				}
				changed, err := log.Record(t.Context(), f.facts(f.ids[sweeps*each+called])[0], workspace.Fleet{}, f.now)
				if err != nil {
					t.Error(err)
				}
				if called++; changed {
					byCalls++
				}
			}
		})
		all.Wait()
		rate := sweeps * each / time.Since(start).Seconds()
		close(over)
		calling.Wait()
		t.Logf("%.0f changes a second, %d pages written, %d lost; %d of %d calls recorded their change",
			rate, store.written, store.lost, byCalls, called)
		if rate < 1000 || store.lost > store.written/3 || byCalls == 0 {
			t.Error("they are in each other's way")
		}
		f.check()
	})
}
