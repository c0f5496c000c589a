package model

// polls adds the polls of each host.
func (n *steps) polls() {
	s, r := n.from, n.rules
	if r.PushOnly {
		return
	}
	for h := range s.Cursors {
		switch replaced := h != int(s.NewestHost); {
		case replaced && r.TwoHosts && (r.ReplacedHostPolls || s.Cursors[h].Epoch < s.Epoch && s.Epoch > 1):
			n.add("the replaced host polls", poll(s, h, r, true))
			n.fault("the replaced host polls, and the reply is lost", poll(s, h, r, false))
		case !replaced && (s.AgentPolls || s.Removed):
			n.add("the agent polls", poll(s, h, r, true))
			n.fault("the agent polls, and the reply is lost", poll(s, h, r, false))
		}
	}
}

// poll is a poll of one host; arrives is whether its reply does.
func poll(s State, host int, r Rules, arrives bool) State {
	if s.CredentialRejected || s.Removed {
		return s
	}
	s.Unattended, s.Polled = false, !s.StoredPoll
	handsOut := (!s.Paused || r.PausedHandsOut) && !s.pushes(r)
	cursor, last := s.Cursors[host], uint8(0)
	after := cursor.Row
	if cursor.Epoch != s.Epoch {
		after = 0 // it proves nothing of what is handed out now
	}
	for i := range s.Messages {
		m, row := &s.Messages[i], uint8(i+1)
		acknowledged := cursor.acknowledges(*m, row, r)
		switch {
		case acknowledged && m.expires(r) && r.ExpiresBeforeAck:
			m.Acknowledged = true
			s.move(i, Expired)
		case acknowledged:
			m.ConfirmedByReplacedHost = m.Possession[host] == HasNone ||
				(m.Possession[host] != HasCurrent && host != int(s.NewestHost))
			s.move(i, Delivered)
		case m.expires(r):
			s.move(i, Expired)
		case !handsOut || !m.Stage.open():
		case m.pushRuns() && !r.PollTakesFromPush:
			handsOut = false // a push has claimed it: the messages behind it wait
		default:
			if m.Stage == InFlight && m.ClaimedBy != ByPoll && !m.Freed { // the push before never wrote its outcome
				m.Failures = min(m.Failures+1, r.MaxAttempts)
				m.FailedAlone = m.FailedAlone || !s.Outage
			}
			if !m.pollClaimStays(s.Epoch, r) {
				m.claim(ByPoll, s.Epoch, after)
			}
			m.handOut(s.Epoch)
			if arrives {
				m.Taken, m.Possession[host] = true, HasCurrent
				last = row
			}
		}
	}
	if last > 0 {
		s.Cursors[host] = Cursor{last, s.Epoch}
	}
	return s
}

// acknowledges reports whether a poll with the cursor proves that its host got m,
// which is the given row.
func (c Cursor) acknowledges(m Message, row uint8, r Rules) bool {
	if r.CursorAcksAllBefore {
		return m.Stage.open() && row <= c.Row
	}
	return m.Stage == InFlight && m.ClaimedBy == ByPoll && (c.Epoch >= m.ClaimEpoch || r.ReplacedHostAcks) &&
		(row == c.Row || (row < c.Row && (m.PollCursorRow != c.Row || r.SameCursorAcks)))
}

// pushRuns reports whether a push has claimed the message and its claim is active.
func (m Message) pushRuns() bool {
	return m.Stage == InFlight && m.ClaimActive && m.ClaimedBy != ByPoll
}

// pollClaimStays reports whether a poll that hands the message out again leaves its
// claim as it is.
func (m Message) pollClaimStays(epoch uint8, r Rules) bool {
	return m.Stage == InFlight && m.ClaimActive && m.ClaimedBy == ByPoll && (m.ClaimEpoch == epoch || r.OldClaimKept)
}
