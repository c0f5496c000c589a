package workspace_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// registering is an agent that registers.
type registering struct {
	workspace.Facts
	now, last time.Time
	url       string // "": the one of its address
}

func newRegistering() *registering {
	r := &registering{Facts: created(t0), now: t0}
	r.registers("10.0.0.1")
	return r
}

// registers registers it now, from an address.
func (r *registering) registers(from string) {
	next := register(r.Facts, workspace.Declaration{URL: "http://" + from, Pushable: true, From: from}, r.now)
	r.Facts, r.last = workspace.NoteStanding(r.Facts, next, p, r.now), r.now
}

// runs lets a time pass, in which the agent beats.
func (r *registering) runs(d time.Duration) {
	const every = 15 * time.Second
	for end := r.now.Add(d); r.now.Before(end); {
		step := min(every, end.Sub(r.now))
		if r.now = r.now.Add(step); step == every {
			r.Facts = beat(r.Facts, r.SeenFrom, r.now)
		}
	}
}

func (r *registering) verdict() workspace.Verdict { return workspace.Assess(r.Facts, p, r.now) }

// dies lets a time pass in which it is silent.
func (r *registering) dies(d time.Duration) { r.now = r.now.Add(d) }

// An agent whose beats say nothing of its start starts in a loop from the ninth register on of which each but the first
// came less than 15 s after the one before, or from the sixth if each came after 45 s of silence. It does until it has
// been heard 30 s after a register, or comes after a longer pause than any that starts programs makes.
func TestARestartLoopIsToldWhileItLasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, signs, loop, began := newRegistering(), 0, false, time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "registers") {
			ms := func(name string, most ...int) time.Duration {
				upTo := rapid.SampledFrom(most).Draw(t, name+" at most")
				return time.Duration(rapid.IntRange(0, upTo).Draw(t, name)) * time.Millisecond
			}
			for range 2 {
				r.runs(ms("it runs for", 1, 7000, 7000, 7000, 50_000))
				wantLoop(t, r, loop, began)
			}
			r.dies(ms("it is dead for", 1, 1, 1000, 1000, 130_000, 600_000))
			wantLoop(t, r, loop, began)
			ran, after, silent, was := r.LastSignal().Sub(r.last) >= 30*time.Second, r.now.Sub(r.last),
				r.now.Sub(r.LastSignal()), loop
			r.registers("10.0.0.1")
			switch {
			case ran, after >= 8*time.Minute:
				signs, loop = 0, false
			case after < 15*time.Second:
				signs += 5
			case silent >= 45*time.Second:
				signs += 8
			case !loop:
				signs = 0
			}
			if loop = loop || signs >= 40; loop && (!was || silent >= p.LeaseTTL+p.Grace) {
				began = r.now
			}
			wantLoop(t, r, loop, began)
		}
		r.runs(30 * time.Second)
		wantLoop(t, r, false, began)
	})
}

// wantLoop checks whether the verdict tells of a restart loop, since when, and with which evidence.
func wantLoop(t *rapid.T, r *registering, loop bool, began time.Time) {
	v := r.verdict()
	ran := r.LastSignal().Sub(r.last) >= 30*time.Second
	if told := v.Reason == workspace.ReasonRestartLoop; told != (loop && !ran && r.Leased(p, r.now)) {
		t.Fatalf("%s after its last register it is %s (%s), and it starts in a loop: %t", r.now.Sub(r.last), v.Status,
			v.Reason, loop)
	}
	if v.Reason != workspace.ReasonRestartLoop {
		return
	}
	lastRegister := func(e workspace.Evidence) bool { return e.At.Equal(r.last) }
	if !v.Since.Equal(began) || !slices.ContainsFunc(v.Evidence, lastRegister) {
		t.Fatalf("it began at %s: %+v", began, v)
	}
}

// run is one run of an agent, from its start to its end.
type run struct {
	lasts, dead time.Duration
	kind        workspace.SignalKind // of its calls; "": it makes none but its register
	every, then time.Duration        // from one call to the next, in turn; then is 0: each is as every
	instance    func(*registering) workspace.Instance
	acks        bool   // it acknowledges by number, with its epoch
	served      bool   // it takes a message, and the next one is refused after its end
	url         string // of the next start; "": the same
}

