package model

import "fmt"

// Stage is how far a message has come.
type Stage uint8

// The stages.
const (
	Absent Stage = iota // not accepted yet
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

// MessageView is one message as the promises see it.
type MessageView struct {
	Stage         Stage
	ClaimedBy     uint8 // the claim of a message in flight: ByPoll, or the number of a push
	ClaimActive   bool  // the claim's visibility timeout still runs
	Taken         bool  // an agent took it
	Redriven      bool  // the messages behind it may have been taken before it
	AcceptedTwice bool  // its id was accepted before
	Acknowledged  bool  // the agent's cursor acknowledged it
	// WasAside: it was set aside, so the messages behind it may have been taken before it.
	WasAside bool
	// UsedUnanswered: it used up an attempt to which no answer came back, and nothing
	// else shows that its agent can be reached.
	UsedUnanswered bool
	// DiedWithoutReason: it is dead, but it did not fail alone where another one passed,
	// nor did the agent say that it can't take it.
	DiedWithoutReason bool
	// ConfirmedByReplacedHost: it is delivered only because of what a host said that
	// a newer one had replaced.
	ConfirmedByReplacedHost bool
}

// View is one workspace as the promises see it. The search makes it from a state,
// the tests of the real code from what they observe: one definition of the promises
// serves both.
type View struct {
	Messages        []MessageView // in the order of acceptance
	Open, Ended     int           // as the counters say
	Pushes          int           // that run at once for the one task slot, each with a ticket that is still hidden
	Paused, Removed bool
	// RestsForReplaced: mail waits out a rest that an earlier boot of the agent brought about.
	RestsForReplaced bool
}

// StateBreaks says which promise a workspace breaks as it stands; "" for none.
func StateBreaks(v View) string {
	open, ended, waiting := 0, 0, 0 // waiting is the first message that nobody took yet
	for i, m := range v.Messages {
		switch {
		case m.Stage.open():
			open++
		case m.Stage != Absent:
			ended++
		}
		if broken := messageBreaks(m, i+1); broken != "" {
			return broken
		}
		switch {
		case m.Taken && waiting > 0:
			return fmt.Sprintf("m%d was taken before m%d", i+1, waiting)
		case waiting == 0 && m.Stage.open() && !m.Taken && !m.Redriven && !m.WasAside:
			waiting = i + 1
		}
	}
	switch {
	case open != v.Open || ended != v.Ended:
		return fmt.Sprintf("the counters say %d open and %d ended, but the messages are %d open and %d ended",
			v.Open, v.Ended, open, ended)
	case v.RestsForReplaced:
		return "mail waits out a rest for what an earlier boot of the agent did"
	case v.Pushes > 1:
		return fmt.Sprintf("%d pushes run at once for one task slot", v.Pushes)
	}
	return ""
}

// messageBreaks says which promise one message breaks; "" for none.
func messageBreaks(m MessageView, number int) string {
	switch {
	case m.Stage == Delivered && !m.Taken:
		return fmt.Sprintf("m%d is delivered, but no agent took it", number)
	case m.ConfirmedByReplacedHost:
		return fmt.Sprintf("m%d is delivered, but only a host that a newer one has replaced confirmed it", number)
	case m.Stage == Expired && m.Acknowledged:
		return fmt.Sprintf("m%d is expired, but was acknowledged", number)
	case m.UsedUnanswered:
		return fmt.Sprintf("m%d used up an attempt to which no answer came back", number)
	case m.DiedWithoutReason:
		return fmt.Sprintf("m%d is dead, but it did not fail alone where another one passed", number)
	case m.AcceptedTwice:
		return fmt.Sprintf("m%d has an id that was accepted before", number)
	}
	return ""
}

// StepBreaks says which promise the step from one view to the next breaks; "" for
// none. The second view may have more messages.
func StepBreaks(before, after View) string {
	if before.Removed && !after.Removed {
		return "a removed workspace is back"
	}
	for i, old := range before.Messages {
		m := after.Messages[i]
		claimed := old.Stage == InFlight && old.ClaimActive
		handedOut := m.ClaimedBy == ByPoll && old.ClaimedBy != ByPoll
		switch {
		case old == m:
		case old.Stage != Absent && m.Stage == Absent:
			return fmt.Sprintf("m%d is gone", i+1)
		case old.Stage > InFlight && m.Stage != old.Stage && !(old.Stage == Dead && m.Redriven):
			return fmt.Sprintf("m%d had ended, but has another stage now", i+1)
		case claimed && m.Stage == InFlight && m.ClaimedBy != old.ClaimedBy:
			return fmt.Sprintf("m%d was claimed while another claim was active", i+1)
		case claimed && m.Stage == Expired:
			return fmt.Sprintf("m%d expired while its claim was active", i+1)
		case before.Paused && after.Paused && handedOut:
			return fmt.Sprintf("m%d was handed out by a paused workspace", i+1)
		case before.Removed && handedOut:
			return fmt.Sprintf("m%d was handed out by a removed workspace", i+1)
		}
	}
	return ""
}
