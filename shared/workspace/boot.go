package workspace

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/visible"
)

// An agent registers when it boots. A register that was refused says that the next one is refused too, whatever else is
// wrong; so each verdict tells it, from the first one on.

// bootRefused reports whether the last that is known of the agent's registers is that its credential was refused.
func (s *situation) bootRefused() bool {
	return s.Hold == NoHold && s.RegisterRefused > 0 && s.within(s.RegisterRefusedAt, s.p.RefusalMemory)
}

// bootFailed reports whether its last register was refused for another reason than its credential.
func (s *situation) bootFailed() bool {
	return s.Hold == NoHold && s.callFails(SignalRegister) && s.within(s.RegisterFailedAt, s.p.RefusalMemory)
}

// AsksForRepair reports whether the facts ask for a repair: then a credential that is accepted is no sign that the
// agent is well.
func AsksForRepair(f Facts, p Policy, now time.Time) bool {
	s := newSituation(&f, Fleet{}, p, now)
	action := s.judge().Action
	return action == "repair" || action == "place_credential" || (s.bootRefused() && !s.refusalsDecayed(p, now))
}

// passesSinceBoot reports whether calls of the agent pass that came after its last refused register, from the address
// of that register, and the next one is not overdue. Their credential is good: what registers without it is a start of
// the agent that has lost it, or something else that runs there.
func (s *situation) passesSinceBoot() bool {
	accepted := s.lastPassed()
	return s.bootRefused() && s.SeenFrom == s.RefusedFrom && accepted.After(s.RegisterRefusedAt) &&
		s.now.Before(accepted.Add(s.p.LeaseTTL/2))
}

// someRefused reports whether some of the agent's calls are refused while others pass.
func (s *situation) someRefused() bool {
	return s.otherCallsRefused() || s.passesSinceBoot() || s.stillPass(s.lastPassed())
}

// tellStarts completes the verdict over an agent whose registers are refused while its other calls pass. Nothing shows
// whether a start of it has lost the credential, or something else registers there. Where the next credential is placed
// by hand, the one in use stays good until then; an agent that fetches it does so when its calls are refused. Of one
// that is sent damaged tellDamage tells.
func (s *situation) tellStarts(v *Verdict) {
	if s.damage(s.p, s.now) != "" {
		return
	}
	steps := s.repairSteps("repair it", restartIfSilent) + "; that ends the good one too"
	if s.placed() {
		v.NextCommand = s.rotateCommand()
		steps = s.rotateCommand() + " shows another to place there; the good one is good until that is used"
	}
	v.Hop = HopCredential
	v.Sentence = "Its agent's registers are refused, while its other calls are accepted: its next start gets no further."
	v.Hint = fmt.Sprintf("registers from %s come %s, while other calls come with its good credential. If a start of the "+
		"agent has lost it, %s. If something else registers there with its id, rollcall dismiss %s forgets that; %s",
		s.RefusedFrom, s.RefusedWith.words(), steps, s.ID, s.doctorWords())
}

// rotateCommand is the command that shows another credential, and ends the one in use when that is used.
func (s *situation) rotateCommand() string { return "rollcall rotate " + s.ID }

// bootWords says when a register was refused, from where, as far as that is known, and why.
func (s *situation) bootWords() string { return s.bootFact(" at " + stamp(s.RegisterRefusedAt)) }

// bootFact is bootWords with when as it is said; "" beside its time.
func (s *situation) bootFact(when string) string {
	from := ""
	if s.RegisterRefusedAt.Equal(s.RefusedAt) { // else the address is that of a later call of another kind
		from = " from " + s.RefusedFrom
	}
	return fmt.Sprintf("a register%s was refused%s, and none was accepted since: it came %s (%s)",
		from, when, s.RefusedWith.words(), s.RefusedWith.code())
}

// asksForABoot reports whether a verdict asks for what a register comes with: a restart, or another URL.
func (v Verdict) asksForABoot() bool {
	return v.Action == "restart" || v.Action == "start" || v.Action == "check_url"
}

