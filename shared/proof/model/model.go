// Package model is the delivery protocol as a pure transition system: Next returns
// every state that one step, by anyone, can lead to. Its tests visit every state
// that can be reached within small sizes. Each write of the protocol is a step of
// its own, so whoever acts can die between any two writes, or continue without the
// reply to one.
//
// The model has no wake-ups in its states: they can be late, lost or doubled, so a
// drain may start at any time. That mail does not wait forever when most wake-ups
// are lost is what Liveness checks.
package model

// Sizes of the search.
const (
	MessageCount = 2
	DrainCount   = 2 // the most that run at once
	HostCount    = 2 // that call with the workspace's credential
)

const maxEpoch = 3

// Message is one message.
type Message struct {
	MessageView
	ClaimEpoch     uint8                 // the epoch of the claim
	PollCursorRow  uint8                 // the cursor's row of the poll that claimed it; 0: none
	HandedOutEpoch uint8                 // the newest epoch it was handed out in
	Possession     [HostCount]Possession // what each host has of it
	Failures       uint8                 // attempts that it has used up; more than all are not counted
	BusyAnswers    uint8                 // counted for the mistake SecondBusyDelivers only
	Aside          bool                  // it has used up its attempts, and others go first for a while
	AsideForAll    bool                  // so it is with each host, as hosts went away with it
	Gone           bool                  // the agent died of it, and has answered no push of it since
	TTLOver        bool                  // its time to live is over
	Passed         bool                  // the agent took another message since the last attempt it has used up
	Missed         bool                  // its last attempt ended without an answer; how many did before is left out
	Reached        bool                  // the agent took something since then
	Nature         Nature
	FailedAlone    bool // it failed when nothing kept the agent from taking others
	Freed          bool // it is pushed to a URL that another has replaced: that push holds nothing of it
}

// Nature is what becomes of the pushes of a message.
type Nature uint8

// The natures. Any but the first is poison: no push of it is ever taken.
const (
	Sound   Nature = iota
	Fails          // the agent answers it with an error
	Hangs          // the agent never answers it
	Breaks         // the connection is closed, or a page comes back
	Crashes        // the drain that pushes it dies
	Kills          // the agent dies of it, is started again, and registers
)

func (n Nature) String() string {
	return [...]string{"is sound", "fails", "hangs", "breaks the connection", "kills the drain", "kills the agent"}[n]
}

// Possession is what a host has of a message.
type Possession uint8

// What a host can have of a message.
const (
	HasNone     Possession = iota // it never took the message
	HasOutdated                   // it took the message, which was handed out in a newer epoch since
	HasCurrent                    // it took the message in the epoch it was last handed out in
)

// Cursor is the last row a host got by polling, and the epoch it was handed out in.
type Cursor struct{ Row, Epoch uint8 } // row i+1 is Messages[i]; 0: none

// State is one state of the whole system.
type State struct {
	Messages           [MessageCount]Message
	Drains             [DrainCount]Drain
	Cursors            [HostCount]Cursor
	NewestHost         uint8 // the host that registered last: the workspace has its URL
	Epoch              uint8 // raised by each register
	StoredPoll         bool  // the stored delivery mode is poll
	AgentPolls         bool  // the agent does poll
	Unattended         bool  // mail waited as long as the delivery objective, and nobody polled
	CredentialRejected bool  // the agent's credential is not accepted
	Paused             bool
	Removed            bool
	Resting            bool  // the lane rests: nothing is handed over for a while
	RestOfReplaced     bool  // the lane rests for what a host did that another has replaced
	AsideOfReplaced    bool  // a message is set aside for what a host did that another has replaced
	LockedByReplaced   bool  // a drain found the task slot taken by a push to a URL that another has replaced
	Failing            bool  // the last hand-over failed
	Hung               bool  // the agent did not answer it, and took no probe since
	Untried            bool  // nothing was handed to the agent's present URL yet
	Broken             bool  // something took the connection, no answer came back, and no probe was sent since
	Polled             bool  // an agent that is stored as pushed to has polled a moment ago
	Outage             bool  // the agent answers each message with an error
	HadOutage          bool  // there was one: with TwoOutages, two
	Open               uint8 // the counters, written together with the messages
	Ended              uint8
	Faults             uint8 // so far
}

