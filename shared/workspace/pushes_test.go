package workspace_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// countedPush is a push, or that of a drain that died with it.
type countedPush struct {
	began   time.Time
	counter workspace.PushCounter
	died    bool
}

// pushCounting are pushes of an agent that begin and end, and what its facts have counted of them.
type pushCounting struct {
	workspace.Facts
	now    time.Time
	pushes []countedPush
}

// underWay is how many pushes hold a drain, and may how many more may be counted, with which drains died: each is over
// in the second span after its own.
func (c *pushCounting) underWay() (n, may int64) {
	for _, push := range c.pushes {
		switch age := c.now.Sub(push.began); {
		case !push.died:
			n++
		case age < 2*p.DeliveryPatience:
			may++
		}
	}
	return n, may
}

func (c *pushCounting) step(t *rapid.T) {
	c.now = c.now.Add(time.Duration(rapid.IntRange(0, 60_000).Draw(t, "ms pass")) * time.Millisecond)
	c.pushes = slices.DeleteFunc(c.pushes, func(push countedPush) bool { // none takes longer
		over := !push.died && c.now.Sub(push.began) >= p.DeliveryPatience
		if over {
			*c.Counted(push.counter)--
		}
		return over
	})
	ended := rapid.IntRange(0, 12).Draw(t, "ends")
	switch what := rapid.SampledFrom([]string{"begins", "begins", "ends", "dies"}).Draw(t, "what"); {
	case what == "begins":
		if c.PushesUnderWay(p, c.now) >= c.MostPushes() {
			return
		}
		count := c.CountPush(p, c.now)
		if !count.Begin(&c.Facts) {
			t.Fatalf("one may begin, and does not: %+v", count)
		}
		c.TriedAt = count.At
		c.pushes = append(c.pushes, countedPush{c.now, c.LastPushCounter(p), false})
	case ended >= len(c.pushes) || c.pushes[ended].died:
	case what == "dies":
		c.pushes[ended].died = true
	default:
		*c.Counted(c.pushes[ended].counter)--
		c.pushes = slices.Delete(c.pushes, ended, ended+1)
	}
}

// However pushes begin and end, and whatever drains die with theirs: all that are under way are counted, and never more
// of them than may be. Those that nobody ends are forgotten two spans later, also while others begin all the time.
func TestPushesAreCounted(t *testing.T) {
	crowded, forgotten := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := &pushCounting{now: at(rapid.IntRange(0, 300).Draw(t, "begins at"))}
		c.MaxTasks = rapid.IntRange(1, 3).Draw(t, "slots")
		for range 150 {
			c.step(t)
			counted := c.PushesUnderWay(p, c.now)
			n, may := c.underWay()
			switch {
			case n > c.MostPushes():
				t.Fatalf("%d are under way, of %d", n, c.MostPushes())
			case counted < n:
				t.Fatalf("%d are counted, and %d under way", counted, n)
			case counted > n+may:
				t.Fatalf("%d are counted, %d under way, and %d were lost lately", counted, n, may)
			case counted >= c.MostPushes():
				crowded++
			case int(n+may) < len(c.pushes):
				forgotten++
			}
		}
	})
	if crowded == 0 || forgotten == 0 {
		t.Errorf("crowded %d times, forgotten %d times", crowded, forgotten)
	}
}

// Of two clocks that differ by as much as is allowed for, none loses a push of the other, and what a clock counted that
// jumped holds nothing up.
func TestPushesAreCountedByClocksThatDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ahead := time.Duration(rapid.IntRange(0, 60_000).Draw(t, "ms ahead")) * time.Millisecond
		now := at(rapid.IntRange(0, 300).Draw(t, "at"))
		var f workspace.Facts
		for i, by := range []time.Duration{ahead, 0} {
			count := f.CountPush(p, now.Add(by))
			if !count.Begin(&f) {
				t.Fatalf("push %d does not begin", i)
			}
			f.TriedAt = count.At
		}
		if n := f.PushesUnderWay(p, now); n != 2 {
			t.Fatalf("%d are counted", n)
		}
		f.TriedAt = now.Add(workspace.MaxSkew + time.Second)
		if count := f.CountPush(p, now); f.PushesUnderWay(p, now) != 0 || !count.Begin(&f) {
			t.Fatalf("a clock that jumped holds pushes up: %+v", count)
		}
	})
}
