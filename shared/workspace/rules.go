package workspace

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/visible"
)

// The rules of the status table over holds, credentials, silence, copies and what the agent reports of itself.
// Those over its mail stand in rules_mail.go. A rule returns nil when it doesn't apply.

func onHold(s *situation) *Verdict {
	switch s.Hold {
	case Removed:
		return &Verdict{
			Status: StatusRemoved, Reason: ReasonRemoved, Since: s.HoldSince, Action: "stop",
			Hint:     "an operator removed this workspace; create it again to use it",
			Evidence: []Evidence{{s.HoldSince, "removed by an operator"}},
		}
	case Paused:
		return &Verdict{
			Status: StatusPaused, Reason: ReasonPaused, Since: s.HoldSince, Action: "resume",
			Hint:     "an operator paused this workspace: its mail waits until it is resumed",
			Evidence: []Evidence{{s.HoldSince, "paused by an operator"}},
		}
	}
	return nil
}

// credentialsRevoked: an operator took the agent's credentials away, or issued another in their place, and the agent
// has yet to come with a new one.
func credentialsRevoked(s *situation) *Verdict {
	if (s.Enrolled() && !s.revoked()) || s.LastSignal().IsZero() {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Action: "restart",
		Since: latest(s.RevokedAt, s.LastSignal()),
		Hint: "its credentials are revoked, and a bootstrap window is open, to " + s.windowFor() + ": " + restartIfSilent +
			": its register brings a new one; " + s.fetchesWords() + "; " + s.doctorWords(),
		Evidence: []Evidence{
			s.lastAccepted(", with a credential that is revoked now"),
			{s.RevokedAt, "an operator ended its credentials"},
		},
	}
	if !s.BootstrapUntil.IsZero() {
		ends := "the bootstrap window ends; it is open to " + s.windowFor()
		if !s.now.Before(s.BootstrapUntil) {
			ends = "the bootstrap window ended; it was open to " + s.windowFor()
		}
		v.Evidence = append(v.Evidence, Evidence{s.BootstrapUntil, ends})
	}
	switch {
	case s.Enrolled():
		v.Hint = fmt.Sprintf("an operator made a new credential for the agent, and no call has used it yet: place it in the "+
			"agent's environment or file, and restart the agent; if it is lost, rollcall repair %s --show shows another; %s",
			s.ID, s.doctorWords())
		if s.StrangerWith.damaged() {
			v.Hint += s.strangerHint()
		}
	case !s.now.Before(s.BootstrapUntil):
		v.Action, v.NextCommand = s.repairAction(), s.repairCommand()
		v.Hint = s.repairWords("its credentials are revoked and no bootstrap window is open", "open one",
			"restart the agent") + s.strangerHint()
		if s.distrusted() {
			v.Hint = "its credentials are revoked, and the address of its last accepted call may be a thief's: " +
				s.placeWords()
		}
	default:
		v.Hint += s.refusedElsewhere(v.Hint)
	}
	if !s.RefusedAt.IsZero() {
		v.Evidence = append(v.Evidence, Evidence{s.RefusedAt, "last refused call that was noted, from " + s.RefusedFrom})
	}
	if !s.leased() && !s.within(s.RefusedAt, s.p.LeaseTTL) {
		v.Status = StatusOffline
	}
	return v
}

// ifYouKnow is what may be done about refused calls that nothing shows to be the agent's. It is no command with their
// address: whoever is refused would choose what an operator copies.
const ifYouKnow = "Nothing shows that they are this agent's: only if you know that they are, repair it with --from " +
	"and that address"

// credentialIgnored: a new credential was issued and never used, and the agent's calls are refused since. If the agent
// was given it, the agent takes its credential from where the platform can't put one.
func credentialIgnored(s *situation) *Verdict {
	if !s.goesOnWithAnother() {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Since: s.RefusedSince, Action: "place_credential",
		Hint: fmt.Sprintf("the agent was given a new credential at %s, has never used it, and goes on with another: "+
			"it reads its credential from its environment or a file; rollcall repair %s --show shows a credential: "+
			"place it there, then restart the agent", stamp(s.IssuedAt), s.ID),
		NextCommand: s.showCommand(),
		Evidence:    append([]Evidence{{s.IssuedAt, "a new credential was issued, and never used"}}, s.refusalEvidence()...),
	}
	if !s.ignoresIssued() {
		v.Hint = fmt.Sprintf("an operator was shown a new credential at %s, and the agent goes on with another: place the "+
			"new one in the agent's environment or file, then restart the agent; if it is lost, "+
			"rollcall repair %s --show shows another", stamp(s.IssuedAt), s.ID)
	}
	return v
}