// Start is a workspace whose agent has just registered.
func Start(storedPoll, agentPolls bool) State {
	return State{Epoch: 1, StoredPoll: storedPoll, AgentPolls: agentPolls, Untried: true}
}

// Live reports whether the workspace's agent can be expected to get its mail.
func (s State) Live() bool { return !s.CredentialRejected && !s.Removed && !s.Paused }

// pushes reports whether the effective delivery mode is push.
func (s State) pushes(r Rules) bool {
	if s.StoredPoll {
		return s.Unattended && !r.StoredModeWins
	}
	return !s.Failing || !s.Polled || r.StoredModeWins
}

// wantsDrain reports whether a drain has something to do: to deliver mail, or to find
// out whether an agent that failed is back, or whether one with a new URL can be reached.
func (s State) wantsDrain(r Rules) bool {
	return s.Live() && s.pushes(r) && !s.Resting && (s.Open > 0 || (s.Failing && !r.NoProbeWithoutMail) ||
		(s.Untried && !r.NewURLNeverTried))
}

// head is the message that the task slot may deliver next; -1 for none.
func (s State) head(r Rules) int {
	for i, m := range s.Messages {
		switch {
		case !m.Stage.open():
		case m.Stage == Queued && m.Aside && !r.AsideHoldsLane:
		case m.available():
			return i
		default:
			return -1 // claimed: the messages behind it wait
		}
	}
	return -1
}

// claimed reports whether a claim holds a message.
func (s State) claimed(r Rules) bool {
	for _, m := range s.Messages {
		if m.Stage == InFlight && (m.ClaimActive || r.EndedClaimHoldsLane) {
			return true
		}
	}
	return false
}

// rest has the lane rest; replaced is whether for what a replaced host did.
func (s *State) rest(replaced bool) { s.Resting, s.RestOfReplaced = true, replaced }

// goOn ends the rest of the lane.
func (s *State) goOn() { s.Resting, s.RestOfReplaced = false, false }

// fails notes that a hand-over to the agent ended so.
func (s *State) fails(end Phase, r Rules) {
	s.Failing, s.Hung, s.Untried = true, end == PushHung, false
	s.Broken = end == PushBroken && !r.BreakNeverProbed
}

// reached notes that the agent took something.
func (s *State) reached() {
	s.goOn()
	s.Failing, s.Hung, s.Broken, s.Untried = false, false, false, false
	for i := range s.Messages {
		s.Messages[i].Reached = s.Messages[i].Missed
	}
}

// passed notes that the agent took a message where others have failed.
func (s *State) passed() {
	for i := range s.Messages {
		if m := &s.Messages[i]; m.Stage.open() && m.Failures > 0 {
			m.Passed = true
		}
	}
}

// View is the state as the promises see it; buffer holds its messages.
func (s State) View(buffer *[MessageCount]MessageView) View {
	v := View{
		Messages: buffer[:], Open: int(s.Open), Ended: int(s.Ended), Paused: s.Paused, Removed: s.Removed,
		RestsForReplaced: s.RestOfReplaced || s.AsideOfReplaced || s.LockedByReplaced,
	}
	for i, m := range s.Messages {
		buffer[i] = m.MessageView
		v.RestsForReplaced = v.RestsForReplaced || (m.Freed && m.ClaimActive)
	}
	for _, d := range s.Drains {
		if d.Phase == HasClaim && d.TicketHidden && !d.OfReplaced {
			v.Pushes++
		}
	}
	return v
}

// available reports whether a drain may claim the message.
func (m Message) available() bool {
	return (m.Stage == Queued && !m.Aside) || (m.Stage == InFlight && !m.ClaimActive)
}

// expires reports whether the message ends now because its lifetime is over.
func (m Message) expires(r Rules) bool {
	return m.TTLOver && m.Stage.open() && (m.Stage == Queued || !m.ClaimActive || r.ExpiresWhileClaimed)
}

