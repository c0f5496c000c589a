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
	if err := d.acknowledge(ctx, in.Workspace, seq, now); err != nil {
		return Polled{}, err
	}
	if workspace.EffectiveMode(f, d.Registry.Policy, now).Effective != workspace.Poll {
		return Polled{Facts: f}, nil // pushed to: the drain has its mail
	}
	ms, err := d.handOut(ctx, f, seq, in.Limit, now)
	if in.Newest {
		slices.Reverse(ms)
	}
	return Polled{Messages: ms, Facts: f}, err
}

// acknowledge delivers every open message up to seq.
func (d *Delivery) acknowledge(ctx context.Context, id string, seq int64, now time.Time) error {
	for seq > 0 {
		open, err := d.Ledger.Open(ctx, id, 0)
		if err != nil {
			return err
		}
		var acked []string
		for _, e := range open {
			if e.Seq <= seq && len(acked) < MaxMoves {
				acked = append(acked, e.ID)
			}
		}
		if len(acked) == 0 {
			return nil
		}
		ms, err := d.Ledger.Messages(ctx, id, acked...)
		if err != nil {
			return err
		}
		var moves []chat.Move
		for _, m := range ms {
			if m.State.Open() {
				moves = append(moves, chat.Move{From: m, To: m.Deliver("acknowledged by the agent's cursor", nil, now)})
			}
		}
		if err := d.settle(ctx, id, open, moves, Mail{DeliveredAt: now}); err != nil && fault.CodeOf(err) != fault.Conflict {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fault.Store("acknowledge", err)
		}
	}
	return nil
}

// handOut claims open mail after seq, oldest first, and returns it. A message
// that is handed out again is the same row with the same id.
func (d *Delivery) handOut(ctx context.Context, f workspace.Facts, seq int64, limit int, now time.Time) ([]chat.Message, error) {
	limit = min(limit, MaxMoves)
	for range 8 {
		open, err := d.Ledger.Open(ctx, f.ID, 0)
		if err != nil {
			return nil, err
		}
		ms, err := d.Ledger.Messages(ctx, f.ID, ids(bySeq(open, seq), limit)...)
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
		claim := chat.Claim{Token: "poll", Until: now.Add(d.Registry.Policy.DeliveryObjective), Epoch: f.Epoch}
		for _, m := range ms {
			pushing := m.State == chat.InFlight && m.Claim.Token != "poll" && !m.Available(now)
			switch {
			case pushing || !m.State.Open():
				continue // an earlier push still holds it; it comes with a later poll if that fails
			case m.State == chat.InFlight && m.Claim.Token == "poll" && !m.Available(now):
				out = append(out, m) // handed out a moment ago, and asked for again
				continue
			}
			taken := m.Take(chat.ByPoll, claim, d.Policy, now)
			moves = append(moves, chat.Move{From: m, To: taken})
			out = append(out, taken)
		}
		if len(moves) == 0 {
			return out, nil
		}
		switch err := d.Ledger.Move(ctx, f.ID, moves, Mail{}); fault.CodeOf(err) {
		case "":
			return out, nil
		case fault.Conflict:
		default:
			return nil, err
		}
	}
	return nil, fault.Store("hand out", fault.New(fault.Conflict, "the mailbox kept changing"))
}

// bySeq is open mail after seq in the order of acceptance.
func bySeq(open []Entry, seq int64) []Entry {
	out := make([]Entry, 0, len(open))
	for _, e := range open {
		if e.Seq > seq {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}
