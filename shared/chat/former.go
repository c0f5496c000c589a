package chat

import (
	"slices"
	"time"
)

// What ended a message says what comes before it is redriven. Where nobody could take it, a redrive is the step. Where
// it may be the message that failed, or that is not known, a look at what ended it is: put back alone, it ends again.

// Former is how a message ended before it was redriven, the last time. The zero Former is of one that never was.
type Former struct {
	State     State
	Reason    string    // at most maxFormer bytes
	SettledAt time.Time // when it ended
	Tries     int       // how many attempts it had until then, with those before other redrives
	Last      Attempt   `json:",omitzero"` // of these; its error has at most maxFormer bytes
	// Suspect is that it may be the message that failed, at this end or at one before. Others go first after each attempt
	// that it uses up.
	Suspect bool `json:",omitempty"`
}

// maxFormer bounds each text of a former end.
const maxFormer = 500

// former is the end of a message, as its redrive keeps it.
func (m Message) former() Former {
	f := Former{
		State: m.State, Reason: Clip(m.Reason, maxFormer), SettledAt: m.SettledAt, Tries: m.Former.Tries + m.Tries(),
		Last: m.lastAttempt(), Suspect: m.Former.Suspect || m.mayBeAtFault(),
	}
	f.Last.Error = Clip(f.Last.Error, maxFormer)
	return f
}

// FullReason is the reason of the former end for who may operate; see Message.FullReason.
func (f Former) FullReason() string { return fullReason(f.Reason, f.Last) }

// unansweredStill is what a redrive leaves of what is known of the hosts that did not answer the message: one that may
// have ended two in a row need not end two more before others go first.
func (m Message) unansweredStill() Unanswered {
	if !m.Suspect() {
		return Unanswered{}
	}
	return Unanswered{Gone: m.Unanswered.Gone}
}

// InVain reports whether a redrive of a message that is lost is not the first step: it may be the message that fails.
func (m Message) InVain() bool { return m.Lost() && (m.Former.Suspect || m.mayBeAtFault()) }

// mayBeAtFault reports whether the message may be what failed: it is dead, its agent had it and did not take it, or it
// is not known what became of it there. It is not where it expired, and nobody could take it.
func (m Message) mayBeAtFault() bool {
	return m.State == Dead || m.Unanswered != (Unanswered{}) || slices.ContainsFunc(m.Attempts, Attempt.blames)
}

// blames reports whether the attempt may have failed by the message: all but one that met no agent, one that its agent
// was too busy for, and one that another host superseded.
func (a Attempt) blames() bool {
	met := a.Outcome != Unreachable && a.Outcome != Superseded
	return met && (a.Outcome != AgentBusy || a.Via == ByPoll)
}
