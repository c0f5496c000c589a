package workspace

import (
	"fmt"
	"time"
)

// The rules of the status table over mail: nobody fetches it, pushes fail, it waits for too long, it ended
// undelivered, its tasks fail, or it fills the inbox. A rule returns nil when it doesn't apply.

// inboxUnattended: the agent is to poll for its mail, mail waits, and nobody fetches it.
func inboxUnattended(s situation) *Verdict {
	if s.mode != Poll || !s.mailOverdue() || s.within(s.PolledAt, s.p.DeliveryObjective) || s.workExplains() ||
		s.aboutToPoll() {
		return nil
	}
	last := "it has never polled"
	since := s.OldestOpen.Add(s.p.DeliveryObjective)
	ev := s.mailEvidence()
	if !s.PolledAt.IsZero() {
		last = "its last poll was at " + stamp(s.PolledAt)
		since = latest(since, s.PolledAt.Add(s.p.DeliveryObjective))
		ev = append(ev, Evidence{s.PolledAt, "last poll"})
	}
	// What it was at before it registered is not known any more.
	since = latest(since, s.busyEnded(), s.nextPollDue(), s.RegisteredAt)
	since = latest(since, s.fetchedWorkEnded())
	if s.silentSinceResumed() {
		return &Verdict{
			Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "start",
			Hint: "nothing was heard of the agent since it was resumed: some clients stop for good when they are told " +
				"that they are paused; start it again",
			Evidence: append(ev,
				Evidence{s.ResumedAt, "an operator resumed it"},
				Evidence{s.LastSignal(), "last accepted call"}),
		}
	}
	if s.newlyAble() && s.PolledAt.Before(s.ableSince()) {
		return &Verdict{
			Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "wait",
			Hint: fmt.Sprintf("mail waits, and the agent has not polled for it since it came back at %s: "+
				"wait for its first poll", stamp(s.ableSince())),
			Evidence: ev,
		}
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "restart",
		Hint: fmt.Sprintf("the agent is alive but isn't polling for its mail (%s): "+
			"restart it, or register it with a URL so that mail can be pushed", last),
		Evidence: ev,
	}
}

// aboutToPoll reports whether the agent, which has polled since it registered, has said a moment ago that its work is
// done: its next poll is due.
func (s situation) aboutToPoll() bool { return s.now.Before(s.nextPollDue()) }

// nextPollDue is until when that is so; zero when it never was.
func (s situation) nextPollDue() time.Time {
	if s.FreeSince.IsZero() || !s.PolledAt.After(s.RegisteredAt) {
		return time.Time{}
	}
	due, patience := s.FreeSince.Add(s.p.DeliveryObjective), s.stuckSince().Add(s.p.BusyPatience)
	if patience.Before(due) {
		return patience
	}
	return due
}

// fetchedWorkEnded is until when the agent may have been at work on mail that it fetched: until it said that it is
// idle, at the latest for as long as a delivery may take. It is zero when it has fetched none.
func (s situation) fetchedWorkEnded() time.Time {
	if s.InFlight == 0 || !s.ClaimedUntil.IsZero() || s.PolledAt.IsZero() {
		return time.Time{}
	}
	patience := s.PolledAt.Add(s.p.DeliveryPatience)
	if s.saidIdle() && s.ActiveAt.Before(patience) {
		return s.ActiveAt
	}
	return patience
}

// silentSinceResumed reports whether no call was accepted since a pause ended.
func (s situation) silentSinceResumed() bool {
	return !s.ResumedAt.IsZero() && s.LastSignal().Before(s.ResumedAt)
}

// workExplains reports whether mail waits because the agent is at work: on what it fetched, or on as many tasks as it
// takes.
func (s situation) workExplains() bool { return s.busyExplains() || s.atFetchedWork(s.p, s.now) }

