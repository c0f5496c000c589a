package model

// WakeupSource is what still sends wake-ups when all others are lost.
type WakeupSource string

// The sources of wake-ups. Each alone must be enough.
const (
	Sweeps     WakeupSource = "sweeps"
	Heartbeats WakeupSource = "heartbeats"
)

// DrainsWithoutFaults reports whether a workspace gets rid of its open mail within so
// many rounds without a fault. In each round time passes, the agent polls if it does
// so, and one source sends a wake-up; the drain it starts runs to its end. A
// workspace whose agent can't get mail, such as a paused one, need not.
func DrainsWithoutFaults(s State, r Rules, source WakeupSource, rounds int) bool {
	r.MaxFaults, r.NoNames = 0, true
	for range rounds {
		if s.Open == 0 && s.Drains == [DrainCount]Drain{} {
			break
		}
		s = round(s, r, source)
	}
	return !s.Live() || s.Open == 0
}

func round(s State, r Rules, source WakeupSource) State {
	s = runOutTimers(s, r)
	if s.AgentPolls && s.Live() {
		for range 2 { // the second poll brings the cursor of the first
			s = markOutdated(s, poll(s, int(s.NewestHost), r, true))
		}
	}
	wakes := heartbeat(s, r)
	if source == Sweeps {
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