// credentialsRejected: the agent is plainly there, and its credential is refused.
func credentialsRejected(s *situation) *Verdict {
	if s.refusalCount() == 0 {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Action: s.repairAction(),
		Since:       latest(s.RefusedSince, s.RefusedEnoughAt),
		NextCommand: s.repairCommand(),
		Hint: s.repairWords("the platform refuses the agent's credential", "repair it",
			restartIfSilent+s.elsewhereHint()),
		Evidence: s.refusalEvidence(),
	}
	if s.RefusedEnoughAt.IsZero() && !s.leased() {
		v.Since = latest(s.RefusedSince, s.graceEnd(s.p)) // so few count only when the lease is over
	}
	lastCallRefused := s.RefusedAt.After(s.LastSignal())
	switch {
	case s.otherCallsRefused():
		s.tellOtherCalls(v)
	case s.registersRefused() && s.passesSinceBoot():
		s.tellStarts(v)
	case lastCallRefused && s.refusedNow(), s.registersRefused():
		if s.fetchesNothing() {
			v.Since = latest(v.Since, s.passUntil(s.lastPassed()))
		}
		if s.mayBeAnothers() {
			s.tellAMomentAgo(v)
		}
	case lastCallRefused && !s.leased():
		v.Status, v.Since = StatusOffline, latest(s.graceEnd(s.p), s.RefusedAt.Add(s.p.LeaseTTL))
		v.Hint = s.repairWords("its last call was refused, and none came since", "repair its credential",
			"start the agent so that it registers again"+s.elsewhereHint())
	default:
		return nil
	}
	switch {
	case s.needsToken():
		v.Action, v.NextCommand = "place_credential", s.enrolCommand()
		v.Sentence = "Its agent's registers bring an enrolment token that is not good, and are refused."
		v.Hint = "the platform refuses the agent's registers, which come " + s.RefusedWith.words() + ": " + s.enrolWords()
	case s.tokenRefused():
		v.Hint += "; its registers come " + s.RefusedWith.words() + s.orToken()
	}
	s.tellDisputed(v)
	return v
}

// tellDisputed completes the verdict over refused calls where calls from another address of the agent's are accepted
// meanwhile. Nothing shows which of the two is the agent, and so neither stands in a command.
func (s *situation) tellDisputed(v *Verdict) {
	if s.addressUnknown() == nil || !s.refusedAtHome() || s.RefusedFrom == s.SeenFrom ||
		s.LastSignal().Before(s.RefusedSince) {
		return
	}
	v.Sentence = "Calls from one of its addresses come without its credential and are refused, and calls from " +
		"another one are accepted."
	v.Hint = fmt.Sprintf("calls from %s come without its credential and are refused, and calls from %s are accepted: "+
		"each of the two may be its agent, and the other one an old copy of it, or a thief. If its agent is at %[2]s, "+
		"stop what runs at %[1]s, and rollcall dismiss %[3]s forgets that address. Else end both: ", s.RefusedFrom,
		s.SeenFrom, s.ID) + s.placeWords()
}

// credentialOfAnother: the lease is over, and calls from an address of the agent's come with another workspace's
// credential. Whoever shares that address can bring this about, while the agent is silent.
func credentialOfAnother(s *situation) *Verdict {
	if s.leased() || !s.anothersSpeak() {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Since: s.graceEnd(s.p),
		Evidence: s.silenceEvidence(),
	}
	s.tellAnothers(v)
	if !s.within(s.StrangerAt, s.p.LeaseTTL) {
		v.Status, v.Since = StatusOffline, latest(v.Since, s.StrangerAt.Add(s.p.LeaseTTL))
	}
	return v
}

// tellAnothers completes the verdict over a silent agent from whose address calls come with the credential of another
// workspace or of a person. That is told as soon as its silence is: the lease may still run.
func (s *situation) tellAnothers(v *Verdict) {
	v.Action, v.Hop, v.NextCommand = "inspect", HopCredential, "rollcall doctor "+s.ID
	anothers, each := s.StrangerWith.anothersWords(), ""
	if s.StrangerWith == OthersCredential {
		each = "; two agents may have each other's"
	}
	lost := ""
	if !s.repairRefused(true) {
		lost = "; if its own is lost, " + s.showCommand() + " shows another"
	}
	v.Sentence = "Calls from where its agent runs come with " + anothers + ", and are refused."
	v.Hint = fmt.Sprintf("nothing was accepted from the agent since %s, and calls from %s, from where it calls, come "+
		"with %s. If that is this agent, give it the credential that is its own, and restart it%s. Whose it is, "+
		"rollcall doctor %s says, run where the agent runs%s. Else it is silent, and something else runs there with a "+
		"wrong workspace id: rollcall dismiss %[5]s forgets those calls",
		stamp(s.LastSignal()), s.StrangerFrom, anothers, each, s.ID, lost)
	v.Evidence = append(v.Evidence, s.strangersCall())
}

// strangersCall is the last refused call that was noted and is not attributed to the agent.
func (s *situation) strangersCall() Evidence {
	return Evidence{s.StrangerAt, fmt.Sprintf("last refused call that was noted, from %s; it came %s", s.StrangerFrom,
		s.StrangerWith.words())}
}

// anothersSpeak reports whether all that comes from the silent agent's addresses are calls with another workspace's
// credential.
func (s *situation) anothersSpeak() bool {
	return s.othersSinceHeard(s.now) && s.within(s.StrangerAt, s.p.RefusalMemory) && !s.LastSignal().IsZero()
}

