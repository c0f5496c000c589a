// Package chat is the life of a message. It is pure: every change of state is a
// function from a message, the time and what happened to the next message.
// Stores compare-and-swap on Message.Version and move the mailbox's counters in
// the same transaction, by the Delta of the two.
package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
)

// State is where a message is in its life.
type State string

// The states. Each message ends in exactly one of the last four.
const (
	Queued    State = "queued"
	InFlight  State = "in_flight"
	Delivered State = "delivered"
	Expired   State = "expired"
	Cancelled State = "cancelled"
	Dead      State = "dead"
)

// Open tells the states that are not an end.
func (s State) Open() bool { return s == Queued || s == InFlight }

// Known tells a state from another text.
func (s State) Known() bool {
	return s.Open() || s == Delivered || s == Expired || s == Cancelled || s == Dead
}

// Priority orders mail of one workspace; higher first.
type Priority int

// The priorities of the wire contract.
const (
	Critical Priority = 100
	Task     Priority = 50
	Info     Priority = 10
)

// Via is the path a message took to its agent.
type Via string

// The paths.
const (
	ByPush Via = "push"
	ByPoll Via = "poll"
)

// Outcome is how one attempt ended.
type Outcome string

// The outcomes. Only a failed or a lost attempt counts towards the limit.
const (
	Pending   Outcome = "pending"
	Succeeded Outcome = "delivered"
	AgentBusy Outcome = "busy"
	Failed    Outcome = "failed"
	Lost      Outcome = "lost" // its deliverer never reported back
	// Superseded is a delivery to a host in whose place another registered meanwhile.
	Superseded Outcome = "superseded"
)

// counts tells whether the attempt counts towards the limit.
func (a Attempt) counts() bool { return a.Outcome == Failed || a.Outcome == Lost }

// Attempt is one try at delivery.
type Attempt struct {
	At      time.Time `json:"at"`
	Via     Via       `json:"via"`
	Outcome Outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"`
}

// Claim is the visibility lease of a message in flight: until it ends, nobody
// else may deliver; after it, time alone makes the message available again.
type Claim struct {
	Token string
	Until time.Time
	Epoch int64
	After int64 // of a poll: the sequence number of the cursor it came with
}

// Message is one message and its receipt.
type Message struct {
	ID         string
	Workspace  string
	Seq        int64  // order of acceptance in its workspace, from 1, without gaps
	Source     string // the sending workspace; "" is the user
	Method     string
	Priority   Priority
	Body       json.RawMessage
	State      State
	Reason     string
	AcceptedAt time.Time
	ExpiresAt  time.Time
	NotBefore  time.Time // end of the backoff
	SettledAt  time.Time
	Attempts   []Attempt
	Claim      Claim
	Answer     json.RawMessage
	Callback   string // URL to be told of its end; "" for none
	Probe      bool   // it says nothing: its receipt tells whether mail reaches the agent
	Version    int64
}

// Policy is every number the life of a message rests on.
type Policy struct {
	MaxAttempts int
	// VisibilityTimeout is how long a delivery may take before it is taken for lost.
	VisibilityTimeout time.Duration
	// BackoffBase doubles with each failed attempt up to BackoffMax; up to a
	// half is taken off at random, so that failures don't come back in step.
	BackoffBase, BackoffMax time.Duration
	// BusyRetry is how long to leave a busy agent that didn't say.
	BusyRetry time.Duration
	// Lifetime is how long a message may wait when its sender didn't say.
	Lifetime time.Duration
	// MaxOpen bounds one workspace's backlog.
	MaxOpen int64
	// MaxBody is the largest body in bytes: a DynamoDB item holds 400 KB, and
	// the agent's answer has to fit beside it.
	MaxBody int
	// Retention is how long a receipt is kept after its end.
	Retention time.Duration
}

// DefaultPolicy is what a deployment runs with.
func DefaultPolicy() Policy {
	return Policy{
		MaxAttempts:       5,
		VisibilityTimeout: 150 * time.Second,
		BackoffBase:       2 * time.Second,
		BackoffMax:        5 * time.Minute,
		BusyRetry:         15 * time.Second,
		Lifetime:          24 * time.Hour,
		MaxOpen:           1000,
		MaxBody:           256 << 10,
		Retention:         7 * 24 * time.Hour,
	}
}

// MaxAnswer is how much of an agent's answer a receipt keeps, in bytes.
const MaxAnswer = 64 << 10

// maxSkew is how far the clocks of two deliverers may differ.
const maxSkew = time.Minute

