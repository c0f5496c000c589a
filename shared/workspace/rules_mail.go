package workspace

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/visible"
)

// The rules of the status table over mail: nobody fetches it, pushes fail, it waits for too long, it ended
// undelivered, its tasks fail, or it fills the inbox. A rule returns nil when it doesn't apply.

// inboxUnattended: the agent is to poll for its mail, and does not.
func inboxUnattended(s *situation) *Verdict {
	quiet := s.unattended(s.p, s.now)
	if s.mode != Poll || quiet == "" {
		return nil
	}
	last := s.lastPoll()
	if awaited := s.pollAwaited(); s.PolledAt.Before(awaited) {
		last = Evidence{awaited, "from then on it could poll, and it has not"}
	}
	ev := append(s.mailEvidence(), last)
	since := latest(s.pollMissed(s.p), s.busyEnded(), s.nextPollDue(s.p), s.fetchedWorkEnded(), s.URLEndedAt)
	if !s.URLEndedAt.IsZero() {
		ev = append(ev, Evidence{s.URLEndedAt, "the credential ended that its URL was registered with"})
	}
	if s.silentSinceResumed() {
		return &Verdict{
			Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "start",
			Hint: "nothing was heard of the agent since it was resumed: some clients stop for good when they are told " +
				"that they are paused; start it again",
			Evidence: append(ev,
				Evidence{s.ResumedAt, "an operator resumed it"},
				s.lastAccepted("")),
		}
	}
	if back := s.backSince(); s.URLEndedAt.IsZero() && s.justNow(back) && s.PolledAt.Before(back) {
		return &Verdict{
			Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "wait",
			Hint:     s.ableWords(back) + ", and " + quiet + ": wait for its first poll",
			Evidence: ev,
		}
	}
	hint := fmt.Sprintf("the agent calls but isn't polling for its mail (%s): ", quiet) +
		s.orRestart(s.unpolledBeforeRegister(), "restart it", unpolledWords) +
		", or register it with a URL so that mail can be pushed; " + s.doctorWords()
	if !s.URLEndedAt.IsZero() {
		hint = fmt.Sprintf("the agent calls, and its URL is not called any more: the credential that it was registered "+
			"with ended at %s. Restart the agent, so that it registers with the one that it has now", stamp(s.URLEndedAt))
	}
	if !s.RecentlyAccepted(s.p, s.now) {
		hint = fmt.Sprintf("nothing was heard of the agent since %s, and %s: ", stamp(s.LastSignal()), quiet) +
			s.orRestart(s.unpolledBeforeRegister(), "check whether it runs, or restart it", "check whether it runs, and "+
				unpolledWords) + s.orSeldom() + s.byThen(StatusDegraded) + s.strangerHint()
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "restart", Hint: hint, Evidence: ev,
	}
	switch {
	case !s.URLEndedAt.IsZero():
	case s.anothersSpeak():
		s.tellAnothers(v)
	case s.RecentlyAccepted(s.p, s.now):
		s.tellBeside(v, "none fetches its messages")
	}
	return v
}

// fetchedWorkEnded is until when the agent may have been at work on mail that it fetched: until it said that it is
// idle, at the latest for as long as a delivery may take. It is zero when it has fetched none.
func (s *situation) fetchedWorkEnded() time.Time {
	if s.InFlight == 0 || !s.ClaimedUntil.IsZero() || s.PolledAt.IsZero() {
		return time.Time{}
	}
	patience := s.PolledAt.Add(s.p.DeliveryPatience)
	if s.saidIdle() && s.ActiveAt.Before(patience) {
		return s.ActiveAt
	}
	return patience
}

// aboutToPoll reports whether the agent's next poll is due.
func (s *situation) aboutToPoll() bool { return s.now.Before(s.nextPollDue(s.p)) }

// silentSinceResumed reports whether no call was accepted since a pause ended.
func (s *situation) silentSinceResumed() bool {
	return !s.ResumedAt.IsZero() && s.LastSignal().Before(s.ResumedAt)
}