// byThen is what becomes of a silent agent, after the words about it; "": its status stays as it is.
func (s *situation) byThen(is Status) string {
	ends := s.graceEnd(s.p)
	if then := s.at(ends).Status; then != is {
		return fmt.Sprintf("; if it stays silent, it counts as %s by %s", then, stamp(ends))
	}
	return ""
}

// otherCallsRefused reports whether heartbeats pass while polls or other calls are refused: the agent sends its good
// credential in some of its calls only, or something else calls from where it runs. They pass until one is refused or
// due, and so do polls. Where registers are refused too, the agent does not get in when it starts again: that is
// another matter. Of an agent that its mail is pushed to, such calls keep nothing from it: that is a remark.
func (s *situation) otherCallsRefused() bool {
	beats := s.BeatsRefused == 0 && s.HeartbeatAt.After(s.RefusedSince) || s.within(s.HeartbeatAt, s.p.LeaseTTL/2)
	return s.leased() && s.refusedAtHome() && s.within(s.RefusedAt, s.p.LeaseTTL) && s.fetches() &&
		s.CallsRefused >= s.p.RefusalsToDegrade && beats && s.RegisterRefused == 0
}

// fetches reports whether the agent is to fetch its mail: refused polls keep it from that.
func (s *situation) fetches() bool { return s.mode == Poll || s.Declared == Poll }

// stillPass reports whether calls of the agent pass, as far as is known, of which the last one was accepted at a time:
// the next is not overdue, and no register was refused since. What is refused meanwhile at its own address may be
// another's there, whatever kind of call it is: nothing has to be shown for that but the address. What shows the good
// credential, damaged, is the agent's own.
func (s *situation) stillPass(accepted time.Time) bool { return s.now.Before(s.passUntil(accepted)) }

// passUntil is until when stillPass holds; zero where it never did.
func (s *situation) passUntil(accepted time.Time) time.Time {
	_, good := s.RefusedWith.damage()
	own := good && (s.BeatsRefused > 0 || s.fetches())
	boot := s.RegisterRefused > 0 && (s.RegisterRefusedAt.IsZero() || !accepted.After(s.RegisterRefusedAt))
	if accepted.IsZero() || boot || s.SeenFrom != s.RefusedFrom || own {
		return time.Time{}
	}
	return accepted.Add(s.p.LeaseTTL / 2)
}

// polledAt is when the agent last polled, at the latest. A poll after a refused call is always written; see Noted.
func (s *situation) polledAt() time.Time {
	at := s.PolledAt.Add(s.p.PollNoted)
	switch {
	case s.PolledAt.IsZero():
		return time.Time{}
	case s.RefusedAt.After(s.PolledAt) && s.RefusedAt.Before(at):
		return s.RefusedAt
	}
	return at
}

// tellOtherCalls completes the verdict over an agent whose heartbeats pass while its other calls are refused. No repair
// is the step: it would end the credential that is good. Of one that is sent damaged tellDamage tells.
func (s *situation) tellOtherCalls(v *Verdict) {
	if s.damage(s.p, s.now) != "" {
		return
	}
	v.Action, v.NextCommand, v.Hop = "inspect", "rollcall doctor "+s.ID, HopCredential
	v.Sentence = "Its agent's heartbeats are accepted, but its polls and other calls are refused: they come " +
		s.RefusedWith.words() + "."
	v.Hint = fmt.Sprintf("calls from %s come %s, while its heartbeats are accepted: let all its calls send the "+
		"credential that its heartbeats send (it may prefer a saved file to its environment), and restart it. That one "+
		"is good, and a repair would end it; %s", s.RefusedFrom, s.RefusedWith.words(), s.doctorWords())
}

// lastPassed is when a call of the agent was last accepted.
func (s *situation) lastPassed() time.Time { return latest(s.LastSignal(), s.polledAt()) }

// fetchesNothing reports whether polls and other calls alone are refused, at an agent that its mail is pushed to: they
// keep nothing from it.
func (s *situation) fetchesNothing() bool {
	return s.RegisterRefused == 0 && s.BeatsRefused == 0 && !s.fetches()
}

// mayBeAnothers reports whether the refused calls may be another's at the agent's address, as its next accepted
// call is not overdue. An unknown credential shows an agent that has another one than it had: who calls by hand sends
// none, and an old copy sends a former one.
func (s *situation) mayBeAnothers() bool {
	return s.RefusedWith != UnknownCredential && s.stillPass(s.lastPassed())
}

// tellAMomentAgo completes the verdict over refused calls that may be another's: a repair would end a good credential.
// Of one that is sent damaged tellDamage tells.
func (s *situation) tellAMomentAgo(v *Verdict) {
	if s.damage(s.p, s.now) != "" {
		return
	}
	v.Action, v.NextCommand, v.Hop = "inspect", "rollcall doctor "+s.ID, HopCredential
	v.Sentence = "Calls from where its agent runs are refused: they come " + s.RefusedWith.words() + "."
	v.Hint = fmt.Sprintf("calls from %s come %s and are refused, and one with its good credential was accepted at %s. If "+
		"none is accepted by %s, the agent has lost it, and rollcall explain %s names the repair. Something else may call "+
		"there with its id; %s", s.RefusedFrom, s.RefusedWith.words(), stamp(s.lastPassed()),
		stamp(s.passUntil(s.lastPassed())), s.ID, s.doctorWords())
}