// writtenSince reports whether somebody has written the message since it was old.
// Time alone, and what the hosts have of it, do not count as a write.
func (m Message) writtenSince(old Message) bool {
	if m.ClaimActive && !old.ClaimActive {
		return true
	}
	old.ClaimActive, old.Aside, old.TTLOver, old.Freed = m.ClaimActive, m.Aside, m.TTLOver, m.Freed
	old.AsideForAll = m.AsideForAll
	old.Passed, old.Reached = m.Passed, m.Reached
	old.Taken, old.Possession, old.Acknowledged = m.Taken, m.Possession, m.Acknowledged
	return m != old
}

func (m *Message) claim(by, epoch, cursorRow uint8) {
	m.Stage, m.ClaimedBy, m.ClaimActive, m.Freed = InFlight, by, true, false
	m.Aside, m.AsideForAll = false, false
	m.ClaimEpoch, m.PollCursorRow = epoch, cursorRow
}

// handOut notes the epoch the message is handed out in. If it is a newer one, what
// any host has of the message becomes outdated.
func (m *Message) handOut(epoch uint8) {
	if m.HandedOutEpoch == epoch {
		return
	}
	m.HandedOutEpoch = epoch
	for h, has := range m.Possession {
		m.Possession[h] = min(has, HasOutdated)
	}
}

// move gives message i another stage, and changes the counters with it.
func (s *State) move(i int, to Stage) {
	m := &s.Messages[i]
	switch {
	case m.Stage.open() && !to.open():
		s.Open, s.Ended = s.Open-1, s.Ended+1
	case m.Stage == Absent:
		s.Open++
	case !m.Stage.open() && to.open():
		s.Open, s.Ended = s.Open+1, s.Ended-1
	}
	m.Stage = to
	if to != InFlight {
		m.ClaimedBy, m.ClaimActive, m.ClaimEpoch, m.PollCursorRow = 0, false, 0, 0
		m.Aside, m.AsideForAll, m.Freed = false, false, false
	}
	if !to.open() {
		m.Gone = false
		m.Failures, m.BusyAnswers, m.TTLOver = 0, 0, false
		m.Passed, m.Missed, m.Reached, m.FailedAlone, m.WasAside = false, false, false, false, false
		if to != Dead { // nothing asks for these after any other end
			m.HandedOutEpoch, m.Possession, m.Nature = 0, [HostCount]Possession{}, Sound
		}
	}
}

// fail notes an attempt that message i has used up. It is dead when it had used up all
// of them before, and another one passed since; else it is set aside, or goes on.
func (s *State) fail(i int, r Rules) {
	m := &s.Messages[i]
	poisoned := m.Failures >= r.MaxAttempts && m.Passed
	m.Failures = min(m.Failures+1, r.MaxAttempts)
	m.FailedAlone = m.FailedAlone || !s.Outage
	switch {
	case m.Failures < r.MaxAttempts:
		s.move(i, Queued)
		m.Passed = false
	case (poisoned || r.DiesWithoutPass) && !r.PoisonNeverDies:
		alone := m.FailedAlone && m.Passed
		s.move(i, Dead)
		m.DiedWithoutReason = !alone
	default:
		s.move(i, Queued)
		m.Aside, m.WasAside, m.Passed = true, true, poisoned // poisoned by a mistake of the rules only
	}
}

// die notes that the agent died of message i, was started again, and registered. The first time says nothing of the
// message: what is at work when an agent is restarted goes first again. The second uses up its attempts.
func (s *State) die(i int, r Rules) {
	m := &s.Messages[i]
	if !m.Gone {
		s.move(i, Queued)
		m.Gone = true
	} else {
		m.Failures = max(m.Failures, r.MaxAttempts-1)
		s.fail(i, r)
		m.AsideForAll = m.Aside
	}
	s.fails(PushBroken, r)
	*s = register(*s, r)
}

// lose notes that the push that had claimed message i never wrote its outcome.
func (s *State) lose(i int, r Rules) (goesOn bool) {
	s.fail(i, r)
	if m := &s.Messages[i]; m.Aside && r.LostNeverAside {
		m.Aside = false
	}
	return s.Messages[i].available()
}

// expire ends the messages whose time to live is over, and reports whether there
// were any.
func (s *State) expire(r Rules) bool {
	moved := false
	for i := range s.Messages {
		if s.Messages[i].expires(r) {
			s.move(i, Expired)
			moved = true
		}
	}
	return moved
}