// pushFailing: pushes fail, and the agent does not poll either. This holds for an agent that declared poll too: it was
// pushed to as a last resort, and the next message would meet the same failure.
func pushFailing(s situation) *Verdict {
	if polls := s.mode == Poll && s.within(s.PolledAt, s.p.DeliveryObjective); polls {
		return nil
	}
	overdue := s.PushFailures > 0 && s.BusyAnswers == 0 && s.mode == Push && s.stuckFor(s.p.DeliveryObjective)
	if s.PushFailures >= s.p.PushFailuresToDegrade || overdue {
		return s.pushesFail()
	}
	if s.mode == Push && s.BusyAnswers > 0 && !s.busyBelieved() {
		return s.busyForNothing()
	}
	return nil
}

func (s situation) pushesFail() *Verdict {
	advice, action := s.PushFault.advice()
	last := "the last delivery"
	if s.PushFailures > 1 {
		last = fmt.Sprintf("the last %d deliveries", s.PushFailures)
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Action: action, Hop: s.PushFault.Hop(),
		Since: s.pushesFailSince(),
		Hint: fmt.Sprintf("%s to the agent's URL failed (%s): %s; its mail is kept and tried on",
			last, s.PushError, advice),
		Evidence: append(s.mailEvidence(),
			Evidence{s.PushFailingSince, "first of the deliveries that failed"},
			Evidence{s.PushFailedAt, "last of the deliveries that failed: " + s.PushError},
			Evidence{s.LastSignal(), "last accepted call"}),
	}
}

// pushesFailSince is when the failures became a verdict: there were as many as degrade a workspace, or mail was overdue
// before.
func (s situation) pushesFailSince() time.Time {
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
		since = latest(since, s.PolledAt.Add(s.p.DeliveryObjective)) // until then it got its mail by polling
	}
	return since
}

// pushedSince is since when an agent that declared poll is pushed to all the same: it did not poll for that long. It is
// zero for another.
func (s situation) pushedSince() time.Time {
	if s.Declared != Poll {
		return time.Time{}
	}
	return latest(s.RegisteredAt, s.PolledAt).Add(s.p.DeliveryObjective)
}

// ableSince is when the agent last became able to take mail: it registered or came back, a pause ended, or its reports
// say that it is free.
func (s situation) ableSince() time.Time {
	return latest(s.RegisteredAt, s.RecoveredAt, s.ResumedAt, s.FreeSince)
}

// newlyAble reports whether the agent became able to take mail a moment ago: that mail has waited is not its fault.
// A time that lies ahead is a wrong clock's.
func (s situation) newlyAble() bool {
	return s.within(s.ableSince(), s.p.DeliveryObjective) && s.ableSince().Sub(s.now) <= maxSkew
}

// busyForNothing: the agent answers that it is busy, for longer than that is believed.
func (s situation) busyForNothing() *Verdict {
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Action: "inspect", Hop: HopAgent,
		Since: latest(s.BusySince.Add(s.p.BusyBelieved), s.PushDegradedAt, s.busyEnded(), s.pushedSince()),
		Hint: "the agent answers each delivery that it is busy, and its heartbeats don't say so: " +
			"see what it is at; its mail is kept and tried on",
		Evidence: append(s.mailEvidence(),
			Evidence{s.BusySince, fmt.Sprintf("first of %d answers in a row that it is busy", s.BusyAnswers)},
			s.busyEvidence()),
	}
}

// busyBelieved reports whether the agent's answers that it is busy are believed: its heartbeats say the same, they are
// new, or the time that its only one asked for still runs, or ended with a new boot that is yet to be tried.
func (s situation) busyBelieved() bool {
	return s.Busy(s.p, s.now) >= s.Slots() || s.within(s.BusySince, s.p.BusyBelieved) ||
		(s.BusyAnswers == 1 && (s.Resting(s.p, s.now) || s.aboutToBeTried()))
}

// aboutToBeTried reports whether a delivery is due: the agent became able to take mail a moment ago, and none was tried
// since.
func (s situation) aboutToBeTried() bool {
	return s.mode == Push && s.newlyAble() && s.TriedAt.Before(s.ableSince())
}