// refusedNow reports whether the agent is alive by its refused attempts. While it is leased, that takes several of
// them, and of those that keep nothing from it, that its next accepted call is overdue. If the refused agent may be
// another one (it calls from another address, or in turn with accepted ones), the accepted calls must have stopped too.
func (s *situation) refusedNow() bool {
	if !s.within(s.RefusedAt, s.p.LeaseTTL) {
		return false
	}
	mayBeAnother := !s.refusedAtHome() || s.alternating(s.p, s.now)
	return !s.leased() || s.refusalCount() >= s.p.RefusalsToDegrade &&
		!(mayBeAnother && s.RecentlyAccepted(s.p, s.now)) &&
		!(s.fetchesNothing() && s.stillPass(s.lastPassed()))
}

// registersRefused reports whether heartbeats pass, but every register since the last accepted one was refused.
func (s *situation) registersRefused() bool {
	return s.leased() && s.refusedAtHome() &&
		s.RegisterRefused >= s.p.RefusalsToDegrade && s.within(s.RefusedAt, s.p.RefusalDecay)
}

// refusedAtHome reports whether the refused attempts come from an address from which this agent was accepted lately.
func (s *situation) refusedAtHome() bool { return s.AtHome(s.RefusedFrom, s.now) }

func (s *situation) refusalEvidence() []Evidence {
	ev := []Evidence{
		{s.RefusedSince, "first of the refused calls that count now"},
		{s.RefusedAt, fmt.Sprintf(
			"last refused call that was noted, from %s", s.RefusedFrom)},
	}
	if s.RefusedWith.damaged() {
		ev[1].Fact += "; it came " + s.RefusedWith.words()
	}
	if counted := s.refusedWords(); counted != "" {
		ev = append(ev, Evidence{s.RefusedAt, "since the last accepted one of each kind, at least " + counted + " refused"})
	}
	return append(ev, s.lastAccepted(""))
}

// refusedWords are how many calls of each kind were refused, of those of which some were; "" when none is counted.
func (s *situation) refusedWords() string {
	var kinds []string
	for _, kind := range []struct {
		refused int64
		what    string
	}{
		{int64(s.RegisterRefused), "register"},
		{int64(s.BeatsRefused), "heartbeat"},
		{int64(s.CallsRefused), "other call"},
	} {
		if kind.refused > 0 {
			kinds = append(kinds, plural(kind.refused, kind.what))
		}
	}
	switch last := len(kinds) - 1; {
	case last < 0:
		return ""
	case last == 0 && strings.HasPrefix(kinds[0], "1 "):
		return kinds[0] + " was"
	case last == 0:
		return kinds[0] + " were"
	default:
		return strings.Join(kinds[:last], ", ") + " and " + kinds[last] + " were"
	}
}

// lastAccepted is the last accepted call; more follows on the words. Of polls, not each is noted. It is zero, and so
// left out, when there was none.
func (s *situation) lastAccepted(more string) Evidence {
	at := s.LastSignal()
	if at.Equal(s.PolledAt) {
		return Evidence{at, "last accepted call that was noted, a poll" + more}
	}
	return Evidence{at, "last accepted call" + more}
}

// lastPoll is the last poll that was noted.
func (s *situation) lastPoll() Evidence { return Evidence{s.PolledAt, "last poll that was noted"} }

func neverRegistered(s *situation) *Verdict {
	if !s.LastSignal().IsZero() {
		return nil
	}
	v := &Verdict{
		Status: StatusProvisioning, Reason: ReasonNeverRegistered, Since: s.CreatedAt, Action: "start",
		Hint: fmt.Sprintf("start the agent with its credential, or with an enrolment token for this id "+
			"(rollcall enrol %s); none of its calls was accepted yet; ", s.ID) + s.doctorWords() + s.strangerHint(),
		Evidence: []Evidence{{s.CreatedAt, "created; no call accepted since"}},
	}
	switch {
	case s.Enrolled() && s.bootFailed() && !s.StrangerAt.After(s.RegisterFailedAt):
		v.Action, v.Hop = "inspect", HopAgent
		v.Sentence = "It was created, and no call of its agent was accepted yet: its credential is good, and its register " +
			"was refused for another reason."
		v.Hint = fmt.Sprintf("its last register came with a good credential and was refused at %s: %s. Mend what the agent "+
			"registers with, and restart it; %s", stamp(s.RegisterFailedAt), visible.Quoted(s.RegisterFailedWhy),
			s.doctorWords())
	case s.StrangerWith.byToken() && s.within(s.StrangerAt, s.p.RefusalMemory) && !s.now.Before(s.BootstrapUntil):
		s.tellTokenSoFar(v)
	case s.Enrolled() && s.within(s.StrangerAt, s.p.RefusalMemory):
		s.tellRefusedSoFar(v)
	case s.Enrolled():
	case s.now.Before(s.BootstrapUntil):
		v.Hint = fmt.Sprintf("start the agent: it is given a credential if it registers before %s from %s; %s",
			stamp(s.BootstrapUntil), s.windowFor(), s.doctorWords())
		v.Hint += s.refusedElsewhere(v.Hint)
	default:
		v.Action, v.NextCommand = "repair", s.showCommand()
		v.Hint = "it has no valid credential: " + v.NextCommand + " shows one; start the agent with it" + s.strangerHint()
	}
	if v.Hop == HopNone && s.within(s.StrangerAt, s.p.RefusalMemory) {
		v.Hop = HopCredential
	}
	return v
}