// pushFailing: pushes fail, and the agent does not poll either. This holds for an agent that declared poll too: it was
// pushed to as a last resort, and the next message would meet the same failure.
func pushFailing(s *situation) *Verdict {
	if s.mode == Poll && s.polls(s.p, s.now) || s.triedAfterPolls() || s.pushesAreOver() {
		return nil
	}
	overdue := s.PushFailures > 0 && s.BusyAnswers == 0 && s.mode == Push && s.stuckFor(s.p.DeliveryObjective, s.now)
	if s.PushFailures >= s.p.PushFailuresToDegrade || overdue {
		return s.pushesFail()
	}
	if s.mode == Push && s.BusyAnswers > 0 && !s.busyBelieved() {
		return s.busyForNothing()
	}
	return nil
}

// pushesAreOver reports whether what pushes have shown says nothing of the agent any more: it polls now, and either has
// no URL that can be pushed to, or has declared since that it polls. Nothing old wins over what it declares.
func (s *situation) pushesAreOver() bool {
	return s.mode == Poll && (!s.Pushable || s.Declared == Poll && !s.failedLast().After(s.RegisteredAt))
}

// handoversFail reports whether the facts say that pushes fail, also where another reason goes before that.
func handoversFail(f Facts, p Policy, now time.Time) bool {
	s := newSituation(&f, Fleet{}, p, now)
	return pushFailing(&s) != nil || endedUndelivered(&s) != nil
}

func (s *situation) pushesFail() *Verdict {
	advice, action := s.advice(s.PushFailedAt)
	if s.mayBePushedToCopy() {
		advice, action = "two agents have used this id, and that URL may be the other one's. The one that calls is asked "+
			"to register by the answers to its heartbeats; restart it if it doesn't", "restart"
	}
	last := "the last delivery"
	if s.PushFailures > 1 {
		last = fmt.Sprintf("the last %d deliveries", s.PushFailures)
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Action: action, Hop: s.pushHop(),
		Since: s.pushesFailSince(), NextCommand: s.nextCommand(),
		Hint: fmt.Sprintf("%s to %s failed (%s): %s%s",
			last, agentsURL, visible.Quoted(s.PushError), advice, s.mailKept()),
		Evidence: append(s.mailEvidence(),
			Evidence{s.PushFailingSince, "first of the deliveries that failed"},
			Evidence{s.PushFailedAt, "last of the deliveries that failed: " + s.failedWords()},
			s.probeEvidence(), s.pushedToEvidence(),
			s.lastAccepted("")),
	}
	if s.blames() && s.Open > 0 {
		v.Sentence = "Its agent goes away each time that it is handed one of its messages."
	}
	s.tellStopped(v)
	return v
}

// tellStopped says in a verdict over pushes that fail that the agent may have stopped: nothing of it answers at its
// URL, and it has not called since the first failure, or not for a while. What to do then, it says once a call is
// overdue.
func (s *situation) tellStopped(v *Verdict) {
	heard := s.LastSignal().After(s.PushFailingSince) && s.RecentlyAccepted(s.p, s.now)
	if heard || !s.PushFault.ofStopped() {
		return
	}
	v.Sentence = "Messages pushed to its URL fail, and nothing is heard of its agent: it may have stopped."
	if overdue := !s.within(s.LastSignal(), s.p.LeaseTTL/3); overdue && v.Action != "wait" {
		v.Hint += fmt.Sprintf("; nothing was heard of the agent since %s, so it may have stopped: look whether its process "+
			"runs; %s", stamp(s.LastSignal()), s.doctorWords())
		v.NextCommand = "rollcall doctor " + s.ID
	}
}

// mayBePushedToCopy reports whether pushes fail that go to the URL of a copy which is silent, as far as is known.
func (s *situation) mayBePushedToCopy() bool {
	return s.outlivedCopy(s.p, s.now) && !s.retryDue() && !s.ProbePassed
}

// receiptsWords say what shows each try and what came back.
func (s *situation) receiptsWords() string {
	return fmt.Sprintf("rollcall receipts %s lists its messages", s.ID)
}

// nextCommand is the command that comes next for an agent to which pushes fail; "" for that of the reason.
func (s *situation) nextCommand() string {
	if s.fatalMessage() != "" {
		return s.cancelCommand()
	}
	if ofClock := s.PushFault == FaultClock || s.PushFault == FaultUnauthorized; ofClock && s.Open > 0 && !s.retryDue() &&
		!s.ProbePassed {
		return "rollcall doctor " + s.ID // a look at the mail mends no clock
	}
	return s.tryCommand()
}

