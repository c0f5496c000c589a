package workspace

import "time"

// Whether an agent polls for its mail. The status, the delivery mode and what a sender is told follow from the same
// predicate, so that they agree.

// polls reports whether the agent has polled lately.
func (f *Facts) polls(p Policy, now time.Time) bool {
	return !f.PolledAt.IsZero() && now.Before(f.polledUntil(p))
}

// pollsInsteadOfPush reports whether pushes fail and the agent polls, so that it gets its mail by polls. Pushes that
// failed before its last register are those of another boot, and say nothing of this one.
func (f *Facts) pollsInsteadOfPush(p Policy, now time.Time) bool {
	return f.PushFailures >= p.PushFailuresToDegrade && f.PushFailedAt.After(f.RegisteredAt) && f.polls(p, now)
}

// NotPolling says in words that the agent has not polled for its mail for longer than its pace allows. It is "" when it
// has, and while it has time for its first poll: after its first register since it last polled, for example.
func (f *Facts) NotPolling(p Policy, now time.Time) string {
	switch {
	case now.Before(f.pollMissed(p)):
		return ""
	case f.PolledAt.IsZero():
		return "it has never polled for its mail"
	}
	return "its last poll that was noted was at " + stamp(f.PolledAt)
}

// polledUntil is until when the last poll shows that the agent polls: later ones may not have been written.
func (f *Facts) polledUntil(p Policy) time.Time {
	return f.PolledAt.Add(p.PollNoted + p.PollPatience())
}

// pollMissed is when the agent has gone without a poll for longer than it may.
func (f *Facts) pollMissed(p Policy) time.Time {
	missed := f.pollAwaited().Add(p.PollPatience())
	if f.PolledAt.IsZero() {
		return missed
	}
	return latest(missed, f.polledUntil(p))
}

// pollAwaited is since when a poll is awaited.
func (f *Facts) pollAwaited() time.Time {
	if at := latest(f.PolledAt, f.PollAwaitedAt); !at.IsZero() {
		return at
	}
	return latest(f.RegisteredAt, f.CreatedAt)
}

// awaitPoll is the facts when the agent becomes able to poll, at now.
func (f Facts) awaitPoll(now time.Time) Facts {
	if f.PollAwaitedAt.IsZero() || !f.PolledAt.Before(f.PollAwaitedAt) {
		f.PollAwaitedAt = now
	}
	return f
}

// PollsAgain reports whether a poll at now is one of an agent that did not poll while mail waited. Such a poll is noted
// before its mail is handed out, and before it acknowledges any: until then, that mail waits says nothing of the agent.
//
// A silence excuses that it fetched nothing, and no more: who polled on for the time that an agent has to acknowledge,
// and did not, is known as that when it polls again. The silence may be the platform's own.
func (f *Facts) PollsAgain(p Policy, now time.Time) bool {
	return f.Open > 0 && !f.polls(p, now) && !f.polledInVain(p)
}

// polledInVain reports whether the agent went on to poll for so long without an acknowledgement that this was told of
// it. Its last poll that was noted says how long. One that said that it is at work is no such agent.
func (f *Facts) polledInVain(p Policy) bool {
	fetched := f.Open > 0 && !f.FetchedSince.IsZero() && f.PolledAt.After(f.HandedAt)
	return fetched && f.ActiveTasks < f.Slots() && !f.PolledAt.Before(f.ackDue(p))
}

// ackDue is until when an agent that polls has time to acknowledge what it fetched. While it was pushed to, it was
// handed nothing.
func (f *Facts) ackDue(p Policy) time.Time {
	fetched := latest(f.FetchedSince, f.TriedAt, f.PushDegradedAt)
	return latest(f.stuckSince(), fetched, f.RecoveredAt, f.ResumedAt).Add(2 * p.DeliveryObjective)
}

// polledAgainUntil is until when it explains that mail waits that the agent polled again; zero: it did not, since it
// registered. Mail of which none was handed out before, it has to take and to acknowledge. Of mail that it had taken,
// its polls may bring the acknowledgement.
func (f *Facts) polledAgainUntil(p Policy) time.Time {
	switch again := f.PollAwaitedAt; {
	case again.After(f.PolledAt) || !again.After(f.RegisteredAt):
		return time.Time{}
	case f.FetchedSince.IsZero():
		return again.Add(2 * p.DeliveryObjective)
	default:
		return again.Add(p.DeliveryObjective)
	}
}

// unattended is NotPolling, unless the agent's work explains that it does not poll.
func (f *Facts) unattended(p Policy, now time.Time) string {
	if f.workExplains(p, now) || now.Before(f.nextPollDue(p)) {
		return ""
	}
	return f.NotPolling(p, now)
}

// nextPollDue is until when the next poll is due of an agent that has polled since it registered, and has said a moment
// ago that its work is done; zero when it never was.
func (f *Facts) nextPollDue(p Policy) time.Time {
	if f.FreeSince.IsZero() || !f.PolledAt.After(f.RegisteredAt) {
		return time.Time{}
	}
	began := f.pollAwaited()
	if f.Open > 0 {
		began = f.stuckSince()
	}
	due, patience := f.FreeSince.Add(p.PollPatience()), began.Add(p.BusyPatience)
	if patience.Before(due) {
		return patience
	}
	return due
}

// workExplains reports whether the agent's work explains that it doesn't poll and that its mail waits: it is at work on
// what it fetched, or on as many tasks as it takes.
func (f *Facts) workExplains(p Policy, now time.Time) bool {
	return f.busyExplains(p, now) || f.atFetchedWork(p, now)
}

// busyExplains reports whether mail waits because the agent says that it is busy.
func (f *Facts) busyExplains(p Policy, now time.Time) bool {
	return f.Busy(p, now) >= f.Slots() && !f.stuckFor(p.BusyPatience, now)
}

// AtWork reports whether the agent has not acknowledged its mail because it says that all its task slots are taken.
func (f Facts) AtWork(p Policy, now time.Time) bool { return f.busyExplains(p, now) }

// saidIdle reports whether the agent has said since its last poll that it is idle.
func (f *Facts) saidIdle() bool { return f.ActiveTasks == 0 && f.ActiveAt.After(f.PolledAt) }

// atFetchedWork reports whether the agent may be at work on mail that it fetched: it has not acknowledged it, has not
// polled on since it was first handed some, and has not said since that it is idle.
func (f *Facts) atFetchedWork(p Policy, now time.Time) bool {
	fetched := f.InFlight > 0 && f.ClaimedUntil.IsZero() && !f.PolledAt.IsZero()
	polledOn, idle := !f.HandedAt.IsZero() && f.PolledAt.After(f.HandedAt), f.saidIdle()
	if f.AcksEpoch > 0 && f.AcksEpoch == f.Epoch { // it says by number what it has done, and polls while it works
		polledOn = now.Sub(f.HandedAt) >= p.BusyPatience
		idle = f.ActiveTasks == 0 && f.ActiveAt.After(f.HandedAt) // a poll does not take back that it is idle
	}
	return fetched && !polledOn && !idle && now.Sub(f.PolledAt) < p.DeliveryPatience
}

// stuckFor reports whether mail has waited for d without a delivery.
func (f *Facts) stuckFor(d time.Duration, now time.Time) bool {
	return f.Open > 0 && now.Sub(f.stuckSince()) >= d
}

// stuckSince is since when mail has waited without a delivery.
func (f *Facts) stuckSince() time.Time { return latest(f.OldestOpen, f.DeliveredAt) }