// tellRefusedSoFar completes the verdict over a workspace of which no call was accepted yet, and whose credential no
// call had: somebody calls in its name.
func (s *situation) tellRefusedSoFar(v *Verdict) {
	if s.misnames() {
		s.tellMisnamed(v)
		return
	}
	v.Action, v.NextCommand, v.Hop = "place_credential", s.showCommand(), HopCredential
	v.Sentence = "It was created, and no call of its agent was accepted yet: calls that name it are " +
		"refused, as they come without its credential."
	v.Hint = fmt.Sprintf("calls from %s %s %s. If that is its agent, place the credential of this workspace in the "+
		"agent's environment or file, and restart the agent; if it is lost, %s shows another. Else start its agent with "+
		"its credential, or with an enrolment token for this id (rollcall enrol %s); %s",
		s.StrangerFrom, s.StrangerWith.words(), s.strangersWhen(), v.NextCommand, s.ID, s.doctorWords())
	if s.StrangerWith.damaged() {
		v.Action, v.NextCommand = "inspect", "rollcall doctor "+s.ID
		v.Sentence = "It was created, and no call of its agent was accepted yet: calls that name it are refused. They come " +
			s.StrangerWith.words() + "."
		v.Hint = fmt.Sprintf("calls from %s %s %s: %s. Else start its agent with its credential; %s", s.StrangerFrom,
			s.StrangerWith.words(), s.strangersWhen(), s.strangersDamage(), s.doctorWords())
	}
}

// tellTokenSoFar is tellRefusedSoFar where the last refused call was a register with an enrolment token.
func (s *situation) tellTokenSoFar(v *Verdict) {
	v.Action, v.NextCommand, v.Hop = "place_credential", s.enrolCommand(), HopCredential
	v.Sentence = "It was created, and no call of its agent was accepted yet: a register with an enrolment token that is " +
		"not good was refused."
	v.Hint = fmt.Sprintf("a register from %s was refused at %s: it came %s (%s). If that is its agent: %s; %s",
		s.StrangerFrom, stamp(s.StrangerAt), s.StrangerWith.words(), s.StrangerWith.code(), s.enrolWords(), s.doctorWords())
}

// showCommand is the command that ends the credentials and shows another. It mends whatever else holds, as it needs to
// know no address.
func (s *situation) showCommand() string { return fmt.Sprintf("rollcall repair %s --show", s.ID) }

// strangersWhen says when the calls that can't be attributed to the agent were refused.
func (s *situation) strangersWhen() string {
	if s.within(s.StrangerAt, s.p.LeaseTTL) {
		return "are being refused now"
	}
	return "were refused at " + stamp(s.StrangerAt)
}

// platformSuspect: the agent is silent, and the platform may be the cause.
func platformSuspect(s *situation) *Verdict {
	if s.leased() {
		return nil
	}
	sus := s.fleet.suspect(s.Facts, s.p, s.now)
	if sus == nil {
		return nil
	}
	return &Verdict{
		Status: StatusUnknown, Reason: ReasonPlatformSuspect, Since: s.graceEnd(s.p), Action: "wait",
		Hint: fmt.Sprintf("nothing was heard of the agent since %s, but %s: check whether the platform works "+
			"(rollcall problems says when its last sweep ended, and the log of the function sweeper why one failed) "+
			"before you restart the agent; "+
			"if it stays silent, it counts as offline by %s, or earlier, but only if %s",
			stamp(s.LastSignal()), sus.why, stamp(sus.until), sus.unless),
		Evidence: slices.Concat(s.silenceEvidence(), sus.evidence),
	}
}

