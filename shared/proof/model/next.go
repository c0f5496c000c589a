package model

// Step is one transition.
type Step struct {
	Name  string
	State State
}

// Next returns every step that can happen in a state.
func Next(s State, r Rules) []Step {
	n := &steps{from: s, rules: r}
	n.accept()
	for d := range r.MaxDrains {
		n.drain(d)
		n.drainDies(d)
	}
	n.loseQueue()
	n.passTime()
	swept, _ := sweep(s, r)
	n.add("sweep", swept)
	n.polls()
	n.registers()
	n.outage()
	n.operator()
	return n.out
}

// steps collects the steps that can happen in one state.
type steps struct {
	from  State
	rules Rules
	out   []Step
}

func (n *steps) add(name string, to State) {
	n.out = append(n.out, Step{name, markOutdated(n.from, to)})
}

// change adds a step that only time or a person takes part in.
func (n *steps) change(name string, change func(*State)) {
	to := n.from
	change(&to)
	n.add(name, to)
}

// fault adds a step that counts as a fault, unless there have been enough of them.
func (n *steps) fault(name string, to State) {
	if to.Faults < n.rules.MaxFaults {
		to.Faults++
		n.add(name, to)
	}
}

// markOutdated notes which drains have read a message that was written since.
func markOutdated(before, after State) State {
	for i, d := range after.Drains {
		if d.Phase == HasTicket && before.Drains[i].Phase == HasTicket &&
			after.Messages[d.Message].writtenSince(before.Messages[d.Message]) {
			after.Drains[i].Outdated = true
		}
	}
	return after
}

// accept adds the message that is sent next.
func (n *steps) accept() {
	for i := range n.from.Messages {
		if n.from.Messages[i].Stage != Absent || (i > 0 && n.from.Messages[i-1].Stage == Absent) || n.from.Removed {
			continue
		}
		to := n.from
		to.move(i, Queued)
		n.add(n.rules.name("m%d is accepted", i+1), to)
		if n.rules.Trouble {
			for nature := Fails; nature <= Kills; nature++ {
				to.Messages[i].Nature = nature
				n.fault(n.rules.name("m%d is accepted: each push of it %s", i+1, nature), to)
			}
			to.Messages[i].Nature = Sound
		}
		if i > 0 && n.rules.RepeatIsAccepted {
			to.Messages[i].AcceptedTwice = true
			n.fault(n.rules.name("the reply to m%d is lost, and its sender sends it again", i), to)
		}
	}
}

func (n *steps) drainDies(d int) {
	if n.from.Drains[d].Phase == Idle {
		return
	}
	to := n.from
	to.Drains[d] = n.from.Drains[d].idle() // its ticket stays hidden until the timeout
	n.fault(n.rules.name("drain %d dies", d+1), to)
}

// loseQueue adds the loss of the chat queue with its tickets.
func (n *steps) loseQueue() {
	if !n.from.Drains[0].TicketHidden && !n.from.Drains[1].TicketHidden {
		return
	}
	to := n.from
	for d := range to.Drains {
		to.Drains[d].ticketVisible()
	}
	n.fault("the chat queue is lost", to)
}

func (n *steps) registers() {
	to := n.from
	to.AgentPolls = !to.AgentPolls
	n.fault("the agent changes its mode, and registers", register(to, n.rules))
	n.fault("the agent changes its mode, and does not register", to)
	if n.rules.TwoHosts {
		to := n.from
		to.NewestHost, to.Untried = 1-to.NewestHost, true
		to = register(to, n.rules)
		if to.Epoch != n.from.Epoch {
			to.freeOfReplaced(n.rules)
		}
		n.add("a new host registers", to)
	}
}

// outage begins and ends the outage of what the agent needs for its work.
func (n *steps) outage() {
	switch {
	case !n.rules.Trouble:
	case n.from.Outage:
		n.change("the agent's outage ends", func(s *State) { s.Outage = false })
	case !n.from.HadOutage:
		n.disturb("the agent's outage begins: it answers each message with an error", func(s *State) {
			s.Outage, s.HadOutage = true, !n.rules.TwoOutages
		})
	}
}

// freeOfReplaced has the pushes to the URL that was replaced hold nothing: neither their
// messages, nor the task slot.
func (s *State) freeOfReplaced(r Rules) {
	for i := range s.Messages {
		if m := &s.Messages[i]; m.Stage == InFlight && m.ClaimedBy != ByPoll {
			m.Freed, m.ClaimActive = true, m.ClaimActive && r.ClaimOutlivesRegister && s.pushes(r)
		}
	}
	for d := range s.Drains {
		s.Drains[d].OfReplaced = s.Drains[d].TicketHidden
	}
}

func register(s State, r Rules) State {
	if s.CredentialRejected || (s.Removed && !r.RegisterUndoesRemoval) || (r.TwoHosts && s.Epoch == maxEpoch) {
		return s
	}
	s.Removed = false
	if r.TwoHosts {
		s.Epoch++
	}
	if !r.StoredModeWins {
		s.StoredPoll = s.AgentPolls
	}
	s.Unattended = false
	if r.RestOutlivesRegister {
		s.RestOfReplaced = s.Resting
	} else {
		s.goOn()
	}
	for i := range s.Messages { // what failed at the host before goes to this one at once, unless hosts died of it
		m := &s.Messages[i]
		m.AsideForAll = m.AsideForAll && !r.KillerGoesFirst
		m.Aside = m.AsideForAll || (m.Aside && r.AsideOutlivesRegister)
		s.AsideOfReplaced = s.AsideOfReplaced || (m.Aside && !m.AsideForAll)
		// Nor does a claim hold anything that is of the other way than the one it declares now.
		m.ClaimActive = m.ClaimActive && (m.ClaimedBy == ByPoll) == s.StoredPoll
	}
	return s
}

// heartbeat reports whether a heartbeat sends a wake-up. It changes nothing else in
// this model.
func heartbeat(s State, r Rules) (wakes bool) { return s.wantsDrain(r) && !r.HeartbeatNeverWakes }

// sweep ends what is over or has no workspace, and reports whether the sweep sends a
// wake-up.
func sweep(s State, r Rules) (after State, wakes bool) {
	for i, m := range s.Messages {
		if s.Removed && m.Stage.open() {
			s.move(i, Cancelled)
		}
	}
	s.expire(r)
	return s, s.wantsDrain(r) && !r.SweepNeverWakes
}
