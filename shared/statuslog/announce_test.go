package statuslog_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// bus takes events but for those that refuse says, and counts how often it took each.
type bus struct {
	mu     sync.Mutex
	took   map[int64]int
	calls  int
	most   int // events of one call
	refuse func(seq int64) bool
}

func (b *bus) Announce(_ context.Context, changes []statuslog.Change) (refused []statuslog.Change, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	b.most = max(b.most, len(changes))
	for _, c := range changes {
		if b.refuse != nil && b.refuse(c.Seq) {
			refused, err = append(refused, c), errors.New("the bus is full")
			continue
		}
		b.took[c.Seq]++
	}
	return refused, err
}

// forgetful is a store that does not note how far the log is announced when it is told to fail.
type forgetful struct {
	*memory.Store
	fails *bool
}

func (f forgetful) NoteAnnounced(ctx context.Context, until time.Time, a statuslog.Announced) error {
	if *f.fails {
		return errors.New("no answer")
	}
	return f.Store.NoteAnnounced(ctx, until, a)
}

// announcing is a fleet whose changes are announced.
type announcing struct {
	*fleet
	*bus
	noteFails bool
	log       *statuslog.Log
}

func newAnnouncing(t rapid.TB, n int) *announcing {
	a := &announcing{fleet: newFleet(t, n), bus: &bus{took: map[int64]int{}}}
	a.log = a.fleet.log(forgetful{a.Store, &a.noteFails})
	a.log.Announcer = a.bus
	return a
}

// Each event goes out, and again only when it is not known that it did: what a bus refuses is sent again alone, and
// what could not be noted once more.
func TestEachEventGoesOutOnceUnlessItsNoteIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAnnouncing(t, rapid.IntRange(1, 600).Draw(t, "changes"))
		rounds := rapid.IntRange(0, 5).Draw(t, "rounds with faults")
		bad := rapid.SliceOfNDistinct(rapid.Int64Range(1, 600), 0, 20, rapid.ID[int64]).Draw(t, "refused numbers")
		badNow := map[int64]bool{}
		for _, seq := range bad {
			badNow[seq] = true
		}
		lost := 0
		a.refuse = func(seq int64) bool { return badNow[seq] }
		half := len(a.ids) / 2
		for round := range rounds {
			if round == 0 {
				_, err := a.log.RecordAll(context.Background(), a.facts(a.ids[:half]...), noFleet, a.now, a.Get)
				a.must(err)
			} else if _, err := a.recordAll(a.Store); err != nil {
				t.Fatal(err)
			}
			if a.noteFails = rapid.Bool().Draw(t, "the note is lost"); a.noteFails {
				lost++
			}
			before, err := a.Announced(context.Background())
			a.must(err)
			_ = a.log.Announce(context.Background())
			after, err := a.Announced(context.Background())
			a.must(err)
			if after.Last < before.Last {
				t.Fatalf("announced up to %d, and then up to %d", before.Last, after.Last)
			}
			a.now = a.now.Add(time.Minute)
		}
		_, err := a.recordAll(a.Store)
		a.must(err)
		badNow, a.noteFails = nil, false
		a.must(a.log.Announce(context.Background()))
		latest, err := a.LatestChange(context.Background())
		a.must(err)
		for seq := int64(1); seq <= latest; seq++ {
			if n := a.took[seq]; n < 1 || n > 1+lost {
				t.Fatalf("event %d of %d went out %d times, and %d notes were lost", seq, latest, n, lost)
			}
		}
		if len(a.took) != int(latest) || a.most > statuslog.AnnounceAtOnce {
			t.Fatalf("%d events for %d changes, %d in a call", len(a.took), latest, a.most)
		}
		if a.calls = 0; a.log.Announce(context.Background()) != nil || a.calls != 0 {
			t.Fatal("what is announced is announced again")
		}
	})
}

var noFleet workspace.Fleet

