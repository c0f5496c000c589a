package model

// passTime adds what time alone does.
func (n *steps) passTime() {
	if n.rules.Expiry {
		for i, m := range n.from.Messages {
			if m.Stage.open() && !m.TTLOver {
				n.change(n.rules.name("the lifetime of m%d is over", i+1), func(s *State) {
					s.Messages[i].TTLOver = true
				})
			}
		}
	}
	if !n.rules.SeparateTimers {
		n.add("every timer runs out", runOutTimers(n.from, n.rules))
		return
	}
	for i, m := range n.from.Messages {
		if m.ClaimActive && !n.rules.ClaimNeverEnds {
			n.change(n.rules.name("the claim of m%d ends", i+1), func(s *State) { s.Messages[i].ClaimActive = false })
		}
		if m.Aside {
			n.change(n.rules.name("m%d is not aside any more", i+1), func(s *State) {
				s.Messages[i].Aside, s.Messages[i].AsideForAll = false, false
			})
		}
	}
	for d := range n.rules.MaxDrains {
		if n.from.Drains[d].TicketHidden {
			n.change(n.rules.name("the ticket of drain %d is visible again", d+1), func(s *State) {
				s.Drains[d].ticketVisible()
			})
		}
	}
	if n.from.Resting {
		n.change("the rest of the lane ends", func(s *State) { s.goOn() })
	}
	if n.from.Polled {
		n.change("the last poll is long ago", func(s *State) { s.Polled = false })
	}
	if n.from.StoredPoll && n.from.Open > 0 {
		n.change("mail has waited as long as the delivery objective", func(s *State) { s.Unattended = true })
	}
}

// runOutTimers ends every timeout that runs, except the lifetime of messages.
func runOutTimers(s State, r Rules) State {
	for i := range s.Messages {
		s.Messages[i].ClaimActive = s.Messages[i].ClaimActive && r.ClaimNeverEnds
		s.Messages[i].Aside, s.Messages[i].AsideForAll = false, false
	}
	for d := range s.Drains {
		s.Drains[d].ticketVisible()
	}
	s.goOn()
	s.Polled = false
	s.Unattended = s.StoredPoll && s.Open > 0
	return s
}
