package workspace_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// registering is an agent that registers.
type registering struct {
	workspace.Facts
	now, last time.Time
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

// An agent starts in a loop from the ninth register on of which each but the first came less than 15 s after the one
// before, until it has been heard 30 s after a register, or has fallen silent.
func TestARestartLoopIsToldWhileItLasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, quick, loop, began := newRegistering(), 0, false, time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "registers") {
			ms := func(name string, most ...int) time.Duration {
				upTo := rapid.SampledFrom(most).Draw(t, name+" at most")
				return time.Duration(rapid.IntRange(0, upTo).Draw(t, name)) * time.Millisecond
			}
			for range 2 {
				r.runs(ms("it runs for", 1, 7000, 7000, 7000, 50_000))
				wantLoop(t, r, loop, began)
			}
			r.dies(ms("it is dead for", 1, 1, 1000, 1000, 130_000))
			wantLoop(t, r, loop, began)
			ran, after, was := r.LastSignal().Sub(r.last) >= 30*time.Second, r.now.Sub(r.last), loop
			r.registers("10.0.0.1")
			switch {
			case !ran && after < 15*time.Second, !ran && loop && after < p.LeaseTTL+p.Grace:
				quick++
				if loop = quick >= 8; loop && !was {
					began = r.now
				}
			default:
				quick, loop = 0, false
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
