package delivery

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Cursor is where an agent is in its mail: the sequence number of a row, and the
// epoch of the host it was handed out to.
type Cursor struct{ Seq, Epoch int64 }

// CursorOf is the cursor of a message's row.
func CursorOf(m chat.Message) Cursor { return Cursor{m.Seq, m.Claim.Epoch} }

// ID is the row's id: the cursor and a tag that ties it to its workspace, so that a
// foreign or invented one is told without a look-up.
func (c Cursor) ID(workspace string) string {
	head := fmt.Sprintf("%d.%d", c.Seq, c.Epoch)
	sum := sha256.Sum256([]byte(workspace + "#" + head))
	return head + "-" + hex.EncodeToString(sum[:6])
}

// ParseCursor is ID's inverse. Error: cursor_gone.
func ParseCursor(workspace, id string) (Cursor, error) {
	var c Cursor
	if _, err := fmt.Sscanf(id, "%d.%d-", &c.Seq, &c.Epoch); err != nil || c.Seq < 1 || c.Epoch < 0 || c.ID(workspace) != id {
		return Cursor{}, cursorGone()
	}
	return c, nil
}

func cursorGone() error {
	return fault.New(fault.CursorGone, "since_id is not a row of this workspace").
		WithHint("drop the cursor and poll without it", "drop_cursor")
}

// Poll is one inbox poll.
type Poll struct {
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
}

// Fetch authenticates, renews the lease, takes the cursor for the
// acknowledgement of everything up to it, and hands out what is open after it.
// An empty poll is one call. Errors: those of Registry.Signal, cursor_gone,
// epoch_superseded.
func (d *Delivery) Fetch(ctx context.Context, in Poll, now time.Time) (Polled, error) {
	cursor, cursorErr := Cursor{}, error(nil)
	if in.Cursor != "" {
		cursor, cursorErr = ParseCursor(in.Workspace, in.Cursor)
	}
	// The poll proves life even when its cursor is gone; only then is it told so.
	f, err := d.Registry.Signal(ctx, in.Workspace, in.Credential, workspace.Signal{Kind: workspace.SignalPoll, From: in.From}, now)
	if err != nil {
		return Polled{}, err
	}
	switch {
	case in.Epoch > 0 && in.Epoch < f.Epoch:
		return Polled{}, fault.New(fault.EpochSuperseded, "another host of this workspace has registered since").
			WithHint("this one's mail goes to that one now: stop, or register again to take over", "register")
	case cursorErr != nil:
		return Polled{}, cursorErr
	case cursor.Seq > f.Accepted || cursor.Epoch > f.Epoch:
		return Polled{}, cursorGone()
	case f.Open == 0:
		return Polled{Facts: f}, nil
	}
	ms, err := d.handOut(ctx, f, cursor, in.Limit, now)
	if in.Newest {
		slices.Reverse(ms)
	}
	return Polled{Messages: ms, Facts: f}, err
}

// pollClaim marks a message that was handed out to a poll.
const pollClaim = "poll"

// acknowledged tells whether the returning cursor proves that the agent got m. The
// cursor of m's own row does. A later one does, if m was handed out before it: not
// when the agent sent the same cursor to the poll that handed m out (then that
// reply was lost), and not when m was never handed out at all, as a message that
// comes back late, after a failed push or a redrive. The cursor of a former host
// proves nothing of what a newer one was handed.
func acknowledged(m chat.Message, c Cursor) bool {
	return m.State == chat.InFlight && m.Claim.Token == pollClaim && c.Epoch >= m.Claim.Epoch && (m.Seq == c.Seq || (m.Seq < c.Seq && m.Claim.After != c.Seq))
}

// handOut ends what the cursor acknowledges, claims what else is open, in one
// transaction, and returns the latter, oldest first. A message that is handed
// out again to the same host is the same row with the same id. To an agent that is
// pushed to it hands out nothing: the drain has its mail; nor to one on hold.
func (d *Delivery) handOut(ctx context.Context, f workspace.Facts, cursor Cursor, limit int, now time.Time) ([]chat.Message, error) {
	claim := chat.Claim{Token: pollClaim, Until: now.Add(d.Registry.Policy.DeliveryObjective), Epoch: f.Epoch, After: cursor.Seq}
	for range 8 {
		polls := workspace.EffectiveMode(f, d.Registry.Policy, now).Effective == workspace.Poll && f.Hold == workspace.NoHold
		open, err := d.Ledger.Open(ctx, f.ID, 0)
		if err != nil {
			return nil, err
		}
		ms, err := d.Ledger.Messages(ctx, f.ID, ids(bySeq(open), MaxMoves)...)
		if err != nil {
			return nil, err
		}
		// What the cursor acknowledges has arrived, however late it says so.
		late := slices.DeleteFunc(slices.Clone(ms), func(m chat.Message) bool { return acknowledged(m, cursor) })
		if moved, err := d.expire(ctx, f, open, late, now); err != nil && fault.CodeOf(err) != fault.Conflict {
			return nil, err
		} else if moved {
			continue
		}
		var out []chat.Message
		var moves []chat.Move
		var mail Mail
		size, more := 0, len(open) > len(ms)
		for _, m := range ms {
			if size += m.Size(); size > MaxBytes && len(moves)+len(out) > 0 {
				more = true
				break
			}
			switch {
			case acknowledged(m, cursor):
				moves = append(moves, chat.Move{From: m, To: m.Deliver("acknowledged by the agent's cursor", nil, now)})
				mail.DeliveredAt = now
			case m.Probe && polls && m.Available(now):
				// A client would show its agent an empty message: the poll itself is the
				// proof that the agent asks for its mail.
				moves = append(moves, chat.Move{From: m, To: m.Take(chat.ByPoll, claim, d.Policy, now).Deliver("the agent polled for its mail", nil, now)})
				mail.DeliveredAt = now
			case !polls || !m.State.Open() || len(out) >= limit:
			case m.State == chat.InFlight && !m.Available(now) && m.Claim.Token != pollClaim:
				polls = false // an earlier push still holds it; what is behind it waits, for order
			case m.State == chat.InFlight && !m.Available(now) && m.Claim.Epoch == f.Epoch:
				out = append(out, m) // handed out a moment ago, and asked for again
			default:
				taken := m.Take(chat.ByPoll, claim, d.Policy, now)
				moves = append(moves, chat.Move{From: m, To: taken})
				out = append(out, taken)
			}
		}
		if len(moves) == 0 {
			return out, nil
		}
		acks := !mail.DeliveredAt.IsZero()
		switch err := d.settle(ctx, f.ID, open, moves, mail); fault.CodeOf(err) {
		case "":
			if slices.ContainsFunc(moves, HasErrand) {
				_ = d.Registry.Wakeups.Send(ctx, f.ID, "errand", 0) // else the sweeper rings
			}
			if len(out) == 0 && acks && more {
				continue // a window of nothing but acknowledged mail: look behind it
			}
			return out, nil
		case fault.Conflict:
		default:
			return nil, err
		}
	}
	return nil, fault.Store("hand out", fault.New(fault.Conflict, "the mailbox kept changing"))
}

// bySeq is open mail in the order of acceptance.
func bySeq(open []Entry) []Entry {
	return slices.SortedFunc(slices.Values(open), func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
}
