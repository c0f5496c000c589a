package workspace

import (
	"fmt"
	"time"
)

// An agent that crashes when it starts, and is started again each time, registers again and again. Each register
// renews its lease, so it is never silent for as long as a lease, or not for long. What shows it is that each register
// comes before the agent was heard for a while after the last one, and that something shows of it that the agent
// started anew: an agent may register in place of its heartbeats too.

// noteQuickRegister notes a register with a URL at now. The rest of the facts are those of the run before it. Once
// there are signs enough, each counts that comes before its agent was heard for a while.
func (f Facts) noteQuickRegister(url string, p Policy, now time.Time) Facts {
	after := now.Sub(f.RegisteredAt)
	if f.RegisteredAt.IsZero() || after < 0 || after >= p.restartPause() || f.ranForAWhile(p) {
		return f.endQuickRegisters()
	}
	if f.QuickRegisters == 0 {
		f.QuickSince = f.RegisteredAt
	}
	f.QuickRegisters++
	switch {
	case f.startsInLoop(p):
	case after < p.quickRegister():
		f.StartSigns += p.RestartsToDegrade
	case f.endedBefore(url, p, now):
		f.StartSigns += p.QuickRegistersToDegrade
	default:
		f.StartSigns = 0
	}
	f.StartSigns = min(f.StartSigns, p.startSignsToDegrade())
	return f
}

// endQuickRegisters forgets the registers that soon followed one another.
func (f Facts) endQuickRegisters() Facts {
	f.QuickRegisters, f.QuickSince, f.StartSigns = 0, time.Time{}, 0
	return f
}

// endedBefore reports whether something shows that the run of the agent that last registered had ended before another
// register, with a URL, at now: none that goes on has another URL, or is silent for longer than it is asked to be. One
// that tells its epoch, or acknowledges by number, knows to register only when it starts. One that reports its uptime
// said itself that it had just begun. And nothing listened any more where it had taken a message.
func (f *Facts) endedBefore(url string, p Policy, now time.Time) bool {
	silent, most := now.Sub(f.LastSignal()), p.LeaseTTL/2
	if f.PolledAt.Equal(f.LastSignal()) {
		most += p.PollNoted // it may have polled since
	}
	otherURL := url != "" && f.URLFingerprint != "" && urlFingerprint(url) != f.URLFingerprint
	knowsEpoch := f.Epoch > 0 && (f.Instance == OfEpoch(f.Epoch).Name || f.AcksEpoch == f.Epoch)
	knowsRegisters := knowsEpoch && silent >= p.quickRegister()/3 // one that is asked to register was heard just now
	booted := f.HeartbeatAt.After(f.RegisteredAt) && f.bootedSince(f.RegisteredAt)
	stopped := f.ReachedAt.After(f.RegisteredAt) && f.PushFailures > 0 && f.PushFault == FaultRefused &&
		f.PushFailedAt.After(latest(f.LastSignal(), f.ReachedAt))
	return silent >= most || otherURL || knowsRegisters || booted || stopped
}

// startsInLoop reports whether as many registers followed one another as degrade a workspace, and the agent has not run
// for a while since.
func (f *Facts) startsInLoop(p Policy) bool {
	return f.StartSigns >= p.startSignsToDegrade() && !f.ranForAWhile(p)
}

// registersOften reports whether the agent registers again and again, and nothing shows whether it starts anew each
// time, or does so in place of other calls.
func (f *Facts) registersOften(p Policy) bool {
	return f.QuickRegisters >= p.QuickRegistersToDegrade && !f.startsInLoop(p) && !f.ranForAWhile(p)
}

// ranForAWhile reports whether the agent has run for a while, so that it did not end at its start: a call of it was
// accepted a while after its last register, or it has said since the first of the registers that soon followed one
// another that it began to run long before the last. An agent may register anew while it runs. What it said before them
// is no sign: the first heartbeat of a run may say nothing.
func (f *Facts) ranForAWhile(p Policy) bool {
	heard, began, first := f.LastSignal(), f.RegisteredAt, f.RegisteredAt
	if !f.QuickSince.IsZero() {
		first = f.QuickSince
	}
	if f.HeartbeatAt.After(f.RegisteredAt) && f.bootedSince(first) {
		if booted := bootOf(f.Instance).Add(bootStep * time.Second); booted.Before(began) { // it is rounded down
			began = booted
		}
	}
	return heard.Sub(began) >= p.aWhile()
}

