package model

// operator adds what an operator can do.
func (n *steps) operator() {
	if n.from.CredentialRejected {
		n.add("an operator repairs the credential, and the agent registers", repair(n.from, n.rules))
	}
	if n.from.Paused {
		n.change("an operator resumes the workspace", func(s *State) { s.Paused = false })
	}
	if n.rules.NoOperator {
		return
	}
	if n.from.Removed {
		n.add("the agent registers after the removal", register(n.from, n.rules))
		return
	}
	n.disturb("the agent loses its credential", func(s *State) { s.CredentialRejected = true })
	n.disturb("an operator removes the workspace", func(s *State) { s.Removed, s.Paused = true, false })
	n.disturb("an operator pauses the workspace", func(s *State) { s.Paused = true })
	for i, m := range n.from.Messages {
		if m.Stage == Dead {
			n.disturb(n.rules.name("an operator redrives m%d", i+1), func(s *State) {
				s.move(i, Queued)
				s.Messages[i].Redriven = true
			})
		}
		if m.Stage.open() {
			n.disturb(n.rules.name("an operator cancels m%d", i+1), func(s *State) { s.move(i, Cancelled) })
		}
	}
}

// disturb adds a change that counts as a fault, so that a search has few of them.
func (n *steps) disturb(name string, change func(*State)) {
	to := n.from
	change(&to)
	n.fault(name, to)
}

func repair(s State, r Rules) State {
	if s.Removed {
		return s
	}
	s.CredentialRejected = false
	return register(s, r)
}