// An event that is never taken is tried a few times in each sweep, and those beside it go out once.
func TestOneEventThatIsNeverTaken(t *testing.T) {
	a := newAnnouncing(t, 30)
	if _, err := a.recordAll(a.Store); err != nil {
		t.Fatal(err)
	}
	tried := 0
	a.refuse = func(seq int64) bool {
		if seq == 7 {
			tried++
		}
		return seq == 7
	}
	const sweeps = 10
	for range sweeps {
		if a.log.Announce(t.Context()) == nil {
			t.Fatal("nobody is told")
		}
	}
	for seq := int64(1); seq <= 30; seq++ {
		if want := map[bool]int{true: 0, false: 1}[seq == 7]; a.took[seq] != want {
			t.Errorf("event %d went out %d times", seq, a.took[seq])
		}
	}
	if tried > 3*sweeps || a.calls > 3+3*sweeps {
		t.Errorf("it was tried %d times, in %d calls", tried, a.calls)
	}
}

// Of two sweeps at once one announces, and one whose right has ended does not undo what the next one noted.
func TestOneSenderAtATime(t *testing.T) {
	a := newAnnouncing(t, 1000)
	if _, err := a.recordAll(a.Store); err != nil {
		t.Fatal(err)
	}
	other := *a.log
	second := &bus{took: map[int64]int{}}
	other.Announcer = second
	var once sync.Once
	a.refuse = func(int64) bool {
		once.Do(func() {
			if err := other.Announce(t.Context()); err != nil || second.calls > 0 {
				t.Errorf("the second sends %d, %v", second.calls, err)
			}
			a.now = a.now.Add(2 * time.Minute) // the first one hangs
			if err := other.Announce(t.Context()); err != nil || len(second.took) != 1000 {
				t.Errorf("the second sends %d, %v", len(second.took), err)
			}
		})
		return false
	}
	if err := a.log.Announce(t.Context()); err == nil {
		t.Error("the first does not notice that its right has ended")
	}
	if got, err := a.Announced(t.Context()); err != nil || got.Last != 1000 {
		t.Errorf("announced up to %d, %v", got.Last, err)
	}
	if len(a.took) > 490 {
		t.Errorf("the first sends %d", len(a.took))
	}
}

// A function that is about to end begins no page.
func TestAnnouncingEndsBeforeItsFunction(t *testing.T) {
	a := newAnnouncing(t, 10)
	if _, err := a.recordAll(a.Store); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := a.log.Announce(ctx); err != nil || a.calls > 0 {
		t.Errorf("%d calls, %v", a.calls, err)
	}
	if err := a.log.Announce(t.Context()); err != nil || len(a.took) != 10 {
		t.Errorf("%d events, %v", len(a.took), err)
	}
}

// expired is a store that keeps no change with a number up to gone, and counts how often a right was taken.
type expired struct {
	*memory.Store
	gone  int64
	taken *int
}

func (e expired) Changes(ctx context.Context, after int64, limit int) ([]statuslog.Change, error) {
	return e.Store.Changes(ctx, max(after, e.gone), limit)
}

func (e expired) TakeRight(ctx context.Context, r statuslog.Right, now, until time.Time) (bool, error) {
	*e.taken++
	return e.Store.TakeRight(ctx, r, now, until)
}

// What is no longer kept can't be announced: who finds that skips it once, and is not kept busy by it. What is kept
// goes out.
func TestWhatIsNoLongerKeptIsSkippedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "changes")
		gone := rapid.Int64Range(0, int64(n)).Draw(t, "no longer kept")
		a, taken := newAnnouncing(t, n), 0
		if _, err := a.recordAll(a.Store); err != nil {
			t.Fatal(err)
		}
		log := a.fleet.log(expired{a.Store, gone, &taken})
		log.Announcer = a.bus
		for range 5 {
			a.must(log.Announce(context.Background()))
		}
		if taken != 1 || len(a.took) != n-int(gone) {
			t.Fatalf("the right was taken %d times, and %d of %d events went out, of which %d are kept", taken, len(a.took), n,
				n-int(gone))
		}
	})
}