// bootedSince reports whether the last that the agent said of its start is that it began to run at t or later. A
// register comes a moment after the start.
func (f *Facts) bootedSince(t time.Time) bool {
	return !bootOf(f.Instance).Before(t.Add(-(bootStep + bootSlack) * time.Second))
}

// restartLoop: nothing else is wrong, but the agent starts again and again. What it is handed at one start, it may not
// get done before the next one.
func restartLoop(s *situation) *Verdict {
	if !s.startsInLoop(s.p) {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonRestartLoop, Since: s.QuickSince, Action: "inspect",
		Hint: fmt.Sprintf("%s: %s. Look at its log where it runs, for why it ends or what its calls are answered, and at "+
			"what starts it; rollcall log %s shows what it was given. This ends when it has run for %.0f seconds",
			s.restartWords(), mayCrash, s.ID, s.p.aWhile().Seconds()),
		Evidence: append([]Evidence{
			{s.QuickSince, "the first of the registers that soon followed one another"}, s.restartEvidence(), s.lastAccepted(""),
		}, s.fetchEvidence()...),
	}
	if s.asksToFetch() { // each register may be what an agent does that is asked to fetch, and has lost what it fetched
		v.Sentence = "Its agent registers again and again: it may start anew each time, or not keep what a register " +
			"brings."
		v.Hint = fmt.Sprintf("%s, and is asked to fetch another credential since %s: it may fetch one each time and not "+
			"keep it, or crash each time that it is started. Look at its log where it runs: it has to keep the credential of "+
			"the answer to its register (auth_token), and send that from then on; rollcall log %s shows what it was given",
			s.restartWords(), stamp(s.FetchAskedAt), s.ID)
	}
	return v
}

// asksToFetch reports whether the answers to the agent's heartbeats ask it to fetch a credential, as an operator wants.
func (s *situation) asksToFetch() bool { return s.MustRotate() && !s.FetchAskedAt.IsZero() }

// fetchEvidence is that the agent is to fetch a credential; nil: it is not.
func (s *situation) fetchEvidence() []Evidence {
	if !s.asksToFetch() {
		return nil
	}
	return []Evidence{{s.FetchAskedAt, "an operator asked for another credential, which the agent is to fetch: " +
		"the answers to its heartbeats say so, and it has used none since"}}
}

// mayCrash is what registers that soon follow one another may come of. An agent that runs registers again and again
// where it takes the answers to its other calls for a reason to.
const mayCrash = "it may crash each time that it is started, or it runs and registers again in place of its other calls"

// restartWords say how often the agent registered.
func (s *situation) restartWords() string {
	return fmt.Sprintf("the agent registered %d times from %s to %s", s.QuickRegisters+1, stamp(s.QuickSince),
		stamp(s.RegisteredAt))
}

// restartEvidence is the last of the quick registers, and how many there were.
func (s *situation) restartEvidence() Evidence {
	return Evidence{s.RegisteredAt, fmt.Sprintf("last accepted register, the last of %d in a row", s.QuickRegisters+1)}
}

// oftenEvidence is what is known of an agent that registers again and again, where nothing shows why; nil of another.
func (s *situation) oftenEvidence() []Evidence {
	if !s.registersOften(s.p) {
		return nil
	}
	e := s.restartEvidence()
	e.Fact += fmt.Sprintf(", since %s; no call was noted %.0f seconds after any of them: the agent registers in place of "+
		"other calls, or it starts again and again", stamp(s.QuickSince), s.p.aWhile().Seconds())
	return []Evidence{e}
}

// aWhile is for how long an agent has to be heard after a register, so that it did not end at its start.
func (p Policy) aWhile() time.Duration { return 2 * p.quickRegister() }

// tellRestarts adds to a verdict of another reason that the agent starts again and again: that may be its cause.
func (s *situation) tellRestarts(v *Verdict) {
	if v.Reason == ReasonRestartLoop || s.Hold != NoHold || !s.startsInLoop(s.p) {
		return
	}
	v.Evidence = append(v.Evidence, s.restartEvidence())
	if v.Status != StatusOnline {
		v.Hint += "; " + s.restartWords() + ": " + mayCrash
	}
}
