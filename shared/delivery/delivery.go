// Package delivery moves chat: it accepts a message, hands it to the agent that
// polls, drains it to the agent that is pushed to, and sweeps what time or a
// crash left. The ledger is the truth about every message; a chat queue carries
// tickets, each the right to deliver one message, whose visibility timeout and
// group lock keep one delivery to a task slot. The ledger says which message is
// next, so priority and order hold whatever order tickets come in.
package delivery

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Entry is an open message as the ledger's index of open mail knows it.
type Entry struct {
	ID         string
	Seq        int64
	Priority   chat.Priority
	AcceptedAt time.Time
	ExpiresAt  time.Time
}

// Host is whom a delivery is for: the agent that registered under an epoch, at a
// URL that Served names. A later register raises the epoch.
type Host struct {
	Epoch  int64
	Served string
}

// HostOf is the present one.
func HostOf(f workspace.Facts) *Host { return &Host{f.Epoch, f.URLFingerprint} }

// Still tells whether the host is the workspace's all the same: nobody registered
// since, or whoever did serves the same URL (Facts.Served outlives a register
// without one).
func (h Host) Still(f workspace.Facts) bool {
	return f.Epoch == h.Epoch || (f.Pushable && h.Served != "" && f.URLFingerprint == h.Served)
}

// Mail is what moves do to the mailbox facts beside the counters, and on what
// condition of them.
type Mail struct {
	// Host, when set, must be the workspace's still.
	Host *Host
	// Unheld says that no operator may have paused or removed the workspace.
	Unheld bool
	// Oldest is when the oldest message still open afterwards was accepted; the
	// zero time says that none is, and is refused (conflict) when one is.
	// Nil leaves it.
	Oldest *time.Time
	// HeldUntil, when set, is noted as the end of the claim; Released says that a
	// delivery has ended.
	HeldUntil time.Time
	Released  bool
	// DeliveredAt, when set, is noted as the last delivery.
	DeliveredAt time.Time
	// PushFailedAt, when set, counts one failed push, with PushError; PushOK ends
	// the count.
	PushFailedAt time.Time
	PushError    string
	PushOK       bool
	// ProbeLostAt, when set, is when a probe ended undelivered.
	ProbeLostAt time.Time
	// Busy notes the agent's own busy answer: this many slots taken, at BusyAt.
	Busy   int
	BusyAt time.Time
}

// Ledger keeps messages. Errors: message_unknown, conflict, message_id_taken,
// platform_unavailable.
type Ledger interface {
	// Accept stores m as the next of its workspace, together with the counters,
	// if seen.Accepted is still the last number given, and with attended, if the
	// delivery that seen had under way still is. The same id again returns the first
	// one and first=false, and stores nothing.
	Accept(ctx context.Context, seen workspace.Facts, m chat.Message, attended bool) (stored chat.Message, first bool, err error)
	// Open lists open mail in delivery order.
	Open(ctx context.Context, id string, limit int) ([]Entry, error)
	// Messages reads messages by id, in the order asked; unknown ones are left out.
	Messages(ctx context.Context, id string, messageIDs ...string) ([]chat.Message, error)
	// Move writes each To if its From's version is still stored, and the
	// counters, in one transaction: all or nothing. At most MaxMoves.
	Move(ctx context.Context, id string, moves []chat.Move, mail Mail) error
	// Errands are the ended messages with something left to do; Move notes them
	// (HasErrand), each end its own, and ErrandDone strikes one off.
	Errands(ctx context.Context, id string) ([]Errand, error)
	ErrandDone(ctx context.Context, id string, e Errand) error
	// Ends counts the ended messages that are still kept, by their state.
	Ends(ctx context.Context, id string) (map[chat.State]int64, error)
	// Correct replaces the mailbox's counters, if they are still those of seen.
	Correct(ctx context.Context, seen, next workspace.Facts) error
}