// mendBoot keeps a verdict from asking for a register alone, where it would be refused.
func (s *situation) mendBoot(v Verdict) Verdict {
	if !v.asksForABoot() || v.Reason == ReasonCredentialsRejected {
		return v
	}
	switch {
	case s.bootRefused() && !s.refusalsDecayed(s.p, s.now):
		v.Action, v.NextCommand, v.Hop = s.repairAction(), s.repairCommand(), HopCredential
		first := s.repairFirst()
		switch damage := s.damageThere(); {
		case damage != "":
			first = capital(s.damageSteps(damage))
			v.Action, v.NextCommand = "place_credential", s.damageCommand(damage)
		case s.needsToken():
			v.Action, v.NextCommand = "place_credential", s.enrolCommand()
			first = s.enrolWords()
		}
		v.Hint = fmt.Sprintf("%s; but %s: what it declared before still counts, and its next register is refused too. "+
			"%s", v.Hint, s.bootWords(), first)
	case s.bootFailed() && v.Action != "check_url":
		v.Action = "inspect"
	}
	return v
}

// repairFirst says to repair the credential before a restart.
func (s *situation) repairFirst() string {
	if s.repairShows() {
		return "Repair its credential first: " + s.placeWords() + s.orToken()
	}
	return "Repair its credential first, with " + s.repairCommand() + "; " + s.fetchesWords() + s.orToken()
}

// tokenRefused reports whether the agent's last register brought an enrolment token that is not good.
func (s *situation) tokenRefused() bool { return s.RegisterRefused > 0 && s.RefusedWith.byToken() }

// needsToken reports whether a new enrolment token mends tokenRefused. An agent that has fetched its credential before
// still sends the token that it began with: a repair lets it in again, and nothing has to be placed. While nobody knows
// which of two addresses is the agent's, that goes first.
func (s *situation) needsToken() bool {
	fetches := s.TakenAs == ToAgent && !s.repairShows()
	return s.tokenRefused() && !fetches && len(s.refusedApart(s.now)) == 0
}

// orToken ends the words about a repair with what else mends it: another enrolment token; "": no token was refused.
func (s *situation) orToken() string {
	if !s.tokenRefused() {
		return ""
	}
	return "; or " + s.enrolWords()
}

// enrolCommand is the command that makes an enrolment token for this workspace.
func (s *situation) enrolCommand() string { return "rollcall enrol " + s.ID }

// enrolWords say how the agent comes to another enrolment token.
func (s *situation) enrolWords() string {
	return s.enrolCommand() + " makes a new enrolment token for this id; give it to the agent in place of the old one, " +
		"and start it again"
}

// tellBoot adds to a verdict that the last register was refused: the agent may be silent, or still be known by what it
// said before, for that reason.
func (s *situation) tellBoot(v *Verdict) {
	if s.bootRefused() {
		v.Evidence = append(v.Evidence, Evidence{s.RegisterRefusedAt, s.bootFact("")})
	}
	if s.bootFailed() {
		failed := "a register was refused, and none was accepted since: " + visible.Quoted(s.RegisterFailedWhy)
		v.Evidence = append(v.Evidence, Evidence{s.RegisterFailedAt, failed})
		if v.Status != StatusOnline && !strings.Contains(v.Hint, visible.Quoted(s.RegisterFailedWhy)) {
			v.Hint += "; " + failed
		}
	}
}

// refusedRemark is the remark that a call of the agent was refused, while the verdict does not say so. A register comes
// before other calls: what mends it mends them.
func (s *situation) refusedRemark(v Verdict) []Remark {
	says := v.Reason == ReasonCredentialsRejected || v.Action == "repair" || v.Action == "place_credential"
	switch {
	case s.Hold != NoHold || says:
	case s.bootRefused() && !s.refusalsDecayed(s.p, s.now) && s.needsToken():
		return []Remark{{
			Code: RemarkRegisterRefused, Command: s.enrolCommand(),
			Text: s.bootWords() + "; if that was this agent: " + s.enrolWords(),
		}}
	case s.bootRefused() && s.damageThere() != "":
		return []Remark{{
			Code: RemarkRegisterRefused, Command: s.damageCommand(s.RefusedWith),
			Text: s.bootWords() + "; if that was this agent: " + s.damageSteps(s.RefusedWith),
		}}
	case s.bootRefused() && !s.refusalsDecayed(s.p, s.now):
		command := s.repairCommand()
		if s.placed() && s.passesSinceBoot() {
			command = s.rotateCommand()
		}
		return []Remark{{
			Code: RemarkRegisterRefused, Command: command,
			Text: s.bootWords() + "; if that was this agent, it needs another credential before it is restarted" + s.orToken(),
		}}
	case s.callRefused() && !s.refusalsDecayed(s.p, s.now):
		return []Remark{s.callRemark(s.refusedCall(), s.RefusedWith)}
	case v.Hop == HopCredential: // the verdict says it
	case s.othersAtHome():
		return []Remark{s.callRemark(fmt.Sprintf("a call from %s, from where this agent calls, was refused at %s",
			s.StrangerFrom, stamp(s.StrangerAt)), s.StrangerWith)}
	}
	return nil
}

