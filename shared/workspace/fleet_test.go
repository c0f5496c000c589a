package workspace_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// silentSince is an agent whose last call was so many seconds after t0.
func silentSince(seconds int) workspace.Facts {
	return live(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(seconds), at(seconds+90) })
}

func sample(now time.Time, lastCalls ...int) workspace.Fleet {
	fl := workspace.Fleet{SampledAt: now}
	for _, s := range lastCalls {
		fl.Sample(silentSince(s))
	}
	return fl
}

func TestTheGuard(t *testing.T) {
	// Each fell silent at 100: its lease ran to 190, its grace to 220.
	for name, c := range map[string]struct {
		fleet workspace.Fleet
		now   int
		want  workspace.Status
	}{
		"nothing is known of the fleet":                   {workspace.Fleet{}, 220, "offline"},
		"it alone fell silent":                            {sample(at(220), 100, 200, 205, 210, 215, 218), 220, "offline"},
		"all fell silent, it is the first":                {sample(at(220), 100, 105, 110, 115, 120, 128), 220, "unknown"},
		"half of them did":                                {sample(at(220), 100, 101, 102, 103, 104, 200, 201, 202, 203, 204), 220, "unknown"},
		"fewer than half of them did":                     {sample(at(220), 100, 101, 102, 103, 104, 200, 201, 202, 203, 204, 205), 220, "offline"},
		"four are too few to tell":                        {sample(at(220), 100, 105, 110, 115), 220, "offline"},
		"they fell silent, but long before it":            {sample(at(1220), 1100, 1, 2, 3, 4, 5), 220, "offline"},
		"the suspicion ends":                              {sample(at(519), 100, 105, 110, 115, 120, 128), 519, "unknown"},
		"and does so in time":                             {sample(at(520), 100, 105, 110, 115, 120, 128), 520, "offline"},
		"no sweep, and nobody is heard":                   {workspace.Fleet{SampledAt: at(220), SweptAt: at(30), LastSignalAt: at(100)}, 220, "unknown"},
		"no sweep, but others are heard":                  {workspace.Fleet{SampledAt: at(220), SweptAt: at(30), LastSignalAt: at(215)}, 220, "offline"},
		"no sweep, and it died before the last":           {workspace.Fleet{SampledAt: at(900), SweptAt: at(600), LastSignalAt: at(100)}, 900, "offline"},
		"the platform was deaf and hears again":           {workspace.Fleet{SampledAt: at(900), SweptAt: at(900), OutageStart: at(90), OutageEnd: at(880)}, 900, "unknown"},
		"one lived through it: only the sweeper was dead": {workspace.Fleet{SampledAt: at(900), SweptAt: at(900), OutageStart: at(90), OutageEnd: at(880), SweeperOnly: true}, 900, "offline"},
		"all that live have called since":                 {workspace.Fleet{SampledAt: at(1000), SweptAt: at(960), OutageStart: at(90), OutageEnd: at(880)}, 1000, "offline"},
		"it died before the platform was deaf":            {workspace.Fleet{SampledAt: at(900), SweptAt: at(900), OutageStart: at(400), OutageEnd: at(880)}, 900, "offline"},
		"the platform can't say how it is":                {workspace.Fleet{SampledAt: at(220), StoreFailed: true}, 220, "unknown"},
		"one that is heard is online all along":           {workspace.Fleet{SampledAt: at(150), StoreFailed: true}, 150, "online"},
	} {
		t.Run(name, func(t *testing.T) {
			v := c.fleet.Assess(silentSince(100), p, at(c.now))
			if name == "they fell silent, but long before it" {
				v = c.fleet.Assess(silentSince(1100), p, at(1220))
			}
			if v.Status != c.want {
				t.Fatalf("%s (%s): %s", v.Status, v.Reason, v.Hint)
			}
			if v.Status == workspace.StatusUnknown && (v.Reason != workspace.ReasonPlatformSuspect || v.RecheckAt.IsZero() || v.RecheckAt.Sub(at(c.now)) > p.SuspectFor) {
				t.Fatalf("%+v", v)
			}
		})
	}
}

