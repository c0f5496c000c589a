package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// write is the only write of messages. It works out what the moves do to the
// mailbox: which open message is then the oldest, what their ends leave to do, and
// which verdict stands then. f are the workspace's facts as last seen; open is the mail
// that the caller saw open before; nil when it has not looked, then write looks itself
// where it must know. Error: conflict when the mailbox is not as it was seen.
func (d *Delivery) write(
	ctx context.Context, f workspace.Facts, open []OpenMessage, moves []chat.Move, u MailboxUpdate,
) error {
	life := f.Life()
	if len(moves) > 0 {
		life = LifeOf(moves[0].From)
	}
	u.Former = u.Former || life.Number < f.Lives
	if team, bound := registry.TeamOf(ctx, life.Workspace); bound {
		u.Team = &team
	}
	if changesOpenMail(moves) && !u.Former {
		if open == nil {
			var err error
			if open, err = d.Ledger.OpenMail(ctx, life, 0); err != nil {
				return err
			}
		}
		oldest := oldestAfter(open, moves)
		u.OldestOpen = &oldest
	}
	u.Outbox = outboxOf(moves)
	u = u.unname(f, moves)
	u.BlameEnds = u.endsBlame(f, moves)
	if !u.Former {
		u = d.noteStanding(ctx, f, moves, u)
	}
	err := d.Ledger.WriteMessages(ctx, life, moves, u)
	if fault.CodeOf(err) != fault.Conflict || u.OldestOpen == nil || !u.OldestOpen.IsZero() {
		return err
	}
	// No mail is left, but some may be counted that isn't stored yet, or never was.
	f, lookErr := d.Registry.Leases.Get(ctx, life.Workspace)
	if lookErr != nil || f.Life() != life || f.Open <= -chat.DeltaOf(moves).Open {
		return err
	}
	counted := f.CountedAt // the facts themselves stay off the heap
	u.OldestOpen = &counted
	return d.Ledger.WriteMessages(ctx, life, moves, u)
}

// unname takes away the name of the message that polls are handed again and again, when a move ends it.
func (u MailboxUpdate) unname(f workspace.Facts, moves []chat.Move) MailboxUpdate {
	named, has := f.Unacknowledged()
	told := u.Push != nil && (u.Push.AnswerSucceeded || !u.Push.AnswerFailedAt.IsZero())
	if !has || told || u.Unacknowledged != nil || u.Former {
		return u
	}
	for _, m := range moves {
		if named.Names(m.From.ID) && !m.To.State.Open() {
			u.Unacknowledged = new(string)
		}
	}
	return u
}

// endsBlame reports whether a move ends the message at which the agent goes away, and the update says nothing newer of
// its pushes.
func (u MailboxUpdate) endsBlame(f workspace.Facts, moves []chat.Move) bool {
	newer := u.Push != nil && (u.Push.Succeeded || !u.Push.FailedAt.IsZero())
	return !u.Former && !newer && slices.ContainsFunc(moves, func(m chat.Move) bool {
		return !m.To.State.Open() && f.Blames(m.To.ID)
	})
}

// changesOpenMail reports whether a move ends a message, opens it again, or lets it wait anew: one whose time is up is
// open until somebody ends it, and may be redriven before that.
func changesOpenMail(moves []chat.Move) bool {
	for _, m := range moves {
		if m.From.State.Open() != m.To.State.Open() || m.To.State.Open() && !m.From.WaitsSince().Equal(m.To.WaitsSince()) {
			return true
		}
	}
	return false
}

