package delivery

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Apply is what moves and an update do to the mailbox's facts; ok is false when
// a condition fails. Stores do the same in one write; their contract suite compares
// them with this.
func (u MailboxUpdate) Apply(f workspace.Facts, d chat.Delta) (next workspace.Facts, ok bool) {
	if (u.Host != nil && !u.Host.Current(f)) || (u.RequireNoHold && f.Hold != workspace.NoHold) ||
		(u.Team != nil && *u.Team != f.Team) ||
		(!u.LostSeen.IsZero() && !u.LostSeen.Equal(f.LostAt)) || (u.Probe != nil && !u.Probe.Seen.Equal(f.ProbedAt)) ||
		(u.PushBegins != nil && !u.PushBegins.Begin(&f)) {
		return f, false
	}
	f.Open, f.InFlight, f.Delivered = f.Open+d.Open, f.InFlight+d.InFlight, f.Delivered+d.Delivered
	f.Expired, f.Cancelled, f.Dead = f.Expired+d.Expired, f.Cancelled+d.Cancelled, f.Dead+d.Dead
	f.OutboxItems += int64(len(u.Outbox))
	if u.OldestOpen != nil {
		if u.OldestOpen.IsZero() != (f.Open == 0) {
			return f, false
		}
		f.OldestOpen = *u.OldestOpen
	}
	switch {
	case !u.ClaimedUntil.IsZero():
		f.ClaimedUntil = u.ClaimedUntil
	case u.ClaimReleased:
		f.ClaimedUntil = time.Time{}
	}
	if u.PushEnded != "" {
		*f.Counted(u.PushEnded)--
	}
	if u.Probe != nil {
		f.ProbedAt = u.Probe.Next
	}
	if !u.DeliveredAt.IsZero() {
		f.DeliveredAt, f.FetchedSince = u.DeliveredAt, time.Time{}
	}
	if u.CountsHostsAnew() {
		f.FetchedHosts = 0
	}
	if !u.FetchedAt.IsZero() && f.FetchedSince.IsZero() {
		f.FetchedSince = u.FetchedAt
	}
	if !u.HandedAt.IsZero() {
		f.HandedAt = u.HandedAt
		f.FetchedHosts++
	}
	if !u.UndeliveredAt.IsZero() {
		f.UndeliveredAt = u.UndeliveredAt
	}
	if u.AcksEpoch != nil {
		f.AcksEpoch = *u.AcksEpoch
	}
	noteLost(&f, u)
	if u.Push != nil {
		notePush(&f, *u.Push)
	}
	if u.Unacknowledged != nil {
		f.AnswerTrouble = workspace.AnswerTrouble{AnswerError: *u.Unacknowledged}
	}
	if u.BlameEnds {
		f.PushError, f.PushFault = workspace.BlameEnded, workspace.FaultBroken
	}
	if u.Standing != nil {
		f.Standing = *u.Standing
	}
	return f, true
}

// noteLost counts the mail that is told to be lost.
func noteLost(f *workspace.Facts, u MailboxUpdate) {
	if u.ForgetLost {
		f.LostMessages, f.LostInVain = 0, 0
	}
	f.LostMessages += u.Lost
	f.LostInVain += u.LostInVain
	if !u.LostAt.IsZero() {
		f.LostAt, f.LostWhy = u.LostAt, u.LostWhy
	}
}

// notePush notes what a hand-over by push has shown.
func notePush(f *workspace.Facts, u PushUpdate) {
	first := func(since *time.Time, at time.Time) {
		if since.IsZero() {
			*since = at
		}
	}
	last := func(to *time.Time, at time.Time) {
		if !at.IsZero() {
			*to = at
		}
	}
	last(&f.TriedAt, u.TriedAt)
	switch {
	case u.Succeeded:
		f.PushTrouble = workspace.PushTrouble{}
	case !u.FailedAt.IsZero():
		f.PushFailures++
		first(&f.PushFailingSince, u.FailedAt)
		f.PushFailedAt, f.PushError, f.PushFault = u.FailedAt, u.Error, u.Fault
		f.ProbePushedAt, f.ProbePassed = time.Time{}, false
		if u.Degraded {
			first(&f.PushDegradedAt, u.FailedAt)
		}
	case !u.BusyAt.IsZero():
		f.BusyAnswers++
		first(&f.BusySince, u.BusyAt)
		if u.Degraded {
			first(&f.PushDegradedAt, u.BusyAt)
		}
	}
	if !u.ProbePushedAt.IsZero() {
		f.ProbePushedAt, f.ProbePassed = u.ProbePushedAt, u.ProbePassed
	}
	last(&f.RestUntil, u.RestUntil)
	last(&f.AsideUntil, u.AsideUntil)
	last(&f.ReachedAt, u.ReachedAt)
	last(&f.PassedAt, u.PassedAt)
	switch {
	case u.AnswerSucceeded:
		f.AnswerTrouble = workspace.AnswerTrouble{}
	case !u.AnswerFailedAt.IsZero():
		f.AnswerFailures++
		first(&f.AnswersFailingSince, u.AnswerFailedAt)
		f.AnswerFailedAt, f.AnswerError = u.AnswerFailedAt, u.AnswerError
		if u.Degraded {
			first(&f.AnswersDegradedAt, u.AnswerFailedAt)
		}
	}
}

// noteStanding adds to the update the verdict that stands after it, if that is not
// noted yet. f are the workspace's facts as last seen; they are read again when they
// say that something is to be noted.
func (d *Delivery) noteStanding(
	ctx context.Context, f workspace.Facts, moves []chat.Move, u MailboxUpdate,
) MailboxUpdate {
	if u.Standing = d.standing(f, moves, u); u.Standing == nil {
		return u
	}
	if now, err := d.Registry.Leases.Get(ctx, f.ID); err == nil {
		u.Standing = d.standing(now, moves, u)
	}
	return u
}

// standing is the verdict that stands after an update of facts; nil when it is noted.
func (d *Delivery) standing(f workspace.Facts, moves []chat.Move, u MailboxUpdate) *workspace.Standing {
	u.Standing = nil
	next, _ := u.Apply(f, chat.DeltaOf(moves))
	now := d.Clock.Now()
	next = workspace.NoteStanding(f, next, d.Registry.Policy, now)
	if next.Standing == f.Standing && !next.StandsSince.Equal(now) {
		return nil
	}
	stands := next.Standing // the facts themselves stay off the heap
	return &stands
}