func leaseExpired(s *situation) *Verdict {
	if s.leased() {
		return nil
	}
	v := &Verdict{
		Status: StatusOffline, Reason: ReasonLeaseExpired, Since: s.graceEnd(s.p), Action: "restart",
		Hint: "no accepted call since the lease ran out: check whether the agent runs and reaches the platform, " +
			"then restart it; " + s.doctorWords() + s.strangerHint(),
		Evidence: s.silenceEvidence(),
	}
	if s.misnames() {
		s.tellMisnamed(v)
		return v
	}
	if s.goneFromItsURL() {
		there := "nothing answers at"
		if s.PushFault == FaultRefused {
			there = "nothing listens at"
		}
		v.Sentence = "Its agent has fallen silent, and " + there + " its URL: it has most likely stopped."
		v.Hint = fmt.Sprintf("no accepted call since the lease ran out, and %s %s (%s, at %s): it has most likely stopped. "+
			"Start it again; %s", there, agentsURL, s.failedWords(), stamp(s.PushFailedAt), s.doctorWords()) +
			s.strangerHint()
		return v
	}
	s.tellSeldom(v)
	return v
}

// goneFromItsURL reports whether the last push, since the agent was last heard, met nothing of it at its URL.
func (s *situation) goneFromItsURL() bool {
	return s.PushFailures > 0 && s.PushFault.ofStopped() && s.PushFailedAt.After(s.LastSignal())
}

// doctorWords say what shows, where an agent runs, why it does not come.
func (s *situation) doctorWords() string {
	return fmt.Sprintf("rollcall doctor %s, run where the agent runs, says what keeps it away", s.ID)
}

func (s *situation) silenceEvidence() []Evidence {
	ev := []Evidence{s.lastAccepted(""), {s.LeaseUntil, "lease ran out"}}
	if s.PushFailures > 0 {
		ev = append(ev, Evidence{s.PushFailedAt, "last of the deliveries that failed: " + s.failedWords()})
	}
	return ev
}

// duplicateHost: two agents use this id, and each takes mail that the other waits for.
func duplicateHost(s *situation) *Verdict {
	if !s.calledByTwo(s.p, s.now) {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonDuplicateHost, Since: s.TakeoversSince, Action: "stop_one",
		Hint: fmt.Sprintf("two agents call under this id (%s): %s. Stop one, and restart the other; or give one an id of "+
			"its own%s; rollcall history %s shows when each address and URL came",
			s.whereCopiesAre(), s.whichGetsIts(), s.oneOfSeveralAddresses(), s.ID),
		Evidence: []Evidence{
			{s.TakenOverAt, fmt.Sprintf(
				"an agent that had called before came back after another one, %s in a row",
				plural(int64(s.Takeovers), "time"))},
			s.lastAccepted(", from " + s.SeenFrom),
		},
	}
	if s.mode == Push {
		v.Evidence = append(v.Evidence, s.pushedToEvidence())
	}
	if s.outlivedCopy(s.p, s.now) {
		v.Action = "restart"
		v.Hint = fmt.Sprintf("two agents called under this id, and one is silent since %s. The other is asked to register "+
			"by the answers to its heartbeats: until it does, mail may go to the one that is silent. "+
			"Restart it if it doesn't", stamp(s.TakenOverAt))
	}
	return v
}

// whichGetsIts says which of two agents gets the mail of their id.
func (s *situation) whichGetsIts() string {
	if s.mode == Push {
		return "mail is pushed to the one that registered last"
	}
	return "each may be handed the same mail when it polls, or only the one that registered last"
}

// pushedToEvidence is the URL that mail is pushed to, and when it was registered.
func (s *situation) pushedToEvidence() Evidence {
	return Evidence{s.RegisteredAt, "last accepted register; mail that is pushed goes to " + agentsURL}
}

// whereCopiesAre names the addresses that two agents of one id call from.
func (s *situation) whereCopiesAre() string {
	others := s.otherHomes(s.now)
	if len(others) == 0 {
		return "both from " + s.SeenFrom
	}
	return "from " + s.SeenFrom + " and " + strings.Join(others, ", ")
}

// oneOfSeveralAddresses says what to do where it is one agent that seems to be two by its addresses: nothing, where all
// calls come from one.
func (s *situation) oneOfSeveralAddresses() string {
	if len(s.otherHomes(s.now)) == 0 {
		return ""
	}
	return ". If it is one agent that calls from several addresses, send uptime_seconds in heartbeats"
}

func runtimeWedged(s *situation) *Verdict {
	if s.WedgedSince.IsZero() {
		return nil
	}
	step := "restart it"
	if s.stuckFromItsStart() {
		step = fmt.Sprintf("it has said so since a moment after it registered at %s: restart it, and if that does not help, "+
			"look at its log and at its configuration", stamp(s.RegisteredAt))
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonRuntimeWedged, Since: s.WedgedSince, Action: "restart",
		Hint: fmt.Sprintf("the agent reports that its runtime is stuck: %s; rollcall log %s shows what it did last",
			step, s.ID),
		Evidence: []Evidence{
			{s.WedgedSince, "from then on its heartbeats say runtime_state=wedged"},
			{s.HeartbeatAt, "last heartbeat"},
		},
	}
}

