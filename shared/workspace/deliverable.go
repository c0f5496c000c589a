package workspace

import (
	"fmt"
	"time"
)

// Three questions are asked of the facts, each answered by a function of its own: what is its status (Assess), may mail
// be handed to it now (Deliverable), and what may the sender of a message expect (Expect).

// Deliverable reports whether mail may be handed to the agent now: nobody holds the workspace, its lease is live,
// and the credential that renews it is accepted. Nothing else stops mail, whatever the status says.
func (f *Facts) Deliverable(p Policy, now time.Time) bool {
	return f.Hold == NoHold && f.Leased(p, now) && f.Enrolled() && !f.revoked()
}

// Unproved reports whether the last that is known of hand-overs is that they fail: nothing but a hand-over shows that
// they don't any more.
func (f Facts) Unproved() bool {
	return f.PushFailures > 0 || f.BusyAnswers > 0 || f.undelivered()
}

// undelivered reports whether a message ended undelivered, and nothing has reached the agent since.
func (f *Facts) undelivered() bool {
	return !f.UndeliveredAt.IsZero() && latest(f.DeliveredAt, f.ReachedAt, f.PolledAt).Before(f.UndeliveredAt)
}

// NeedsProbe reports whether a drain should find out by a probe whether hand-overs succeed: they failed, or the URL is
// new, and no mail waits that would show it.
func (f *Facts) NeedsProbe(p Policy, now time.Time) bool {
	return f.Open == 0 && (f.Unproved() || f.NewBootUnproved(p) || f.URLNew) && f.Deliverable(p, now) &&
		!f.askedToRest(p, now) && f.Busy(p, now) < f.Slots() && f.Mode(p, now) == Push
}

// URLUntried reports whether nothing is known to have been pushed to the agent's present URL.
func (f *Facts) URLUntried() bool {
	if f.URLNew {
		return f.PushFailures == 0 && f.BusyAnswers == 0 && f.InFlight == 0
	}
	return latest(f.ReachedAt, f.DeliveredAt, f.TriedAt, f.PushFailedAt, f.BusySince).IsZero()
}

// TriesURL reports whether a drain finds out, without a wait for the next call of the agent or for a sweep, whether the
// agent's URL can be reached: nothing has reached it yet, and it failed less often than degrades a workspace.
func (f *Facts) TriesURL(p Policy) bool {
	return f.URLNew && f.PushFailures < p.PushFailuresToDegrade
}

// NewBootUnproved reports whether the agent registered after the last of the tasks that it failed, and nothing shows
// yet that the new boot takes mail.
func (f *Facts) NewBootUnproved(p Policy) bool {
	return f.answersFail(p) && f.bootedSinceAnswers() && f.ReachedAt.Before(f.RegisteredAt)
}

// answersFail reports whether as many tasks in a row failed as degrade a workspace.
func (f *Facts) answersFail(p Policy) bool { return f.AnswerFailures >= p.AnswerFailuresToDegrade }

// bootedSinceAnswers reports whether the agent registered after the last of the tasks that it failed.
func (f *Facts) bootedSinceAnswers() bool { return f.RegisteredAt.After(f.lastAnswerFailed()) }

// lastAnswerFailed is when the last of the tasks in a row failed.
func (f *Facts) lastAnswerFailed() time.Time {
	return latest(f.AnswersFailingSince, f.AnswersDegradedAt, f.AnswerFailedAt)
}

// Hung reports whether the agent, or the attempt to connect to it, did not answer in time when it was last handed
// something. Before it is handed another message, a probe shows whether it answers at all.
func (f Facts) Hung() bool {
	return f.PushFailures > 0 && f.PushFault.Hangs() && !f.ProbePassed
}

// WantsProbe reports whether a probe is pushed before the next message: the agent hung, or no answer came back as often
// as degrades a workspace. The probe shows whether it is the agent or its mail that fails. An agent that does not take
// probes is handed messages in turn with them, unless it hangs.
func (f *Facts) WantsProbe(p Policy) bool {
	return f.Hung() ||
		f.PushFailures >= p.PushFailuresToDegrade && f.PushFault.Connected() && f.ProbePushedAt.IsZero()
}

// Expectation is what the sender of a message is told to expect.
type Expectation string

// What a sender may expect.
const (
	ExpectNow      Expectation = "now" // its delivery begins now
	ExpectNextPoll Expectation = "next_poll"
	ExpectWhenIdle Expectation = "when_idle"
	// ExpectRetrying is of deliveries that fail, or that nothing shows to arrive. They are tried on until the message's
	// time is up.
	ExpectRetrying Expectation = "retrying"
	ExpectNobody   Expectation = "nobody_is_listening"
)