// does has the agent make a run, and start again.
func (r *registering) does(l run) {
	began, end := r.now, r.now.Add(l.lasts)
	if l.acks {
		r.AcksEpoch = r.Epoch
	}
	for at := began.Add(time.Millisecond); l.kind != "" && !at.After(end); at = at.Add(l.every) {
		if l.then > 0 {
			l.every, l.then = l.then, l.every
		}
		s := workspace.Signal{Kind: l.kind, From: r.SeenFrom}
		if l.instance != nil {
			r.now = at
			s.Instance = l.instance(r)
		}
		if !workspace.Noted(r.Facts, s, p, at) {
			r.Facts = workspace.Observe(r.Facts, s, p, at)
		}
	}
	if l.served {
		r.ReachedAt, r.PushFailedAt = end, end.Add(time.Second)
		r.PushFailures, r.PushFault = 1, workspace.FaultRefused
	}
	r.now = end.Add(l.dead)
	r.url = cmp.Or(l.url, r.url, "http://10.0.0.1")
	next := register(r.Facts, workspace.Declaration{URL: r.url, Pushable: true, From: r.SeenFrom}, r.now)
	r.Facts, r.last = workspace.NoteStanding(r.Facts, next, p, r.now), r.now
}

func byEpoch(r *registering) workspace.Instance  { return workspace.OfEpoch(r.Epoch) }
func byUptime(r *registering) workspace.Instance { return workspace.BootedAt(r.last) }

// An agent that ends soon after each start is found to start in a loop, whatever its pause is, if something shows of
// each run that it ended: that may be another thing each time.
func TestAnAgentThatEndsSoonIsToldAtAnyPause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, quick := newRegistering(), false
		between := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from*1000, to*1000).Draw(t, name)) * time.Millisecond
		}
		tells := rapid.SampledFrom([]string{"epoch", "acks", "uptime"}).Draw(t, "its calls tell of it")
		instance := map[string]func(*registering) workspace.Instance{"epoch": byEpoch, "uptime": byUptime}[tells]
		for i := range 8 {
			l := run{lasts: between("it runs for", 1, 25), dead: between("it is dead for", 5, 300), every: 10 * time.Second}
			switch rapid.SampledFrom([]string{"url", tells, "served", "silent"}).Draw(t, "shown by") {
			case "url":
				l.url = fmt.Sprintf("http://10.0.0.1:%d", i+1)
			case "epoch", "uptime":
				l.kind, l.instance = workspace.SignalHeartbeat, instance
			case "acks":
				l.kind, l.acks = workspace.SignalPoll, true
			case "served":
				l.served = true
			case "silent":
				l.kind = rapid.SampledFrom([]workspace.SignalKind{
					"", workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall,
				}).Draw(t, "calls")
				l.instance = instance
				l.dead = between("it is silent for", 68, 300)
			}
			r.does(l)
			quick = quick || l.lasts+l.dead < 15*time.Second
			told := r.StartSigns >= 40
			if want := i >= 7 || i >= 4 && !quick; want && !told {
				t.Fatalf("after %d starts: %d signs, %s", i+2, r.StartSigns, r.verdict().Reason)
			}
		}
		r.PushTrouble = workspace.PushTrouble{} // which goes first
		if v := r.verdict(); v.Reason != workspace.ReasonRestartLoop {
			t.Fatalf("%s (%s)", v.Status, v.Reason)
		}
	})
}

// What registers again and again as it runs is no restart loop, at no pace at which agents are asked to call: not the
// bridge, which polls each five seconds, and not what registers in place of its heartbeats. That nothing shows whether
// it runs in between, its verdict says.
func TestWhatRegistersAsItRunsIsNoLoop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRegistering()
		kind := rapid.SampledFrom([]workspace.SignalKind{
			"", workspace.SignalPoll, workspace.SignalCall, workspace.SignalHeartbeat,
		}).Draw(t, "calls beside")
		every := time.Duration(rapid.IntRange(1, 30).Draw(t, "each")) * time.Second
		for range rapid.IntRange(8, 40).Draw(t, "registers") {
			after := rapid.IntRange(15_000, 30_000).Draw(t, "after")
			r.does(run{kind: kind, every: every, lasts: time.Duration(after) * time.Millisecond})
			v := r.verdict()
			if v.Reason == workspace.ReasonRestartLoop || r.StartSigns > 0 {
				t.Fatalf("%s, %d signs", v.Reason, r.StartSigns)
			}
			often := func(e workspace.Evidence) bool { return strings.Contains(e.Fact, "or it starts again and again") }
			if v.Status == workspace.StatusOnline && slices.ContainsFunc(v.Evidence, often) != (r.QuickRegisters >= 8) {
				t.Fatalf("%d registers in a row: %+v", r.QuickRegisters+1, v.Evidence)
			}
			e := workspace.Fleet{}.Explain(r.Facts, p, r.now)
			if well := strings.HasPrefix(e.Summary, "It is well"); well && r.QuickRegisters >= 8 {
				t.Fatalf("%d registers in a row: %s", r.QuickRegisters+1, e.Summary)
			}
		}
	})
}