func errorRate(s *situation) *Verdict {
	if s.ErrorsSince.IsZero() {
		return nil
	}
	hint := "the agent reports that most of its work fails"
	if s.SampleError != "" {
		hint += ": " + visible.Quoted(s.SampleError)
	}
	hint += fmt.Sprintf("; rollcall log %s shows what it was given and what it answered", s.ID)
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonErrorRate, Since: s.ErrorsSince, Action: "inspect", Hint: hint,
		Evidence: []Evidence{{s.ErrorsSince, fmt.Sprintf("error_rate reached %.1f and has not fallen below %.1f since",
			s.p.ErrorRateEnter, s.p.ErrorRateLeave)}},
	}
}

// healthy is the verdict where no rule applies. What it rests on is left to wellEvidence: most who ask how a workspace
// stands don't read it.
func healthy(s *situation) Verdict {
	v := Verdict{
		Status: StatusOnline, Reason: ReasonHealthy, Since: latest(s.RegisteredAt, s.CreatedAt, s.RecoveredAt),
	}
	switch {
	case s.Busy(s.p, s.now) >= s.Slots():
		v.Reason, v.Since = ReasonBusy, s.AtWorkSince
	case s.BusyAnswers > 0 && !s.newlyTried() && !s.pushesAreOver():
		v.Reason, v.Since = ReasonBusy, s.BusySince
	}
	return v
}

// wellEvidence is what a verdict of healthy rests on.
func (s *situation) wellEvidence(reason Reason) []Evidence {
	lease := Evidence{s.LeaseUntil, "the lease runs until then"}
	if !s.now.Before(s.LeaseUntil) { // its grace runs
		lease.Fact = "the lease ran until then"
	}
	ev := slices.Concat([]Evidence{
		s.lastAccepted(", with an accepted credential"), lease,
	}, s.formerAnswers(), s.mailEvidence())
	if s.mode == Poll {
		if quiet := s.NotPolling(s.p, s.now); quiet != "" {
			at := latest(s.PolledAt, s.RegisteredAt, s.CreatedAt)
			if at.Equal(s.PolledAt) {
				quiet = s.lastPoll().Fact
			}
			ev = append(ev, Evidence{at, quiet})
		} else if !s.PolledAt.IsZero() {
			ev = append(ev, s.lastPoll())
		}
	}
	if s.mode == Push {
		ev = append(ev, s.pushEvidence()...)
	}
	ev = slices.Concat(ev, s.fetchEvidence(), s.oftenEvidence())
	if reason != ReasonBusy {
		return ev
	}
	if busy := s.Busy(s.p, s.now); busy >= s.Slots() {
		return append(ev, Evidence{s.ActiveAt, fmt.Sprintf("the agent reports %s; it takes %d at a time",
			plural(int64(busy), "active task"), s.Slots())})
	}
	return append(ev, Evidence{s.BusySince, "the agent answered that it is busy"})
}

// pushEvidence is what is known, of an agent that is well, of pushes to its URL that have not shown that it is reached.
func (s *situation) pushEvidence() (ev []Evidence) {
	switch {
	case s.PushFailures > 0:
		failed := "the last delivery failed, and is tried again: " + s.failedWords()
		ev = append(ev, Evidence{s.PushFailedAt, failed})
	case s.URLUntried():
		ev = append(ev, Evidence{s.RegisteredAt, fmt.Sprintf(
			"nothing was sent to the URL that it registered yet: rollcall probe %s tries it now", s.ID)})
	}
	switch {
	case s.Withheld(s.p, s.now) == WithheldPushing:
		ev = append(ev, Evidence{s.TriedAt, s.crowdedWords(s.p, s.now)})
	case s.Delivering(s.p, s.now):
		ev = append(ev, Evidence{s.TriedAt, underWay})
	}
	return ev
}

// underWay is what is said while deliveries are under way in all task slots of the agent.
const underWay = "a message was handed to it, and it has not answered yet: what is sent now comes after it"

// strangerHint adds to a hint that somebody at another address is refused, now or since the agent was last heard: that
// may be the silent agent itself, without its credential at a new address.
func (s *situation) strangerHint() string {
	sinceHeard := s.StrangerAt.After(s.LastSignal()) && s.within(s.StrangerAt, s.p.RefusalMemory)
	if !sinceHeard && !s.within(s.StrangerAt, s.p.LeaseTTL) {
		return ""
	}
	when := s.strangersWhen()
	if s.repairRefused(true) {
		return fmt.Sprintf("; calls from %s %s %s", s.StrangerFrom, s.StrangerWith.words(), when)
	}
	switch s.StrangerWith {
	case OthersCredential, EarlierCredential:
		return fmt.Sprintf("; calls from %s %s %s: if that is this agent, it must send the credential that it has now; if "+
			"that is lost, %s shows another", s.StrangerFrom, s.StrangerWith.words(), when, s.showCommand())
	case FormerCredential: // an ended one names no command: whoever follows that lets a thief in
		return fmt.Sprintf("; calls from %s %s %s, and it may have been stolen: open a repair for that address only if you "+
			"know that it is this agent's", s.StrangerFrom, s.StrangerWith.words(), when)
	}
	if s.StrangerWith.damaged() {
		return fmt.Sprintf("; calls from %s %s %s: %s", s.StrangerFrom, s.StrangerWith.words(), when, s.strangersDamage())
	}
	if s.StrangerWith.byToken() {
		return fmt.Sprintf("; calls from %s %s %s: if that is this agent, %s", s.StrangerFrom, s.StrangerWith.words(), when,
			s.enrolWords())
	}
	if s.repairRefused(false) {
		return fmt.Sprintf("; calls from %s %s %s: if that is this agent, %s shows a credential to place", s.StrangerFrom,
			s.StrangerWith.words(), when, s.showCommand())
	}
	if s.StrangerFrom == s.SeenFrom && len(s.refusedApart(s.now)) == 0 {
		return fmt.Sprintf("; calls from %[1]s %[2]s %[3]s: if that is this agent, rollcall repair %[4]s --from %[1]s",
			s.StrangerFrom, s.StrangerWith.words(), when, s.ID)
	}
	return fmt.Sprintf("; calls from %s %s %s. ", s.StrangerFrom, s.StrangerWith.words(), when) + ifYouKnow +
		fmt.Sprintf("; else rollcall repair %s --show shows a credential to place", s.ID)
}

