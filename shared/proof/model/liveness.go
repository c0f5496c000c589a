package model

// WakeupSource is what still sends wake-ups when all others are lost.
type WakeupSource string

// The sources of wake-ups. Each alone must be enough.
const (
	Sweeps     WakeupSource = "sweeps"
	Heartbeats WakeupSource = "heartbeats"
)

// Liveness checks that a workspace gets rid of its open mail within so many rounds
// without a fault. In each round time passes, the agent polls if it does so, and one
// source sends a wake-up; the drain it starts runs to its end. A workspace whose agent
// can't get mail, such as a paused one, need not. A poison message need not end before
// the agent has taken another one.
type Liveness struct {
	rules  Rules
	source WakeupSource
	rounds int
	known  map[Key]bool // what became of the states after a first round
}

// NewLiveness returns a check of so many rounds under rules.
func NewLiveness(r Rules, source WakeupSource, rounds int) *Liveness {
	r.MaxFaults, r.NoNames = 0, true
	return &Liveness{r, source, rounds, map[Key]bool{}}
}

// Holds reports whether it is so from a state on.
func (l *Liveness) Holds(s State) bool {
	s.Outage, s.Faults = false, 0
	s = l.round(s)
	key := s.Key()
	holds, known := l.known[key]
	if !known {
		for range l.rounds - 1 {
			if s.Open == 0 && !s.Failing && !s.Untried && s.Drains == [DrainCount]Drain{} {
				break
			}
			s = l.round(s)
		}
		holds = !s.Live() || s.healed()
		l.known[key] = holds
	}
	return holds
}

// healed reports whether nothing waits that can be delivered, no trouble is left of an agent
// that can be reached, and it was found out whether it can be.
func (s State) healed() bool {
	for _, m := range s.Messages {
		if m.Stage.open() && (m.Nature == Sound || m.Passed) {
			return false
		}
	}
	return s.Open > 0 || !s.Failing && !s.Untried || s.AgentPolls || s.StoredPoll
}

func (l *Liveness) round(s State) State {
	r := l.rules
	s = runOutTimers(s, r)
	if s.AgentPolls && s.Live() {
		for range 2 { // the second poll brings the cursor of the first
			s = markOutdated(s, poll(s, int(s.NewestHost), r, true))
		}
	}
	wakes := heartbeat(s, r)
	if l.source == Sweeps {
		var after State
		after, wakes = sweep(s, r)
		s = markOutdated(s, after)
	}
	if wakes {
		s.start(r)
	}
	return runDrains(s, r)
}

// start starts a drain, if one is idle.
func (s *State) start(r Rules) {
	for d := range r.MaxDrains {
		if s.Drains[d].Phase == Idle {
			s.Drains[d].Phase = Started
			return
		}
	}
}

// runDrains lets the drains that have started run to their end.
func runDrains(s State, r Rules) State {
	const most = 60 // writes of one drain; a drain that needs more does not end
	for range most {
		for d := range s.Drains {
			if s.Drains[d].Phase != Idle {
				n := &steps{from: s, rules: r}
				n.drain(d)
				s = n.out[0].State
			}
		}
		if s.Drains[0].Phase == Idle && s.Drains[1].Phase == Idle {
			break
		}
	}
	return s
}