// What happens every day is no restart loop; what starts a program that crashes again and again makes one.
func TestWhatIsARestartLoop(t *testing.T) {
	const second = time.Second
	every := func(pause time.Duration, n int) func(*registering) {
		return func(r *registering) {
			for range n {
				r.runs(pause)
				r.registers("10.0.0.1")
			}
		}
	}
	backOff := func(first, most, run time.Duration) func(*registering) {
		return func(r *registering) {
			for pause := first; r.now.Before(t0.Add(30 * time.Minute)); pause = min(2*pause, most) {
				r.runs(run)
				r.dies(pause)
				r.registers("10.0.0.1")
			}
		}
	}
	again := func(n int, l run) func(*registering) {
		return func(r *registering) {
			for range n {
				r.does(l)
			}
		}
	}
	for name, c := range map[string]struct {
		happens func(*registering)
		loop    bool
	}{
		"a deployment": {every(time.Hour, 1), false},
		"a rolling restart of two copies": {func(r *registering) {
			r.runs(time.Hour)
			for _, from := range []string{"10.0.0.3", "10.0.0.4", "10.0.0.3", "10.0.0.4"} { // the last two were superseded
				r.registers(from)
				r.runs(5 * second)
			}
			r.registers("10.0.0.3")
		}, false},
		"four answers that are lost, and so five tries, with back-off": {backOff4, false},
		"a repair, and a restart": {func(r *registering) {
			r.runs(5 * second)
			r.registers("10.0.0.1")
			r.runs(5 * second)
			r.registers("10.0.0.1")
		}, false},
		"two copies that register in turn": {func(r *registering) {
			for i := range 40 {
				r.registers([]string{"10.0.0.1", "10.0.0.2"}[i%2])
				r.runs(2 * second)
			}
		}, false},
		"a person who restarts it each half a minute": {every(30*second, 20), false},
		"a register in place of each heartbeat":       {every(p.ShortestBeat, 100), false},
		"one that registers each 20 s as it runs, after a loop": {func(r *registering) {
			every(second, 20)(r)
			boot := r.now
			for range 3 {
				r.now = r.now.Add(20 * second)
				r.registers("10.0.0.1")
				r.now = r.now.Add(second)
				r.Facts = workspace.Observe(r.Facts, workspace.Signal{
					Kind: workspace.SignalHeartbeat, From: "10.0.0.1", Instance: workspace.BootedAt(boot),
				}, p, r.now)
			}
		}, false},
		"a loop of one that says when it began": {func(r *registering) {
			for range 20 {
				r.registers("10.0.0.1")
				r.now = r.now.Add(2 * second)
				r.Facts = workspace.Observe(r.Facts, workspace.Signal{
					Kind: workspace.SignalHeartbeat, From: "10.0.0.1", Instance: workspace.BootedAt(r.last),
				}, p, r.now)
				r.now = r.now.Add(2 * second)
			}
		}, true},
		"the bridge: a register each 20 s, and polls": {again(500, run{
			lasts: 20 * second, kind: workspace.SignalPoll, every: 5 * second,
		}), false},
		"one that polls at any pace that it is asked to, and registers as it does": {again(20, run{
			lasts: 52 * second, kind: workspace.SignalPoll, every: 30 * second, then: 22 * second,
		}), false},
		"an agent that is asked to register again, with each beat": {again(20, run{
			lasts: 29 * second, kind: workspace.SignalHeartbeat, every: 28 * second, instance: byEpoch,
		}), false},
		"one that ran for an hour, and now ends before it has an uptime to tell": {func(r *registering) {
			every := run{kind: workspace.SignalHeartbeat, every: 20 * second, instance: byUptime, lasts: time.Hour}
			r.does(every)
			again(5, run{kind: workspace.SignalHeartbeat, every: 20 * second, lasts: 3 * second, dead: 60 * second})(r)
		}, true},
		"a person who starts it a few times, and stops it": {again(4, run{
			lasts: 10 * second, dead: 90 * second, kind: workspace.SignalHeartbeat, every: 30 * second, instance: byEpoch,
		}), false},
		"an agent up for 3 s and down for 20 s": {again(5, run{
			lasts: 3 * second, dead: 20 * second, kind: workspace.SignalHeartbeat, every: 30 * second, instance: byEpoch,
		}), true},
		"a poller up for 3 s and down for 20 s": {again(5, run{
			lasts: 3 * second, dead: 20 * second, kind: workspace.SignalPoll, every: 5 * second, acks: true,
		}), true},
		"an agent that says nothing of its start, up for 3 s and down for 60 s": {again(5, run{
			lasts: 3 * second, dead: 60 * second, kind: workspace.SignalHeartbeat, every: 30 * second,
		}), true},
		"Kubernetes":                   {backOff(10*second, 300*second, 3*second), true},
		"a register each two seconds":  {every(2*second, 8), true},
		"a supervisor without a pause": {every(second/2, 500), true},
		"Docker":                       {backOff(second/10, 60*second, second), true},
	} {
		r := newRegistering()
		c.happens(r)
		if v := r.verdict(); (v.Reason == workspace.ReasonRestartLoop) != c.loop {
			t.Errorf("%s: %s (%s), %d quick registers", name, v.Status, v.Reason, r.QuickRegisters)
		}
	}
}