// backlogStalled: mail has waited for longer than the objective and nothing moves, though the agent says that it is
// free, or has said that it is busy for longer than busy explains.
func backlogStalled(s situation) *Verdict {
	if !s.mailOverdue() || s.within(latest(s.DeliveredAt, s.ReachedAt), s.p.DeliveryObjective) {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonBacklogStalled, Action: "restart",
		Since:    s.stalledSince(),
		Evidence: s.mailEvidence(),
	}
	if s.mode == Poll && s.within(s.PolledAt, s.p.DeliveryObjective) {
		return s.unacknowledged(v)
	}
	if s.waitExplained() {
		return nil
	}
	if s.untried() {
		v.Action, v.Hop = "wait", HopPlatform
		v.Hint = "the platform has not tried to deliver its mail yet: its drains may be waiting on other agents; " +
			"rollcall sweep sends for one now"
		v.Evidence = append(v.Evidence, Evidence{s.TriedAt, "last delivery that was tried"})
		return v
	}
	busy := s.busyEvidence()
	v.Hint = busy.Fact + ", but its mail waits and none was delivered: " +
		"look at the receipts' attempts, then restart the agent"
	v.Evidence = append(v.Evidence, busy)
	return v
}

// stalledSince is when nothing explained any more that mail waits.
func (s situation) stalledSince() time.Time {
	overdue := latest(s.stuckSince(), s.ReachedAt).Add(s.p.DeliveryObjective)
	since := latest(overdue, s.ableSince(), s.asideEnded(), s.busyEnded())
	if s.mode == Poll {
		since = latest(since, s.nextPollDue())
	}
	return since
}

