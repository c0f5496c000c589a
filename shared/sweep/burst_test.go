package sweep_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/sweep"
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

func (d distantLeases) Scan(
	ctx context.Context, s workspace.Segment, cursor string, limit int,
) (out []workspace.Facts, next string, err error) {
	time.Sleep(pageRead)
	ids := d.ids[len(d.ids)*s.Number/s.Of : len(d.ids)*(s.Number+1)/s.Of]
	from, found := slices.BinarySearch(ids, cursor)
	if found {
		from++
	}
	for _, id := range ids[from:min(from+limit, len(ids))] {
		f, err := d.Leases.Get(ctx, id)
		if err != nil {
			return nil, "", err
		}
		out = append(out, f)
	}
	if from+limit < len(ids) {
		next = ids[from+limit-1]
	}
	return out, next, nil
}

func (d distantLeases) GetAll(ctx context.Context, ids ...string) ([]workspace.Facts, error) {
	const most = 100 // in one call
	time.Sleep(pageRead * time.Duration((len(ids)+most-1)/most))
	return d.Leases.GetAll(ctx, ids...)
}

// distantLog is a log of changes in a store that takes its time. A transaction is cancelled that comes while another
// one writes the same number.
type distantLog struct {
	statuslog.Store
	writing *atomic.Int32
	lost    *atomic.Int32 // transactions
}

func (d distantLog) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	if !d.writing.CompareAndSwap(0, 1) {
		time.Sleep(oneCall)
		d.lost.Add(1)
		return &statuslog.Lost{}
	}
	defer d.writing.Store(0)
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

const (
	function = 55 * time.Second // how long the function may run, once a minute
	each     = 50_000           // changes that a sweep records
)

// distant is a fleet whose verdicts have all changed, in a store that takes its time.
type distant struct {
	*world.World
	leases distantLeases
	log    distantLog
	bus    *distantBus
}

func newDistant(t *testing.T, fleet int) distant {
	t.Helper()
	w, now := world.New(t, workspace.Push, "http://agent/"), time.Now()
	w.Now = now
	d := distant{
		World: w, leases: distantLeases{Leases: w.Store, ids: []string{world.ID}}, bus: &distantBus{took: map[int64]int{}},
		log: distantLog{w.Store, &atomic.Int32{}, &atomic.Int32{}},
	}
	for i := range fleet - 1 {
		f := workspace.Facts{
			Identity: workspace.Identity{ID: fmt.Sprintf("w%06d", i), Version: 1, CreatedAt: now, RegisteredAt: now},
			Liveness: workspace.Liveness{HeartbeatAt: now, LeaseUntil: now.Add(time.Hour)},
		}
		w.NoError(w.Store.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{}))
		d.leases.ids = append(d.leases.ids, f.ID)
	}
	slices.Sort(d.leases.ids)
	return d
}

// process is the sweeper in a function of its own.
func (d distant) process() *sweep.Sweeper {
	s, log := *d.Sweeper, *d.Sweeper.StatusLog
	log.Store, log.Clock, log.Announcer = d.log, clock.System{}, d.bus
	r := d.Registry
	s.Registry = &registry.Registry{
		Leases: d.leases, Profiles: r.Profiles, Owners: r.Owners, Fleets: r.Fleets, Wakeups: r.Wakeups, Policy: r.Policy,
		Clock: clock.System{}, StatusLog: &log,
	}
	s.StatusLog, s.Clock = &log, clock.System{}
	return &s
}

// told checks that each change is recorded and announced once.
func (d distant) told(fleet int) {
	latest, err := d.Store.LatestChange(d.T.Context())
	if err != nil || latest != int64(fleet) || len(d.bus.took) != fleet {
		d.T.Errorf("%d changes are recorded and %d announced, of %d: %v", latest, len(d.bus.took), fleet, err)
	}
	for seq, n := range d.bus.took {
		if n != 1 {
			d.T.Errorf("event %d went out %d times", seq, n)
		}
	}
}

// Verdicts that change at once are recorded by the next sweeps, 50,000 by each, and announced once each, by the times
// of calls above. The time is virtual, so that the machine's speed decides nothing.
func TestABurstOfChangesIsRecordedByTheNextSweeps(t *testing.T) {
	fleet := burst(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDistant(t, fleet)
		s := d.process()
		for minute := range (fleet + each - 1) / each {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), function)
			out, err := s.Sweep(ctx)
			if err != nil || len(out.Errors) > 0 {
				t.Fatalf("%+v, %v", out, err)
			}
			fmt.Printf("sweep %d of %d: %d recorded, %d announced so far, %.0f s of virtual time\n", minute+1, fleet,
				out.Announced, len(d.bus.took), time.Since(start).Seconds())
			cancel()
			time.Sleep(time.Minute - time.Since(start))
		}
		d.told(fleet)
	})
}

// The workers of 34 segments, as of a million workspaces, that record at once record as many as one function: they take
// turns. None of the changes is lost, and none is recorded twice.
func TestABurstOfChangesIsRecordedBySegments(t *testing.T) {
	const segments = 34
	fleet := burst(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDistant(t, fleet)
		for minute := range (fleet + each - 1) / each {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), function)
			var workers sync.WaitGroup
			var recorded atomic.Int32
			for number := range segments {
				workers.Go(func() {
					out, err := d.process().SweepSegment(ctx, sweep.Task{
						Segment: workspace.Segment{Number: number, Of: segments}, Sweep: start,
					})
					if err != nil || len(out.Errors) > 0 {
						t.Errorf("%+v, %v", out, err)
					}
					recorded.Add(int32(out.Announced))
				})
			}
			workers.Wait()
			fmt.Printf("sweep %d of %d by %d segments: %d recorded, %d announced so far, %.0f s of virtual time, "+
				"%d transactions lost\n", minute+1, fleet, segments, recorded.Load(), len(d.bus.took),
				time.Since(start).Seconds(), d.log.lost.Load())
			cancel()
			time.Sleep(time.Minute - time.Since(start))
		}
		if _, err := d.process().Sweep(t.Context()); err != nil { // the coordinator announces what is left
			t.Error(err)
		}
		d.told(fleet)
	})
}