// tryCommand is the command that tries whether the agent is reached: while mail waits, that is tried, and its receipts
// say what came back.
func (s *situation) tryCommand() string {
	if s.Open > 0 {
		return ""
	}
	return "rollcall probe " + s.ID
}

// mailKept ends a hint with what becomes of the mail, and what shows it; when none waits, with what tries the agent.
func (s *situation) mailKept() string {
	if command := s.tryCommand(); command != "" {
		return "; " + command + " tries it"
	}
	if s.fatalMessage() == "" {
		return "; its mail is kept, and tried again; " + s.receiptsWords()
	}
	if s.asideFor() > 0 {
		return "; others go first until " + stamp(s.AsideUntil)
	}
	return "; it is tried again"
}

// asideFor is how long the message is still set aside that last was; 0: none is, as far as is known. A time that is
// further ahead than any is a wrong clock's.
func (s *situation) asideFor() time.Duration {
	if left := s.AsideUntil.Sub(s.now); s.Open > 0 && left > 0 && left <= s.p.RestLimit+MaxSkew {
		return left
	}
	return 0
}

// probeEvidence is what a probe has shown since a message last failed; zero, and so left out, when there was none.
func (s *situation) probeEvidence() Evidence {
	switch {
	case s.ProbePushedAt.IsZero():
		return Evidence{}
	case s.ProbePassed:
		return Evidence{s.ProbePushedAt, "the agent took a probe"}
	}
	return Evidence{s.ProbePushedAt, "the agent did not take a probe either"}
}

// advice is what to do about hand-overs that failed, the last at told. While a new try is due, and nothing has failed
// since the agent became able to take mail, that is to wait for it.
func (s *situation) advice(told time.Time) (hint, action string) {
	switch {
	case s.fatalMessage() != "":
		return s.fatalWords(), "inspect"
	case s.blames() && s.Open > 0:
		return FaultGone.advice(s.ID)
	case s.retryDue() && told.Before(s.ableSince()):
		return s.waitForRetry(), "wait"
	case s.ProbePassed:
		return "the agent took a probe since, so its URL works, and only this mail fails: look at the agent's log, and at " +
			"a proxy in front of it", "inspect"
	case s.metNobodyBefore(told):
		return s.waitForRetry(), "wait"
	}
	hint, action = s.PushFault.advice(s.ID)
	if s.PushFault == FaultUnauthorized && s.pushesFailAcrossRegister() {
		hint += fmt.Sprintf("; the agent registered at %s, and that did not help", stamp(s.RegisteredAt))
	}
	return hint, action
}

// retryDue reports whether the agent is tried again now: it became able to take mail since the last try, and since the
// last failure. A failure may come after that try: of a probe, or of a hand-over that took its time.
func (s *situation) retryDue() bool {
	return s.aboutToBeTried() && s.failedLast().Before(s.ableSince()) && !s.Resting(s.p, s.now)
}

// newlyTried reports whether nothing has come back since the agent became able to take mail: what it said before counts
// no more.
func (s *situation) newlyTried() bool {
	return (s.awaitsTry() || s.Pushing(s.p, s.now)) && s.failedLast().Before(s.ableSince())
}

// triedAfterPolls reports whether pushes failed, the agent got its mail by polls instead, and registered: it is pushed
// to again, and nothing has come back yet.
func (s *situation) triedAfterPolls() bool {
	return s.mode == Push && s.PushFailures >= s.p.PushFailuresToDegrade && s.polls(s.p, s.now) && s.newlyTried() &&
		(s.newlyAble() || s.Pushing(s.p, s.now))
}

// failedLast is when a message or a probe last failed, or was answered by "busy", as far as is noted. A register ends
// the rest, so a rest comes from what failed after it.
func (s *situation) failedLast() time.Time {
	last := latest(s.PushFailedAt, s.BusySince)
	if !s.ProbePassed {
		last = latest(last, s.ProbePushedAt)
	}
	if !s.RestUntil.IsZero() {
		last = latest(last, s.RegisteredAt)
	}
	return last
}

