package simulation

import (
	"time"

	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// gate is the HTTP API: it is there or not, and takes so many calls a second.
type gate struct {
	down         bool
	each, tokens float64 // a slot
	burst        float64
}

// headroom is how many times the calls of the steady fleet the API takes in a second; half a second's may come at once.
const headroom = 2

func (r *run) openGate() {
	rate := headroom * r.Config.steadyCalls()
	r.gate.each, r.gate.burst = rate*slot/1000, max(rate/2, 10)
	r.gate.tokens = r.gate.burst
}

// steadyCalls is how many calls a second a fleet makes by fixed timers.
func (c Config) steadyCalls() float64 {
	return float64(c.Agents) * (1/fixedBeat.Seconds() + c.Polling/c.PollEvery.Seconds())
}

func (g *gate) refill() { g.tokens = min(g.tokens+g.each, g.burst) }

// offer is a call that reaches for the API; it reports whether the call was taken.
func (r *run) offer(poll bool) bool {
	r.result.offered(r.now, poll, r.gate.down)
	switch {
	case r.gate.down:
		return false
	case r.gate.tokens < 1:
		r.result.Throttled++
		return false
	}
	r.gate.tokens--
	return true
}

// sweep is the sweeper.
type sweep struct {
	fleet    workspace.Fleet // as the present sweep knows it
	reads    workspace.Fleet // as reads know it: sampled again now and then
	under    bool
	began    instant
	invoked  instant // when the present functions began
	cursor   int
	number   int
	credit   float64
	recorded float64 // when the last change is recorded that waits, in milliseconds
}

// sweepEvery is the schedule, and sweepsFor how much of it a function looks at workspaces; samples is how many leases
// stand for the fleet, and sampleFor how long they do.
const (
	sweepEvery = time.Minute
	sweepsFor  = 40 * time.Second
	samples    = 500
	sampleFor  = 5 * time.Second
)

func (r *run) beginSweeps() {
	r.sweep.fleet.SweptAt = (-after(sweepEvery)).time()
	var begin func()
	begin = func() {
		r.in(sweepEvery, begin)
		s := &r.sweep
		if r.gate.down {
			return
		}
		s.fleet = r.sampled(s.fleet.NoteSweep(r.Policy, r.now.time()))
		s.reads, s.invoked, s.credit = s.fleet, r.now, 0
		if !s.under { // else it goes on where it ran out of time
			s.under, s.began, s.cursor, s.number = true, r.now, 0, s.number+1
		}
	}
	begin()
}

// sampled is what a sample of the fleet shows now.
func (r *run) sampled(fl workspace.Fleet) workspace.Fleet {
	fl.LeaseEnds, fl.LastSignalAt, fl.SweeperOnly = nil, time.Time{}, false
	for i := range min(samples, r.Agents) {
		fl.Sample(r.facts(int32(i * r.Agents / min(samples, r.Agents))))
	}
	fl.SampledAt = r.now.time()
	return fl
}

// fleetNow is the fleet as a read knows it.
func (r *run) fleetNow() workspace.Fleet {
	s := &r.sweep
	if r.now.time().Sub(s.reads.SampledAt) >= sampleFor {
		s.reads = r.sampled(s.fleet)
	}
	return s.reads
}

// sweepOn lets the sweep look at as many workspaces as its workers do in a slot. None begins a page while each has one
// whose changes wait for their turn.
func (r *run) sweepOn() {
	s := &r.sweep
	waiting := (s.recorded - float64(r.now)) / 1000 * r.Sweep.Changes
	if !s.under || r.gate.down || r.now-s.invoked >= after(sweepsFor) ||
		waiting > float64(r.Sweep.Workers*statuslog.TurnSize) {
		return
	}
	s.credit += float64(r.Sweep.Workers) * r.Sweep.Each * slot / 1000
	for ; s.credit >= 1 && s.cursor < r.Agents; s.credit-- {
		r.look(int32(s.cursor))
		s.cursor++
	}
	if s.cursor == r.Agents {
		s.under, s.credit = false, 0
		r.result.SweepLag = max(r.result.SweepLag, time.Duration(r.now-s.began+slot)*time.Millisecond)
	}
}

// calmShare is the share of the workspaces that are plainly as they were shown (no mail, no trouble; the lease runs
// and it is shown online, or it has run out and it is shown offline) that a sweep judges all the same, in turn.
const calmShare = 16

// look judges one workspace, as a sweep does.
func (r *run) look(i int32) {
	a, b := &r.agents[i], r.boxes[i]
	calm := b == nil && (r.leased(a) && a.shown == online || !r.leased(a) && a.shown == offline)
	if calm && (int(i)+r.sweep.number)%calmShare != 0 {
		return
	}
	f := r.facts(i)
	status, reason := r.sweep.fleet.Stands(f, r.Policy, r.now.time())
	r.result.Judged++
	is := shownAs(status)
	if is == offline {
		if a.missing {
			a.missing = false
			r.result.detect = append(r.result.detect, r.now-a.died)
		}
		r.checkOffline(a)
	}
	if is != a.shown && !r.sweep.fleet.AwaitsCalls(reason, r.Policy, r.now.time()) {
		r.record(a, is)
	}
	if b != nil && f.WantsDrain(r.Policy, r.now.time()) {
		r.wake(i)
	}
}

// record notes a change of verdict. Changes are recorded one after another, and the worker that records looks at
// nothing meanwhile.
func (r *run) record(a *agent, is shown) {
	a.shown = is
	if is == unknown {
		r.result.Suspected++
	}
	s := &r.sweep
	s.credit -= r.Sweep.Each / r.Sweep.Changes
	s.recorded = max(s.recorded, float64(r.now)) + 1000/r.Sweep.Changes
	r.result.Changes++
	r.result.ToldAfter = max(r.result.ToldAfter, time.Duration(s.recorded-float64(r.now))*time.Millisecond)
}

// judgeReturn asks what a read would have said of an agent in the last moment of its silence.
func (r *run) judgeReturn(i int32) {
	a := &r.agents[i]
	if a.away {
		return // its silence was true
	}
	if status, _ := r.fleetNow().Stands(r.facts(i), r.Policy, (r.now - 1).time()); status == workspace.StatusOffline {
		r.checkOffline(a)
	}
}

// judgeSilent asks the same of those that are silent at the end.
func (r *run) judgeSilent() {
	for i := range r.agents {
		if a := &r.agents[i]; a.alive && !a.away && !r.leased(a) {
			r.judgeReturn(int32(i))
		}
	}
}

// checkOffline counts a verdict of offline over an agent that has lived since its last accepted call.
func (r *run) checkOffline(a *agent) {
	if a.alive && !a.away {
		r.result.FalseOffline++
	}
}
