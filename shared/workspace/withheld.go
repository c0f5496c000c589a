package workspace

import (
	"fmt"
	"time"
)

// Withheld is what keeps a drain from trying to push mail to a workspace; "" when nothing does. What a verdict says of
// mail that nobody tried follows from the same answer: it is not the platform that is late.
type Withheld string

// What keeps a drain from trying.
const (
	WithheldUndeliverable Withheld = "not deliverable" // see Deliverable
	WithheldEmpty         Withheld = "empty"           // no mail waits, and no probe is wanted
	WithheldResting       Withheld = "resting"         // it is left alone for a while
	WithheldPolls         Withheld = "polls"           // it fetches its mail by itself
	WithheldBusy          Withheld = "busy"            // it says that all its task slots are taken
	// WithheldPushing is that pushes to URLs that it has left, or of messages that have ended since, are still under way.
	WithheldPushing Withheld = "its pushes are under way"
	// WithheldProbing is that a probe would be pushed, and one is under way.
	WithheldProbing Withheld = "a probe is under way"
)

// Withheld says what keeps a drain from trying now.
func (f *Facts) Withheld(p Policy, now time.Time) Withheld {
	switch {
	case !f.Deliverable(p, now):
		return WithheldUndeliverable
	case f.Open == 0 && !f.NeedsProbe(p, now):
		return WithheldEmpty
	case f.Resting(p, now):
		return WithheldResting
	case f.Mode(p, now) != Push:
		return WithheldPolls
	case f.slotsTaken(p, now):
		return WithheldBusy
	case f.Open == 0 || f.WantsProbe(p):
		if f.Probing(p, now) {
			return WithheldProbing
		}
	case f.crowded(p, now):
		return WithheldPushing
	}
	return ""
}

// WantsDrain reports whether a drain would do something for the workspace now.
func (f *Facts) WantsDrain(p Policy, now time.Time) bool { return f.Withheld(p, now) == "" }

// slotsTaken reports whether the agent says that all its task slots are taken.
func (f *Facts) slotsTaken(p Policy, now time.Time) bool { return f.Busy(p, now) >= f.Slots() }

// slotsStayTaken completes the verdict over mail that waits for longer than work explains, at an agent that says that
// all its task slots are taken. Nothing is pushed to it meanwhile, as it would turn that away.
func (s *situation) slotsStayTaken(v *Verdict) *Verdict {
	v.Hop, v.Action, v.NextCommand = HopAgent, "inspect", "rollcall log "+s.ID
	v.Since = latest(v.Since, s.busyEnded(), s.AtWorkSince)
	v.Sentence = "Its agent says that all its task slots are taken, so no message is pushed to it until it says that " +
		"one is free."
	v.Hint = fmt.Sprintf("the agent says with its heartbeats that %d of its %d task slots are taken, and mail has waited "+
		"for that since %s: look at its log for what it works on (%s shows what it was given). If it works, wait until it "+
		"is done; --max-tasks of rollcall adopt lets it take more at a time. If it works on nothing, it has not given "+
		"back its slots: ", s.Busy(s.p, s.now), s.Slots(), stamp(s.stuckSince()), v.NextCommand) +
		s.orRestart(s.stalledBeforeRegister(), "restart the agent, and mend how it counts active_tasks",
			"mend how it counts active_tasks")
	v.Evidence = append(v.Evidence, s.busyEvidence(),
		Evidence{s.AtWorkSince, "from then on each of its reports says that a task is active"})
	return v
}