func (s *situation) waitForRetry() string {
	before := "that was before " + s.ableWords(s.ableSince()) + "; "
	switch {
	case s.Pushing(s.p, s.now):
		return before + "wait for what comes of the delivery that is under way"
	case s.Resting(s.p, s.now):
		return before + "wait for the next try, at " + stamp(s.RestEnds(s.p, s.now))
	case s.asideFor() > 0:
		return before + "wait for the next try: what is set aside is tried by " + stamp(s.AsideUntil) +
			", what else waits is due now"
	}
	return before + "wait for the next try, which is due now"
}

// metNobodyBefore reports whether pushes failed, the last at told, as nothing of the agent was there, and it has
// registered or come back since. That says nothing of the present.
func (s *situation) metNobodyBefore(told time.Time) bool {
	back := s.backSince()
	return s.PushFault.ofStopped() && !told.IsZero() && told.Before(back) && s.failedLast().Before(back)
}

// ableWords say what made the agent able to take mail at a time: see ableSince and pollAwaited.
func (s *situation) ableWords(at time.Time) string {
	what := "a poll is awaited since "
	switch {
	case at.Equal(s.RegisteredAt):
		what = "the agent registered at "
	case at.Equal(s.ResumedAt):
		what = "its pause ended at "
	case at.Equal(s.RecoveredAt):
		what = "the agent came back at "
	case at.Equal(s.FreeSince):
		what = "the agent said that it is free at "
	}
	return what + stamp(at)
}

// pushesFailSince is when the failures became a verdict: there were as many as degrade a workspace, or mail was overdue
// before.
func (s *situation) pushesFailSince() time.Time {
	overdue := latest(s.PushFailingSince, s.stuckSince().Add(s.p.DeliveryObjective), s.ableSince(), s.pushedSince())
	if s.PushFailures < s.p.PushFailuresToDegrade {
		return overdue
	}
	since := s.PushDegradedAt
	if since.IsZero() {
		since = s.PushFailedAt // two drains failed at once, and neither knew of the other
	}
	since = latest(s.PushFailingSince, since)
	if s.BusyAnswers == 0 && s.mailOverdue() && overdue.Before(since) {
		since = overdue
	}
	if !s.PolledAt.IsZero() {
		since = latest(since, s.polledUntil(s.p)) // until then it got its mail by polling
	}
	return since
}

// pushedSince is since when an agent that declared poll is pushed to all the same: it did not poll for that long. It is
// zero for another.
func (s *situation) pushedSince() time.Time {
	if s.Declared != Poll {
		return time.Time{}
	}
	return s.pollMissed(s.p)
}

// ableSince is when the agent last became able to take mail: it registered or came back, a pause ended, or its reports
// say that it is free.
func (s *situation) ableSince() time.Time {
	return latest(s.backSince(), s.FreeSince)
}

// backSince is when the agent last registered or came back, or when its pause ended.
func (s *situation) backSince() time.Time { return latest(s.RegisteredAt, s.RecoveredAt, s.ResumedAt) }

// newlyAble reports whether the agent became able to take mail a moment ago: that mail has waited is not its fault.
func (s *situation) newlyAble() bool { return s.justNow(s.ableSince()) }

// justNow reports whether t is less than a delivery objective ago. A time that lies ahead is a wrong clock's.
func (s *situation) justNow(t time.Time) bool {
	return s.within(t, s.p.DeliveryObjective) && t.Sub(s.now) <= MaxSkew
}

// busyForNothing: the agent answers that it is busy, for longer than that is believed.
func (s *situation) busyForNothing() *Verdict {
	reports := "has not said how busy it is"
	if s.within(s.ActiveAt, s.p.LeaseTTL) {
		reports = fmt.Sprintf("reports %s, and takes %d at a time", plural(int64(s.ActiveTasks), "active task"), s.Slots())
	}
	advice, action := "look at what it is doing. If it is at work, let its heartbeats say so (active_tasks). If it is "+
		"not, look for a limit of calls, its own or that of a proxy in front of it. If it hangs, restart it", "inspect"
	if s.retryDue() {
		advice, action = s.waitForRetry(), "wait"
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Action: action, Hop: HopAgent,
		Sentence: "Its agent can be reached, and answers each delivery that it is busy; its heartbeats do not say so.",
		Since:    latest(s.BusySince.Add(s.p.BusyBelieved), s.PushDegradedAt, s.busyEnded(), s.pushedSince()),
		Hint: fmt.Sprintf("the agent has answered each delivery since %s that it is busy, and %s: %s; its mail is kept, "+
			"and tried again", stamp(s.BusySince), reports, advice),
		Evidence: append(s.mailEvidence(),
			Evidence{s.BusySince, fmt.Sprintf("first of %s in a row that it is busy",
				plural(int64(s.BusyAnswers), "answer"))},
			s.busyEvidence()),
	}
}

