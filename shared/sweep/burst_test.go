package sweep_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What a call takes within a region, as docs/scale.md reckons.
const (
	transaction = 25 * time.Millisecond // of 100 writes
	pageRead    = 10 * time.Millisecond
	oneCall     = 5 * time.Millisecond
	putEvents   = 15 * time.Millisecond
)

// distantLeases are leases in a store that takes its time. Its pages are in the order of the ids.
type distantLeases struct {
	registry.Leases
	ids []string
}

func (d distantLeases) Page(
	ctx context.Context, cursor string, limit int,
) (out []workspace.Facts, next string, err error) {
	time.Sleep(pageRead)
	from, found := slices.BinarySearch(d.ids, cursor)
	if found {
		from++
	}
	for _, id := range d.ids[from:min(from+limit, len(d.ids))] {
		f, err := d.Leases.Get(ctx, id)
		if err != nil {
			return nil, "", err
		}
		out = append(out, f)
	}
	if from+limit < len(d.ids) {
		next = d.ids[from+limit-1]
	}
	return out, next, nil
}

// distantLog is a log of changes in a store that takes its time.
type distantLog struct{ statuslog.Store }

func (d distantLog) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	time.Sleep(transaction)
	return d.Store.AddChanges(ctx, page)
}

func (d distantLog) Changes(ctx context.Context, after int64, limit int) ([]statuslog.Change, error) {
	time.Sleep(pageRead)
	return d.Store.Changes(ctx, after, limit)
}

func (d distantLog) LatestChange(ctx context.Context) (int64, error) {
	time.Sleep(oneCall)
	return d.Store.LatestChange(ctx)
}

func (d distantLog) TakeRight(ctx context.Context, r statuslog.Right, now, until time.Time) (bool, error) {
	time.Sleep(oneCall)
	return d.Store.TakeRight(ctx, r, now, until)
}

func (d distantLog) GiveBack(ctx context.Context, r statuslog.Right, until time.Time) error {
	time.Sleep(oneCall)
	return d.Store.GiveBack(ctx, r, until)
}

func (d distantLog) NoteAnnounced(ctx context.Context, until time.Time, a statuslog.Announced) error {
	time.Sleep(oneCall)
	return d.Store.NoteAnnounced(ctx, until, a)
}

// distantBus takes events and its time.
type distantBus struct {
	mu   sync.Mutex
	took map[int64]int
}

func (d *distantBus) Announce(_ context.Context, changes []statuslog.Change) ([]statuslog.Change, error) {
	time.Sleep(putEvents)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range changes {
		d.took[c.Seq]++
	}
	return nil, nil
}

// burst is how many verdicts change at once: BURST, as in make bench-sweep, or so few that the test is quick.
func burst(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("BURST"), "3000"))
	if err != nil || n < 1 {
		t.Fatalf("BURST must be a number from 1: %v", err)
	}
	return n
}

// Verdicts that change at once are recorded by the next sweeps, 50,000 by each, and announced once each, by the times
// of calls above. The time is virtual, so that the machine's speed decides nothing.
func TestABurstOfChangesIsRecordedByTheNextSweeps(t *testing.T) {
	const (
		function = 55 * time.Second // how long the function may run, once a minute
		each     = 50_000
	)
	fleet := burst(t)
	synctest.Test(t, func(t *testing.T) {
		w, now := world.New(t, workspace.Push, "http://agent/"), time.Now()
		w.Now = now
		leases := distantLeases{Leases: w.Store, ids: []string{world.ID}}
		for i := range fleet - 1 {
			f := workspace.Facts{
				Identity: workspace.Identity{ID: fmt.Sprintf("w%06d", i), Version: 1, CreatedAt: now, RegisteredAt: now},
				Liveness: workspace.Liveness{HeartbeatAt: now, LeaseUntil: now.Add(time.Hour)},
			}
			w.NoError(w.Store.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{}))
			leases.ids = append(leases.ids, f.ID)
		}
		slices.Sort(leases.ids)
		bus := &distantBus{took: map[int64]int{}}
		w.Registry.Leases, w.Registry.Clock, w.Sweeper.Clock = leases, clock.System{}, clock.System{}
		w.Sweeper.StatusLog.Store, w.Sweeper.StatusLog.Clock = distantLog{w.Store}, clock.System{}
		w.Sweeper.StatusLog.Announcer = bus
		for sweep := range (fleet + each - 1) / each {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), function)
			out, err := w.Sweeper.Sweep(ctx)
			if err != nil || len(out.Errors) > 0 {
				t.Fatalf("%+v, %v", out, err)
			}
			fmt.Printf("sweep %d of %d: %d recorded, %d announced so far, %.0f s of virtual time\n", sweep+1, fleet,
				out.Announced, len(bus.took), time.Since(start).Seconds())
			cancel()
			time.Sleep(time.Minute - time.Since(start))
		}
		if latest, err := w.Store.LatestChange(t.Context()); err != nil || latest != int64(fleet) || len(bus.took) != fleet {
			t.Errorf("%d changes are recorded and %d announced, of %d: %v", latest, len(bus.took), fleet, err)
		}
		for seq, n := range bus.took {
			if n != 1 {
				t.Errorf("event %d went out %d times", seq, n)
			}
		}
	})
}
