// Package model is the delivery protocol as a pure transition system: Next gives
// every state that one step, of anyone, can lead to. Tests search it whole for
// small sizes. It has the protocol's writes one by one, so that whoever acts can
// die between any two of them.
package model

import "fmt"

// Sizes of the search.
const (
	Messages = 2
	Workers  = 2 // drains at once
)

// Stage is where a message is.
type Stage uint8

// The stages.
const (
	Absent Stage = iota
	Queued
	InFlight
	Delivered
	Dead
	Cancelled
)

func (s Stage) open() bool { return s == Queued || s == InFlight }

// byPoll is the claim of a poll; workers claim as 1 and 2.
const byPoll = Workers + 1

// Message is one message. Claim names who has it, Live whether its visibility
// timeout still runs. Got is how often its agent took it (2: more than once).
type Message struct {
	Stage   Stage
	Claim   uint8
	Live    bool
	After   uint8 // the cursor of the poll it was handed out to
	Got     uint8
	Fails   uint8
	Busies  uint8
	Backoff bool
	Late    bool // redriven: what was behind it may have gone before
}

// Point is what a worker has done last.
type Point uint8

// The points of a drain, each before the next write.
const (
	Idle    Point = iota
	Awake         // took a wake-up
	Holding       // has a ticket
	Claimed       // has a message
	Took          // the agent took it
	Busy          // the agent said that it is busy
	Refused       // the agent failed
	Settled       // the outcome is written
)

// Worker is one drain.
type Worker struct {
	At     Point
	On     uint8 // message
	Ticket bool  // its ticket's visibility timeout still runs
}

// State is the whole of it.
type State struct {
	M       [Messages]Message
	W       [Workers]Worker
	Rings   uint8 // wake-ups on their way, at most 2
	Tickets uint8 // on the chat queue, visible, at most 2
	RowPoll bool  // the mode on the row
	Polls   bool  // what the agent truly does
	Waited  bool  // mail waited for the objective and nobody polled
	Locked  bool  // the agent's credential is not accepted
	Removed bool
	Cursor  uint8 // the agent's: 0 none, i+1 the i-th row
	Open    uint8 // the counters, moved with the messages
	Ends    uint8
	Faults  uint8 // so far
}

// Rules are the protocol's choices. The zero Rules are ours; each field turns on
// a known mistake of the system this one replaces, or an inviting one.
type Rules struct {
	BusyEats     bool // the second "busy" marks the message done
	NoVisibility bool // a claim never ends
	StickyMode   bool // the row's mode wins over what the agent declares and shows
	CursorEats   bool // a cursor acknowledges whatever lies before it
	BlindSettle  bool // an outcome is written whoever has the message now
	MaxFaults    uint8
	// Quiet leaves the steps without names: a search takes most of its time to
	// write them.
	Quiet bool
}

