// Package model is the delivery protocol as a pure transition system: Next gives
// every state that one step, of anyone, can lead to. Tests search it whole for
// small sizes. It has the protocol's writes one by one, so that whoever acts can
// die between any two of them, or go on without the reply to one. It counts no
// wake-ups: a drain may begin at any time, as rings are late, lost and doubled;
// what they are for, that mail is not forgotten, Calm looks at.
package model

import "fmt"

// Sizes of the search.
const (
	Messages = 2
	Workers  = 2 // drains at once, at most
	Hosts    = 2 // that call under the workspace's credential, at most
)

// Message is one message.
type Message struct {
	Seen
	Epoch   uint8 // of the claim
	After   uint8 // the row of the cursor of the poll it was handed out to
	Under   uint8 // the newest epoch it was handed out under
	Has     [Hosts]Grip
	Fails   uint8
	Busies  uint8 // counted for BusyEats only
	Backoff bool
	Due     bool // its time to live has run out
}

// Grip is what a host has of a message.
type Grip uint8

// The grips.
const (
	Never Grip = iota
	Once       // took it, and it was handed out under a newer epoch since
	Now        // took it under the epoch it was last handed out under
)

// Cursor is the row a host got last, and the epoch it was handed out under.
type Cursor struct{ Row, Epoch uint8 } // row i+1 is M[i]; 0: none

// State is the whole of it.
type State struct {
	M       [Messages]Message
	W       [Workers]Worker
	C       [Hosts]Cursor
	Host    uint8 // who registered last: its URL is on the row
	Epoch   uint8 // raised by each register
	RowPoll bool  // the mode on the row
	Polls   bool  // what the agent truly does
	Waited  bool  // mail waited for the objective and nobody polled
	Locked  bool  // the agent's credential is not accepted
	Paused  bool
	Removed bool
	Open    uint8 // the counters, moved with the messages
	Ends    uint8
	Faults  uint8 // so far
}