// strangerWarning is the evidence of a refused attempt that was not attributed to the agent.
func (s *situation) strangerWarning() string {
	call := fmt.Sprintf("warning: a call from %s %s was refused; ", s.StrangerFrom, s.StrangerWith.words())
	switch kind, good := s.StrangerWith.damage(); {
	case good && kind == token.OfEnrolment:
		return call + "the token is good for this workspace; it does not change the status"
	case good:
		return call + "whoever made it has this workspace's credential; it does not change the status"
	case s.AtHome(s.StrangerFrom, s.now):
		return call + "calls of this agent were accepted from there, so this agent may have made it; " +
			"it does not change the status"
	}
	return call + "nothing shows that this agent made it, so it does not change the status"
}

// repairCommand is the command that repairs the workspace's credentials. Where the last one was placed by hand, it
// shows another to place.
func (s *situation) repairCommand() string {
	if s.placed() {
		return s.showCommand()
	}
	return s.windowCommand()
}

// repairAction is the action of a verdict with repairCommand.
func (s *situation) repairAction() string {
	if s.placed() {
		return "place_credential"
	}
	return "repair"
}

// windowCommand is the command for an agent that fetches its credential and keeps it. It names the address that is
// being refused where that is the one of the last accepted call too, or the one that an open window is for; a window
// that is open for another one it leaves there. Where a repair knows no address to open a window to (see WindowFor),
// and after a revocation, as whoever called before may be a thief, it has a credential shown.
func (s *situation) windowCommand() string {
	command := "rollcall repair " + s.ID
	if s.distrusted() {
		return s.showCommand()
	}
	open := s.windowAddress(s.now)
	if open == "" && len(s.refusedApart(s.now)) > 0 {
		return s.showCommand()
	}
	if s.refusalCount() > 0 && s.RefusedFrom != "" && s.RefusedFrom == cmp.Or(open, s.SeenFrom) {
		return command + " --from " + s.RefusedFrom
	}
	if s.addressUnknown() != nil {
		return s.showCommand()
	}
	return command
}

// repairShows reports whether the command of the repair shows a credential, and opens no window.
func (s *situation) repairShows() bool { return s.repairCommand() == s.showCommand() }

// repairSteps are the steps of a repair: what the command does, and what comes after it.
func (s *situation) repairSteps(repair, then string) string {
	if s.repairShows() {
		return s.placeWords()
	}
	return repair + " with " + s.repairCommand() + ", then " + then
}

// repairWords are a hint that asks for a repair: why, and its steps. Where no window is opened, they say why not.
func (s *situation) repairWords(why, repair, then string) string {
	if !s.repairShows() {
		return why + ": " + s.repairSteps(repair, then) + "; " + s.fetchesWords()
	}
	if unknown, ok := errors.AsType[*fault.Error](s.addressUnknown()); ok {
		why += "; " + unknown.Message
	}
	return why + ": " + s.placeWords()
}

// addressUnknown is why a repair opens no window by itself; nil where it does.
func (s *situation) addressUnknown() error {
	_, err := s.WindowFor(s.now)
	return err
}

// placeWords are the steps of a repair that opens no window by itself.
func (s *situation) placeWords() string {
	show := s.showCommand() + " shows a credential; place it in the agent's environment or file, and restart the agent; "
	if window := s.windowCommand(); s.placed() && window != s.showCommand() {
		return show + "its last one was placed by hand, as far as is known, and only an agent that fetches its own, and " +
			"keeps it, is mended by " + window
	}
	return show + "or let it fetch one from the address that you know to be its own (--from ADDR)" +
		s.seenLatelyWords(s.now)
}

// elsewhereHint warns that the refused attempts come from where the agent was not accepted lately: a repair does not
// let it in from there.
func (s *situation) elsewhereHint() string {
	if s.refusedAtHome() {
		return ""
	}
	return fmt.Sprintf(" (calls from %s are refused, and it was not accepted from there lately: only if you know that "+
		"this is the agent, add --from and that address)", s.RefusedFrom)
}