// busyBelieved reports whether the agent's answers that it is busy are believed: its heartbeats say the same, they are
// new, or there is only one of them. One alone stands until something comes back from the next try.
func (s *situation) busyBelieved() bool {
	return s.Busy(s.p, s.now) >= s.Slots() || s.within(s.BusySince, s.p.BusyBelieved) || s.BusyAnswers == 1
}

// busyExplainsWait reports whether the agent's answers that it is busy explain that mail waits. They don't explain that
// the platform is late with the next try, nor that its reports say the same for longer than work explains.
func (s *situation) busyExplainsWait() bool {
	late := s.awaitsTry() && !s.within(s.dueSince(), s.p.DeliveryObjective)
	stuck := s.slotsTaken(s.p, s.now) && !s.busyExplains(s.p, s.now)
	return s.BusyAnswers > 0 && s.busyBelieved() && !late && !stuck
}

// awaitsTry reports whether a delivery is due, and none is under way: none was tried since the agent became able to
// take mail, or since the rest ended that it asked for.
func (s *situation) awaitsTry() bool {
	if s.mode != Push || s.Resting(s.p, s.now) || s.slotsTaken(s.p, s.now) || s.Pushing(s.p, s.now) {
		return false
	}
	return s.TriedAt.Before(s.dueSince()) || s.BusyAnswers == 1
}

// dueSince is since when a delivery is due: the rest ended that the agent asked for, or it became able to take mail.
// It is zero when nothing says so. A time that lies ahead is a wrong clock's.
func (s *situation) dueSince() time.Time {
	due := s.ableSince()
	if due.Sub(s.now) > MaxSkew {
		due = time.Time{}
	}
	if ended := s.RestEnds(s.p, s.now); s.BusyAnswers > 0 && !ended.After(s.now) {
		due = latest(due, ended, s.BusySince)
	}
	return due
}

// aboutToBeTried reports whether a delivery is due: the agent became able to take mail a moment ago, and none was tried
// since.
func (s *situation) aboutToBeTried() bool {
	return s.mode == Push && s.newlyAble() && s.TriedAt.Before(s.ableSince())
}

// backlogStalled: mail has waited for longer than the objective and nothing moves, though the agent says that it is
// free, or has said that it is busy for longer than busy explains. When nobody has tried to deliver it, that says
// nothing of the agent: it is the platform that is late.
func backlogStalled(s *situation) *Verdict {
	if v := s.unacknowledgedMessage(); v != nil {
		return v
	}
	if !s.mailOverdue() || s.within(latest(s.DeliveredAt, s.ReachedAt), s.p.DeliveryObjective) {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonBacklogStalled, Action: "restart",
		Since:    s.stalledSince(),
		Evidence: s.mailEvidence(),
	}
	switch {
	case s.mode == Poll && s.startsInVain():
		return s.endsAtItsMail(v)
	case s.mode == Poll && s.polls(s.p, s.now):
		return s.unacknowledged(v)
	case s.waitExplained():
		return nil
	case s.Withheld(s.p, s.now) == WithheldBusy:
		return s.slotsStayTaken(v)
	}
	if s.untried() {
		v.Status, v.Reason, v.Action = StatusUnknown, ReasonPlatformSuspect, "wait"
		v.Hint = "the platform has not tried to deliver its mail yet: its drains may be waiting on other agents; " +
			"rollcall sweep starts one now"
		tried := Evidence{s.TriedAt, "last delivery that was tried"}
		if !s.TriedAt.Before(s.OldestOpen) {
			tried = Evidence{s.dueSince(), "from then on a delivery was due, and none was tried"}
		}
		v.Evidence = append(v.Evidence, tried)
		return v
	}
	busy := s.busyEvidence()
	v.Hint = busy.Fact + ", but its mail waits and none was delivered: " +
		s.orRestart(s.stalledBeforeRegister(), "look at what was tried, then restart the agent",
			"look at what was tried, and at the agent's log") + "; " + s.receiptsWords()
	v.Evidence = append(v.Evidence, busy)
	return v
}

