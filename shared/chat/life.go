package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
)

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

// maxAttemptsKept bounds a receipt: busy and unacknowledged attempts have no
// limit of their own. Those that count are kept, or they would never be enough.
const maxAttemptsKept = 20

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