// Available tells whether it may be delivered now. A backoff or a claim made at
// a time that lies in the future comes of a clock that was wrong: it holds
// nothing, or a clock that jumped ahead for a moment would hold mail back for as
// long as it jumped.
func (m Message) Available(now time.Time) bool {
	if n := len(m.Attempts); n > 0 && m.Attempts[n-1].At.After(now.Add(maxSkew)) {
		return m.State.Open()
	}
	switch m.State {
	case Queued:
		return !now.Before(m.NotBefore)
	case InFlight:
		return !now.Before(m.Claim.Until)
	}
	return false
}

// IdleSince is the last time at which anything was to happen to it; times in the
// future are a wrong clock's, and say nothing.
func (m Message) IdleSince(now time.Time) time.Time {
	since := m.AcceptedAt
	times := []time.Time{m.NotBefore, m.Claim.Until}
	if n := len(m.Attempts); n > 0 {
		times = append(times, m.Attempts[n-1].At)
	}
	for _, t := range times {
		if t.After(since) && !t.After(now) {
			since = t
		}
	}
	return since
}

// Due tells whether its time to live has run out. A message in flight under a
// live claim is not taken from its deliverer.
func (m Message) Due(now time.Time) bool {
	return m.State.Open() && !now.Before(m.ExpiresAt) && (m.State == Queued || m.Available(now))
}

// attemptsUsed counts the attempts that count.
func (m Message) attemptsUsed() int {
	n := 0
	for _, a := range m.Attempts {
		if a.counts() {
			n++
		}
	}
	return n
}

// Tried tells whether any attempt at it failed.
func (m Message) Tried() bool { return m.attemptsUsed() > 0 }

func (m Message) clone() Message {
	m.Attempts = append([]Attempt(nil), m.Attempts...)
	m.Version++
	return m
}

// closeAttempt ends a pending attempt.
func (m *Message) closeAttempt(o Outcome, err string) {
	if n := len(m.Attempts); n > 0 && m.Attempts[n-1].Outcome == Pending {
		m.Attempts[n-1].Outcome, m.Attempts[n-1].Error = o, err
	}
}

func (m *Message) end(s State, now time.Time, reason string) {
	m.State, m.Reason, m.SettledAt, m.Claim, m.NotBefore = s, reason, now, Claim{}, time.Time{}
}

// Take claims an available message for one delivery. If the deliverer before
// never reported back, that attempt is lost and counts; when it was the last
// one allowed, the message is dead instead.
func (m Message) Take(via Via, claim Claim, p Policy, now time.Time) Message {
	m = m.clone()
	if n := len(m.Attempts); n > 0 && m.Attempts[n-1].Via == ByPoll {
		m.closeAttempt(AgentBusy, "handed out to a poll, and not acknowledged")
	}
	if via == ByPush {
		m.closeAttempt(Lost, "the deliverer did not report back before its visibility timeout")
		if m.attemptsUsed() >= p.MaxAttempts {
			m.end(Dead, now, "every attempt was used up; the last deliverer did not report back")
			return m
		}
	} else {
		m.closeAttempt(Lost, "the deliverer did not report back before its visibility timeout")
	}
	m.State, m.Claim, m.NotBefore = InFlight, claim, time.Time{}
	m.Reason = "being delivered by " + string(via)
	m.Attempts = append(m.Attempts, Attempt{At: now, Via: via, Outcome: Pending})
	if len(m.Attempts) > maxAttemptsKept {
		if i := slices.IndexFunc(m.Attempts, func(a Attempt) bool { return !a.counts() }); i >= 0 {
			m.Attempts = slices.Delete(m.Attempts, i, i+1)
		}
	}
	return m
}

// maxAttemptsKept bounds a receipt: busy and unacknowledged attempts have no
// limit of their own. Those that count are kept, or they would never be enough.
const maxAttemptsKept = 20

// Size is how many bytes of it its sender and its agent wrote.
func (m Message) Size() int { return len(m.Body) + len(m.Answer) }

// Deliver ends it well. answer may be nil.
func (m Message) Deliver(reason string, answer json.RawMessage, now time.Time) Message {
	m = m.clone()
	m.closeAttempt(Succeeded, "")
	if len(answer) > MaxAnswer {
		answer = json.RawMessage(fmt.Sprintf(`{"truncated":true,"bytes":%d}`, len(answer)))
	}
	m.Answer = answer
	m.end(Delivered, now, reason)
	return m
}