// stalledSince is when nothing explained any more that mail waits.
func (s *situation) stalledSince() time.Time {
	overdue := latest(s.stuckSince(), s.ReachedAt).Add(s.p.DeliveryObjective)
	since := latest(overdue, s.ableSince(), s.asideEnded(), s.busyEnded())
	if due := s.dueSince(); s.awaitsTry() && !due.IsZero() {
		since = latest(since, due.Add(s.p.DeliveryObjective))
	}
	if s.mode == Poll {
		since = latest(since, s.nextPollDue(s.p))
	}
	return since
}

// busyEnded is when the agent's reports of its tasks stopped to explain that mail waits; zero when they never did.
func (s *situation) busyEnded() time.Time {
	switch {
	case s.ActiveTasks < s.Slots():
		return s.FreeSince
	case s.Busy(s.p, s.now) >= s.Slots():
		return s.stuckSince().Add(s.p.BusyPatience)
	case s.ActiveAt.Before(s.DeliveredAt) || s.ActiveAt.After(s.now):
		return time.Time{}
	}
	return s.ActiveAt.Add(s.p.LeaseTTL)
}

// asideEnded is when a message was no longer set aside; zero while that is to come.
func (s *situation) asideEnded() time.Time {
	ended := s.AsideUntil
	if !ended.IsZero() && s.TriedAt.Before(ended) {
		ended = ended.Add(s.p.DeliveryObjective)
	}
	if ended.After(s.now) {
		return time.Time{}
	}
	return ended
}

// startsInVain reports whether the agent has started again and again, was handed its mail each time, and acknowledged
// none of it. A host that has run for as long as mail may wait, and says that it is at work, is believed; what is to be
// said of one that runs for longer, unacknowledged says.
func (s *situation) startsInVain() bool {
	ran := s.now.Sub(s.RegisteredAt)
	return s.FetchedHosts >= s.p.HostsInVain && ran < 2*s.p.DeliveryObjective &&
		(ran < s.p.DeliveryObjective || !s.busyExplains(s.p, s.now))
}

// endsAtItsMail completes the verdict over an agent that starts in vain. A new start gives it no more time, as the
// starts before have shown what comes of it.
func (s *situation) endsAtItsMail(v *Verdict) *Verdict {
	fetched := latest(s.FetchedSince, s.TriedAt, s.PushDegradedAt) // while it was pushed to, it was handed nothing
	due := latest(s.stuckSince(), fetched, s.ResumedAt).Add(2 * s.p.DeliveryObjective)
	if s.now.Before(due) {
		return nil
	}
	v.Since, v.Hop, v.Action = latest(due, s.ReachedAt.Add(s.p.DeliveryObjective)), HopAgent, "inspect"
	v.NextCommand = "rollcall receipts " + s.ID
	v.Hint = fmt.Sprintf("each of the last %d starts of the agent was handed its mail, and none acknowledged any of it: "+
		"one message may end the agent each time. %s and how often each was tried: of those with the most tries, the oldest "+
		"is the likeliest. Look at the agent's log for why; rollcall cancel %s MESSAGE ends that message",
		s.FetchedHosts, s.receiptsWords(), s.ID)
	v.Evidence = append(v.Evidence,
		Evidence{s.FetchedSince, "from then on its mail was handed out, and none was acknowledged"},
		Evidence{s.RegisteredAt, "last start"},
		s.lastPoll())
	s.tellBeside(v, "nothing that it fetches is acknowledged")
	return v
}

// unacknowledged completes the verdict over an agent that polls, and whose mail is open for too long. It has some time
// to acknowledge what it fetched.
func (s *situation) unacknowledged(v *Verdict) *Verdict {
	due := latest(s.ackDue(s.p), s.polledAgainUntil(s.p))
	if s.now.Before(due) || s.busyExplains(s.p, s.now) || s.aboutToPoll() {
		return nil
	}
	v.Since, v.Hop = latest(v.Since, due), HopAgent
	v.Evidence = append(v.Evidence, s.lastPoll())
	if s.newlyAble() {
		v.Action = "wait"
		v.Hint = s.ableWords(s.ableSince()) + ", and it has fetched its mail: wait until it acknowledges it"
		return v
	}
	v.Hint = "the agent polls, but acknowledges nothing, so the same mail is handed out to it again and again: " +
		s.orRestart(s.stalledBeforeRegister(), "check that it acknowledges what it has done, "+acknowledges+", then "+
			"restart it", "its code must acknowledge what it has done, "+acknowledges)
	if s.AcksEpoch > 0 && s.AcksEpoch == s.Epoch {
		v.Hint = "the agent has fetched its mail and acknowledged none of it: " + s.orRestart(s.stalledBeforeRegister(),
			"look at what it is doing, and restart it if it hangs", "look at its log for what it does with its mail") +
			"; while it works, its heartbeats should report active_tasks"
	}
	s.tellBeside(v, "nothing that it fetches is acknowledged")
	return v
}

