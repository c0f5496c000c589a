package model

// Point is what a worker has done last.
type Point uint8

// The points of a drain, each before the next write.
const (
	Idle    Point = iota
	Awake         // took a wake-up, or goes on
	Holding       // has read the head and the URL, and has a ticket
	Claimed       // has a message; the push runs
	Took          // the agent took it
	Busy          // the agent said that it is busy
	Refused       // the agent failed
	Settled       // the outcome is written
)

// Worker is one drain.
type Worker struct {
	At     Point
	On     uint8 // the message it read
	Host   uint8 // whose URL it read
	Stale  bool  // the message was written since
	Ticket bool  // its ticket's visibility timeout still runs
}

// worker gives the next write of one drain.
func worker(s State, w int, r Rules) []Step {
	me := s.W[w]
	var out []Step
	add := func(what string, t State) {
		out = append(out, Step{r.name("worker %d %s", w+1, what), t})
	}
	lost := func(what string, t State) {
		if t.Faults < r.MaxFaults {
			t.Faults++
			add(what, t)
		}
	}
	t := s
	i := int(me.On)
	m := &t.M[i]
	switch me.At {
	case Idle:
		t.W[w].At = Awake
		add("wakes", t)
	case Awake:
		if t.expire(r) {
			add("ends what is due", t)
			return out
		}
		head := s.head()
		switch {
		case !s.pushable(r) || head < 0:
			t.W[w] = Worker{Ticket: me.Ticket}
			add("ends", t)
		case s.locked(w, r):
			t.W[w] = Worker{Ticket: me.Ticket}
			add("finds the slot taken", t)
		default:
			t.W[w] = Worker{At: Holding, On: uint8(head), Host: s.Host, Ticket: true}
			add("takes a ticket", t)
		}
	case Holding:
		if me.Stale || (me.Host != s.Host && !r.LatePushCounts) {
			t.W[w] = Worker{At: Awake} // the ticket is still good, and let go
			add(r.name("finds that it can't claim m%d", i+1), t)
			return out
		}
		if m.Stage == InFlight && m.Claim != ByPoll {
			m.Fails++ // the one before never reported back
		}
		if m.Fails >= maxFails {
			t.move(i, Dead)
			t.W[w] = Worker{At: Settled, Ticket: me.Ticket}
			add(r.name("finds m%d's attempts used up", i+1), t)
			return out
		}
		m.claim(uint8(w+1), 0, 0)
		m.handed(s.Epoch)
		t.W[w].At = Claimed
		add(r.name("claims m%d", i+1), t)
		t.W[w] = Worker{}
		lost(r.name("claims m%d, the reply is lost, and it ends", i+1), t)
		t.W[w] = Worker{At: Awake}
		lost(r.name("claims m%d, the reply is lost, and it goes on", i+1), t)
	case Claimed:
		late := me.Host != s.Host
		took, busy, refused := s, s, s
		took.W[w].At, busy.W[w].At, refused.W[w].At = Took, Busy, Refused
		if late || !s.Polls { // else nobody serves its URL now
			took.M[i].Took, took.M[i].Has[me.Host] = true, max(took.M[i].Has[me.Host], Once)
			add(r.name("pushes m%d", i+1), took)
			if r.BusyEats {
				busy.M[i].Busies++
			}
			add(r.name("pushes m%d: busy", i+1), busy)
		}
		if late || s.Polls {
			add(r.name("can't push m%d", i+1), refused)
		} else {
			lost(r.name("pushes m%d: refused", i+1), refused)
		}
	case Took, Busy, Refused:
		if (m.Stage != InFlight || m.Claim != uint8(w+1)) && !r.BlindSettle {
			t.W[w] = Worker{At: Awake, Ticket: me.Ticket}
			add(r.name("is too late for m%d", i+1), t)
			return out
		}
		t.outcome(w, r)
		t.W[w] = Worker{At: Settled, Ticket: me.Ticket}
		add(r.name("settles m%d", i+1), t)
		t.W[w].At = Idle
		lost(r.name("settles m%d, the reply is lost, and it ends", i+1), t)
		t.W[w].At = Awake
		lost(r.name("settles m%d, the reply is lost, and it goes on", i+1), t)
	case Settled:
		t.W[w] = Worker{At: Awake} // it goes on
		add("uses up its ticket", t)
	}
	return out
}

// locked tells whether the task slot is: a ticket that someone has keeps the
// others back, this worker's own too, if it has gone on without it.
func (s State) locked(w int, r Rules) bool {
	for other := range s.W {
		if s.W[other].Ticket && (other == w || !r.NoSlotLock) {
			return true
		}
	}
	return false
}

// outcome writes how a worker's push ended.
func (s *State) outcome(w int, r Rules) {
	me := s.W[w]
	i := int(me.On)
	switch late := me.Host != s.Host; {
	case me.At == Took && late && !r.LatePushCounts:
		s.move(i, Queued) // the new host gets it; no attempt is used up
	case me.At == Took, me.At == Busy && r.BusyEats && s.M[i].Busies >= 2:
		s.M[i].Foreign = late
		s.move(i, Delivered)
	case me.At == Refused && s.M[i].Fails+1 >= maxFails:
		s.move(i, Dead)
	default:
		if me.At == Refused {
			s.M[i].Fails++
		}
		s.move(i, Queued)
		s.M[i].Backoff = true
	}
}
