package workspace

import "fmt"

// Where a hint asks for a restart, and the agent has registered since the trouble began, the restart was made and did
// not help. No hint asks for the same again without that: it names what else to look at.

// unpolledWords are what to do about an agent that doesn't poll, where a restart did not help.
const unpolledWords = "look at its log and at its configuration for why it doesn't poll"

// orRestart is what a hint asks for: a restart, or, where one was made in vain, something else.
func (s *situation) orRestart(inVain bool, restart, instead string) string {
	if !inVain {
		return restart
	}
	return fmt.Sprintf("it registered again at %s, and that did not help: %s", stamp(s.RegisteredAt), instead)
}

// afterRestart keeps a verdict from asking for a restart alone that was made in vain. A register that was refused goes
// first: that is why it did not help.
func (s *situation) afterRestart(v Verdict) Verdict {
	if v.asksForABoot() && v.Action != "check_url" && s.restartedInVain(v.Reason) {
		v.Action = "inspect"
	}
	return v
}

// restartedInVain reports whether the trouble of this reason was there before the agent last registered.
func (s *situation) restartedInVain(reason Reason) bool {
	switch reason {
	case ReasonInboxUnattended:
		return s.unpolledBeforeRegister()
	case ReasonBacklogStalled:
		return s.stalledBeforeRegister()
	}
	return false // of no other reason is the trouble still there that was before a register; see tellRestarts too
}

// unpolledBeforeRegister reports whether a poll was overdue when the agent last registered.
func (s *situation) unpolledBeforeRegister() bool {
	before := s.Facts
	if !before.PollAwaitedAt.Before(s.RegisteredAt) {
		before.PollAwaitedAt = before.PolledAt // that register gave it time for its first poll
	}
	if before.PollAwaitedAt.IsZero() {
		return false
	}
	return !before.pollMissed(s.p).After(s.RegisteredAt)
}

// stalledBeforeRegister reports whether the mail had waited for too long when the agent last registered.
func (s *situation) stalledBeforeRegister() bool {
	waited := s.stuckSince()
	if s.mode == Poll {
		waited = latest(waited, s.FetchedSince)
	}
	return !waited.IsZero() && s.RegisteredAt.Sub(waited) >= 2*s.p.DeliveryObjective
}

// failedAcrossRegister reports whether tasks failed before the agent last registered, and since.
func (s *situation) failedAcrossRegister() bool {
	return s.AnswersFailingSince.Before(s.RegisteredAt) && s.lastAnswerFailed().After(s.RegisteredAt)
}

// pushesFailAcrossRegister reports whether pushes failed before the agent last registered, and since.
func (s *situation) pushesFailAcrossRegister() bool {
	return s.PushFailingSince.Before(s.RegisteredAt) && s.PushFailedAt.After(s.RegisteredAt)
}

// stuckFromItsStart reports whether the agent said that its runtime is stuck soon after it registered: a register ends
// what it said before, so nothing shows whether it was stuck then too.
func (s *situation) stuckFromItsStart() bool {
	after := s.WedgedSince.Sub(s.RegisteredAt)
	return !s.RegisteredAt.IsZero() && after >= 0 && after < s.p.aWhile()
}