// acknowledges are the ways in which an agent that polls acknowledges mail.
const acknowledges = "by its number (activity/ack) or with the id of the last row as since_id of its next poll"

// waitExplained reports whether something explains that mail waits: work, a delivery, a probe or a poll that is under
// way or due, or that the message is set aside.
func (s *situation) waitExplained() bool {
	return s.workExplains(s.p, s.now) || s.handoverExplains() || s.aboutToBeTried() || s.triedAfterPolls() ||
		s.setAside(s.p, s.now) ||
		(s.mode == Poll && (s.aboutToPoll() || s.NotPolling(s.p, s.now) == "")) || s.busyExplainsWait() ||
		s.Withheld(s.p, s.now) == WithheldResting || s.Withheld(s.p, s.now) == WithheldProbing
}

// untried reports whether nobody has tried to deliver since the oldest message was accepted, or since a delivery is
// due, and nothing keeps a drain from trying.
func (s *situation) untried() bool {
	return s.Withheld(s.p, s.now) == "" && s.InFlight == 0 && (s.TriedAt.Before(s.OldestOpen) || s.awaitsTry())
}

// handoverExplains reports whether mail waits because a first delivery is under way: an agent may take its time to
// answer. However long the mail waited before, a delivery that began a moment ago has shown nothing yet, unless the
// agent said before it that its slots are taken, and says so still.
func (s *situation) handoverExplains() bool {
	if s.InFlight == 0 || s.PushFailures > 0 {
		return false
	}
	justTried := s.within(s.TriedAt, s.p.DeliveryObjective)
	began := latest(s.stuckSince(), s.ableSince(), s.asideEnded())
	takenBefore := s.slotsTaken(s.p, s.now) && s.AtWorkSince.Before(s.TriedAt)
	return justTried && s.Pushing(s.p, s.now) && !takenBefore || s.within(began, s.p.DeliveryPatience) &&
		(justTried || s.InFlight >= min(s.Open, int64(s.Slots())))
}

// busyEvidence is what the agent last said of how busy it is.
func (s *situation) busyEvidence() Evidence {
	busy := s.Busy(s.p, s.now)
	switch {
	case busy > 0:
		return Evidence{s.ActiveAt, fmt.Sprintf("the agent says %d of its %d task slots are taken", busy, s.Slots())}
	case s.within(s.ActiveAt, s.p.LeaseTTL) && s.ActiveTasks == 0:
		return Evidence{s.ActiveAt, "the agent says it is idle"}
	}
	return Evidence{s.LastSignal(), "the agent has not said how busy it is"}
}

// endedUndelivered: the last message, or probe, ended undelivered, and nothing has reached the agent since.
// Without this rule, the end of the message would hide what it has shown.
func endedUndelivered(s *situation) *Verdict {
	if !s.undelivered() || (s.mode == Poll && s.polls(s.p, s.now)) || s.triedAfterPolls() {
		return nil // a message that lives for less than the time between two polls shows nothing of an agent that polls
	}
	if s.PushFailures+s.BusyAnswers > 0 && s.pushesAreOver() && !s.UndeliveredAt.After(s.RegisteredAt) {
		return nil // it was to be pushed
	}
	advice, action := s.advice(s.UndeliveredAt)
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Since: s.UndeliveredAt, Action: action, Hop: s.pushHop(),
		Hint:     "a message ended undelivered, and none was delivered since: " + advice,
		Evidence: []Evidence{{s.UndeliveredAt, "a message ended without being delivered"}},
	}
	if s.mode == Poll {
		v.Reason, v.Action, v.Hop = ReasonInboxUnattended, "restart", HopAgent
		v.Hint = "a message was never fetched, and the agent hasn't polled since: " +
			s.orRestart(s.unpolledBeforeRegister(), "restart it", unpolledWords) +
			", or register it with a URL so that mail can be pushed"
		if s.NotPolling(s.p, s.now) == "" {
			v.Action = "wait"
			v.Hint = "a message was never fetched, and " + s.ableWords(s.pollAwaited()) + ": wait for its first poll"
		}
	}
	return v
}