// busyEnded is when the agent's reports of its tasks stopped to explain that mail waits; zero when they never did.
func (s situation) busyEnded() time.Time {
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
func (s situation) asideEnded() time.Time {
	ended := s.AsideUntil
	if !ended.IsZero() && s.TriedAt.Before(ended) {
		ended = ended.Add(s.p.DeliveryObjective)
	}
	if ended.After(s.now) {
		return time.Time{}
	}
	return ended
}

// unacknowledged completes the verdict over an agent that polls, and whose mail is open for too long. It has some time
// to acknowledge what it fetched.
func (s situation) unacknowledged(v *Verdict) *Verdict {
	fetched := latest(s.FetchedSince, s.TriedAt, s.PushDegradedAt) // while it was pushed to, it was handed nothing
	due := latest(s.stuckSince(), fetched, s.RecoveredAt, s.ResumedAt).Add(2 * s.p.DeliveryObjective)
	if s.now.Before(due) || s.busyExplains() || s.aboutToPoll() {
		return nil
	}
	v.Since = latest(v.Since, due)
	v.Evidence = append(v.Evidence, Evidence{s.PolledAt, "last poll"})
	if s.newlyAble() {
		v.Action = "wait"
		v.Hint = fmt.Sprintf("the agent came back at %s and has fetched its mail: wait until it acknowledges it",
			stamp(s.ableSince()))
		return v
	}
	if s.AcksEpoch > 0 && s.AcksEpoch == s.Epoch {
		v.Hint = "the agent has fetched its mail, and acknowledges none of it as done: see what it is at, and restart it " +
			"if it hangs; while it works, its heartbeats should say so"
		return v
	}
	v.Hint = "the agent polls, but acknowledges nothing, so the same mail is handed out to it again and again: " +
		"see that its polls bring back the id of the last row as since_id, then restart it"
	return v
}

// waitExplained reports whether something explains that mail waits: work, a delivery that is under way or due, or that
// the message is set aside.
func (s situation) waitExplained() bool {
	return s.workExplains() || s.handoverExplains() || s.aboutToBeTried() || s.setAside(s.p, s.now) ||
		(s.mode == Poll && s.aboutToPoll()) || (s.BusyAnswers > 0 && s.busyBelieved())
}

// untried reports whether nobody has tried to deliver since the oldest message was accepted.
func (s situation) untried() bool {
	return s.mode == Push && s.InFlight == 0 && s.TriedAt.Before(s.OldestOpen)
}

// busyExplains reports whether mail waits because the agent says that it is busy.
func (s situation) busyExplains() bool {
	return s.Busy(s.p, s.now) >= s.Slots() && !s.stuckFor(s.p.BusyPatience)
}

// handoverExplains reports whether mail waits because a first delivery is under way: an agent may take its time to
// answer.
func (s situation) handoverExplains() bool {
	began := latest(s.stuckSince(), s.ableSince(), s.asideEnded())
	return s.InFlight > 0 && s.PushFailures == 0 && s.within(began, s.p.DeliveryPatience) &&
		(s.InFlight >= min(s.Open, int64(s.Slots())) || s.within(s.TriedAt, s.p.DeliveryObjective))
}

// busyEvidence is what the agent last said of how busy it is.
func (s situation) busyEvidence() Evidence {
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
func endedUndelivered(s situation) *Verdict {
	if !s.undelivered() {
		return nil
	}
	advice, action := s.PushFault.advice()
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Since: s.UndeliveredAt, Action: action, Hop: s.PushFault.Hop(),
		Hint:     "the last message was not delivered before its time was up, and nothing since: " + advice,
		Evidence: []Evidence{{s.UndeliveredAt, "a message ended without being delivered"}},
	}
	if s.mode == Poll {
		v.Reason, v.Action, v.Hop = ReasonInboxUnattended, "restart", HopAgent
		v.Hint = "the last message was never fetched, and the agent hasn't polled since: " +
			"restart it, or register it with a URL so that mail can be pushed"
	}
	return v
}

// answersFailing: the agent takes its mail, and says that it failed each task.
func answersFailing(s situation) *Verdict {
	if s.AnswerFailures < s.p.AnswerFailuresToDegrade {
		return nil
	}
	enough := s.AnswersDegradedAt
	if enough.IsZero() {
		enough = s.DeliveredAt // two drains delivered at once, and neither knew of the other
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonAnswersFailing, Action: "inspect",
		Since: latest(s.AnswersFailingSince, enough),
		Hint: fmt.Sprintf("the agent takes its mail, and says that its last %d tasks failed: %s",
			s.AnswerFailures, s.AnswerError),
		Evidence: []Evidence{
			{s.AnswersFailingSince, "first of the tasks in a row that failed"},
			{s.DeliveredAt, "last task: " + s.AnswerError},
		},
	}
}

// inboxFull: nothing else is wrong, but a sender fills the inbox.
func inboxFull(s situation) *Verdict {
	if !s.inboxFull() {
		return nil
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonInboxFull, Since: s.FullSince, Action: "inspect",
		Hint:     s.fullWords() + ": stop that sender, or cancel its mail",
		Evidence: append([]Evidence{{s.FullAt, "last message that was refused for want of room"}}, s.mailEvidence()...),
	}
}

// mailOverdue reports whether the oldest message has waited for longer than the objective.
func (s situation) mailOverdue() bool {
	return s.Open > 0 && s.now.Sub(s.OldestOpen) >= s.p.DeliveryObjective
}

// stuckFor reports whether mail has waited for d without a delivery.
func (s situation) stuckFor(d time.Duration) bool {
	return s.Open > 0 && s.now.Sub(s.stuckSince()) >= d
}

// stuckSince is since when mail has waited without a delivery.
func (s situation) stuckSince() time.Time { return latest(s.OldestOpen, s.DeliveredAt) }

func (s situation) mailEvidence() []Evidence {
	if s.Open == 0 {
		return nil
	}
	ev := []Evidence{{s.OldestOpen, fmt.Sprintf("the oldest of %d waiting messages was accepted", s.Open)}}
	if !s.DeliveredAt.IsZero() {
		ev = append(ev, Evidence{s.DeliveredAt, "last delivery"})
	}
	return ev
}