func TestAGapBetweenSweeps(t *testing.T) {
	fl := workspace.Fleet{}.NoteSweep(p, at(0)).NoteSweep(p, at(60)).NoteSweep(p, at(240))
	if !fl.OutageStart.IsZero() {
		t.Fatalf("three minutes are no gap: %+v", fl)
	}
	if fl = fl.NoteSweep(p, at(421)).NoteSweep(p, at(480)); !fl.OutageStart.Equal(at(240)) || !fl.OutageEnd.Equal(at(421)) || !fl.SweptAt.Equal(at(480)) {
		t.Fatalf("%+v", fl)
	}
}

func TestWhoLivedThroughAGap(t *testing.T) {
	gap := workspace.Fleet{SampledAt: at(900), SweptAt: at(880), OutageStart: at(90), OutageEnd: at(880)}
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		lived  bool
	}{
		"heard all along":         {func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(870), at(960) }, true},
		"silent, and back":        {func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil, f.RecoveredAt = at(870), at(960), at(860) }, false},
		"registered in the midst": {func(f *workspace.Facts) { f.RegisteredAt, f.LeaseUntil = at(500), at(960) }, false},
		"silent":                  {func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(500), at(590) }, false},
	} {
		fl := gap
		if fl.Sample(live(c.change)); fl.SweeperOnly != c.lived {
			t.Errorf("%s: %v", name, fl.SweeperOnly)
		}
	}
}

func TestTwoAgentsOfOneID(t *testing.T) {
	type call struct {
		at   int
		from string
		inc  workspace.Instance
	}
	boot := func(s int) workspace.Instance { return workspace.BootedAt(at(s)) }
	none := workspace.Instance{}
	for name, c := range map[string]struct {
		calls []call
		twins bool
	}{
		"one agent":                         {[]call{{0, "a", none}, {10, "a", none}, {20, "a", none}}, false},
		"one that moved":                    {[]call{{0, "a", none}, {10, "b", none}, {20, "b", none}, {30, "b", none}}, false},
		"one that moved and moved back":     {[]call{{0, "a", none}, {10, "b", none}, {20, "a", none}, {30, "a", none}}, false},
		"two addresses in turn":             {[]call{{0, "a", none}, {15, "b", none}, {30, "a", none}, {45, "b", none}}, true},
		"three in turn":                     {[]call{{0, "a", none}, {10, "b", none}, {20, "c", none}, {30, "a", none}, {40, "b", none}}, true},
		"two that come back after an hour":  {[]call{{0, "a", none}, {3600, "b", none}, {7200, "a", none}, {10800, "b", none}}, false},
		"one boot from two addresses":       {[]call{{0, "a", boot(-5)}, {15, "b", boot(-4)}, {30, "a", boot(-6)}, {45, "b", boot(-5)}, {50, "a", none}}, false},
		"two boots from one address":        {[]call{{0, "a", boot(-100)}, {15, "a", boot(-50)}, {30, "a", boot(-100)}, {45, "a", boot(-51)}}, true},
		"one that crashes again and again":  {[]call{{0, "a", boot(-1)}, {20, "a", boot(15)}, {40, "a", boot(35)}, {60, "a", boot(55)}, {80, "a", boot(75)}}, false},
		"two epochs":                        {[]call{{0, "a", workspace.OfEpoch(3)}, {15, "a", workspace.OfEpoch(4)}, {30, "a", workspace.OfEpoch(3)}, {45, "a", workspace.OfEpoch(4)}}, true},
		"calls that say nothing in between": {[]call{{0, "a", boot(-100)}, {5, "b", none}, {15, "a", boot(-100)}, {20, "b", none}, {30, "a", boot(-99)}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := live(func(f *workspace.Facts) { f.SeenFrom = c.calls[0].from })
			now := t0
			for _, call := range c.calls {
				now = at(call.at)
				f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: call.from, Instance: call.inc}, p, now)
			}
			v := workspace.Assess(f, p, now)
			if twins := v.Reason == workspace.ReasonDuplicateHost; twins != c.twins {
				t.Fatalf("%s (%s): %+v", v.Status, v.Reason, f)
			}
			if c.twins {
				// One is stopped: a TTL after the last change the other is alone.
				last := f.TakenOverAt
				for s := 10; s <= 90; s += 10 {
					f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: f.SeenFrom}, p, last.Add(time.Duration(s)*time.Second))
				}
				if v := workspace.Assess(f, p, last.Add(89*time.Second)); v.Reason != workspace.ReasonDuplicateHost {
					t.Fatalf("forgotten too soon: %s", v.Reason)
				}
				if v := workspace.Assess(f, p, last.Add(90*time.Second)); v.Status != workspace.StatusOnline {
					t.Fatalf("not forgotten: %s (%s)", v.Status, v.Reason)
				}
			}
		})
	}
}