// oldestAfter is since when the oldest message waits that is open after the
// moves; the zero time when none is.
func oldestAfter(open []OpenMessage, moves []chat.Move) (oldest time.Time) {
	moved := map[string]bool{}
	consider := func(at time.Time) {
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	for _, m := range moves {
		moved[m.To.ID] = true
		if m.To.State.Open() {
			consider(m.To.WaitsSince())
		}
	}
	for _, m := range open {
		if !moved[m.ID] {
			consider(m.WaitsSince)
		}
	}
	return oldest
}

// writeTries bounds how often a write is tried against a mailbox that keeps
// moving: some seconds in all, far less than a visibility timeout. An outcome
// that is given up is a delivery repeated.
const writeTries = 15

// What writeOutcome says of a workspace that is not what it was: the host that the
// message was delivered to is its host no more, it was removed and created again, or
// somebody else wrote the message, as a cancel does.
var (
	errOtherHost    = errors.New("another host has registered")
	errLifeOver     = errors.New("the workspace was removed and created again")
	errMessageMoved = errors.New("the message was changed meanwhile")
)

// writeOutcome writes the outcome of one message whose version is known to be
// ours, however the rest of the mailbox changes meanwhile. f are the facts that the
// delivery began with. Errors: errMessageMoved when the message itself was changed,
// errOtherHost, errLifeOver; conflict when the mailbox kept moving.
func (d *Delivery) writeOutcome(
	ctx context.Context, f workspace.Facts, from, to chat.Message, u MailboxUpdate,
) error {
	moves := []chat.Move{{From: from, To: to}}
	return retry.OnConflict(ctx, d.Clock, writeTries, func() error {
		err := d.write(ctx, f, nil, moves, u)
		if fault.CodeOf(err) != fault.Conflict {
			return err
		}
		now, lookErr := d.message(ctx, LifeOf(from), from.ID)
		switch {
		case fault.CodeOf(lookErr) == fault.MessageUnknown, lookErr == nil && now.Version != from.Version:
			return retry.Final(errMessageMoved)
		case lookErr != nil:
			return retry.Final(err)
		}
		f, lookErr := d.Registry.Leases.Get(ctx, from.Workspace)
		switch {
		case lookErr != nil:
		case f.Life() != LifeOf(from):
			return retry.Final(errLifeOver)
		case u.Host != nil && !u.Host.Current(f):
			return retry.Final(errOtherHost)
		}
		return err
	})
}

// Change is what is to become of a message; it may return the message as it is.
type Change func(chat.Message) (chat.Message, MailboxUpdate, error)

// ChangeMessage reads a message, applies change and writes the result, from the
// start again when the mailbox changed in between. It returns the message as it
// is then. Errors: message_unknown, and those of change.
func (d *Delivery) ChangeMessage(
	ctx context.Context, life workspace.Life, messageID string, change Change,
) (m chat.Message, err error) {
	err = retry.OnConflict(ctx, d.Clock, writeTries, func() error {
		was, err := d.message(ctx, life, messageID)
		if err != nil {
			return err
		}
		next, u, err := change(was)
		m = next
		if err != nil || next.Version == was.Version {
			return err
		}
		f, err := d.Registry.Leases.Get(ctx, life.Workspace)
		if err != nil {
			return err
		}
		return d.write(ctx, f, nil, []chat.Move{{From: was, To: next}}, u)
	})
	return m, err
}

// Cancel ends an open message because someone said so. Error:
// message_already_terminal.
func (d *Delivery) Cancel(ctx context.Context, id, messageID, by string, now time.Time) (chat.Message, error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return chat.Message{}, err
	}
	m, err := d.ChangeMessage(ctx, life, messageID, func(m chat.Message) (chat.Message, MailboxUpdate, error) {
		next, err := m.Cancel(by, now)
		return next, MailboxUpdate{}, err
	})
	if err == nil {
		d.wakeOutbox(ctx, id, m.TellsItsEnd())
	}
	return m, err
}

// wakeOutbox has whoever is to be told of the end of a workspace's messages told soon; tells reports whether
// anybody is.
func (d *Delivery) wakeOutbox(ctx context.Context, id string, tells bool) {
	if tells {
		_ = d.Registry.Wakeups.Send(ctx, id, "outbox", 0) // when it is lost, the sweeper sends another
	}
}

// CancelAsSender ends an open message of a sender, because that sender said so. What another one sent is not there,
// also for its receiver: the words tell nobody whether there is such a message, or such a workspace. Errors:
// message_unknown, message_already_terminal.
func (d *Delivery) CancelAsSender(
	ctx context.Context, id, messageID string, sender workspace.Life, now time.Time,
) (chat.Message, error) {
	m, err := d.cancelAsSender(ctx, id, messageID, sender, now)
	if fault.CodeOf(err) == fault.MessageUnknown {
		err = fault.New(fault.MessageUnknown,
			"no message of the caller has this id here; a message is cancelled by the workspace that sent it, "+
				"or by an operator").
			WithHint("check the id, and whom the message was for", "stop")
	}
	return m, err
}

