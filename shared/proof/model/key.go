package model

// Key is a state in so few bits that a search can remember millions.
type Key [2]uint64

// Key packs a state; no two states have the same.
func (s State) Key() Key {
	var k packer
	for _, m := range s.M {
		k.put(uint8(m.Stage), 3)
		k.put(min(m.Claim, Workers+1), 2)
		k.flags(m.Live, m.Took, m.Late, m.Twice, m.Acked, m.Foreign, m.Backoff, m.Due)
		k.put(m.Epoch, 3)
		k.put(m.Under, 3)
		k.put(m.After, 2)
		k.put(m.Fails, 2)
		k.put(m.Busies, 2)
		for _, has := range m.Has {
			k.put(uint8(has), 2)
		}
	}
	for _, w := range s.W {
		k.put(uint8(w.At), 3)
		k.put(w.On, 1)
		k.put(w.Host, 1)
		k.flags(w.Stale, w.Ticket)
	}
	for _, c := range s.C {
		k.put(c.Row, 2)
		k.put(c.Epoch, 3)
	}
	k.put(s.Host, 1)
	k.put(s.Epoch, 3)
	k.flags(s.RowPoll, s.Polls, s.Waited, s.Locked, s.Paused, s.Removed)
	k.put(s.Open, 3)
	k.put(s.Ends, 3)
	k.put(s.Faults, 3)
	return k.key
}

type packer struct {
	key Key
	at  int
}

func (k *packer) put(v uint8, bits int) {
	if v>>bits != 0 {
		panic("model: a state is too large for its key")
	}
	if k.at/64 != (k.at+bits-1)/64 {
		k.at = 64 // a value lies in one word
	}
	k.key[k.at/64] |= uint64(v) << (k.at % 64)
	k.at += bits
}

func (k *packer) flags(set ...bool) {
	for _, is := range set {
		if is {
			k.put(1, 1)
		} else {
			k.put(0, 1)
		}
	}
}