// Errand names one end of a message: the version that it ended with.
type Errand struct {
	MessageID string
	Version   int64
}

// MaxBytes bounds what one call moves or hands out, in bytes of bodies and
// answers: DynamoDB takes 4 MB in a transaction, and a Lambda answers at most 6 MB.
const MaxBytes = 2 << 20

// MaxMoves is the most moves of one transaction: DynamoDB takes 100 items, and
// each move may leave an errand, beside the lease.
const MaxMoves = 49

// Ticket is the right to deliver one message of a workspace.
type Ticket struct {
	MessageID string `json:"message_id"`
	Seq       int64  `json:"seq"`
	// Dedup is unique to one attempt at the message, so that a repeated send is
	// swallowed by the queue and a retry is not.
	Dedup string `json:"-"`
}

// Held is a received ticket under its visibility timeout.
type Held struct {
	Ticket
	Receipt string
}

// Lane names a workspace's chat queue; a queue that was deleted comes back
// under the next generation.
type Lane struct {
	Workspace  string
	Generation int64
}

// ErrLaneResting is returned when the queue's name can't be used yet (SQS
// refuses a deleted queue's name for 60 seconds).
var ErrLaneResting = fault.New(fault.Conflict, "the chat queue was deleted just now").WithRetryAfter(time.Minute)

// Queues are the chat queues, created when first sent to.
type Queues interface {
	Send(ctx context.Context, l Lane, slots int, tickets []Ticket) error
	// Receive takes one ticket; nil when none is visible.
	Receive(ctx context.Context, l Lane, visibility, wait time.Duration) (*Held, error)
	Delete(ctx context.Context, l Lane, h Held) error
	Release(ctx context.Context, l Lane, h Held) error
	// Bury puts a dead message's ticket on the dead-letter queue.
	Bury(ctx context.Context, l Lane, t Ticket, reason string) error
	// Name is what a lane's queue is called; List names all there are, Remove
	// deletes one.
	Name(l Lane) string
	List(ctx context.Context) ([]string, error)
	Remove(ctx context.Context, name string) error
}

// Result is how a push ended. Exactly one of Answer, Busy and Err speaks.
type Result struct {
	Answer     json.RawMessage
	Busy       bool
	RetryAfter time.Duration
	Err        error
}

// Agents push a message to an agent's URL.
type Agents interface {
	Push(ctx context.Context, url string, m chat.Message) Result
}

// Delivery is the use cases over their ports.
type Delivery struct {
	Registry  *registry.Registry
	Ledger    Ledger
	Logbook   Logbook
	News      News
	Queues    Queues
	Agents    Agents
	Announcer Announcer
	Callbacks Callbacks
	Policy    chat.Policy
	// Now is a clock for what takes time itself, such as a drain.
	Now func() time.Time
	// Jitter gives a number in [0,1).
	Jitter func() float64
}

// Expectation is the honest part of an enqueue's answer.
type Expectation string

// What a sender may expect.
const (
	ExpectNow      Expectation = "now"
	ExpectNextPoll Expectation = "next_poll"
	ExpectWhenIdle Expectation = "when_idle"
	ExpectNobody   Expectation = "nobody_is_listening"
)

// expect fills in what will happen to a message accepted now.
func (d *Delivery) expect(ctx context.Context, a *Accepted, f workspace.Facts, now time.Time) {
	p := d.Registry.Policy
	a.Verdict, a.Mode = d.Registry.Assess(ctx, f, now), workspace.EffectiveMode(f, p, now)
	switch {
	case !a.Verdict.Reachable() || a.Verdict.Reason == workspace.ReasonInboxUnattended:
		a.Expected, a.Why = ExpectNobody, a.Verdict.Hint
	case a.Mode.Effective == workspace.Poll && f.NotPolling(p, now) != "":
		a.Expected = ExpectNobody
		a.Why = "the agent is alive, but " + f.NotPolling(p, now) + ": see that it polls, or register it with a URL so that mail can be pushed"
	case a.Mode.Effective == workspace.Poll:
		a.Expected = ExpectNextPoll
	case f.Busy(p, now) >= f.Slots() || f.InFlight >= int64(f.Slots()):
		a.Expected = ExpectWhenIdle
	default:
		a.Expected = ExpectNow
	}
}