// backOff4 are five registers of one client, each after a pause that doubles.
func backOff4(r *registering) {
	for pause := time.Second; pause <= 16*time.Second; pause *= 2 {
		r.runs(10*time.Second + pause) // it waits for an answer for ten seconds
		r.registers("10.0.0.1")
	}
}

// A restart loop goes after what else is wrong with its mail or with who calls, and each verdict tells of it.
func TestEachVerdictTellsOfARestartLoop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		f.QuickRegisters, f.QuickSince, f.RegisteredAt = 8, at(560), at(598)
		f.StartSigns = 40
		f.HeartbeatAt, f.PolledAt = at(598), time.Time{}
		v := workspace.Assess(f, p, at(600))
		if f.Hold != workspace.NoHold {
			return
		}
		told := func(e workspace.Evidence) bool {
			return e.At.Equal(f.RegisteredAt) && e.Fact == "last accepted register, the last of 9 in a row"
		}
		if !slices.ContainsFunc(v.Evidence, told) || v.Status == workspace.StatusOnline {
			t.Fatalf("%s (%s): %+v", v.Status, v.Reason, v.Evidence)
		}
	})
}

// Registers of an agent that is asked to fetch a credential, and uses none, may be no starts: what is told of them says
// so, and that the rotation waits. Once it uses one, they are starts again.
func TestALoopOfWhatFetchesAndKeepsNothing(t *testing.T) {
	const asked, crash = "an operator asked for another credential", "it may crash each time that it is started"
	r := newRegistering()
	r.Facts = workspace.AskToFetch(r.Facts, r.now)
	for range 12 {
		r.runs(4 * time.Second)
		r.registers("10.0.0.1")
	}
	v := r.verdict()
	told := fmt.Sprint(v.Evidence)
	if v.Reason != workspace.ReasonRestartLoop || !strings.Contains(v.Hint, "fetch one each time and not keep it") ||
		strings.Contains(v.Hint, crash) || !strings.Contains(told, asked) ||
		!strings.Contains(v.Summary(), "registers again") {
		t.Errorf("%s (%s) %q: %s\n%s", v.Status, v.Reason, v.Summary(), v.Hint, told)
	}
	r.FetchAskedAt = time.Time{}
	if v := r.verdict(); v.Reason != workspace.ReasonRestartLoop || !strings.Contains(v.Hint, crash) ||
		strings.Contains(fmt.Sprint(v.Evidence), asked) {
		t.Errorf("%s (%s): %s", v.Status, v.Reason, v.Hint)
	}
}

// That another instance called longer than a lease ago hides no loop of starts: two that register in turn are told
// apart from one that starts again and again by what was seen of late.
func TestAnOldTakeoverHidesNoLoop(t *testing.T) {
	for takeovers := range 3 {
		f := live(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(8000), at(8090) })
		if f.Takeovers = takeovers; takeovers > 0 {
			f.TakenOverAt, f.TakeoversSince = at(600), at(600)
		}
		for i := range 12 {
			f = register(f, workspace.Declaration{URL: "http://a", Pushable: true, From: "10.0.0.1"}, at(8005+5*i))
		}
		if v := workspace.Assess(f, p, at(8062)); v.Reason != workspace.ReasonRestartLoop {
			t.Errorf("after %d takeovers long ago: %s (%s)", takeovers, v.Status, v.Reason)
		}
	}
}