func (r Rules) name(format string, args ...any) string {
	if r.Quiet {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

const maxFails = 2

// Step is one transition.
type Step struct {
	Name  string
	State State
}

func (s State) push(r Rules) bool {
	if r.StickyMode {
		return !s.RowPoll
	}
	return !s.RowPoll || (s.Waited && !s.Polls)
}

// pushable tells whether a drain may deliver.
func (s State) pushable(r Rules) bool { return s.push(r) && !s.Locked && !s.Removed && s.Open > 0 }

func (m Message) available() bool {
	return (m.Stage == Queued && !m.Backoff) || (m.Stage == InFlight && !m.Live)
}

// head is the message that one task slot may deliver next; -1 for none.
func (s State) head() int {
	for i, m := range s.M {
		switch {
		case !m.Stage.open():
		case m.available():
			return i
		default:
			return -1 // in flight or in backoff: what is behind it waits
		}
	}
	return -1
}

func (s *State) move(i int, to Stage) {
	if s.M[i].Stage.open() && !to.open() {
		s.Open--
		s.Ends++
	}
	s.M[i].Stage = to
	if to != InFlight {
		s.M[i].Claim, s.M[i].Live = 0, false
	}
}

func (s *State) ring() { s.Rings = min(s.Rings+1, 2) }

// Next gives all that can happen.
func Next(s State, r Rules) []Step {
	var out []Step
	add := func(name string, to State) { out = append(out, Step{name, to}) }
	fault := func(name string, to State) {
		if to.Faults < r.MaxFaults {
			to.Faults++
			add(name, to)
		}
	}
	for i := range s.M {
		if s.M[i].Stage == Absent && (i == 0 || s.M[i-1].Stage != Absent) && !s.Removed {
			t := s
			t.M[i].Stage, t.Open = Queued, t.Open+1
			fault(r.name("accept m%d, crash before the ring", i+1), t)
			if t.pushable(r) {
				t.ring()
			}
			add(r.name("accept m%d", i+1), t)
		}
	}
	for w := range s.W {
		for _, step := range worker(s, w, r) {
			add(step.Name, step.State)
		}
		if s.W[w].At != Idle {
			t := s
			if t.W[w].At >= Holding && t.W[w].Ticket {
				t.W[w].At = Idle // its ticket stays hidden until its timeout
				t.W[w] = Worker{Ticket: true}
			} else {
				t.W[w] = Worker{}
			}
			fault(r.name("worker %d dies", w+1), t)
		}
	}
	if s.Rings > 0 {
		t := s
		t.Rings--
		fault("a wake-up is lost", t)
	}
	add("time passes", tick(s, r))
	add("sweep", sweep(s, r))
	if !s.Locked && !s.Removed {
		add("heartbeat", beat(s, r))
		if s.Polls {
			add("poll", poll(s, r, true))
			fault("poll, reply lost", poll(s, r, false))
		}
		t := s
		t.Polls = !t.Polls
		fault("the agent changes its mode, and registers", register(t, r))
		fault("the agent changes its mode, and does not register", t)
	}
	if !s.Removed {
		t := s
		t.Locked = true
		fault("the agent loses its credential", t)
		t = s
		t.Removed = true
		fault("an operator removes the workspace", t)
	}
	for i, m := range s.M {
		if m.Stage == Dead && !s.Removed {
			t := s
			t.M[i] = Message{Stage: Queued, Got: m.Got, Late: true}
			t.Open, t.Ends = t.Open+1, t.Ends-1
			if t.pushable(r) {
				t.ring()
			}
			fault(r.name("an operator redrives m%d", i+1), t)
		}
	}
	if s.Locked {
		add("an operator repairs the credential, the agent registers", repair(s, r))
	}
	return out
}

func register(s State, r Rules) State {
	if s.Removed || s.Locked {
		return s
	}
	if !r.StickyMode {
		s.RowPoll = s.Polls
	}
	s.Waited = false
	if s.pushable(r) {
		s.ring()
	}
	return s
}

func repair(s State, r Rules) State {
	if !s.Removed {
		s.Locked = false
	}
	return register(s, r)
}

func beat(s State, r Rules) State {
	if s.pushable(r) {
		s.ring()
	}
	return s
}

// tick is the end of every timeout that runs.
func tick(s State, r Rules) State {
	for i := range s.M {
		if !r.NoVisibility {
			s.M[i].Live = false
		}
		s.M[i].Backoff = false
	}
	for w := range s.W {
		if s.W[w].Ticket {
			s.W[w].Ticket = false
			s.Tickets = min(s.Tickets+1, 2)
		}
	}
	s.Waited = s.RowPoll && !s.Polls && s.Open > 0
	return s
}

func sweep(s State, r Rules) State {
	if s.Removed {
		for i, m := range s.M {
			if m.Stage.open() {
				s.move(i, Cancelled)
			}
		}
	}
	if s.pushable(r) {
		s.ring()
	}
	return s
}

func poll(s State, r Rules, arrives bool) State {
	if s.Open == 0 {
		return s
	}
	pushed := s.push(r)
	last := uint8(0)
	for i := range s.M {
		m, row := &s.M[i], uint8(i+1)
		acked := m.Stage == InFlight && m.Claim == byPoll && (row == s.Cursor || (row < s.Cursor && m.After != s.Cursor))
		if r.CursorEats {
			acked = m.Stage.open() && row <= s.Cursor
		}
		switch {
		case acked:
			s.move(i, Delivered)
			continue
		case pushed || !m.Stage.open():
			continue
		case m.Stage == InFlight && m.Live && m.Claim != byPoll:
			pushed = true // a push has it: what is behind it waits
			continue
		}
		m.Stage, m.Claim, m.Live, m.Backoff, m.After = InFlight, byPoll, true, false, s.Cursor
		if arrives {
			m.Got = min(m.Got+1, 2)
			last = row
		}
	}
	if last > 0 {
		s.Cursor = last
	}
	s.Waited = false
	return s
}

// worker gives the next write of one drain.
func worker(s State, w int, r Rules) []Step {
	me := s.W[w]
	one := func(what string, t State) []Step { return []Step{{r.name("worker %d %s", w+1, what), t}} }
	t := s
	switch me.At {
	case Idle:
		if s.Rings == 0 || me.Ticket {
			return nil
		}
		t.Rings--
		t.W[w] = Worker{At: Awake}
		again := s
		again.W[w] = Worker{At: Awake}
		return append(one("wakes", t), one("wakes, and the wake-up comes again", again)...)
	case Awake:
		if !s.pushable(r) || s.head() < 0 {
			t.W[w] = Worker{}
			if s.pushable(r) {
				t.ring() // it asks to be woken when the head is available
			}
			return one("ends", t)
		}
		for other := range s.W {
			if s.W[other].Ticket {
				t.W[w] = Worker{}
				t.ring()
				return one("finds the slot taken", t)
			}
		}
		if t.Tickets > 0 {
			t.Tickets--
		}
		t.W[w] = Worker{At: Holding, Ticket: true}
		return one("takes a ticket", t)
	case Holding:
		i := s.head()
		if i < 0 || !s.pushable(r) {
			t.W[w] = Worker{}
			if me.Ticket {
				t.Tickets = min(t.Tickets+1, 2)
			}
			return one("lets go", t)
		}
		m := &t.M[i]
		if m.Stage == InFlight && m.Claim != byPoll {
			m.Fails++ // the one before never reported back
		}
		if m.Fails >= maxFails {
			t.move(i, Dead)
			t.W[w].At = Settled
			return one(r.name("finds m%d's attempts used up", i+1), t)
		}
		m.Stage, m.Claim, m.Live = InFlight, uint8(w+1), true
		t.W[w].At, t.W[w].On = Claimed, uint8(i)
		return one(r.name("claims m%d", i+1), t)
	case Claimed:
		if s.Polls { // nobody serves its URL now
			t.W[w].At = Refused
			return one(r.name("can't push m%d", me.On+1), t)
		}
		took, busy, refused := s, s, s
		took.W[w].At, took.M[me.On].Got = Took, min(took.M[me.On].Got+1, 2)
		out := one(r.name("pushes m%d", me.On+1), took)
		if s.M[me.On].Busies < 2 {
			busy.W[w].At = Busy
			busy.M[me.On].Busies++
			out = append(out, one(r.name("pushes m%d: busy", me.On+1), busy)...)
		}
		if s.Faults < r.MaxFaults {
			refused.Faults++
			refused.W[w].At = Refused
			out = append(out, one(r.name("pushes m%d: refused", me.On+1), refused)...)
		}
		return out
	case Took, Busy, Refused:
		i := int(me.On)
		m := &t.M[i]
		t.W[w].At = Settled
		if (m.Stage != InFlight || m.Claim != uint8(w+1)) && !r.BlindSettle {
			return one(r.name("is too late for m%d", i+1), t)
		}
		switch {
		case me.At == Took, me.At == Busy && r.BusyEats && m.Busies >= 2:
			if r.BlindSettle && !m.Stage.open() {
				t.Ends++ // told twice
			}
			t.move(i, Delivered)
		case me.At == Busy:
			t.move(i, Queued)
			t.M[i].Backoff = true
		default:
			t.M[i].Fails++
			if t.M[i].Fails >= maxFails {
				t.move(i, Dead)
			} else {
				t.move(i, Queued)
				t.M[i].Backoff = true
			}
		}
		return one(r.name("settles m%d", i+1), t)
	}
	t.W[w] = Worker{At: Awake} // Settled: its ticket is used up; it goes on
	return one("uses up its ticket", t)
}

// Wrong says which promise a state breaks; "" when none.
func Wrong(s State) string {
	open, ends := uint8(0), uint8(0)
	for i, m := range s.M {
		switch {
		case m.Stage.open():
			open++
		case m.Stage != Absent:
			ends++
		}
		if m.Stage == Delivered && m.Got == 0 {
			return fmt.Sprintf("m%d is delivered, and nobody took it", i+1)
		}
		if i > 0 && m.Got > 0 && s.M[i-1].Got == 0 && s.M[i-1].Stage.open() && !s.M[i-1].Late {
			return fmt.Sprintf("m%d came before m%d", i+1, i)
		}
	}
	if open != s.Open || ends != s.Ends {
		return fmt.Sprintf("the counters say %d open and %d ended, the ledger %d and %d", s.Open, s.Ends, open, ends)
	}
	return ""
}

// Live tells whether the workspace's agent can be expected to get its mail.
func (s State) Live() bool { return !s.Locked && !s.Removed }

// Calm runs a state on without faults for so many sweeps: the agent does what it
// does, drains run to their end, time passes. It returns what is open at the end.
func Calm(s State, r Rules, sweeps int) State {
	r.MaxFaults, r.Quiet = 0, true
	for range sweeps {
		if s.Open == 0 && s.W == [Workers]Worker{} {
			return s
		}
		s = tick(s, r)
		if s.Live() {
			s = beat(s, r)
			if s.Polls {
				s = poll(s, r, true)
				s = poll(s, r, true) // the next one brings its cursor
			}
		}
		s = sweep(s, r)
		for range 60 {
			moved := false
			for w := range s.W {
				if steps := worker(s, w, r); len(steps) > 0 && !(s.W[w].At == Idle && !s.pushable(r)) {
					s, moved = steps[0].State, true
				}
			}
			if !moved || (s.head() < 0 && s.W[0].At == Idle && s.W[1].At == Idle) {
				break
			}
		}
	}
	return s
}

// Unsettled says whether a live agent's mail still waits.
func Unsettled(s State) bool { return s.Live() && s.Open > 0 }
