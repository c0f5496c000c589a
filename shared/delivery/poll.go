package delivery

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// PollRequest is one poll of an agent for its mail.
type PollRequest struct {
	Workspace  string
	Credential string
	From       string
	Cursor     string // "" without one
	Epoch      int64  // the caller's, as its register was answered; 0: it doesn't say
	Limit      int
	Newest     bool // newest first
}

// Polled is its answer.
type Polled struct {
	Messages []chat.Message
	Facts    workspace.Facts
	Fresh    bool // some of the messages were not handed out to this host before
}

// Poll authenticates, renews the lease, takes the cursor for the acknowledgement
// of everything up to it, and hands out what is open after it. An empty poll is
// one call. Errors: those of Registry.Signal, cursor_gone, epoch_superseded, epoch_unknown.
func (d *Delivery) Poll(ctx context.Context, in PollRequest, now time.Time) (Polled, error) {
	// The poll proves life even when its cursor is gone; only then is it told so.
	signal := workspace.Signal{Kind: workspace.SignalPoll, From: in.From, Epoch: in.Epoch}
	f, err := d.Registry.Signal(ctx, in.Workspace, in.Credential, signal, now)
	if err != nil {
		return Polled{}, err
	}
	d.Registry.NoteEpoch(ctx, f, workspace.SignalPoll, in.Epoch, now)
	cursor, cursorErr := Cursor{}, error(nil)
	if in.Cursor != "" {
		cursor, cursorErr = ParseCursor(f.Life(), in.Cursor)
	}
	switch {
	case f.Superseded(in.Epoch):
		return Polled{}, supersededError()
	case in.Epoch > f.Epoch:
		return Polled{}, epochUnknown(in.Epoch, f)
	case cursorErr != nil:
		return Polled{}, cursorErr
	case cursor.Seq > f.Accepted || cursor.Epoch > f.Epoch:
		return Polled{}, cursorGone()
	case f.Open == 0:
		return Polled{Facts: f}, nil
	}
	ms, fresh, err := d.handOut(ctx, f, cursor, in.Limit, now)
	if in.Newest {
		slices.Reverse(ms)
	}
	return Polled{Messages: ms, Facts: f, Fresh: fresh}, err
}

func supersededError() error {
	return fault.New(fault.EpochSuperseded, "another host of this workspace has registered since, or an operator "+
		"has reset its credentials").
		WithHint("the mail goes to who registered last: end this host. One that is started anew registers, and is then "+
			"the one that gets the mail", fault.ActionStop)
}

// epochUnknown refuses an epoch that no register was answered with. It is one of another deployment, or of a store that
// was restored from a backup since: nobody's place is taken by registering again.
func epochUnknown(epoch int64, f workspace.Facts) error {
	return fault.New(fault.EpochUnknown, "epoch is %d, and no register was answered with that: the newest is %d", epoch,
		f.Epoch).WithHint("register, and send the epoch of the answer", fault.ActionRegister)
}

// handOutTries bounds how often a poll is worked out anew while its mailbox
// moves; handOutWindows is how many windows of acknowledged mail it looks
// behind.
const (
	handOutTries   = 8
	handOutWindows = 8
)

