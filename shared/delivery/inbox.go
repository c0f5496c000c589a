package delivery

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Cursor is a row's id: its sequence number and a tag that ties it to its
// workspace, so that a foreign or invented cursor is told without a look-up.
func Cursor(id string, seq int64) string {
	sum := sha256.Sum256([]byte(id + "#" + strconv.FormatInt(seq, 10)))
	return fmt.Sprintf("%d-%s", seq, hex.EncodeToString(sum[:6]))
}

// ParseCursor is Cursor's inverse. Error: cursor_gone.
func ParseCursor(id, cursor string) (int64, error) {
	head, _, _ := strings.Cut(cursor, "-")
	seq, err := strconv.ParseInt(head, 10, 64)
	if err != nil || seq < 1 || Cursor(id, seq) != cursor {
		return 0, cursorGone()
	}
	return seq, nil
}

func cursorGone() error {
	return fault.New(fault.InvalidCursor, "since_id is not a row of this workspace").
		WithHint("drop the cursor and poll without it", "drop_cursor")
}

// Poll is one inbox poll.
type Poll struct {
	Workspace  string
	Credential string
	From       string
	Cursor     string // "" without one
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
// An empty poll is one call. Errors: those of Registry.Signal, cursor_gone.
func (d *Delivery) Fetch(ctx context.Context, in Poll, now time.Time) (Polled, error) {
	seq, cursorErr := int64(0), error(nil)
	if in.Cursor != "" {
		seq, cursorErr = ParseCursor(in.Workspace, in.Cursor)
	}
	// The poll proves life even when its cursor is gone; only then is it told so.
	f, err := d.Registry.Signal(ctx, in.Workspace, in.Credential, workspace.Signal{Kind: workspace.PollFor, From: in.From}, now)
	if err != nil {
		return Polled{}, err
	}
	if cursorErr != nil {
		return Polled{}, cursorErr
	}
	if seq > f.Accepted {
		return Polled{}, cursorGone()
	}
	if f.Open == 0 {
		return Polled{Facts: f}, nil
	}
	ms, err := d.handOut(ctx, f, seq, in.Limit, now)
	if in.Newest {
		slices.Reverse(ms)
	}
	return Polled{Messages: ms, Facts: f}, err
}

// pollClaim marks a message that was handed out to a poll.
const pollClaim = "poll"

// acknowledged tells whether the returning cursor seq proves that the agent got
// m. The cursor of m's own row does. A later one does, if m was handed out
// before it: not when the agent sent the same cursor to the poll that handed m
// out (then that reply was lost), and not when m was never handed out at all,
// as a message that comes back late, after a failed push or a redrive.
func acknowledged(m chat.Message, seq int64) bool {
	return m.State == chat.InFlight && m.Claim.Token == pollClaim && (m.Seq == seq || (m.Seq < seq && m.Claim.After != seq))
}

// handOut ends what the cursor acknowledges, claims what else is open, in one
// transaction, and returns the latter, oldest first. A message that is handed
// out again is the same row with the same id. To an agent that is pushed to it
// hands out nothing: the drain has its mail.
func (d *Delivery) handOut(ctx context.Context, f workspace.Facts, seq int64, limit int, now time.Time) ([]chat.Message, error) {
	polls := workspace.EffectiveMode(f, d.Registry.Policy, now).Effective == workspace.Poll
	claim := chat.Claim{Token: pollClaim, Until: now.Add(d.Registry.Policy.DeliveryObjective), Epoch: f.Epoch, After: seq}
	for range 8 {
		open, err := d.Ledger.Open(ctx, f.ID, 0)
		if err != nil {
			return nil, err
		}
		ms, err := d.Ledger.Messages(ctx, f.ID, ids(bySeq(open), MaxMoves)...)
		if err != nil {
			return nil, err
		}
		if moved, err := d.expire(ctx, f.ID, open, ms, now); err != nil && fault.CodeOf(err) != fault.Conflict {
			return nil, err
		} else if moved {
			continue
		}
		var out []chat.Message
		var moves []chat.Move
		var mail Mail
		for _, m := range ms {
			switch {
			case acknowledged(m, seq):
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
			case m.State == chat.InFlight && !m.Available(now):
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
				_ = d.Registry.Bell.Ring(ctx, f.ID, "errand", 0) // else the sweeper rings
			}
			if len(out) == 0 && acks && len(open) > len(ms) {
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
