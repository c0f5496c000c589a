package workspace_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

func sample(now time.Time, lastCalls ...int) workspace.Fleet {
	fl := workspace.Fleet{SampledAt: now}
	for _, s := range lastCalls {
		fl.Sample(silentSince(s))
	}
	return fl
}

func TestThePlatformIsSuspected(t *testing.T) {
	type fleet = workspace.Fleet
	// Each fell silent at 100: its lease ran to 190, its grace to 220.
	for name, c := range map[string]struct {
		fleet fleet
		now   int
		want  workspace.Status
	}{
		"nothing is known of the fleet": {fleet{}, 220, "offline"},
		"it alone fell silent": {
			sample(at(220), 100, 200, 205, 210, 215, 218), 220, "offline",
		},
		"all fell silent, it is the first": {
			sample(at(220), 100, 105, 110, 115, 120, 128), 220, "unknown",
		},
		"half of them did": {
			sample(at(220), 100, 101, 102, 103, 104, 200, 201, 202, 203, 204), 220, "unknown",
		},
		"fewer than half of them did": {
			sample(at(220), 100, 101, 102, 103, 104, 200, 201, 202, 203, 204, 205), 220, "offline",
		},
		"four are too few to tell":             {sample(at(220), 100, 105, 110, 115), 220, "offline"},
		"they fell silent, but long before it": {sample(at(1220), 1100, 1, 2, 3, 4, 5), 220, "offline"},
		"the suspicion ends": {
			sample(at(519), 100, 105, 110, 115, 120, 128), 519, "unknown",
		},
		"and does so in time": {
			sample(at(520), 100, 105, 110, 115, 120, 128), 520, "offline",
		},
		"no sweep, and nobody is heard": {
			fleet{SampledAt: at(220), SweptAt: at(30), LastSignalAt: at(100)}, 220, "unknown",
		},
		"no sweep, but others are heard": {
			fleet{SampledAt: at(220), SweptAt: at(30), LastSignalAt: at(215)}, 220, "offline",
		},
		"no sweep, and it died before the last": {
			fleet{SampledAt: at(900), SweptAt: at(600), LastSignalAt: at(100)}, 900, "offline",
		},
		"the platform was down and works again": {
			fleet{SampledAt: at(900), SweptAt: at(900), OutageStart: at(90), OutageEnd: at(880)}, 900, "unknown",
		},
		"one lived through it: only the sweeper was dead": {
			fleet{SampledAt: at(900), SweptAt: at(900), OutageStart: at(90), OutageEnd: at(880), SweeperOnly: true},
			900, "offline",
		},
		"all that live have called since": {
			fleet{SampledAt: at(1000), SweptAt: at(960), OutageStart: at(90), OutageEnd: at(880)}, 1000, "offline",
		},
		"it died before the platform was down": {
			fleet{SampledAt: at(900), SweptAt: at(900), OutageStart: at(400), OutageEnd: at(880)}, 900, "offline",
		},
		"the platform can't say how it is": {
			fleet{SampledAt: at(220), StoreFailed: true}, 220, "unknown",
		},
		"one that is heard is online all along": {
			fleet{SampledAt: at(150), StoreFailed: true}, 150, "online",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := c.fleet.Assess(silentSince(100), p, at(c.now))
			if name == "they fell silent, but long before it" {
				v = c.fleet.Assess(silentSince(1100), p, at(1220))
			}
			if v.Status != c.want {
				t.Fatalf("%s (%s): %s", v.Status, v.Reason, v.Hint)
			}
			if v.Status != workspace.StatusUnknown {
				return
			}
			ends := c.fleet.RecheckAt(silentSince(100), v, p, at(c.now))
			if v.Reason != workspace.ReasonPlatformSuspect || ends.IsZero() || ends.Sub(at(c.now)) > p.SuspectFor {
				t.Fatalf("until %s: %+v", ends, v)
			}
		})
	}
}

// What is not recorded yet is what an outage makes unknown, for a lease and its grace.
func TestWhatIsRecordedAfterAnOutage(t *testing.T) {
	outage := workspace.Fleet{SampledAt: at(900), OutageStart: at(90), OutageEnd: at(880)}
	sweeper := outage
	sweeper.SweeperOnly = true
	for name, c := range map[string]struct {
		fleet  workspace.Fleet
		reason workspace.Reason
		now    int
		awaits bool
	}{
		"at its end":               {outage, workspace.ReasonPlatformSuspect, 880, true},
		"until all have called":    {outage, workspace.ReasonPlatformSuspect, 999, true},
		"and no longer":            {outage, workspace.ReasonPlatformSuspect, 1000, false},
		"another verdict":          {outage, workspace.ReasonLeaseExpired, 880, false},
		"only the sweeper was out": {sweeper, workspace.ReasonPlatformSuspect, 880, false},
		"there was none":           {workspace.Fleet{SampledAt: at(900)}, workspace.ReasonPlatformSuspect, 880, false},
	} {
		if c.fleet.AwaitsCalls(c.reason, p, at(c.now)) != c.awaits {
			t.Errorf("%s: it awaits calls: %t", name, !c.awaits)
		}
	}
}

func TestAGapBetweenSweeps(t *testing.T) {
	fl := workspace.Fleet{}.NoteSweep(p, at(0)).NoteSweep(p, at(60)).NoteSweep(p, at(240))
	if !fl.OutageStart.IsZero() {
		t.Fatalf("three minutes are no gap: %+v", fl)
	}
	fl = fl.NoteSweep(p, at(421)).NoteSweep(p, at(480))
	if !fl.OutageStart.Equal(at(240)) || !fl.OutageEnd.Equal(at(421)) || !fl.SweptAt.Equal(at(480)) {
		t.Fatalf("%+v", fl)
	}
}

func TestWhoLivedThroughAGap(t *testing.T) {
	gap := workspace.Fleet{SampledAt: at(900), SweptAt: at(880), OutageStart: at(90), OutageEnd: at(880)}
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		lived  bool
	}{
		"heard all along": {
			func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(870), at(960) }, true,
		},
		"silent, and back": {func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil, f.RecoveredAt = at(870), at(960), at(860)
		}, false},
		"registered in the midst": {
			func(f *workspace.Facts) { f.RegisteredAt, f.LeaseUntil = at(500), at(960) }, false,
		},
		"silent": {
			func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(500), at(590) }, false,
		},
	} {
		fl := gap
		if fl.Sample(live(c.change)); fl.SweeperOnly != c.lived {
			t.Errorf("%s: %v", name, fl.SweeperOnly)
		}
	}
}
