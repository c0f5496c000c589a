package statuslog_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// sweepEvery is how often the fleet is swept.
const sweepEvery = time.Minute

// An agent falls silent for good, and so do others, which come back at some time; or the platform hears nobody for a
// while, and does not sweep. Whoever reads the status at any time is told that the agent is offline since it was no
// longer unknown: that moment is told up to the time between two sweeps.
func TestOfflineSinceItWasNoLongerUnknown(t *testing.T) {
	const others, step = 6, 5 * time.Second
	unknownFirst := false
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(t, 1+others)
		p, ctx := f.Policy, context.Background()
		alive := func(i int, gone, back time.Time) {
			if i > 0 && !f.now.Before(back) || f.now.Before(gone) {
				f.heartbeat(f.ids[i])
			}
		}
		seconds := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Second
		}
		gone, back := make([]time.Time, 1+others), make([]time.Time, 1+others)
		for i := range gone {
			gone[i] = t0.Add(seconds("silent after", 200, 260))
			back[i] = gone[i].Add(seconds("back after", 100, 900))
		}
		sweptFrom, sweptTo := t0.Add(200*time.Second), t0
		if rapid.Bool().Draw(t, "the platform hears nobody for a while") {
			sweptTo = sweptFrom.Add(seconds("for", 200, 400))
			for i := range gone {
				gone[i] = sweptFrom
				back[i] = sweptTo.Add(seconds("back", 0, 300))
			}
		}
		var fl workspace.Fleet
		var began time.Time
		was := workspace.Reason("")
		nextSweep := t0.Add(seconds("first sweep", 0, 59))
		for now := t0; now.Before(t0.Add(20 * time.Minute)); now = now.Add(step) {
			f.now = now
			for i := range f.ids {
				if now.Sub(t0)%(15*time.Second) == 0 {
					alive(i, gone[i], back[i])
				}
			}
			f.now = now
			sample := func() workspace.Fleet {
				fl.SampledAt, fl.LeaseEnds, fl.LastSignalAt, fl.SweeperOnly = now, nil, time.Time{}, false
				for _, w := range f.facts(f.ids...) {
					fl.Sample(w)
				}
				return fl
			}
			if !now.Before(nextSweep) && (now.Before(sweptFrom) || !now.Before(sweptTo)) {
				fl = fl.NoteSweep(p, now)
				_, err := f.log(f.Store).RecordAll(ctx, f.facts(f.ids...), sample(), now, f.Get)
				f.must(err)
				for !nextSweep.After(now) {
					nextSweep = nextSweep.Add(sweepEvery)
				}
			}
			v := sample().Assess(f.facts(f.ids[0])[0], p, now)
			if v.Reason != was {
				unknownFirst = unknownFirst || was == workspace.ReasonPlatformSuspect && v.Reason == workspace.ReasonLeaseExpired
				was, began = v.Reason, now
			}
			off := v.Since.Sub(began)
			if v.Reason == workspace.ReasonLeaseExpired && (off > sweepEvery || off < -sweepEvery-step) {
				t.Fatalf("at %s: offline since %s, and it was so from %s on (its lease ended at %s)", now.Sub(t0),
					v.Since.Sub(t0), began.Sub(t0), f.facts(f.ids[0])[0].LeaseUntil.Sub(t0))
			}
		}
	})
	if !unknownFirst && !t.Failed() {
		t.Error("none was unknown before it was offline")
	}
}