// handOut ends what the cursor acknowledges, claims what else is open, in one
// transaction, and returns the latter, oldest first. A message that is handed out
// again to the same host is the same row with the same id. An agent that is
// pushed to is handed nothing, as the drain has its mail; nor is one on hold.
func (d *Delivery) handOut(
	ctx context.Context, f workspace.Facts, cursor Cursor, limit int, now time.Time,
) (out []chat.Message, fresh bool, err error) {
	for range handOutWindows {
		var p pollPlan
		err := retry.OnConflict(ctx, d.Clock, handOutTries, func() (err error) {
			p, err = d.handOutWindow(ctx, f, cursor, limit, now)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		if len(p.out) > 0 || !p.acknowledges() || !p.more {
			out, err = d.withBodies(ctx, p.out) // after the write, so that each is read once
			return out, !p.update.FetchedAt.IsZero(), err
		}
		// A window of nothing but acknowledged mail: look behind it.
	}
	return nil, true, nil // there is more behind
}

// handOutWindow works out and writes one window of a poll. Error: conflict when
// the mailbox moved meanwhile.
func (d *Delivery) handOutWindow(
	ctx context.Context, f workspace.Facts, cursor Cursor, limit int, now time.Time,
) (pollPlan, error) {
	open, ms, err := d.pollable(ctx, f, cursor, now)
	if err != nil {
		return pollPlan{}, err
	}
	p := d.planPoll(f, ms, cursor, limit, now)
	p.update.Unacknowledged = nameOf(f, open, ms, p.moves)
	if handed := !f.HandedAt.Before(f.RegisteredAt) && !f.HandedAt.Before(f.DeliveredAt); len(p.out) > 0 &&
		(!handed || p.acknowledges()) {
		p.update.HandedAt = now
	}
	p.more = p.more || len(open) > len(ms)
	if len(p.moves) == 0 && p.update.Unacknowledged == nil {
		return p, nil
	}
	if err := d.write(ctx, f, open, p.moves, p.update); err != nil {
		return p, err
	}
	d.wakeOutbox(ctx, f.ID, len(outboxOf(p.moves)) > 0)
	return p, nil
}

// pollable ends the messages whose lifetime is over, and reads the first of the
// others in the order of acceptance.
func (d *Delivery) pollable(
	ctx context.Context, f workspace.Facts, cursor Cursor, now time.Time,
) ([]OpenMessage, []chat.Message, error) {
	for range handOutWindows {
		open, err := d.Ledger.OpenMail(ctx, f.Life(), 0)
		if err != nil {
			return nil, nil, err
		}
		ms, err := d.Ledger.Messages(ctx, f.Life(), IDs(bySeq(open), MaxMoves)...)
		if err != nil {
			return nil, nil, err
		}
		// What the cursor acknowledges has arrived, however late it says so.
		var late []chat.Message
		for _, m := range ms {
			if m.Due(now) && !cursor.proves(m) {
				late = append(late, m)
			}
		}
		moved, err := d.expire(ctx, f, open, late, now)
		if err != nil || !moved {
			return open, ms, err
		}
	}
	return nil, nil, fault.New(fault.Conflict, "the mailbox kept changing")
}

// pollPlan is what a poll does to one window of a mailbox.
type pollPlan struct {
	out    []chat.Message // handed out, oldest first
	moves  []chat.Move
	update MailboxUpdate
	more   bool // there is mail behind the window
}

func (p pollPlan) acknowledges() bool { return !p.update.DeliveredAt.IsZero() }

// planPoll decides what becomes of each message of a window.
func (d *Delivery) planPoll(f workspace.Facts, ms []chat.Message, c Cursor, limit int, now time.Time) (p pollPlan) {
	policy := d.Registry.Policy
	claim := chat.Claim{Token: chat.PageClaim, Until: now.Add(policy.DeliveryObjective), Epoch: f.Epoch}
	if c.Epoch == f.Epoch { // another one that comes back is not this one
		claim.After = c.Seq
	}
	polls := f.Mode(policy, now) == workspace.Poll && f.Hold == workspace.NoHold
	out := d.handingOut(f, now)
	out.AtWork = slices.ContainsFunc(ms, func(m chat.Message) bool {
		return m.State.Open() && c.saysOf(m, f, now) == atWork
	})
	turns := out.Turns(unacknowledged(ms, c, f, now), presentHost(f), now)
	var l load
	var reply chat.Rows
	for _, m := range ms {
		if l.exceeded(m) && len(p.moves)+len(p.out) > 0 {
			p.more = true
			return p
		}
		said, turn := c.saysOf(m, f, now), turns[m.ID]
		if said == nothing && turn <= chat.Alone {
			if reply.Add(m) && len(p.out) > 0 {
				p.more = true
				return p
			}
		}
		claimed := m.State == chat.InFlight && !m.Available(presentHost(f), now)
		switch {
		case said == atWork: // the host has it, and has not acknowledged it yet
		case said == done:
			p.deliver(m, m.Deliver("acknowledged by the agent's cursor", nil, "", now), now)
			if f.AcksEpoch > 0 {
				p.update.AcksEpoch = new(int64) // who acknowledges by cursors does not by numbers
			}
		case m.Probe && polls && m.Available(presentHost(f), now):
			// A client would show its agent an empty message: the poll itself is the
			// proof that the agent asks for its mail.
			taken := m.Take(chat.ByPoll, claim, d.Policy, f.PassedAt, now)
			p.deliver(m, taken.Deliver("the agent polled for its mail", nil, "", now), now)
		case !polls || !m.State.Open() || turn == chat.NextTime:
		case turn == chat.TakeBack:
			p.moves = append(p.moves, chat.Move{From: m, To: m.TakeBack()})
		case turn == chat.PutAside:
			p.moves = append(p.moves, chat.Move{From: m, To: m.PutAside(out, presentHost(f), now)})
		case len(p.out) >= limit:
		case claimed && !m.Fetched() && !pushedBefore(m, f):
			polls = false // an earlier push still holds it; what is behind it waits, for order
		case claimed && m.Claim.Epoch == f.Epoch && (turn != chat.Alone || m.OutAlone()):
			p.out = append(p.out, m) // handed out a moment ago, and asked for again
		default:
			by := claim
			if turn == chat.Alone {
				by.Token = chat.AloneClaim
			}
			taken := m.Take(chat.ByPoll, by, d.Policy, f.PassedAt, now)
			p.moves = append(p.moves, chat.Move{From: m, To: taken})
			p.out = append(p.out, taken)
			p.update.FetchedAt = now
			// A push that it is taken from has ended, or is that of an old host.
			p.update.ClaimReleased = p.update.ClaimReleased || (claimed && !m.Fetched())
		}
	}
	return p
}

// handingOut is how the mail of a workspace is handed out to polls now.
func (d *Delivery) handingOut(f workspace.Facts, now time.Time) chat.HandingOut {
	p := d.Registry.Policy
	return chat.HandingOut{
		Objective: p.DeliveryObjective, AsideFor: d.Policy.AsideFor, Busy: f.AtWork(p, now),
	}
}

// unacknowledged is what waits for its acknowledgement of a window of mail, as a poll with this cursor says.
func unacknowledged(ms []chat.Message, c Cursor, f workspace.Facts, now time.Time) []chat.Message {
	var out []chat.Message
	for _, m := range ms {
		if m.State.Open() && !m.Probe && c.saysOf(m, f, now) == nothing {
			out = append(out, m)
		}
	}
	return out
}

// nameOf is what a poll notes of the message that polls are handed again and again: nil where that stays as it is. open
// and ms are the open mail and a window of it before the moves. The first one that was put aside, or that is out alone,
// is named for as long as it is open.
func nameOf(f workspace.Facts, open []OpenMessage, ms []chat.Message, moves []chat.Move) *string {
	named, has := f.Unacknowledged()
	stays := has && slices.ContainsFunc(open, func(o OpenMessage) bool { return named.Names(o.ID) })
	name := ""
	for _, m := range ms {
		if i := slices.IndexFunc(moves, func(move chat.Move) bool { return move.To.ID == m.ID }); i >= 0 {
			m = moves[i].To
		}
		times, since := m.Handed()
		switch again, its := m.LeftAside() || m.OutAlone(), has && named.Names(m.ID); {
		case its && again && times == named.Times:
			return nil
		case its && again:
			told := workspace.NoteUnacknowledged(m.ID, times, since)
			return &told
		case its:
			stays = false
		case again && name == "":
			name = workspace.NoteUnacknowledged(m.ID, times, since)
		}
	}
	if stays || !has && name == "" {
		return nil
	}
	return &name
}

// pushedBefore reports whether a message is pushed to a host before the present one, which
// is declared to poll, or has no URL: that push holds nothing of what this one fetches.
func pushedBefore(m chat.Message, f workspace.Facts) bool {
	return m.Claim.Epoch < f.Epoch && (f.Declared == workspace.Poll || !f.Pushable)
}

func (p *pollPlan) deliver(m, delivered chat.Message, now time.Time) {
	p.moves = append(p.moves, chat.Move{From: m, To: delivered})
	p.update.DeliveredAt = now
}

// bySeq is open mail in the order of acceptance.
func bySeq(open []OpenMessage) []OpenMessage {
	sorted := slices.Clone(open)
	slices.SortFunc(sorted, func(a, b OpenMessage) int { return cmp.Compare(a.Seq, b.Seq) })
	return sorted
}
