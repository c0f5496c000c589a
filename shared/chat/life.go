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

// Available reports whether the message may be delivered now. Backoffs and claims dated more than maxSkew ahead are
// ignored: a deliverer whose clock jumped must not hold mail back until real time catches up.
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

// IdleSince is the latest past time at which something happened to the message or was due to. Times in the future come
// from a clock that was wrong, and are ignored.
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

// Due reports whether the message should expire: its lifetime is over, and no live claim holds it. A message
// is not taken away from its deliverer.
func (m Message) Due(now time.Time) bool {
	return m.State.Open() && !now.Before(m.ExpiresAt) && (m.State == Queued || m.Available(now))
}

// attemptsUsed is how many attempts count towards the limit.
func (m Message) attemptsUsed() int {
	n := 0
	for _, a := range m.Attempts {
		if a.counts() {
			n++
		}
	}
	return n
}

// Tried reports whether an attempt at the message failed or was lost.
func (m Message) Tried() bool { return m.attemptsUsed() > 0 }

// maxAttemptsKept bounds a receipt, because busy and unacknowledged attempts have no limit of their own. The attempts
// that count are kept, or their number would never reach the limit.
const maxAttemptsKept = 20

// Take claims an available message for one delivery. If the deliverer before never reported back, its attempt is lost
// and counts. If that was the last attempt allowed, a push ends the message as dead instead.
func (m Message) Take(via Via, claim Claim, p Policy, now time.Time) Message {
	m = m.clone()
	if n := len(m.Attempts); n > 0 && m.Attempts[n-1].Via == ByPoll {
		m.closeAttempt(AgentBusy, "handed out to a poll, and not acknowledged")
	}
	m.closeAttempt(Lost, "the deliverer did not report back before its visibility timeout")
	if via == ByPush && m.attemptsUsed() >= p.MaxAttempts {
		m.end(Dead, now, "every attempt was used up; the last deliverer did not report back")
		return m
	}
	m.State, m.Claim, m.NotBefore = InFlight, claim, time.Time{}
	m.Reason = "being delivered by " + string(via)
	m.Attempts = append(m.Attempts, Attempt{At: now, Via: via, Outcome: Pending})
	if len(m.Attempts) > maxAttemptsKept {
		m.dropOldAttempt()
	}
	return m
}

// dropOldAttempt drops the oldest attempt that does not count towards the limit.
func (m *Message) dropOldAttempt() {
	if i := slices.IndexFunc(m.Attempts, func(a Attempt) bool { return !a.counts() }); i >= 0 {
		m.Attempts = slices.Delete(m.Attempts, i, i+1)
	}
}

// Deliver ends the message as delivered. answer may be nil.
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

// Fail notes a failed attempt: the message is queued again with a backoff, or dead if the attempts are used up. jitter
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

// Defer queues the message again because the agent said that it is busy. It uses up no attempt.
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

// Recall queues the message again because another host has registered in place of the one it was delivered to: what
// the old host says of it is not an end. It uses up no attempt.
func (m Message) Recall() Message {
	m = m.clone()
	m.closeAttempt(Superseded, "another host registered while it was being delivered")
	m.State, m.Claim, m.NotBefore = Queued, Claim{}, time.Time{}
	m.Reason = "its delivery was superseded: another host has registered"
	return m
}

// Expire ends the message because its lifetime is over.
func (m Message) Expire(now time.Time) Message {
	m = m.clone()
	m.closeAttempt(Lost, "")
	m.end(Expired, now, "not delivered before "+m.ExpiresAt.UTC().Format(time.RFC3339))
	return m
}

// Cancel ends the message because someone asked for it. Error: message_already_terminal.
func (m Message) Cancel(by string, now time.Time) (Message, error) {
	if !m.State.Open() {
		return m, fault.New(fault.MessageAlreadyTerminal, "this message is already %s", m.State)
	}
	m = m.clone()
	m.closeAttempt(Lost, "cancelled meanwhile")
	m.end(Cancelled, now, "cancelled by "+by)
	return m, nil
}

// Redrive queues a dead message again, with its id and its place, for another full round of attempts. Error:
// message_not_dead.
func (m Message) Redrive(p Policy, now time.Time) (Message, error) {
	if m.State != Dead {
		return m, fault.New(fault.MessageNotDead, "only a dead message can be redriven; this one is %s", m.State)
	}
	m = m.clone()
	m.Attempts = nil
	m.State, m.SettledAt, m.Reason = Queued, time.Time{}, "redriven by an operator"
	m.NotBefore = now // it waits from now on, not from when it was accepted
	if !m.ExpiresAt.After(now) {
		m.ExpiresAt = now.Add(p.Lifetime)
	}
	return m, nil
}

// clone is a copy to change, with the next version.
func (m Message) clone() Message {
	m.Attempts = append([]Attempt(nil), m.Attempts...)
	m.Version++
	return m
}

// closeAttempt ends the last attempt if it is pending.
func (m *Message) closeAttempt(o Outcome, err string) {
	if n := len(m.Attempts); n > 0 && m.Attempts[n-1].Outcome == Pending {
		m.Attempts[n-1].Outcome, m.Attempts[n-1].Error = o, err
	}
}

func (m *Message) end(s State, now time.Time, reason string) {
	m.State, m.Reason, m.SettledAt, m.Claim, m.NotBefore = s, reason, now, Claim{}, time.Time{}
}
