package model

// Key is a state in so few bits that a search can remember millions of them.
type Key [3]uint64

// Key packs a state; no two states have the same key.
func (s State) Key() Key {
	var p packer
	for _, m := range s.Messages {
		p.put(uint8(m.Stage), 3)
		p.put(min(m.ClaimedBy, DrainCount+1), 2)
		p.flags(m.ClaimActive, m.Taken, m.Redriven, m.AcceptedTwice, m.Acknowledged, m.ConfirmedByReplacedHost)
		p.flags(m.Aside, m.TTLOver, m.Passed, m.Missed, m.Reached, m.FailedAlone, m.WasAside, m.DiedWithoutReason,
			m.UsedUnanswered, m.Freed, m.AsideForAll, m.Gone)
		p.put(uint8(m.Nature), 3)
		p.put(m.ClaimEpoch, 3)
		p.put(m.HandedOutEpoch, 3)
		p.put(m.PollCursorRow, 2)
		p.put(m.Failures, 2)
		p.put(m.BusyAnswers, 2)
		for _, has := range m.Possession {
			p.put(uint8(has), 2)
		}
	}
	for _, d := range s.Drains {
		p.put(uint8(d.Phase), 4)
		p.put(d.Message, 1)
		p.put(d.Host, 1)
		p.flags(d.Outdated, d.TicketHidden, d.OfReplaced)
	}
	for _, c := range s.Cursors {
		p.put(c.Row, 2)
		p.put(c.Epoch, 3)
	}
	p.put(s.NewestHost, 1)
	p.put(s.Epoch, 3)
	p.flags(s.StoredPoll, s.AgentPolls, s.Unattended, s.CredentialRejected, s.Paused, s.Removed)
	p.flags(s.Resting, s.RestOfReplaced, s.AsideOfReplaced, s.LockedByReplaced)
	p.flags(s.Failing, s.Hung, s.Broken, s.Polled, s.Outage, s.HadOutage, s.Untried)
	p.put(s.Open, 3)
	p.put(s.Ended, 3)
	p.put(s.Faults, 3)
	return p.key
}

// packer fills a key from its lowest bit upwards.
type packer struct {
	key  Key
	bits int // used so far
}

func (p *packer) put(v uint8, bits int) {
	if v>>bits != 0 {
		panic("model: a state is too large for its key")
	}
	if p.bits/64 != (p.bits+bits-1)/64 {
		p.bits = (p.bits + 63) / 64 * 64 // a value lies in one word
	}
	p.key[p.bits/64] |= uint64(v) << (p.bits % 64)
	p.bits += bits
}

func (p *packer) flags(set ...bool) {
	for _, is := range set {
		if is {
			p.put(1, 1)
		} else {
			p.put(0, 1)
		}
	}
}
