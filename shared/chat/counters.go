package chat

// Move is one change of one message.
type Move struct{ From, To Message }

// Delta is what a set of moves does to a mailbox's counters.
type Delta struct {
	Open, InFlight, Delivered, Expired, Cancelled, Dead int64
}

// DeltaOf sums the moves. It keeps accepted = open + delivered + expired +
// cancelled + dead, whatever the moves are.
func DeltaOf(moves []Move) Delta {
	var d Delta
	count := func(s State, by int64) {
		if s.Open() {
			d.Open += by
		}
		switch s {
		case InFlight:
			d.InFlight += by
		case Delivered:
			d.Delivered += by
		case Expired:
			d.Expired += by
		case Cancelled:
			d.Cancelled += by
		case Dead:
			d.Dead += by
		}
	}
	for _, m := range moves {
		count(m.From.State, -1)
		count(m.To.State, +1)
	}
	return d
}
