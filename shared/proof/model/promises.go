package model

import "fmt"

// Stage is where a message is.
type Stage uint8

// The stages.
const (
	Absent Stage = iota
	Queued
	InFlight
	Delivered
	Dead
	Cancelled
	Expired
)

func (s Stage) open() bool { return s == Queued || s == InFlight }

// ByPoll is the claim of a poll; each push has a claim of its own.
const ByPoll = 255

// Seen is one message as the promises see it.
type Seen struct {
	Stage   Stage
	Claim   uint8 // in flight: whose it is
	Live    bool  // the claim's visibility timeout still runs
	Took    bool  // an agent took it
	Late    bool  // redriven: what was behind it may have gone before
	Twice   bool  // its id was accepted before
	Acked   bool  // the agent's cursor acknowledged it
	Foreign bool  // told delivered by a host that a newer one has replaced since
}

// View is one workspace as the promises see it. The search fills it in from a
// state, tests of the real code from what they observe: one definition of the
// promises serves both.
type View struct {
	M               []Seen // in the order of acceptance
	Open, Ends      int    // as the counters say
	Pushes          int    // that run at once into the one task slot, each under a ticket that is still good
	Paused, Removed bool
}

// Broken says which promise a workspace breaks as it stands; "" when none.
func Broken(v View) string {
	open, ends, waits := 0, 0, 0
	for i, m := range v.M {
		switch {
		case m.Stage.open():
			open++
		case m.Stage != Absent:
			ends++
		}
		switch {
		case m.Stage == Delivered && !m.Took:
			return fmt.Sprintf("m%d is delivered, and nobody took it", i+1)
		case m.Foreign:
			return fmt.Sprintf("m%d is delivered by the word of a host that a newer one has replaced", i+1)
		case m.Stage == Expired && m.Acked:
			return fmt.Sprintf("m%d was acknowledged, and is expired", i+1)
		case m.Twice:
			return fmt.Sprintf("m%d is one that was accepted before", i+1)
		case m.Took && waits > 0:
			return fmt.Sprintf("m%d came before m%d", i+1, waits)
		case waits == 0 && m.Stage.open() && !m.Took && !m.Late:
			waits = i + 1
		}
	}
	switch {
	case open != v.Open || ends != v.Ends:
		return fmt.Sprintf("the counters say %d open and %d ended, the ledger %d and %d", v.Open, v.Ends, open, ends)
	case v.Pushes > 1:
		return fmt.Sprintf("%d pushes run at once into one task slot", v.Pushes)
	}
	return ""
}

// Turned says which promise the step from one view to the next breaks; "" when
// none. The second may have more messages.
func Turned(was, is View) string {
	if was.Removed && !is.Removed {
		return "a removed workspace is there again"
	}
	for i, old := range was.M {
		m := is.M[i]
		held := old.Stage == InFlight && old.Live
		switch {
		case old == m:
		case old.Stage != Absent && m.Stage == Absent:
			return fmt.Sprintf("m%d is gone", i+1)
		case old.Stage > InFlight && m.Stage != old.Stage && !(old.Stage == Dead && m.Late):
			return fmt.Sprintf("m%d had come to its end, and has another stage", i+1)
		case held && m.Stage == InFlight && m.Claim != old.Claim:
			return fmt.Sprintf("m%d was taken from one that still had it", i+1)
		case held && m.Stage == Expired:
			return fmt.Sprintf("m%d expired in the hands of one that still had it", i+1)
		case is.Paused && was.Paused && m.Claim == ByPoll && old.Claim != ByPoll:
			return fmt.Sprintf("m%d was handed out by a paused workspace", i+1)
		case was.Removed && m.Claim == ByPoll && old.Claim != ByPoll:
			return fmt.Sprintf("m%d was handed out by a removed workspace", i+1)
		}
	}
	return ""
}