// callRefused reports whether a call that was no register was refused since the last accepted one of its kind, or
// refused and accepted ones take turns.
func (s *situation) callRefused() bool {
	return s.BeatsRefused+s.CallsRefused > 0 || s.alternating(s.p, s.now)
}

// refusedCall says which call was refused of which callRefused tells, from where and when.
func (s *situation) refusedCall() string {
	call := "a call"
	switch {
	case s.alternating(s.p, s.now):
		return fmt.Sprintf("of the calls from %s some are refused and some accepted; one was refused at %s",
			s.RefusedFrom, stamp(s.RefusedAt))
	case s.CallsRefused == 0:
		call = "a heartbeat"
	case s.BeatsRefused == 0:
		call = "a poll or another call"
	}
	return fmt.Sprintf("%s from %s was refused at %s, and none was accepted since", call, s.RefusedFrom,
		stamp(s.RefusedAt))
}

// othersAtHome reports whether a call came from an address of the agent's with another workspace's credential, a while
// ago at most: an agent there has the id of one workspace and the credential of the other.
func (s *situation) othersAtHome() bool {
	return s.leased() && s.StrangerWith.ofAnother() && s.within(s.StrangerAt, s.p.RefusalDecay) &&
		s.AtHome(s.StrangerFrom, s.now)
}

// refusedBeside says how calls come that are refused beside the accepted ones, and what mends them; "": none is refused
// of late. By refused calls no mail is fetched or acknowledged.
func (s *situation) refusedBeside() string {
	from, with := s.RefusedFrom, s.RefusedWith
	switch {
	case s.othersAtHome():
		from, with = s.StrangerFrom, s.StrangerWith
	case s.CallsRefused == 0 && !s.alternating(s.p, s.now) && !s.refusedSinceFetched(),
		s.refusalsDecayed(s.p, s.now), !s.refusedAtHome():
		return ""
	}
	mend := "let all calls of the agent send the credential that its accepted ones send"
	if with.damaged() {
		mend = with.damageMend()
	}
	return fmt.Sprintf("calls from %s come %s, and are refused: if they are this agent's, %s, and restart it", from,
		with.words(), mend)
}

// refusedSinceFetched reports whether a call was refused a moment ago, and since the agent was handed the mail of which
// none is acknowledged. A poll that is accepted ends what is counted of that, and acknowledges nothing.
func (s *situation) refusedSinceFetched() bool {
	return !s.FetchedSince.IsZero() && s.RefusedAt.After(s.FetchedSince) && s.within(s.RefusedAt, s.p.LeaseTTL)
}

// tellBeside completes the verdict over an agent whose mail is not fetched or not acknowledged, as missing says, where
// other calls from where it runs are refused.
func (s *situation) tellBeside(v *Verdict, missing string) {
	said := s.refusedBeside()
	if said == "" {
		return
	}
	v.Action, v.NextCommand, v.Hop = "inspect", "rollcall doctor "+s.ID, HopCredential
	v.Sentence = "Some calls from where its agent runs are refused, and " + missing + "."
	v.Hint = said + "; the credential is good, and a repair would end it; " + s.doctorWords()
}

// callRemark is the remark that a call was refused, which came with what is named. No command mends it: what calls has
// another credential than this workspace's, and where it runs one sees which.
func (s *situation) callRemark(refused string, with Presented) Remark {
	if with.damaged() {
		// No repair is named: the agent's other calls are accepted.
		return Remark{Code: RemarkCallRefused, Command: "rollcall doctor " + s.ID, Text: fmt.Sprintf("%s: it came %s (%s); "+
			"if that was this agent, %s, and restart it", refused, with.words(), with.code(), with.damageMend())}
	}
	return Remark{
		Code: RemarkCallRefused, Command: "rollcall doctor " + s.ID,
		Text: fmt.Sprintf("%s: it came %s (%s); if that was this agent, it sends another credential than its own in some "+
			"of its calls, or two agents run there; rollcall doctor %s, run where it runs, says whose its credential is",
			refused, with.words(), with.code(), s.ID),
	}
}