// settle moves messages and works out what is then the oldest open one. open is
// what the caller saw open before.
func (d *Delivery) settle(ctx context.Context, id string, open []Entry, moves []chat.Move, mail Mail) error {
	gone := map[string]bool{}
	ends := false
	for _, m := range moves {
		if !m.To.State.Open() {
			gone[m.To.ID], ends = true, true
		}
	}
	if ends {
		var oldest time.Time
		for _, e := range open {
			if !gone[e.ID] && (oldest.IsZero() || e.AcceptedAt.Before(oldest)) {
				oldest = e.AcceptedAt
			}
		}
		mail.Oldest = &oldest
	}
	return d.Ledger.Move(ctx, id, moves, mail)
}

// Settle makes one change to one open or dead message by hand (cancel, redrive),
// however the mailbox moves meanwhile.
func (d *Delivery) Settle(ctx context.Context, id, messageID string, change func(chat.Message) (chat.Message, error)) (chat.Message, error) {
	for try := range moveTries {
		m, err := d.Message(ctx, id, messageID)
		if err != nil {
			return m, err
		}
		next, err := change(m)
		if err != nil {
			return m, err
		}
		open, err := d.Ledger.Open(ctx, id, 0)
		if err != nil {
			return m, err
		}
		var mail Mail
		if !m.State.Open() { // back among the open ones
			oldest := m.AcceptedAt
			for _, e := range open {
				if e.AcceptedAt.Before(oldest) {
					oldest = e.AcceptedAt
				}
			}
			mail.Oldest = &oldest
		}
		if err = d.settle(ctx, id, open, []chat.Move{{From: m, To: next}}, mail); fault.CodeOf(err) != fault.Conflict || !d.pause(ctx, try+1) {
			return next, err
		}
	}
	return chat.Message{}, fault.Store("settle", fault.New(fault.Conflict, "the message kept changing"))
}

// Message is one message. Error: message_unknown.
func (d *Delivery) Message(ctx context.Context, id, messageID string) (chat.Message, error) {
	ms, err := d.Ledger.Messages(ctx, id, messageID)
	if err != nil {
		return chat.Message{}, err
	}
	if len(ms) == 0 {
		return chat.Message{}, UnknownMessage()
	}
	return ms[0], nil
}

// UnknownMessage is the answer for a message that isn't there, or isn't the
// caller's to see.
func UnknownMessage() error {
	return fault.New(fault.MessageUnknown, "this workspace has no message with this id").
		WithHint("receipts are kept for a week after a message's end, and shown to its sender and its receiver", "stop")
}

// expire ends what has outlived its time; it returns whether anything moved.
func (d *Delivery) expire(ctx context.Context, f workspace.Facts, open []Entry, ms []chat.Message, now time.Time) (bool, error) {
	var moves []chat.Move
	var mail Mail
	size := 0
	for _, m := range ms {
		if !m.Due(now) {
			continue
		}
		if size += m.Size(); len(moves) == MaxMoves || (size > MaxBytes && len(moves) > 0) {
			break
		}
		moves = append(moves, chat.Move{From: m, To: m.Expire(now)})
		if d.lostProbe(f, m, now) {
			mail.ProbeLostAt = now
		}
	}
	if len(moves) == 0 {
		return false, nil
	}
	return true, d.settle(ctx, f.ID, open, moves, mail)
}

func ids(entries []Entry, limit int) []string {
	out := make([]string, 0, min(len(entries), limit))
	for _, e := range entries[:min(len(entries), limit)] {
		out = append(out, e.ID)
	}
	return out
}