func (d *Delivery) cancelAsSender(
	ctx context.Context, id, messageID string, sender workspace.Life, now time.Time,
) (chat.Message, error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return chat.Message{}, err
	}
	m, err := d.ChangeMessage(ctx, life, messageID, func(m chat.Message) (chat.Message, MailboxUpdate, error) {
		switch {
		case SenderOf(m) != sender || m.AnswerTo != "": // an answer is sent by the platform
			return chat.Message{}, MailboxUpdate{}, UnknownMessageError()
		case !m.State.Open(): // the answer says whether its task goes on
			var err error
			if m, err = d.withTexts(ctx, chat.Answers, m); err != nil {
				return m, MailboxUpdate{}, err
			}
		}
		next, err := m.CancelByWish(now)
		return next, MailboxUpdate{}, err
	})
	if err == nil {
		d.wakeOutbox(ctx, id, m.TellsItsEnd())
	}
	return m, err
}

// Ask is called once before something is done to messages of a life: to how many of them, and how many there are
// beside. What it fails with keeps it from being done. Where there is none, it is only said what would be done.
type Ask func(life workspace.Life, n, left int) error

// once is ask, called once however often what follows is tried.
func (ask Ask) once() Ask {
	asked := false
	return func(life workspace.Life, n, left int) error {
		if asked {
			return nil
		}
		asked = true
		return ask(life, n, left)
	}
}

// CancelMail ends open messages of a workspace that a sender sent (see workspace.IsFrom): in the order of their
// delivery, as many as one transaction takes. One whose time is up expires. Without ask it only says which; left is how
// many more there are.
// Errors: those of ask; conflict when the mailbox kept moving.
func (d *Delivery) CancelMail(
	ctx context.Context, id, sender, by string, ask Ask, now time.Time,
) (ended []chat.Message, left int, err error) {
	dry := ask == nil
	ask = ask.once()
	err = retry.OnConflict(ctx, d.Clock, writeTries, func() error {
		f, err := d.Registry.Read(ctx, id)
		if err != nil {
			return err
		}
		open, err := d.Ledger.OpenMail(ctx, f.Life(), 0)
		if err != nil {
			return err
		}
		its := slices.DeleteFunc(slices.Clone(open), func(m OpenMessage) bool { return !workspace.IsFrom(m.Source, sender) })
		ms, err := d.Ledger.Messages(ctx, f.Life(), IDs(its, MaxMoves)...)
		if err != nil {
			return err
		}
		moves, u, err := d.cancels(f, ms, by, now)
		if err != nil {
			return err
		}
		ended, left = []chat.Message{}, len(its)-len(moves)
		for i, m := range moves {
			if ended = append(ended, m.To); dry {
				ended[i] = m.From
			}
		}
		if dry || len(moves) == 0 {
			return nil
		}
		if err := ask(f.Life(), len(moves), left); err != nil {
			return err
		}
		return d.write(ctx, f, open, moves, u)
	})
	if err == nil && !dry {
		d.wakeOutbox(ctx, id, slices.ContainsFunc(ended, chat.Message.TellsItsEnd))
	}
	return ended, left, err
}

// cancels are the moves that end messages, as many as one transaction takes. Error: conflict when one has ended.
func (d *Delivery) cancels(
	f workspace.Facts, ms []chat.Message, by string, now time.Time,
) (moves []chat.Move, u MailboxUpdate, err error) {
	var l load
	for _, m := range ms {
		if l.exceeded(m) && len(moves) > 0 {
			break
		}
		ended, err := m.Cancel(by, now)
		switch {
		case m.Due(now):
			var lost MailboxUpdate
			ended, lost = d.expired(f, m, d.judge(f, m, now), now)
			u = u.plus(lost)
		case err != nil:
			return nil, u, fault.New(fault.Conflict, "the mailbox moved")
		}
		moves = append(moves, chat.Move{From: m, To: ended})
	}
	return moves, u, nil
}

// End ends an open message whose lifetime is over; ended reports whether it did.
// Another message stays as it is, and so does one of which it is not known yet why nobody took it.
func (d *Delivery) End(
	ctx context.Context, f workspace.Facts, messageID string, now time.Time,
) (ended bool, err error) {
	_, err = d.ChangeMessage(ctx, f.Life(), messageID, func(m chat.Message) (chat.Message, MailboxUpdate, error) {
		why := d.judge(f, m, now)
		if ended = m.Due(now) && !why.awaited; !ended {
			return m, MailboxUpdate{}, nil
		}
		next, u := d.expired(f, m, why, now)
		return next, u, nil
	})
	switch fault.CodeOf(err) {
	case fault.Conflict, fault.MessageUnknown:
		return false, nil // it moved by itself
	}
	return ended && err == nil, err
}

