package workspace

import (
	"fmt"
	"time"
)

// An agent that crashes when it starts, and is started again each time, registers again and again. Each register
// renews its lease, so it is never silent for as long as a lease. What shows it is how soon each register follows the
// last one.

// noteQuickRegister notes a register at now. Until there are enough to tell, each has to come soon after the last one.
// From then on each counts that comes before its agent has run for a while, or has fallen silent: whoever starts it
// again may pause for longer and longer.
func (f Facts) noteQuickRegister(p Policy, now time.Time) Facts {
	soon := p.quickRegister()
	if f.startsInLoop(p) {
		soon = p.LeaseTTL + p.Grace
	}
	switch after := now.Sub(f.RegisteredAt); {
	case f.RegisteredAt.IsZero() || after < 0 || after >= soon || f.ranForAWhile(p):
		f.QuickRegisters, f.QuickSince = 0, time.Time{}
	case f.QuickRegisters == 0:
		f.QuickRegisters, f.QuickSince = 1, f.RegisteredAt
	default:
		f.QuickRegisters++
	}
	return f
}

// startsInLoop reports whether as many registers came soon after one another as degrade a workspace, and the agent has
// not run for a while since.
func (f *Facts) startsInLoop(p Policy) bool {
	return f.QuickRegisters >= p.QuickRegistersToDegrade && !f.ranForAWhile(p)
}

// ranForAWhile reports whether the agent has run for a while, so that it did not end at its start: a call of it was
// accepted a while after its last register, or it has said since then that it began to run long before. An agent may
// register anew while it runs.
func (f *Facts) ranForAWhile(p Policy) bool {
	heard, began := f.LastSignal(), f.RegisteredAt
	if boot := bootOf(f.Instance); !boot.IsZero() && f.HeartbeatAt.After(f.RegisteredAt) && boot.Before(began) {
		began = boot
	}
	return heard.Sub(began) >= 2*p.quickRegister()
}

// restartLoop: nothing else is wrong, but the agent starts again and again. What it is handed at one start, it may not
// get done before the next one.
func restartLoop(s *situation) *Verdict {
	if !s.startsInLoop(s.p) {
		return nil
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonRestartLoop, Since: s.QuickSince, Action: "inspect",
		Hint: fmt.Sprintf("%s: it may crash each time that it is started. Look at its log where it runs, and at what starts "+
			"it; rollcall log %s shows what it was given. This ends when it has run for %.0f seconds", s.restartWords(), s.ID,
			2*s.p.quickRegister().Seconds()),
		Evidence: []Evidence{
			{s.QuickSince, "the first of the registers that soon followed one another"}, s.restartEvidence(), s.lastAccepted(""),
		},
	}
}

// restartWords say how often the agent registered.
func (s *situation) restartWords() string {
	return fmt.Sprintf("the agent registered %d times from %s to %s", s.QuickRegisters+1, stamp(s.QuickSince),
		stamp(s.RegisteredAt))
}

// restartEvidence is the last of the quick registers, and how many there were.
func (s *situation) restartEvidence() Evidence {
	return Evidence{s.RegisteredAt, fmt.Sprintf("last accepted register, the last of %d in a row", s.QuickRegisters+1)}
}

// tellRestarts adds to a verdict of another reason that the agent starts again and again: that may be its cause.
func (s *situation) tellRestarts(v *Verdict) {
	if v.Reason == ReasonRestartLoop || s.Hold != NoHold || !s.startsInLoop(s.p) {
		return
	}
	v.Evidence = append(v.Evidence, s.restartEvidence())
	if v.Status != StatusOnline {
		v.Hint += "; " + s.restartWords() + ": it may crash each time that it is started"
	}
}
