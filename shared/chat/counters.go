package chat

// Move is one change of one message.
type Move struct{ From, To Message }

// Delta is what a set of moves adds to a mailbox's counters.
type Delta struct {
	Open, InFlight int64
	Ends
}

// DeltaOf sums the moves. Whatever the moves are, it keeps accepted = open + delivered + expired + cancelled + dead.
func DeltaOf(moves []Move) Delta {
	var d Delta
	for _, m := range moves {
		d.count(m.From.State, -1)
		d.count(m.To.State, +1)
	}
	return d
}

func (d *Delta) count(s State, by int64) {
	if s.Open() {
		d.Open += by
	}
	if s == InFlight {
		d.InFlight += by
	}
	d.Add(s, by)
}

// Ends is how many messages ended in each state.
type Ends struct{ Delivered, Expired, Cancelled, Dead int64 }

// Add counts n messages that ended in a state.
func (e *Ends) Add(s State, n int64) {
	switch s {
	case Delivered:
		e.Delivered += n
	case Expired:
		e.Expired += n
	case Cancelled:
		e.Cancelled += n
	case Dead:
		e.Dead += n
	}
}

// Plus is the sum of both.
func (e Ends) Plus(o Ends) Ends {
	return Ends{
		Delivered: e.Delivered + o.Delivered, Expired: e.Expired + o.Expired, Cancelled: e.Cancelled + o.Cancelled,
		Dead: e.Dead + o.Dead,
	}
}