// answersFailing: the agent takes its mail, and says that it failed each task. A task that it does not fail ends this.
// So does a new boot that takes a probe: what failed, failed before it. A probe alone does not, as the agent does no
// work for it, and neither does a register alone.
func answersFailing(s *situation) *Verdict {
	if !s.answersFail(s.p) || s.newBootTakesMail() {
		return nil
	}
	enough := s.AnswersDegradedAt
	if enough.IsZero() {
		enough = s.DeliveredAt // two drains delivered at once, and neither knew of the other
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonAnswersFailing, Action: "inspect",
		Since: latest(s.AnswersFailingSince, enough),
		Hint: fmt.Sprintf("the agent takes its mail, and says that its last %d tasks failed: %s; ", s.AnswerFailures,
			visible.Quoted(s.AnswerError)) + s.orRestart(s.failedAcrossRegister(), "mend it and restart it, or send it a "+
			"message once it is mended", "look at its log for what it lacks, and send it a message once it is mended"),
		Evidence: []Evidence{
			{s.AnswersFailingSince, "first of the tasks in a row that failed"},
			{s.lastAnswerFailed(), "last of them: " + visible.Quoted(s.AnswerError)},
		},
	}
	if s.bootedSinceAnswers() {
		v.Action = "wait"
		v.Hint = fmt.Sprintf("the agent said that its last %d tasks failed (%s), and registered again at %s: "+
			"wait until it takes a probe or a message", s.AnswerFailures, visible.Quoted(s.AnswerError), stamp(s.RegisteredAt))
		v.Evidence = append(v.Evidence, Evidence{s.RegisteredAt, "it registered again"})
	}
	return v
}

// newBootTakesMail reports whether the agent registered after the last of the tasks that it failed, and has taken
// something since, or fetches its mail by itself.
func (s *situation) newBootTakesMail() bool {
	took := s.ReachedAt
	if s.mode == Poll {
		took = s.PolledAt
	}
	return s.bootedSinceAnswers() && !took.Before(s.RegisteredAt)
}

// formerAnswers is the evidence of tasks that failed before the agent registered again; nil without any.
func (s *situation) formerAnswers() []Evidence {
	if !s.answersFail(s.p) {
		return nil
	}
	return []Evidence{{s.lastAnswerFailed(), fmt.Sprintf("the last of %d tasks in a row that failed, before it "+
		"registered again: %s", s.AnswerFailures, visible.Quoted(s.AnswerError))}}
}

// inboxFull: nothing else is wrong, but mail is refused for want of room.
func inboxFull(s *situation) *Verdict {
	if !s.inboxFull() {
		return nil
	}
	step := ": stop that sender, or cancel its mail"
	if s.FullBy == "" {
		step = ": have them send less, or cancel what they sent"
	}
	refused := Evidence{s.FullAt, "last message that was refused for want of room, as far as noted"}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonInboxFull, Since: s.FullSince, Action: "inspect",
		NextCommand: s.fullCommand(),
		Hint: s.fullWords() + step + "; while more than half of an inbox is taken, each sender may have its share " +
			"alone, and all users are one sender",
		Evidence: append([]Evidence{refused}, s.mailEvidence()...),
	}
}

// mailOverdue reports whether the oldest message has waited for longer than the objective.
func (s *situation) mailOverdue() bool {
	return s.Open > 0 && s.now.Sub(s.OldestOpen) >= s.p.DeliveryObjective
}

func (s *situation) mailEvidence() []Evidence {
	if s.Open == 0 {
		return nil
	}
	waiting := plural(s.Open, "waiting message")
	ev := []Evidence{{s.OldestOpen, "the oldest of " + waiting + " was accepted or redriven"}}
	if !s.DeliveredAt.IsZero() {
		ev = append(ev, Evidence{s.DeliveredAt, "last delivery"})
	}
	return ev
}