// Fail notes a failed attempt: back to the queue with a backoff, or dead. jitter
// is in [0,1).
func (m Message) Fail(cause string, p Policy, jitter float64, now time.Time) Message {
	m = m.clone()
	m.closeAttempt(Failed, cause)
	n := m.attemptsUsed()
	if n >= p.MaxAttempts {
		m.end(Dead, now, fmt.Sprintf("all %d attempts failed; the last: %s", n, cause))
		return m
	}
	wait := min(p.BackoffBase<<(n-1), p.BackoffMax)
	wait -= time.Duration(jitter * float64(wait) / 2)
	m.State, m.Claim, m.NotBefore = Queued, Claim{}, now.Add(wait)
	m.Reason = fmt.Sprintf("attempt %d of %d failed: %s", n, p.MaxAttempts, cause)
	return m
}

// Defer puts it back because the agent itself said that it is busy. It uses up
// no attempt.
func (m Message) Defer(after time.Duration, p Policy, now time.Time) Message {
	if after <= 0 {
		after = p.BusyRetry
	}
	m = m.clone()
	m.closeAttempt(AgentBusy, "")
	m.State, m.Claim, m.NotBefore = Queued, Claim{}, now.Add(min(after, p.BackoffMax))
	m.Reason = "the agent answered that it is busy"
	return m
}

// Recall puts it back because another host has registered in the place of the one
// it was delivered to: what a late host says of it settles nothing. It uses up no
// attempt.
func (m Message) Recall() Message {
	m = m.clone()
	m.closeAttempt(Superseded, "another host registered while it was being delivered")
	m.State, m.Claim, m.NotBefore = Queued, Claim{}, time.Time{}
	m.Reason = "its delivery was superseded: another host has registered"
	return m
}

// Expire ends it because its time ran out.
func (m Message) Expire(now time.Time) Message {
	m = m.clone()
	m.closeAttempt(Lost, "")
	m.end(Expired, now, "not delivered before "+m.ExpiresAt.UTC().Format(time.RFC3339))
	return m
}

// Cancel ends it because someone said so. Error: message_already_terminal.
func (m Message) Cancel(by string, now time.Time) (Message, error) {
	if !m.State.Open() {
		return m, fault.New(fault.MessageAlreadyTerminal, "this message is already %s", m.State)
	}
	m = m.clone()
	m.closeAttempt(Lost, "cancelled meanwhile")
	m.end(Cancelled, now, "cancelled by "+by)
	return m, nil
}

// Redrive puts a dead message back, with its id and place, for another full
// round of attempts. Error: message_not_dead.
func (m Message) Redrive(p Policy, now time.Time) (Message, error) {
	if m.State != Dead {
		return m, fault.New(fault.MessageNotDead, "only a dead message can be redriven; this one is %s", m.State)
	}
	m = m.clone()
	m.Attempts = nil
	m.State, m.SettledAt, m.Reason = Queued, time.Time{}, "redriven by an operator"
	m.NotBefore = now // it waits from now on, not since it was accepted
	if !m.ExpiresAt.After(now) {
		m.ExpiresAt = now.Add(p.Lifetime)
	}
	return m, nil
}

// Move is one change of one message.
type Move struct{ From, To Message }

// Delta is what a set of moves does to a mailbox's counters.
type Delta struct {
	Open, InFlight, Delivered, Expired, Cancelled, Dead int64
}

// DeltaOf sums the moves. It keeps accepted = open + delivered + expired +
// cancelled + dead, whatever the moves are.
func DeltaOf(moves []Move) Delta {
	var d Delta
	count := func(s State, by int64) {
		if s.Open() {
			d.Open += by
		}
		switch s {
		case InFlight:
			d.InFlight += by
		case Delivered:
			d.Delivered += by
		case Expired:
			d.Expired += by
		case Cancelled:
			d.Cancelled += by
		case Dead:
			d.Dead += by
		}
	}
	for _, m := range moves {
		count(m.From.State, -1)
		count(m.To.State, +1)
	}
	return d
}

// Next picks what one free task slot should deliver now. open is in delivery
// order (priority, then acceptance); slots is how many may be in flight at a
// time. When there is nothing to deliver yet, retryAt says when there will be
// (zero: nothing waits on time). A message in backoff holds back those behind
// it: order is a promise.
func Next(open []Message, slots int, now time.Time) (next *Message, retryAt time.Time) {
	inFlight := 0
	for i := range open {
		m := &open[i]
		switch {
		case m.Available(now):
			if inFlight < slots {
				return m, time.Time{}
			}
			return nil, retryAt
		case m.State == InFlight:
			inFlight++
			if retryAt.IsZero() || m.Claim.Until.Before(retryAt) {
				retryAt = m.Claim.Until
			}
		default:
			return nil, m.NotBefore
		}
	}
	return nil, retryAt
}
