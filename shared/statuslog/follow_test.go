package statuslog_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// shortLog is a log whose newest change has the number latest. It counts its reads.
type shortLog struct {
	statuslog.Store // nil
	oldest, latest  int64
	reads           int
	failed          error
	recorded        bool // a change, just before the newest number is read
}

func (s *shortLog) LatestChange(context.Context) (int64, error) {
	s.reads++
	if s.recorded {
		s.latest++
	}
	return s.latest, s.failed
}

func (s *shortLog) Changes(_ context.Context, after int64, limit int) (out []statuslog.Change, err error) {
	s.reads++
	for seq := max(after+1, s.oldest); seq <= s.latest && len(out) < limit; seq++ {
		out = append(out, statuslog.Change{Seq: seq})
	}
	return out, s.failed
}

// passing is a clock whose time passes only while somebody sleeps; then it calls asleep.
type passing struct {
	chance float64
	slept  time.Duration
	asleep func(slept time.Duration)
}

func (p *passing) Now() time.Time  { return time.Time{}.Add(p.slept) }
func (p *passing) Random() float64 { return p.chance }
func (p *passing) Sleep(ctx context.Context, d time.Duration) error {
	p.slept += d
	if p.asleep != nil {
		p.asleep(p.slept)
	}
	return ctx.Err()
}

// A wait ends with the change, or with its time, and reads the store a bounded number of times.
func TestAWaitEndsWithTheChangeOrWithItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		since := rapid.Int64Range(0, 9).Draw(t, "since")
		wait := time.Duration(rapid.IntRange(0, 20).Draw(t, "wait")) * time.Second
		changeAt := time.Duration(rapid.IntRange(0, 30_000).Draw(t, "change at")) * time.Millisecond
		store := &shortLog{oldest: 1, latest: since}
		clk := &passing{chance: rapid.Float64Range(0, 0.999).Draw(t, "chance")}
		happen := func(slept time.Duration) {
			if slept >= changeAt {
				store.latest = since + 1
			}
		}
		happen(0)
		clk.asleep = happen
		found, err := (&statuslog.Log{Store: store, Clock: clk}).Follow(t.Context(), since, 100, wait, nil)
		if err != nil {
			t.Fatal(err)
		}
		if (len(found) == 1) != (changeAt <= wait) {
			t.Errorf("%d changes after %s, one came at %s", len(found), clk.slept, changeAt)
		}
		if clk.slept > wait || (len(found) == 0 && clk.slept != wait) {
			t.Errorf("waited %s of %s", clk.slept, wait)
		}
		if late := clk.slept - changeAt; len(found) == 1 && late > 2500*time.Millisecond {
			t.Errorf("answered %s after the change", late)
		}
		if store.reads > statuslog.MaxReads {
			t.Errorf("%d reads", store.reads)
		}
	})
}

// These are the reads of docs/figures.md.
func TestTheReadsOfAWait(t *testing.T) {
	for chance, want := range map[float64]int{0: statuslog.MaxReads, 0.5: 12, 0.9999: 11} {
		store := &shortLog{oldest: 1, latest: 7}
		log := &statuslog.Log{Store: store, Clock: &passing{chance: chance}}
		if found, err := log.Follow(t.Context(), 7, 100, statuslog.LongestWait, nil); err != nil || len(found) != 0 {
			t.Errorf("%v, %v", found, err)
		}
		if store.reads != want {
			t.Errorf("chance %v: %d reads, want %d", chance, store.reads, want)
		}
	}
}

// A wait leaves its function the time to answer.
func TestAWaitEndsBeforeItsFunction(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	clk := &passing{chance: 0.5}
	log := &statuslog.Log{Store: &shortLog{latest: 7}, Clock: clk}
	if found, err := log.Follow(ctx, 7, 100, statuslog.LongestWait, nil); err != nil || len(found) != 0 || clk.slept != 0 {
		t.Errorf("waited %s: %v, %v", clk.slept, found, err)
	}
}

// A number that the log doesn't go on from is refused at once, also in a wait, and a store's fault is no silence.
func TestAWaitHidesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		store  shortLog
		asleep func(*shortLog)
		want   fault.Code
	}{
		"another log":           {store: shortLog{oldest: 1, latest: 3}, want: fault.CursorGone},
		"what came is not kept": {store: shortLog{oldest: 9, latest: 9}, want: fault.CursorGone},
		"not kept, in the wait": {
			shortLog{oldest: 1, latest: 7}, func(s *shortLog) { s.oldest, s.latest = 9, 9 }, fault.CursorGone,
		},
		"a fault": {store: shortLog{latest: 7, failed: fault.Store("read", nil)}, want: fault.PlatformUnavailable},
		"a fault in the wait": {
			shortLog{latest: 7}, func(s *shortLog) { s.failed = fault.Store("read", nil) }, fault.PlatformUnavailable,
		},
	} {
		clk := &passing{asleep: func(time.Duration) { c.asleep(&c.store) }}
		_, err := (&statuslog.Log{Store: &c.store, Clock: clk}).Follow(t.Context(), 7, 100, statuslog.LongestWait, nil)
		if fault.CodeOf(err) != c.want || (c.asleep == nil && clk.slept != 0) {
			t.Errorf("%s: after %s %v", name, clk.slept, err)
		}
	}
}

// A change that is recorded while the log is read is found, and is no reason to refuse the number.
func TestAChangeBetweenTwoReadsIsFound(t *testing.T) {
	log := &statuslog.Log{Store: &shortLog{oldest: 1, latest: 7, recorded: true}, Clock: &passing{}}
	found, err := log.Follow(t.Context(), 7, 100, 0, nil)
	if err != nil || len(found) != 1 || found[0].Seq != 8 {
		t.Errorf("%v, %v", found, err)
	}
}

// The newest changes are those that the log still has, and from their last number, or the log's, one can go on.
func TestTheNewestAreThoseThatAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		latest := rapid.Int64Range(0, 20).Draw(t, "latest")
		oldest := rapid.Int64Range(1, latest+1).Draw(t, "oldest that is kept")
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		log := &statuslog.Log{Store: &shortLog{oldest: oldest, latest: latest}, Clock: &passing{}}
		found, last, err := log.Newest(t.Context(), limit)
		if err != nil || last != latest || int64(len(found)) != min(int64(limit), latest-oldest+1) {
			t.Fatalf("%v, up to %d: %v", found, last, err)
		}
		if rest, err := log.Follow(t.Context(), last, limit, 0, nil); err != nil || len(rest) != 0 {
			t.Fatalf("after %d: %v, %v", last, rest, err)
		}
	})
}