// Rules are the protocol's choices, and what a search tries. The mistakes are
// all off in ours.
type Rules struct {
	// Mistakes of the system this one replaces.
	BusyEats     bool // the second "busy" marks the message done
	NoVisibility bool // a claim never ends
	StickyMode   bool // the row's mode wins over what the agent declares and shows
	// Inviting ones.
	CursorEats       bool // a cursor acknowledges whatever lies before it
	AfterIgnored     bool // a cursor acknowledges what was handed out to the same cursor
	LateHostAcks     bool // a cursor acknowledges whatever its epoch
	OldClaimStays    bool // a poll leaves the claim of an older epoch on what it hands out again
	LatePushCounts   bool // a push claims and settles whatever became of the URL
	PollRobs         bool // a poll takes what a push still has
	BlindSettle      bool // an outcome is written whoever has the message now
	NoSlotLock       bool // drains don't lock the task slot
	SweepRingsNot    bool
	BeatRingsNot     bool
	RemovedComesBack bool // a register undoes a removal
	PausedHandsOut   bool // a paused workspace answers polls with its mail
	AcceptTwice      bool // the same id sent again is accepted again
	ExpiresHeld      bool // a message ends when it is due, whoever has it
	ExpiresAcked     bool // a poll ends what is due before it reads its cursor

	MaxFaults uint8
	Drains    int  // at once; at most Workers
	TwoHosts  bool // a new host takes over, and the old one goes on; and epochs
	Copies    bool // the late host goes on polling, as a copy of the new one does
	Timers    bool // each timer runs out by itself
	Expiry    bool // mail has a time to live
	HandsOff  bool // no operator does anything
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

const (
	maxFails = 2
	maxEpoch = 3
)

// Step is one transition.
type Step struct {
	Name  string
	State State
}

// Start is a workspace whose agent has just registered.
func Start(rowPoll, polls bool) State { return State{Epoch: 1, RowPoll: rowPoll, Polls: polls} }

func (s State) push(r Rules) bool { return !s.RowPoll || (s.Waited && !r.StickyMode) }

// pushable tells whether a drain may deliver.
func (s State) pushable(r Rules) bool { return s.Live() && s.push(r) && s.Open > 0 }

// Live tells whether the workspace's agent can be expected to get its mail.
func (s State) Live() bool { return !s.Locked && !s.Removed && !s.Paused }

func (m Message) available() bool {
	return (m.Stage == Queued && !m.Backoff) || (m.Stage == InFlight && !m.Live)
}

func (m Message) expires(r Rules) bool {
	return m.Due && m.Stage.open() && (m.Stage == Queued || !m.Live || r.ExpiresHeld)
}

// wrote tells whether m is another version of old, and not just older.
func (m Message) wrote(old Message) bool {
	if (m.Live && !old.Live) || (m.Backoff && !old.Backoff) {
		return true
	}
	old.Live, old.Backoff, old.Due, old.Took, old.Has, old.Acked = m.Live, m.Backoff, m.Due, m.Took, m.Has, m.Acked
	return m != old
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
	m := &s.M[i]
	switch {
	case m.Stage.open() && !to.open():
		s.Open, s.Ends = s.Open-1, s.Ends+1
	case m.Stage == Absent:
		s.Open++
	case !m.Stage.open() && to.open():
		s.Open, s.Ends = s.Open+1, s.Ends-1
	}
	m.Stage = to
	if to != InFlight {
		m.Claim, m.Live, m.Epoch, m.After, m.Backoff = 0, false, 0, 0, false
	}
	if !to.open() {
		m.Fails, m.Busies, m.Due = 0, 0, false
		if to != Dead {
			m.Under, m.Has = 0, [Hosts]Grip{} // nobody asks any more
		}
	}
}

func (m *Message) claim(by, epoch, after uint8) {
	m.Stage, m.Claim, m.Live, m.Backoff, m.Epoch, m.After = InFlight, by, true, false, epoch, after
}

// handed notes the epoch it goes out under: if that is a newer one, what any host
// has of it is old from now on.
func (m *Message) handed(epoch uint8) {
	if m.Under == epoch {
		return
	}
	m.Under = epoch
	for h, has := range m.Has {
		m.Has[h] = min(has, Once)
	}
}

func (s *State) expire(r Rules) (moved bool) {
	for i := range s.M {
		if s.M[i].expires(r) {
			s.move(i, Expired)
			moved = true
		}
	}
	return moved
}

// Next gives all that can happen.
func Next(s State, r Rules) []Step {
	var out []Step
	add := func(name string, to State) { out = append(out, Step{name, seenBy(s, to)}) }
	fault := func(name string, to State) {
		if to.Faults < r.MaxFaults {
			to.Faults++
			add(name, to)
		}
	}
	for i := range s.M {
		if s.M[i].Stage == Absent && (i == 0 || s.M[i-1].Stage != Absent) && !s.Removed {
			t := s
			t.move(i, Queued)
			add(r.name("accept m%d", i+1), t)
			if i > 0 && r.AcceptTwice {
				t.M[i].Twice = true
				fault(r.name("the reply to m%d is lost, its sender sends it again", i), t)
			}
		}
	}
	for w := range r.Drains {
		for _, step := range worker(s, w, r) {
			add(step.Name, step.State)
		}
		if s.W[w].At != Idle {
			t := s
			t.W[w] = Worker{Ticket: s.W[w].Ticket} // it stays hidden until its timeout
			fault(r.name("worker %d dies", w+1), t)
		}
	}
	if t := s; t.W[0].Ticket || t.W[1].Ticket {
		for w := range t.W {
			t.W[w].Ticket = false
		}
		fault("the chat queue is lost", t)
	}
	for _, step := range timers(s, r) {
		add(step.Name, step.State)
	}
	t, _ := sweep(s, r)
	add("sweep", t)
	for h := range s.C {
		switch late := h != int(s.Host); {
		case late && r.TwoHosts && (r.Copies || s.C[h].Epoch < s.Epoch && s.Epoch > 1):
			add("the late host polls", poll(s, h, r, true))
			fault("the late host polls, reply lost", poll(s, h, r, false))
		case !late && (s.Polls || s.Removed):
			add("poll", poll(s, h, r, true))
			fault("poll, reply lost", poll(s, h, r, false))
		}
	}
	t = s
	t.Polls = !t.Polls
	fault("the agent changes its mode, and registers", register(t, r))
	fault("the agent changes its mode, and does not register", t)
	if r.TwoHosts {
		t := s
		t.Host = 1 - s.Host
		add("a new host registers", register(t, r))
	}
	return append(out, operator(s, r)...)
}

// seenBy has the workers notice that what they read was written since.
func seenBy(was, is State) State {
	for w, me := range is.W {
		if me.At == Holding && was.W[w].At == Holding && is.M[me.On].wrote(was.M[me.On]) {
			is.W[w].Stale = true
		}
	}
	return is
}

// operator gives what people do.
func operator(s State, r Rules) []Step {
	var out []Step
	do := func(what string, change func(*State)) {
		if t := s; s.Faults < r.MaxFaults {
			t.Faults++
			change(&t)
			out = append(out, Step{what, seenBy(s, t)})
		}
	}
	if s.Locked {
		out = append(out, Step{"an operator repairs the credential, the agent registers", repair(s, r)})
	}
	if s.Paused {
		t := s
		t.Paused = false
		out = append(out, Step{"an operator resumes the workspace", t})
	}
	if r.HandsOff {
		return out
	}
	if s.Removed {
		return append(out, Step{"a register comes after the removal", register(s, r)})
	}
	do("the agent loses its credential", func(t *State) { t.Locked = true })
	do("an operator removes the workspace", func(t *State) { t.Removed, t.Paused = true, false })
	do("an operator pauses the workspace", func(t *State) { t.Paused = true })
	for i, m := range s.M {
		if m.Stage == Dead {
			do(r.name("an operator redrives m%d", i+1), func(t *State) { t.move(i, Queued); t.M[i].Late = true })
		}
		if m.Stage.open() {
			do(r.name("an operator cancels m%d", i+1), func(t *State) { t.move(i, Cancelled) })
		}
	}
	return out
}

func register(s State, r Rules) State {
	if s.Locked || (s.Removed && !r.RemovedComesBack) || (r.TwoHosts && s.Epoch == maxEpoch) {
		return s
	}
	s.Removed = false
	if r.TwoHosts {
		s.Epoch++
	}
	if !r.StickyMode {
		s.RowPoll = s.Polls
	}
	s.Waited = false
	return s
}

func repair(s State, r Rules) State {
	if s.Removed {
		return s
	}
	s.Locked = false
	return register(s, r)
}

// beat tells whether a heartbeat rings. It changes nothing else that matters here.
func beat(s State, r Rules) bool { return s.pushable(r) && !r.BeatRingsNot }

// sweep ends what is due or has no workspace, and tells whether it rings.
func sweep(s State, r Rules) (State, bool) {
	for i, m := range s.M {
		if s.Removed && m.Stage.open() {
			s.move(i, Cancelled)
		}
	}
	s.expire(r)
	return s, s.pushable(r) && !r.SweepRingsNot
}

// timers gives what time alone does.
func timers(s State, r Rules) []Step {
	var out []Step
	add := func(name string, change func(*State)) {
		t := s
		change(&t)
		out = append(out, Step{name, t})
	}
	if r.Expiry {
		for i, m := range s.M {
			if m.Stage.open() && !m.Due {
				add(r.name("m%d is due", i+1), func(t *State) { t.M[i].Due = true })
			}
		}
	}
	if !r.Timers {
		return append(out, Step{"time passes", tick(s, r)})
	}
	for i, m := range s.M {
		if m.Live && !r.NoVisibility {
			add(r.name("the claim of m%d ends", i+1), func(t *State) { t.M[i].Live = false })
		}
		if m.Backoff {
			add(r.name("the backoff of m%d ends", i+1), func(t *State) { t.M[i].Backoff = false })
		}
	}
	for w := range r.Drains {
		if s.W[w].Ticket {
			add(r.name("the ticket of worker %d comes back", w+1), func(t *State) { t.W[w].Ticket = false })
		}
	}
	if s.RowPoll && s.Open > 0 {
		add("mail waited for the objective", func(t *State) { t.Waited = true })
	}
	return out
}

// tick is the end of every timeout that runs.
func tick(s State, r Rules) State {
	for i := range s.M {
		s.M[i].Live = s.M[i].Live && r.NoVisibility
		s.M[i].Backoff = false
	}
	for w := range s.W {
		s.W[w].Ticket = false
	}
	s.Waited = s.RowPoll && s.Open > 0
	return s
}

// acks tells whether a cursor proves that its host got m, which is row row.
func (c Cursor) acks(m Message, row uint8, r Rules) bool {
	if r.CursorEats {
		return m.Stage.open() && row <= c.Row
	}
	return m.Stage == InFlight && m.Claim == ByPoll && (c.Epoch >= m.Epoch || r.LateHostAcks) &&
		(row == c.Row || (row < c.Row && (m.After != c.Row || r.AfterIgnored)))
}

// poll is a poll of one host; its reply arrives or not.
func poll(s State, host int, r Rules, arrives bool) State {
	if s.Locked || s.Removed {
		return s
	}
	s.Waited = false
	none := s.Paused && !r.PausedHandsOut || s.push(r)
	cursor, last := s.C[host], uint8(0)
	for i := range s.M {
		m, row := &s.M[i], uint8(i+1)
		switch acked := cursor.acks(*m, row, r); {
		case acked && m.expires(r) && r.ExpiresAcked:
			m.Acked = true
			s.move(i, Expired)
			continue
		case acked:
			m.Foreign = m.Has[host] == Never || (m.Has[host] != Now && host != int(s.Host))
			s.move(i, Delivered)
			continue
		case m.expires(r):
			s.move(i, Expired)
			continue
		case none || !m.Stage.open():
			continue
		case m.Stage == InFlight && m.Live && m.Claim != ByPoll && !r.PollRobs:
			none = true // a push has it: what is behind it waits
			continue
		case m.Stage == InFlight && m.Live && m.Claim == ByPoll && (m.Epoch == s.Epoch || r.OldClaimStays): // as it is
		default:
			m.claim(ByPoll, s.Epoch, cursor.Row)
		}
		m.handed(s.Epoch)
		if arrives {
			m.Took, m.Has[host] = true, Now
			last = row
		}
	}
	if last > 0 {
		s.C[host] = Cursor{last, s.Epoch}
	}
	return s
}

// View is a state as the promises see it; in holds its messages.
func (s State) View(in *[Messages]Seen) View {
	v := View{M: in[:], Open: int(s.Open), Ends: int(s.Ends), Paused: s.Paused, Removed: s.Removed}
	for i, m := range s.M {
		in[i] = m.Seen
	}
	for _, w := range s.W {
		if w.At == Claimed && w.Ticket {
			v.Pushes++
		}
	}
	return v
}
