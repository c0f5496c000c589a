package model

// Way is what wakes the drains of a calm.
type Way string

// The ways. Each must do alone.
const (
	BySweeps Way = "sweeps"
	ByBeats  Way = "heartbeats"
)

// Calm runs a state on without faults for so many rounds: time passes, the agent
// polls if it does, drains run to their end, and one kind of ring wakes one;
// all others are lost. It returns what is open at the end.
func Calm(s State, r Rules, way Way, rounds int) State {
	r.MaxFaults, r.Quiet = 0, true
	for range rounds {
		if s.Open == 0 && s.W == [Workers]Worker{} {
			return s
		}
		s = tick(s, r)
		if s.Polls && s.Live() {
			for range 2 { // the next one brings its cursor
				s = seenBy(s, poll(s, int(s.Host), r, true))
			}
		}
		rings := beat(s, r)
		if way == BySweeps {
			t, rung := sweep(s, r)
			s, rings = seenBy(s, t), rung
		}
		if rings {
			s.wake(r)
		}
		s = run(s, r)
	}
	return s
}

func (s *State) wake(r Rules) {
	for w := range r.Drains {
		if s.W[w].At == Idle {
			s.W[w].At = Awake
			return
		}
	}
}

// run lets the drains that are awake come to their end.
func run(s State, r Rules) State {
	for range 60 {
		for w := range s.W {
			if s.W[w].At != Idle {
				s = seenBy(s, worker(s, w, r)[0].State)
			}
		}
		if s.W[0].At == Idle && s.W[1].At == Idle {
			break
		}
	}
	return s
}

// Unsettled says whether a live agent's mail still waits.
func Unsettled(s State) bool { return s.Live() && s.Open > 0 }