// Expect is what the sender of a message that is accepted now may expect, and why, where that is not plain. v is the
// verdict over the same facts, mode the effective one. A sender reads the why, and it may be anybody: no fact that is
// a text stands in it, as it may hold an address, or the words of another sender.
func Expect(f Facts, v Verdict, mode Mode, p Policy, now time.Time) (e Expectation, why string) {
	switch {
	case !f.Deliverable(p, now):
		return ExpectNobody, v.ForSenders()
	case mode == Poll:
		return expectPoll(f, v, p, now)
	case v.Reason == ReasonBacklogStalled && f.slotsTaken(p, now) && !f.Overdue(p, now):
		return ExpectWhenIdle, v.ForSenders() // nothing is tried while it says so
	case v.Reason == ReasonPushFailing || v.Reason == ReasonBacklogStalled || v.Reason == ReasonInboxUnattended:
		return ExpectRetrying, v.ForSenders()
	case v.Reason == ReasonRestartLoop:
		return ExpectRetrying, v.ForSenders()
	case f.PushFailures > 0:
		return ExpectRetrying, "the last delivery failed"
	case f.unheardSinceRefused(v.Reason):
		return ExpectRetrying, "its agent's last call was refused, and nothing shows that it listens"
	case v.Status == StatusDegraded && handoversFail(f, p, now):
		return ExpectRetrying, "deliveries to it fail" // the reason is another one, which goes before this
	case f.Overdue(p, now):
		return ExpectRetrying, f.overdueWords(v.Reason, now)
	case v.Reason == ReasonPlatformSuspect:
		return ExpectWhenIdle, v.ForSenders()
	case f.Delivering(p, now) && f.Busy(p, now) < f.Slots():
		return ExpectWhenIdle, underWay
	case f.Withheld(p, now) == WithheldPushing:
		return ExpectWhenIdle, f.crowdedWords(p, now)
	case f.Busy(p, now) >= f.Slots() || f.InFlight >= int64(f.Slots()) || f.Resting(p, now) || f.queueBefore(p, now) > 0:
		return ExpectWhenIdle, ""
	case v.Reason == ReasonAnswersFailing:
		return ExpectNow, v.ForSenders()
	}
	return ExpectNow, ""
}

// Overdue reports whether the agent has been silent for longer than one that calls as slowly as any is asked to, each
// third of the lease, and is late by half of that. Its status waits until its lease is over, and nothing is
// promised of it meanwhile. Polls may not have been written, and an answer to a push shows it as well as a call does.
func (f *Facts) Overdue(p Policy, now time.Time) bool {
	return !f.RecentlyAccepted(p, now) && now.Sub(latest(f.ReachedAt, f.DeliveredAt)) >= p.LeaseTTL/2
}

// overdueWords say that the agent's next call is overdue, or refused, and no more where the platform may not have heard
// it.
func (f *Facts) overdueWords(reason Reason, now time.Time) string {
	switch {
	case reason == ReasonPlatformSuspect:
		return explained[reason].summary
	case f.refusedSinceHeard(now):
		return "a call from where its agent runs was refused, and none was accepted since"
	}
	return fmt.Sprintf("its agent was last heard at %s, and its next call is overdue", stamp(f.LastSignal()))
}

// unheardSinceRefused reports whether the last that is known of the agent is that it was refused, so that nothing shows
// that somebody listens at its URL: a boot was refused, or all its calls are, and it has neither made an accepted call
// nor taken anything since.
func (f *Facts) unheardSinceRefused(reason Reason) bool {
	heard := latest(f.LastSignal(), f.ReachedAt, f.DeliveredAt)
	boot := f.RegisterRefused > 0 && !heard.After(f.RegisterRefusedAt)
	return boot || reason == ReasonCredentialsRejected && !heard.After(f.RefusedSince)
}

// queueBefore is how many messages go before one that is accepted now.
func (f *Facts) queueBefore(p Policy, now time.Time) int64 {
	n := f.Open - f.InFlight
	if f.setAside(p, now) {
		n-- // at least one
	}
	return n
}

// expectPoll is Expect for an agent that fetches its mail.
func expectPoll(f Facts, v Verdict, p Policy, now time.Time) (Expectation, string) {
	switch quiet := f.unattended(p, now); {
	case v.Reason == ReasonCredentialsRejected && !f.PolledAt.After(f.RefusedSince):
		return ExpectNobody, v.ForSenders() // it has not polled since its credential was first refused
	case v.Reason == ReasonInboxUnattended:
		return ExpectNobody, v.ForSenders()
	case f.awaitsRegister():
		return ExpectNobody, "its URL has ended with the credential that it was registered with, and it does not poll"
	case quiet != "":
		return ExpectNobody, quiet
	case v.Reason == ReasonBacklogStalled && f.takesOthers():
		return ExpectNextPoll, ""
	case v.Reason == ReasonBacklogStalled, v.Reason == ReasonRestartLoop:
		return ExpectRetrying, v.ForSenders()
	case f.pollsRefused(now):
		return ExpectRetrying, "a call from where its agent runs was refused, and no poll was accepted since"
	case f.Overdue(p, now):
		return ExpectRetrying, f.overdueWords(v.Reason, now)
	case f.NotPolling(p, now) == "" || now.Before(f.nextPollDue(p)):
		return ExpectNextPoll, ""
	}
	return ExpectWhenIdle, ""
}

// atWork reports whether fresh evidence says that the agent works: it says so, a push to it is under way, or it has
// fetched mail and not said since that it is idle.
func (f *Facts) atWork(p Policy, now time.Time) bool {
	return f.Busy(p, now) > 0 || f.Pushing(p, now) || f.atFetchedWork(p, now)
}

// Pushing reports whether a push to the agent is under way. A claim that has ended is none: its deliverer died. Nor is
// one that ends later than a delivery may take, which a wrong clock made, or one that was handed to another URL.
func (f *Facts) Pushing(p Policy, now time.Time) bool {
	return f.InFlight > 0 && now.Before(f.ClaimedUntil) && f.ClaimedUntil.Sub(now) <= p.DeliveryPatience+MaxSkew &&
		!f.handedToAnother()
}
