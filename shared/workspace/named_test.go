package workspace_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// named are the times that a hint names, and countsAs is the status that it says the workspace has by then.
var (
	named    = regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	countsAs = regexp.MustCompile(`it counts as (\w+)`)
)

// timesIn are the times after now that a hint names. They are told to the second, so each may be up to one too early.
func timesIn(t *rapid.T, hint string, now time.Time) (out []time.Time) {
	for _, word := range named.FindAllString(hint, -1) {
		then, err := time.Parse(time.RFC3339, word)
		if err != nil {
			t.Fatal(err)
		}
		if then.After(now) {
			out = append(out, then)
		}
	}
	return out
}

// A time to come that a hint names is when the verdict becomes another one, as far as time alone decides: it is not
// another one a moment before. The status that the hint says it is then, it is.
func TestAHintNamesTheTimeAtWhichTheVerdictChanges(t *testing.T) {
	unknown := 0
	rapid.Check(t, func(t *rapid.T) {
		f, fl, now := anyFacts(t), anyFleet(t), at(rapid.IntRange(701, 1400).Draw(t, "now"))
		if rapid.Bool().Draw(t, "it has just fallen silent") {
			f, fl.StoreFailed = silentSince(rapid.IntRange(400, 700).Draw(t, "silent since")), true
		}
		noneAhead(&f, now)
		v := fl.Assess(f, p, now)
		for _, then := range timesIn(t, v.Hint, now) {
			before, after := fl.Assess(f, p, then.Add(-time.Millisecond)), fl.Assess(f, p, then.Add(time.Second))
			if before.Status == after.Status && before.Reason == after.Reason && before.Hint == after.Hint {
				t.Fatalf("nothing changes at the time that is named: %s", v.Hint)
			}
			says := countsAs.FindStringSubmatch(v.Hint)
			if says == nil {
				continue
			}
			if string(after.Status) != says[1] || before.Status == after.Status {
				t.Fatalf("at the time that is named it is %s, and a moment before %s: %s", after.Status, before.Status, v.Hint)
			}
			if v.Status == workspace.StatusUnknown {
				unknown++
			}
		}
	})
	if unknown == 0 && !t.Failed() {
		t.Error("no unknown workspace had a time named")
	}
}

// quietFleet is a fleet of which one agent falls silent for good.
type quietFleet struct {
	silent                           workspace.Facts
	gone, back                       []int // when each of the others falls silent, and when it comes back
	sweepsUntil, sweepsAgain         int
	unreadableFrom, unreadableBefore int // when the platform's records can't be read
	workspace.Fleet
}

func anyQuietFleet(t *rapid.T) *quietFleet {
	seconds := func(name string, from, to int) int { return rapid.IntRange(from, to).Draw(t, name) }
	q := &quietFleet{
		silent:      silentSince(seconds("silent since", 100, 130)),
		sweepsUntil: seconds("sweeps until", 60, 400), unreadableFrom: seconds("unreadable from", 100, 900),
	}
	for range seconds("others", 0, 8) {
		q.gone = append(q.gone, seconds("gone", 80, 400))
		q.back = append(q.back, q.gone[len(q.gone)-1]+seconds("back after", 60, 600))
	}
	q.sweepsAgain = q.sweepsUntil + seconds("sweeps again after", 0, 400)
	q.unreadableBefore = q.unreadableFrom + seconds("unreadable for", 0, 300)
	return q
}

// known is what is known of the fleet so many seconds after t0.
func (q *quietFleet) known(second int) workspace.Fleet {
	if second%60 == 0 && (second < q.sweepsUntil || second >= q.sweepsAgain) {
		q.Fleet = q.NoteSweep(p, at(second))
	}
	fl := q.Fleet
	fl.SampledAt, fl.StoreFailed = at(second), second >= q.unreadableFrom && second < q.unreadableBefore
	fl.Sample(q.silent)
	for i, gone := range q.gone {
		last := second
		if second >= gone && second < q.back[i] {
			last = gone
		}
		other := silentSince(last)
		if second >= q.back[i] && q.back[i]-gone > int((p.LeaseTTL+p.Grace)/time.Second) {
			other.RecoveredAt = at(q.back[i])
		}
		fl.Sample(other)
	}
	return fl
}

// mayEnd reports whether all has happened that has to, as a hint says, for its verdict to end before its time; said is
// what was known when the hint was given.
func mayEnd(hint string, silent workspace.Facts, said, known workspace.Fleet) bool {
	_, unless, _ := strings.Cut(hint, ", or earlier, but only if ")
	heard := known.LastSignalAt.After(silent.LeaseUntil)
	for event := range strings.SplitSeq(unless, ", and ") {
		if !map[string]bool{
			"they can be read again":                                   !known.StoreFailed,
			"another agent turns out to have been heard all the while": known.SweeperOnly,
			"either another agent is heard or the sweeper runs again":  heard || known.SweptAt.After(said.SweptAt),
			"enough of the others are heard again":                     known.LastSignalAt.After(said.LastSignalAt),
		}[event] {
			return false
		}
	}
	return true
}

// An agent falls silent for good, and so do others, which come back at some time; or the platform does not sweep, or
// can't read its records for a while. At no time is the agent offline before the time that a hint has named, unless
// all has happened since that has to, as the hint says.
func TestAHintNamesNoTimeThatComesTooLate(t *testing.T) {
	early := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		q := anyQuietFleet(t)
		said := map[string]workspace.Fleet{} // the hints while it is unknown, and what was known at the last of each
		for second := 0; second < 1000; second += 5 {
			fl := q.known(second)
			switch v := fl.Assess(q.silent, p, at(second)); v.Status {
			case workspace.StatusUnknown:
				said[v.Hint] = fl
			case workspace.StatusOffline:
				for hint, then := range said {
					if len(timesIn(t, hint, at(second))) == 0 {
						continue
					}
					if !mayEnd(hint, q.silent, then, fl) {
						t.Fatalf("offline %d s after t0: %s", second, hint)
					}
					_, unless, _ := strings.Cut(hint, "earlier, but only if ")
					early[unless] = true
				}
				clear(said)
			}
		}
	})
	if len(early) == 0 && !t.Failed() {
		t.Error("nothing came before the time that a hint named")
	}
}