func TestCopiesThatRegisterInTurn(t *testing.T) {
	f := live(nil)
	for i, url := range []string{"http://a", "http://b", "http://a", "", "http://b"} {
		f = workspace.Register(f, workspace.Admission{}, workspace.Declaration{URL: url, Pushable: url != "", From: "10.0.0.1"}, token.Hash{}, token.Hash{}, p, at(10*i))
	}
	if v := workspace.Assess(f, p, at(41)); v.Reason != workspace.ReasonDuplicateHost {
		t.Fatalf("%s (%s): %+v", v.Status, v.Reason, f)
	}
	for i := range 8 { // one that is started again and again on whatever port is free
		f = workspace.Register(f, workspace.Admission{}, workspace.Declaration{URL: "http://a:" + string(rune('1'+i)), From: "10.0.0.1"}, token.Hash{}, token.Hash{}, p, at(200+10*i))
	}
	if v := workspace.Assess(f, p, at(275)); v.Status != workspace.StatusOnline {
		t.Fatalf("%s (%s): %+v", v.Status, v.Reason, f)
	}
}

func TestAnyBootIsTheSameWithinTheSlack(t *testing.T) {
	for sec := range 40 {
		first := workspace.Observe(live(nil), workspace.Signal{Kind: workspace.SignalHeartbeat, From: "a", Instance: workspace.BootedAt(at(sec))}, p, t0)
		for off := -5; off <= 5; off++ {
			if !workspace.SameInstance(first, workspace.Signal{Instance: workspace.BootedAt(at(sec + off))}) {
				t.Fatalf("booted at %d, then said %d", sec, sec+off)
			}
		}
		if workspace.SameInstance(first, workspace.Signal{Instance: workspace.BootedAt(at(sec + 20))}) {
			t.Fatalf("booted at %d and at %d are one", sec, sec+20)
		}
	}
}

func TestRotationIsTwoPhase(t *testing.T) {
	old, fresh := token.Digest("secret"), token.Digest("fresh")
	f := workspace.Rotate(live(nil), fresh)
	if !f.MustRotate() || f.Credential != old {
		t.Fatalf("%+v", f)
	}
	for _, h := range []token.Hash{old, fresh} {
		if _, err := workspace.Admit(f, true, h, "", p, at(600)); err != nil {
			t.Fatalf("both are good until the new one is used: %v", err)
		}
	}
	f = workspace.Promote(f)
	if _, err := workspace.Admit(f, true, old, "", p, at(600)); err == nil || f.MustRotate() || f.Credential != fresh {
		t.Fatalf("the old one is good after the new one was used: %+v", f)
	}
}

func TestARotationLocksOutNobody(t *testing.T) {
	held := issued() // by a repair; its agent has not called with it yet
	f := workspace.Rotate(workspace.Rotate(held, token.Digest("second")), token.Digest("third"))
	for credential, good := range map[string]bool{"other": true, "second": false, "third": true} {
		if _, err := workspace.Admit(f, true, token.Digest(credential), "", p, at(596)); (err == nil) != good {
			t.Errorf("%s: %v", credential, err)
		}
	}
}

func TestALostProbeIsEvidence(t *testing.T) {
	lost := live(func(f *workspace.Facts) { f.ProbeLostAt = at(500) })
	if v := workspace.Assess(lost, p, at(600)); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
	lost.Declared = workspace.Poll
	lost.Pushable = false
	if v := workspace.Assess(lost, p, at(600)); v.Reason != workspace.ReasonInboxUnattended {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
	lost.PolledAt = at(590)
	if v := workspace.Assess(lost, p, at(600)); v.Status != workspace.StatusOnline {
		t.Fatalf("it polls: %s (%s)", v.Status, v.Reason)
	}
}
