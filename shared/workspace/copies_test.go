package workspace_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

func TestTwoAgentsOfOneID(t *testing.T) {
	type call struct {
		at       int
		from     string
		instance workspace.Instance
	}
	boot := func(s int) workspace.Instance { return workspace.BootedAt(at(s)) }
	epoch, none := workspace.OfEpoch, workspace.Instance{}
	for name, c := range map[string]struct {
		calls []call
		twins bool
	}{
		"one agent": {[]call{{0, "a", none}, {10, "a", none}, {20, "a", none}}, false},
		"one that moved": {
			[]call{{0, "a", none}, {10, "b", none}, {20, "b", none}, {30, "b", none}}, false,
		},
		"one that moved and moved back": {
			[]call{{0, "a", none}, {10, "b", none}, {20, "a", none}, {30, "a", none}}, false,
		},
		"two addresses in turn": {
			[]call{{0, "a", none}, {15, "b", none}, {30, "a", none}, {45, "b", none}}, true,
		},
		"three in turn": {
			[]call{{0, "a", none}, {10, "b", none}, {20, "c", none}, {30, "a", none}, {40, "b", none}}, true,
		},
		"two that come back after an hour": {
			[]call{{0, "a", none}, {3600, "b", none}, {7200, "a", none}, {10800, "b", none}}, false,
		},
		"one boot from two addresses": {
			[]call{{0, "a", boot(-5)}, {15, "b", boot(-4)}, {30, "a", boot(-6)}, {45, "b", boot(-5)}, {50, "a", none}}, false,
		},
		"two boots from one address": {
			[]call{{0, "a", boot(-100)}, {15, "a", boot(-50)}, {30, "a", boot(-100)}, {45, "a", boot(-51)}}, true,
		},
		"one that crashes again and again": {
			[]call{
				{0, "a", boot(-1)}, {20, "a", boot(15)}, {40, "a", boot(35)}, {60, "a", boot(55)}, {80, "a", boot(75)},
			}, false,
		},
		"two epochs": {
			[]call{{0, "a", epoch(3)}, {15, "a", epoch(4)}, {30, "a", epoch(3)}, {45, "a", epoch(4)}}, true,
		},
		"calls that say nothing in between": {
			[]call{{0, "a", boot(-100)}, {5, "b", none}, {15, "a", boot(-100)}, {20, "b", none}, {30, "a", boot(-99)}}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := live(func(f *workspace.Facts) { f.SeenFrom = c.calls[0].from })
			now := t0
			for _, call := range c.calls {
				now = at(call.at)
				beat := workspace.Signal{Kind: workspace.SignalHeartbeat, From: call.from, Instance: call.instance}
				f = workspace.Observe(f, beat, p, now)
			}
			v := workspace.Assess(f, p, now)
			if twins := v.Reason == workspace.ReasonDuplicateHost; twins != c.twins {
				t.Fatalf("%s (%s): %+v", v.Status, v.Reason, f)
			}
			if c.twins {
				// One is stopped: a lease after the last change the other is alone.
				last := f.TakenOverAt
				for s := 10; s <= 90; s += 10 {
					f = beat(f, f.SeenFrom, last.Add(time.Duration(s)*time.Second))
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
		f = register(f, workspace.Declaration{URL: url, Pushable: url != "", From: "10.0.0.1"}, at(10*i))
	}
	if v := workspace.Assess(f, p, at(41)); v.Reason != workspace.ReasonDuplicateHost {
		t.Fatalf("%s (%s): %+v", v.Status, v.Reason, f)
	}
	for i := range 10 { // one that is started again and again on whatever port is free
		url := "http://a:" + strconv.Itoa(1+i)
		f = register(f, workspace.Declaration{URL: url, Pushable: true, From: "10.0.0.1"}, at(700+10*i))
	}
	if v := workspace.Assess(f, p, at(795)); v.Reason != workspace.ReasonRestartLoop {
		t.Fatalf("%s (%s): %+v", v.Status, v.Reason, f)
	}
}

func TestAnyBootIsTheSameWithinTheSlack(t *testing.T) {
	for sec := range 40 {
		beat := workspace.Signal{Kind: workspace.SignalHeartbeat, From: "a", Instance: workspace.BootedAt(at(sec))}
		first := workspace.Observe(live(nil), beat, p, t0)
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

// runningCopy is an agent that does what the answers to its heartbeats ask.
type runningCopy struct {
	from, url   string
	boot        time.Time
	epoch       int64
	every, next int // seconds
	registers   []int
	named       func(c *runningCopy) workspace.Instance
}

func (c *runningCopy) register(f workspace.Facts, s int) workspace.Facts {
	f = register(f, workspace.Declaration{URL: c.url, Pushable: true, From: c.from}, at(s))
	c.epoch, c.registers = f.Epoch, append(c.registers, s)
	return f
}

func (c *runningCopy) beat(f workspace.Facts, s int) workspace.Facts {
	signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: c.from, Instance: c.named(c)}
	f = workspace.Observe(f, signal, p, at(s))
	if c.next = s + c.every; f.MustRegister(signal.Instance, p, at(s)) {
		f = c.register(f, s)
	}
	return f
}

// Two copies that both live are never asked to register, as they would take the URL from each other for ever. When one
// stops, the other is asked once, and from then on its own URL is the one that is pushed to.
func TestTheCopyThatGoesOnIsAskedToRegister(t *testing.T) {
	named := map[string]func(*runningCopy) workspace.Instance{
		"epoch":   func(c *runningCopy) workspace.Instance { return workspace.OfEpoch(c.epoch) },
		"uptime":  func(c *runningCopy) workspace.Instance { return workspace.BootedAt(c.boot) },
		"address": func(*runningCopy) workspace.Instance { return workspace.Instance{} },
	}
	rapid.Check(t, func(t *rapid.T) {
		by := named[rapid.SampledFrom([]string{"epoch", "uptime", "address"}).Draw(t, "told apart by")]
		copies := []*runningCopy{
			{from: "a", url: "http://a", boot: at(-1000), named: by},
			{from: "b", url: "http://b", boot: at(-500), named: by},
		}
		f := live(nil)
		for i, c := range copies {
			c.every = rapid.IntRange(5, int(p.LeaseTTL.Seconds()/3)).Draw(t, "pace")
			f = c.register(f, i)
			c.next = i + c.every
		}
		run := func(from, to int, alive ...*runningCopy) {
			for s := from; s < to; s++ {
				for _, c := range alive {
					if c.next <= s {
						f = c.beat(f, s)
					}
				}
			}
		}
		run(2, 600, copies...)
		for _, c := range copies {
			if len(c.registers) != 1 {
				t.Fatalf("two copies that live register at %v: %+v", c.registers, f)
			}
		}
		survivor := copies[rapid.IntRange(0, 1).Draw(t, "goes on")]
		run(600, 720, survivor)
		if n := len(survivor.registers); n > 2 {
			t.Fatalf("it registers at %v: %+v", survivor.registers, f)
		}
		asked := f.MustRegister(survivor.named(survivor), p, at(720))
		if v := workspace.Assess(f, p, at(720)); v.Status != workspace.StatusOnline || asked {
			t.Fatalf("%s (%s): %+v", v.Status, v.Reason, f)
		}
		if last := survivor.registers[len(survivor.registers)-1]; survivor == copies[0] && last < 600 {
			t.Fatalf("mail goes to the URL of a copy that ended: it registered at %v", survivor.registers)
		}
	})
}

// A heartbeat that tells nothing of its agent is not asked to register because another agent's epoch is older than the
// URL: it may come from the one whose URL that is.
func TestOnlyWhoIsSupersededIsAskedToRegister(t *testing.T) {
	f := live(func(f *workspace.Facts) { f.Epoch, f.Instance = 1, workspace.OfEpoch(1).Name })
	for _, url := range []string{"http://a", "http://b"} {
		f = register(f, workspace.Declaration{URL: url, Pushable: true, From: "a"}, at(590))
	}
	for s := 600; s < 900; s += 15 {
		for _, caller := range []workspace.Instance{workspace.OfEpoch(2), {}} { // the latter is at http://b
			f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "a", Instance: caller}, p, at(s))
			if asked, want := f.MustRegister(caller, p, at(s)), caller.Name != "" && s >= 590+45; asked != want {
				t.Fatalf("at %d, %q is asked to register: %t: %+v", s, caller.Name, asked, f.Copies)
			}
		}
	}
}

// What is said of pushes that fail at the URL of a copy that has ended.
func TestPushesToACopyThatEndedAreToldAsThat(t *testing.T) {
	f := live(func(f *workspace.Facts) {
		f.Instance, f.URLEpoch, f.Epoch, f.RegisteredAt = workspace.OfEpoch(1).Name, 2, 2, at(500)
		f.Takeovers, f.TakenOverAt, f.TakeoversSince = 2, at(540), at(540)
		f.PushFailures, f.PushFailedAt, f.PushFault, f.PushError = 3, at(590), workspace.FaultRefused, "connection refused"
	})
	for second, want := range map[int]struct {
		reason workspace.Reason
		action string
	}{
		584: {workspace.ReasonDuplicateHost, "stop_one"},
		585: {workspace.ReasonDuplicateHost, "restart"},
		630: {workspace.ReasonPushFailing, "restart"},
	} {
		v := workspace.Assess(f, p, at(second)).At("http://b:1/a2a")
		if v.Reason != want.reason || v.Action != want.action {
			t.Errorf("at %d: %s, %s: %s", second, v.Reason, v.Action, v.Hint)
		}
		if !slices.ContainsFunc(v.Evidence, func(e workspace.Evidence) bool {
			return strings.Contains(e.Fact, "pushed goes to the agent's URL “http://b:1/a2a”")
		}) {
			t.Errorf("at %d the URL is not named: %+v", second, v.Evidence)
		}
	}
}