// expire ends those of ms whose lifetime is over, at a poll; it reports whether
// anything moved.
func (d *Delivery) expire(
	ctx context.Context, f workspace.Facts, open []OpenMessage, ms []chat.Message, now time.Time,
) (moved bool, err error) {
	var moves []chat.Move
	var u MailboxUpdate
	var l load
	for _, m := range ms {
		if !m.Due(now) {
			continue
		}
		if tooMuch := l.exceeded(m); len(moves) == MaxMoves || (tooMuch && len(moves) > 0) {
			break
		}
		next, lost := d.expired(f, m, d.judgeAtPoll(f, m, now), now)
		moves = append(moves, chat.Move{From: m, To: next})
		u = u.plus(lost)
	}
	if len(moves) == 0 {
		return false, nil
	}
	return true, d.write(ctx, f, open, moves, u)
}

// EndMail ends what is open of the mail of a life that is over, because its workspace
// was removed; f is the workspace's facts. It returns how many messages it ended.
func (d *Delivery) EndMail(
	ctx context.Context, f workspace.Facts, life workspace.Life, now time.Time,
) (ended int, err error) {
	for {
		n := 0
		err := retry.OnConflict(ctx, d.Clock, writeTries, func() (err error) {
			n, err = d.endMail(ctx, f, life, now)
			return err
		})
		if ended += n; n == 0 || err != nil {
			return ended, err
		}
	}
}

// endMail ends as much of a life's mail as one transaction takes. Error: conflict
// when the mailbox moved meanwhile.
func (d *Delivery) endMail(ctx context.Context, f workspace.Facts, life workspace.Life, now time.Time) (int, error) {
	open, err := d.Ledger.OpenMail(ctx, life, 0)
	if err != nil {
		return 0, err
	}
	ms, err := d.Ledger.Messages(ctx, life, IDs(open, MaxMoves)...)
	if err != nil {
		return 0, err
	}
	var moves []chat.Move
	var l load
	for _, m := range ms {
		if l.exceeded(m) && len(moves) > 0 {
			break
		}
		ended := m.Expire(now)
		if !m.Due(now) {
			if ended, err = m.Cancel("the removal of its workspace", now); err != nil {
				return 0, fault.New(fault.Conflict, "the mailbox moved")
			}
		}
		moves = append(moves, chat.Move{From: m, To: ended})
	}
	if len(moves) == 0 {
		return 0, nil
	}
	return len(moves), d.write(ctx, f, open, moves, MailboxUpdate{})
}

// well reports whether nothing is wrong with a workspace: what becomes of a message then is not its doing.
func (d *Delivery) well(f workspace.Facts, now time.Time) bool {
	return f.PushFailures == 0 && workspace.Assess(f, d.Registry.Policy, now).Status == workspace.StatusOnline
}

// lost is what the end of an undelivered message does to its mailbox: it is told
// for a day, and if it expired though its agent was there, it shows that mail does
// not arrive. One that is dead shows no such thing: the agent said that it can't
// take it, or it failed where others passed. A probe's end is no loss.
func (d *Delivery) lost(f workspace.Facts, ended chat.Message, now time.Time) (u MailboxUpdate) {
	if !ended.Probe {
		u.Lost, u.LostAt, u.LostWhy = 1, now, registry.Beginning(ended.FullReason())
		u.LostInVain = inVain(ended)
		u.ForgetLost = f.LostMessages > 0 && now.Sub(f.LostAt) >= d.Registry.Policy.LostMailMemory
	}
	p := d.Registry.Policy
	polls := f.Mode(p, now) == workspace.Poll
	if ended.State != chat.Dead && (ended.Tried() || (polls && f.Hold == workspace.NoHold && f.Leased(p, now))) {
		u.UndeliveredAt = now
	}
	return u
}

// inVain is what a message that is lost adds to the ones that are in vain.
func inVain(m chat.Message) int64 {
	if m.InVain() {
		return 1
	}
	return 0
}

// plus is both updates' loss.
func (u MailboxUpdate) plus(v MailboxUpdate) MailboxUpdate {
	v.Lost += u.Lost
	v.LostInVain += u.LostInVain
	v.ForgetLost = v.ForgetLost || u.ForgetLost
	if v.LostWhy == "" {
		v.LostAt, v.LostWhy = u.LostAt, u.LostWhy
	}
	if v.UndeliveredAt.IsZero() {
		v.UndeliveredAt = u.UndeliveredAt
	}
	return v
}

// IDs are the ids of the first messages of open, at most limit.
func IDs(open []OpenMessage, limit int) []string {
	out := make([]string, 0, min(len(open), limit))
	for _, m := range open[:min(len(open), limit)] {
		out = append(out, m.ID)
	}
	return out
}
