package simulation

import (
	"time"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// agent is one agent and what the platform knows of it, in the few bytes that a fleet of a million allows. facts makes
// workspace.Facts of it, and a test holds what heard does to workspace.Observe.
type agent struct {
	next      int32 // that calls in the same slot, or none
	booted    instant
	lease     instant // until when it runs
	heard     instant // last accepted beat or poll
	recovered instant // when an accepted call last ended a silence
	died      instant // never, or when its host was lost last
	shown     shown   // the verdict that was recorded last
	polls     bool
	alive     bool
	missing   bool // its death has not been seen yet
	hangs     bool // it takes a push and does not answer
	away      bool // its host was lost since its last accepted call
	troubled  bool // its host was lost or it hung at some time: its mail waited for it
	tries     uint8
	turn      uint8 // counts polls: an agent that is not paced beats beside some
}

const (
	none  int32   = -1
	never instant = -1 << 40
)

// shown is a recorded verdict, as one byte.
type shown uint8

const (
	online shown = iota
	degraded
	offline
	unknown
)

func shownAs(s workspace.Status) shown {
	switch s {
	case workspace.StatusOffline:
		return offline
	case workspace.StatusUnknown:
		return unknown
	case workspace.StatusDegraded:
		return degraded
	}
	return online
}

// Timers of the clients that exist: they beat each half minute, whatever they are told.
const fixedBeat = 30 * time.Second

// firstRetry is half of how long a paced client waits at most after its first call that failed; it doubles each time.
const firstRetry = 5 * time.Second

// populate lets the fleet have run for long: its calls are spread over a period.
func (r *run) populate() {
	r.agents = make([]agent, r.Agents)
	r.calls = make([]int32, after(Length)/slot)
	for i := range r.calls {
		r.calls[i] = none
	}
	for i := range r.agents {
		a := &r.agents[i]
		*a = agent{alive: true, booted: -after(time.Hour), recovered: never, died: never}
		a.polls = r.rand.Float64() < r.Polling
		a.turn = uint8(r.rand.IntN(int(fixedBeat / r.PollEvery)))
		every := r.period(a)
		first := instant(r.rand.Float64() * float64(after(every)))
		a.heard = first - after(every)
		a.lease = a.heard + after(r.Policy.LeaseTTL)
		r.callAt(int32(i), first)
	}
}

// period is how often the agent calls when all is well.
func (r *run) period(a *agent) time.Duration {
	switch {
	case r.paced:
		return r.asked(a, false, 0.5)
	case a.polls:
		return r.PollEvery
	}
	return fixedBeat
}

// callAt has an agent call at a moment.
func (r *run) callAt(i int32, when instant) {
	s := max(when, r.now+slot) / slot
	if r.now == 0 {
		s = when / slot
	}
	if int(s) >= len(r.calls) {
		return
	}
	r.agents[i].next, r.calls[s] = r.calls[s], i
}

func (r *run) callsDue() {
	for i := r.calls[r.now/slot]; i != none; {
		next := r.agents[i].next
		r.call(i)
		i = next
	}
}

// call is one call of an agent, and for one that polls by fixed timers sometimes a beat beside it.
func (r *run) call(i int32) {
	a := &r.agents[i]
	if !a.alive {
		return
	}
	taken := r.offer(a.polls)
	if a.turn++; a.polls && !r.paced && time.Duration(a.turn)*r.PollEvery >= fixedBeat {
		a.turn = 0
		r.offer(false)
	}
	if taken {
		r.heard(i)
		a.tries = 0
	} else {
		a.tries = min(a.tries+1, 10)
	}
	r.callAt(i, r.now+after(r.pause(a, taken)))
}

// pause is how long the agent waits for its next call.
func (r *run) pause(a *agent, taken bool) time.Duration {
	returned := a.recovered == r.now
	switch {
	case !r.paced:
		return r.period(a)
	case !taken: // docs/agents.md: wait longer each time, at random
		longest := min(firstRetry<<a.tries, r.Policy.LeaseTTL/3)
		return time.Duration((0.5 + r.rand.Float64()/2) * float64(longest))
	}
	return r.asked(a, returned, r.rand.Float64())
}

// asked is in how long the platform asks the agent to call.
func (r *run) asked(a *agent, returned bool, random float64) time.Duration {
	if a.polls {
		return r.Policy.NextPoll(r.Agents, returned, random)
	}
	return r.Policy.NextBeat(r.Agents, returned, random)
}

// heard is an accepted call. A poll soon after one that was noted is not written.
func (r *run) heard(i int32) {
	a := &r.agents[i]
	silent := !r.leased(a)
	if !a.polls || silent || a.away || r.now-a.heard >= after(r.Policy.PollNoted) {
		r.note(i)
	}
	if b := r.boxes[i]; b != nil {
		if a.polls {
			r.fetch(i, b)
		} else if silent {
			r.wake(i)
		}
	}
}

// note is what a call that is written leaves: the few facts of workspace.Observe that change.
func (r *run) note(i int32) {
	a := &r.agents[i]
	if !r.leased(a) {
		r.judgeReturn(i)
		a.recovered = r.now
	}
	signal := workspace.Signal{Kind: workspace.SignalHeartbeat}
	if a.polls {
		signal.Kind = workspace.SignalPoll
	}
	a.lease, a.heard, a.away, a.missing = r.now+after(signal.Lease(r.Policy)), r.now, false, false
}

func (r *run) leased(a *agent) bool { return r.now < a.lease+after(r.Policy.Grace) }

// lose is that an agent's host is lost.
func (r *run) lose(i int32) {
	a := &r.agents[i]
	a.alive, a.died, a.away, a.missing, a.troubled = false, r.now, true, true, true
}

// boot starts a lost agent again.
func (r *run) boot(i int32) {
	a := &r.agents[i]
	a.alive, a.booted, a.tries, a.turn, a.missing = true, r.now, 0, 0, false
	r.callAt(i, r.now)
}

var credential = token.Digest("the agent's credential")

// facts is what the verdicts are made from.
func (r *run) facts(i int32) (f workspace.Facts) {
	a := &r.agents[i]
	f.ID, f.Epoch, f.Credential = "w", 1, credential
	f.CreatedAt, f.RegisteredAt = (-after(time.Hour)).time(), a.booted.time()
	f.LeaseUntil = a.lease.time()
	if a.recovered != never {
		f.RecoveredAt = a.recovered.time()
	}
	if a.booted > a.heard {
		f.RegisteredAt = f.CreatedAt // its register has not come yet
	}
	if f.Declared, f.Pushable = workspace.Push, true; a.polls {
		f.Declared, f.Pushable = workspace.Poll, false
		f.PolledAt = a.heard.time()
	} else {
		f.HeartbeatAt = a.heard.time()
	}
	if b := r.boxes[i]; b != nil {
		f.Mailbox, f.PushTrouble = b.Mailbox, b.PushTrouble
	}
	return f
}
