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

// Host is to whom a message may be delivered now: the workspace's epoch, and the epoch since which it has its URL.
type Host struct{ Epoch, URLSince int64 }

// Available reports whether the message may be delivered now to a host. A set-aside or a claim dated more than maxSkew
// ahead is ignored: a deliverer whose clock jumped must not hold mail back until real time catches up.
func (m Message) Available(to Host, now time.Time) bool {
	if m.triedByFastClock(now) {
		return m.State.Open()
	}
	switch m.State {
	case Queued:
		return !m.Aside(to.Epoch, now)
	case InFlight: // a push to another URL, which a host before had, holds nothing of what this one gets
		return m.ClaimEnded(now) || m.fetchedBefore(to.Epoch) || m.pushedBefore(to.URLSince, now)
	}
	return false
}

// fetchedBefore reports whether the message is handed out to a poll of a host before the one of an epoch: what an old
// host fetched holds nothing of what the new one gets.
func (m Message) fetchedBefore(epoch int64) bool {
	return m.State == InFlight && m.lastAttempt().Via == ByPoll && m.Claim.Epoch < epoch
}

// pushedBefore reports whether a push to a host before the one of an epoch is still under way.
func (m Message) pushedBefore(epoch int64, now time.Time) bool {
	return m.State == InFlight && m.lastAttempt().Via == ByPush && m.Claim.Epoch < epoch &&
		!m.ClaimEnded(now) && !m.triedByFastClock(now)
}

// Aside reports whether a queued message is set aside: it has used up its attempts at the host of this epoch, or hosts
// went away with it, and others go first.
func (m Message) Aside(epoch int64, now time.Time) bool {
	return m.State == Queued && (m.AsideEpoch == epoch || m.AsideEpoch == anyHost) && now.Before(m.NotBefore) &&
		!m.triedByFastClock(now)
}

// triedByFastClock reports whether the last attempt is dated more than maxSkew ahead.
func (m Message) triedByFastClock(now time.Time) bool {
	return m.lastAttempt().At.After(now.Add(maxSkew))
}

// lastAttempt is the newest attempt; the zero Attempt when there was none.
func (m Message) lastAttempt() Attempt {
	if len(m.Attempts) == 0 {
		return Attempt{}
	}
	return m.Attempts[len(m.Attempts)-1]
}

// ClaimEnded reports whether a claim on the message holds nothing any more.
func (m Message) ClaimEnded(now time.Time) bool { return !now.Before(m.Claim.Until) }

// IdleSince is the latest past time at which something happened to the message or was due to. Times in the future come
// from a clock that was wrong, and are ignored.
func (m Message) IdleSince(now time.Time) time.Time {
	since := m.AcceptedAt
	for _, t := range []time.Time{m.NotBefore, m.Claim.Until, m.lastAttempt().At} {
		if t.After(since) && !t.After(now) {
			since = t
		}
	}
	return since
}

// Due reports whether the message should expire: its lifetime is over, and no live claim holds it. A message
// is not taken away from its deliverer.
func (m Message) Due(now time.Time) bool {
	return m.State.Open() && !now.Before(m.ExpiresAt) && (m.State == Queued || m.ClaimEnded(now))
}

// At is the message as it stands at a time, whatever its item still says: it has expired when its time is up, and a
// claim that has ended holds nothing. Nobody has to have written that down. One that was handed out to a poll has
// arrived if the agent acknowledges it, however late: it is in flight until its end is written.
func (m Message) At(now time.Time) Message {
	switch {
	case m.Due(now) && m.State == InFlight && m.lastAttempt().Via == ByPoll:
		m.Reason = "its time is up; the agent was handed it, and has not acknowledged it: it expires with the next sweep"
	case m.Due(now):
		return m.Expire(m.ExpiresAt)
	case m.State == InFlight && m.ClaimEnded(now):
		m.State, m.Reason = Queued, "its last delivery was not acknowledged in time; it will be tried again"
	}
	return m
}

// Awaits says of a message in flight what ends its wait, and when it expires if nothing does; "" for any other. Its
// sender reads it.
func (m Message) Awaits(now time.Time) string {
	polled := m.lastAttempt().Via == ByPoll
	last := !m.Claim.Until.Before(m.ExpiresAt) // its claim outlasts its time
	switch {
	case m.State != InFlight:
		return ""
	case polled && m.Due(now):
		return "it waits until the agent acknowledges it, or until the next sweep ends it: its time is up"
	case polled && last:
		return "it waits until the agent acknowledges it: the agent fetched it. If it has not by " + stamp(m.Claim.Until) +
			", it expires"
	case polled:
		return "it waits until the agent acknowledges it: the agent fetched it. From " + stamp(m.Claim.Until) +
			" on, a poll gets it again, and it expires at " + stamp(m.ExpiresAt)
	case last:
		return "it waits until the agent answers: the agent was handed it. If no answer has come by " +
			stamp(m.Claim.Until) + ", it expires"
	}
	return "it waits until the agent answers: the agent was handed it. If no answer has come by " +
		stamp(m.Claim.Until) + ", it is tried again, and expires at " + stamp(m.ExpiresAt)
}

// usedAttempts are the attempts that the message has used up.
func (m Message) usedAttempts() (used []Attempt) {
	for _, a := range m.Attempts {
		if a.counts() {
			used = append(used, a)
		}
	}
	return used
}

// TaskError is the agent's words when it took the message and said that its task failed; "" when it did not.
func (m Message) TaskError() string {
	if last := m.lastAttempt(); last.Outcome == TaskFailed {
		return last.Error
	}
	return ""
}

// Tried reports whether an attempt at the message failed, was lost or did not reach the agent.
func (m Message) Tried() bool {
	return slices.ContainsFunc(m.Attempts, Attempt.failed)
}

// PushFailed reports whether a push of the message failed, was lost or did not reach the agent. One whose outcome was
// not written is lost.
func (m Message) PushFailed() bool {
	return slices.ContainsFunc(m.Attempts, func(a Attempt) bool {
		return a.Via == ByPush && (a.failed() || a.Outcome == Pending)
	})
}

// FailuresBefore is how many pushes of the message failed in a row right before the one that is under way, and when the
// last of them began.
func (m Message) FailuresBefore() (n int, last time.Time) {
	before := m.Attempts[:max(0, len(m.Attempts)-1)]
	for _, a := range slices.Backward(before) {
		if a.Via != ByPush || !a.failed() {
			break
		}
		if n++; n == 1 {
			last = a.At
		}
	}
	return n, last
}

// spent reports whether these attempts are all that the message has. One that failed alone spends them at once: it
// comes after others to which no answer came back, each of which may have held the agent's mail for minutes. So does
// each attempt at a message that was redriven, and may be what failed before: others need not wait for that again.
func (m Message) spent(p Policy, used []Attempt) bool {
	return len(used) >= p.MaxAttempts || m.Former.Suspect && len(used) > 0 ||
		slices.ContainsFunc(used, func(a Attempt) bool { return a.Outcome == FailedAlone })
}

// poisoned reports whether the message fails where others pass: it has failed again after it had used
// up its attempts, and the agent took another message (at passedAt) since the failure before. A trouble
// that meets every message, such as an outage of the agent's model provider, poisons none: nothing
// passes while it lasts. A probe is no such message, as no work is done for it.
func (m Message) poisoned(p Policy, passedAt time.Time) bool {
	used := m.usedAttempts()
	n := len(used)
	return n > 1 && m.spent(p, used[:n-1]) && !passedAt.Before(used[n-2].At)
}

// maxAttemptsKept bounds a receipt. The first attempt that counts is kept, as it dates the trouble, and so are the
// newest.
const maxAttemptsKept = 20

// Take claims an available message for one delivery. If the deliverer before never reported back, its attempt is lost
// and counts. A push that the message is taken from for a newer host is superseded, and uses up no attempt. passedAt is
// when the agent last took another message; a message that fails where others pass is dead instead. One whose attempts
// are used up by the lost one is set aside, and so is one with which one more host went away (see Suspect).
func (m Message) Take(via Via, claim Claim, p Policy, passedAt, now time.Time) Message {
	m = m.clone()
	if m.lastAttempt().Via == ByPoll {
		m.closeAttempt(AgentBusy, "")
	}
	pushed := m.State == InFlight && m.lastAttempt().Via == ByPush
	if pushed {
		m.unansweredBy(m.Claim.Epoch)
	}
	if m.pushedBefore(claim.Epoch, now) {
		m.closeAttempt(Superseded, supersededWhy)
	}
	lost := m.closeAttempt(Lost, "it was cut off, or nothing was heard of it in time")
	gone := m.countGone(claim.Epoch)
	switch {
	case via != ByPush:
	case lost && m.poisoned(p, passedAt):
		m.end(Dead, now, m.cutOffWords())
		return m
	case gone && m.Suspect():
		m.setAsideForAll(fmt.Sprintf("%d hosts in a row went away before they answered it", m.Unanswered.Gone), p, now)
		return m
	case lost && m.spent(p, m.usedAttempts()):
		m.setAside(m.lastAttempt().Error, p, claim.Epoch, now)
		return m
	}
	m.State, m.Claim, m.NotBefore, m.AsideEpoch = InFlight, claim, time.Time{}, 0
	m.Reason = "being delivered by " + string(via)
	m.Attempts = append(m.Attempts, Attempt{At: now, Via: via, Outcome: Pending})
	if len(m.Attempts) > maxAttemptsKept {
		m.dropOldAttempt()
	}
	return m
}

// cutOffWords says why a message fails whose last try was cut off: what came of the one before that was not, if any.
func (m Message) cutOffWords() string {
	for _, a := range slices.Backward(m.Attempts) {
		if before := a.ForSender().Error; a.counts() && a.Outcome != Lost && before != "" {
			return before + "; its last try was cut off"
		}
	}
	return "its last try was cut off before an answer came"
}

// dropOldAttempt drops the oldest attempt that doesn't count, else the oldest but the first. The first poll that was
// handed the message is kept too: see Handed.
func (m *Message) dropOldAttempt() {
	from := 0
	if m.Attempts[0].Via == ByPoll {
		from = 1
	}
	i := slices.IndexFunc(m.Attempts[from:], func(a Attempt) bool { return !a.counts() && a.Outcome != Pending })
	if i += from; i < from {
		i = 1
	}
	m.Dropped.Tries++
	if m.Attempts[i].failed() {
		m.Dropped.Failed++
	}
	m.Attempts = slices.Delete(m.Attempts, i, i+1)
}

// Deliver ends the message as delivered. answer may be nil; failure is the agent's words when it said that its task
// failed, "" else.
func (m Message) Deliver(reason string, answer json.RawMessage, failure string, now time.Time) Message {
	again := m.FetchedOnce()
	m = m.clone()
	if again { // the agent was at work on it all the same
		m.Attempts[len(m.Attempts)-1].Outcome = Pending
	}
	if failure == "" {
		m.closeAttempt(Succeeded, "")
	} else {
		m.closeAttempt(TaskFailed, failure)
	}
	m.Answer, m.AnswerApart = Kept(answer), Apart{}
	m.end(Delivered, now, reason)
	return m
}

// EndTask notes how the task ended that the agent answered a delivered message with, as it said later: answer is that
// task. It stays as it is, if the agent was not at work on this task.
func (m Message) EndTask(answer json.RawMessage) Message {
	state := StateOf(answer)
	if m.State != Delivered || !m.TaskState().Underway() || TaskID(m.Answer) != TaskID(answer) ||
		state == "" || state.Underway() || len(m.Attempts) == 0 {
		return m
	}
	m = m.clone()
	m.Answer, m.AnswerApart = Kept(answer), Apart{}
	m.Reason = "the agent took it, and said when it was asked that its task is " + string(state)
	if words, failed := TaskFailure(answer); failed {
		last := &m.Attempts[len(m.Attempts)-1]
		last.Outcome, last.Error = TaskFailed, words
	}
	return m
}

// cutText is how much is kept of the text of an answer that is too large, in bytes. Each may take six in JSON.
const cutText = MaxAnswer / 8

// Kept is an answer as it is kept, and shown to who asked: of one that is too large or nests too deep, its size, its
// task's state and the beginning of its text.
func Kept(answer json.RawMessage) json.RawMessage {
	if len(answer) <= MaxAnswer && !TooDeep(answer) {
		return answer
	}
	return shortened(answer)
}

// shortened is what is kept of an answer that is not kept whole.
func shortened(answer json.RawMessage) json.RawMessage {
	cut := object{
		"truncated": true, "bytes": len(answer),
		"parts": []object{{"kind": "text", "text": beginning(Text(answer), cutText) + cutNote(len(answer))}},
	}
	if state := StateOf(answer); state != "" {
		cut["status"] = object{"state": state}
	}
	return cut.raw()
}

// Fail notes that the agent answered with an error. The message is queued again; set aside, when it has used up its
// attempts; dead, when it fails where others pass (passedAt is when the agent last took another one).
func (m Message) Fail(cause string, p Policy, passedAt time.Time, epoch int64, now time.Time) Message {
	return m.fail(Failed, cause, p, passedAt, epoch, now)
}

// FailAlone notes that no answer came back once more, though the agent took something else since the attempt before: it
// is there, and it is the message that fails. All attempts are used up: the message is set aside, or dead as with Fail.
func (m Message) FailAlone(cause string, p Policy, passedAt time.Time, epoch int64, now time.Time) Message {
	m.unansweredBy(m.Claim.Epoch)
	return m.fail(FailedAlone, cause, p, passedAt, epoch, now)
}

func (m Message) fail(as Outcome, cause string, p Policy, passedAt time.Time, epoch int64, now time.Time) Message {
	m = m.clone()
	m.closeAttempt(as, cause)
	cause = m.lastAttempt().ForSender().Error
	switch used := m.usedAttempts(); {
	case m.poisoned(p, passedAt):
		m.end(Dead, now, fmt.Sprintf("%s; %s, and the agent took another message at %s",
			cause, m.triesFailed(), stamp(passedAt)))
	case m.spent(p, used):
		m.setAside(cause, p, epoch, now)
	default:
		m.queue(fmt.Sprintf("attempt %d of %d failed: %s", len(used), p.MaxAttempts, cause))
	}
	return m
}

// failedAttempts is how many attempts failed, whether they used up one or not.
func (m Message) failedAttempts() int {
	n := m.Dropped.Failed
	for _, a := range m.Attempts {
		if a.failed() {
			n++
		}
	}
	return n
}

// triesFailed says how many tries failed, of all that the receipt counts and lists. They are not called attempts: some
// of them used up none.
func (m Message) triesFailed() string {
	failed, all := m.failedAttempts(), m.Tries()
	if failed < all {
		return fmt.Sprintf("%d of %d tries failed", failed, all)
	}
	return fmt.Sprintf("all %d tries failed", all)
}

// setAside queues the message, and lets others go first for a while, or until a newer host is there: that one may be
// mended.
func (m *Message) setAside(cause string, p Policy, epoch int64, now time.Time) {
	until, failed := now.Add(p.AsideFor), m.triesFailed()+", the last"
	if m.Tries() == 1 {
		failed = "its first try since it was redriven failed"
	}
	m.queue(fmt.Sprintf("%s: %s; others go first until %s, or until the agent registers again; "+
		"it is tried until %s", failed, cause, stamp(until), stamp(m.ExpiresAt)))
	m.NotBefore, m.AsideEpoch = until, epoch
}

// Miss notes that the agent could not be reached. It uses up no attempt: the agent is left alone for a while, not the
// message.
func (m Message) Miss(cause string) Message {
	m = m.clone()
	m.closeAttempt(Unreachable, cause)
	m.queue(unanswered[Unreachable] + "; it is tried until " + stamp(m.ExpiresAt))
	return m
}

// Refuse ends the message as dead: the agent said that it can't take it, and would say so again.
func (m Message) Refuse(cause string, now time.Time) Message {
	m = m.clone()
	m.closeAttempt(Refused, cause)
	m.end(Dead, now, "the agent can't take this message: "+cause)
	return m
}

// RefuseByWish is Refuse of a message whose agent takes others: what its sender wrote is why.
func (m Message) RefuseByWish(cause string, now time.Time) Message {
	m = m.Refuse(cause, now)
	m.ByWish = true
	m.Reason += "; the agent takes other messages: it is for its sender to write this one otherwise"
	return m
}

// Defer queues the message again because the agent said that it is busy. It uses up no attempt.
func (m Message) Defer() Message {
	m = m.clone()
	m.closeAttempt(AgentBusy, "")
	m.queue("the agent answered that it is busy")
	return m
}

const supersededWhy = "another host registered while it was being delivered"

// Recall queues the message again because another host has registered in place of the one it was delivered to: what
// the old host says of it is not an end. It uses up no attempt. unanswered is whether that host took the connection and
// did not answer.
func (m Message) Recall(unanswered bool) Message {
	m = m.clone()
	if unanswered {
		m.unansweredBy(m.Claim.Epoch)
	}
	m.closeAttempt(Superseded, supersededWhy)
	m.queue("its delivery was superseded: another host has registered")
	return m
}

// Expire ends the message because its lifetime is over.
func (m Message) Expire(now time.Time) Message {
	m = m.clone()
	why := "not delivered before " + stamp(m.ExpiresAt)
	if times, since := m.Handed(); times >= handedInVain {
		why += fmt.Sprintf("; the agent was handed it %d times since %s, and has not acknowledged it", times, stamp(since))
	}
	m.closeAttempt(Lost, "")
	m.end(Expired, now, why)
	return m
}

// ExpireByWish is Expire of a message whose agent takes mail, but not in the little time that the sender gave it. shown
// is what shows that.
func (m Message) ExpireByWish(shown string, now time.Time) Message {
	given := m.ExpiresAt.Sub(m.AcceptedAt).Round(time.Second)
	m = m.Expire(now)
	m.ByWish = true
	m.Reason += fmt.Sprintf(": its sender gave it %s, and %s", given, shown)
	return m
}

// Cancel ends the message because someone asked for it. Error: message_already_terminal.
func (m Message) Cancel(by string, now time.Time) (Message, error) {
	if !m.At(now).State.Open() {
		hint := "it can't be cancelled any more: read its receipt"
		if m.At(now).Lost() {
			hint += fmt.Sprintf("; an operator closes it without delivering it: rollcall dismiss %s --message %s",
				m.Workspace, m.ID)
		}
		return m, fault.New(fault.MessageAlreadyTerminal, "this message is already %s", m.At(now).State).
			WithHint(hint, "stop")
	}
	m = m.clone()
	m.closeAttempt(Lost, "cancelled meanwhile")
	m.end(Cancelled, now, "cancelled by "+by)
	return m, nil
}

// CancelByWish is Cancel by the sender of the message: it knows, and is sent no notice. Error:
// message_already_terminal.
func (m Message) CancelByWish(now time.Time) (Message, error) {
	m, err := m.Cancel("its sender", now)
	if err != nil && m.At(now).State == Delivered && m.TaskState().Underway() {
		err = fault.New(fault.MessageAlreadyTerminal, "this message is delivered, and its agent works on the task").
			WithHint("ask the agent to end the task, with tasks/cancel and the task's id", "stop")
	}
	m.ByWish = m.ByWish || err == nil
	return m, err
}

// Redrive queues a message again that is dead or expired, with its id and its place, for new attempts. It keeps how it
// ended. One whose time is up has expired, though nobody has written that down yet. Error: message_not_dead.
func (m Message) Redrive(p Policy, now time.Time) (Message, error) {
	ended := m.At(now)
	m.State = ended.State
	if m.State != Dead && m.State != Expired {
		return m, fault.New(fault.MessageNotDead, "only a dead or expired message can be redriven; this one is %s", m.State).
			WithHint("read its receipt: it needs no redrive", "stop")
	}
	m = m.clone()
	m.Former = ended.former()
	m.Attempts, m.Dropped, m.Unanswered, m.ByWish = nil, Dropped{}, ended.unansweredStill(), false
	m.queue("redriven by an operator")
	m.Told = Told{}
	m.SettledAt, m.RedrivenAt, m.NotBefore = time.Time{}, now, now
	m.Redrives++
	if !m.ExpiresAt.After(now) {
		m.ExpiresAt = now.Add(p.Lifetime)
	}
	return m, nil
}

// Dismiss closes a message that is lost, without delivering it: it is told to be lost no more, and stays as it ended.
// One whose time is up ends so, though nobody has written that down yet. Error: message_not_dead.
func (m Message) Dismiss(by string, now time.Time) (Message, error) {
	ended := m.At(now)
	if m.State.Open() || !ended.Lost() {
		return m, fault.New(fault.MessageNotDead, "only a message that is told as lost can be dismissed; this one is %s",
			ended.State).WithHint("read its receipt: it needs no dismissal", "stop")
	}
	m = m.clone()
	m.ByWish = true
	m.Reason += "; dismissed by " + by
	return m, nil
}

// redrives says how often a message was redriven.
func redrives(n int) string {
	if n == 1 {
		return "1 redrive"
	}
	return fmt.Sprintf("%d redrives", n)
}

// clone is a copy to change, with the next version.
func (m Message) clone() Message {
	m.Attempts = append([]Attempt(nil), m.Attempts...)
	m.Version++
	return m
}

// queue puts the message back.
func (m *Message) queue(reason string) {
	m.State, m.Claim, m.NotBefore, m.AsideEpoch, m.Reason = Queued, Claim{}, time.Time{}, 0, reason
}

// closeAttempt ends the last attempt if it is pending, and reports whether it was. A host that answers a push is not
// ended by the message.
func (m *Message) closeAttempt(o Outcome, err string) bool {
	n := len(m.Attempts)
	if n == 0 || m.Attempts[n-1].Outcome != Pending {
		return false
	}
	last := &m.Attempts[n-1]
	last.Outcome, last.Error = o, err
	if last.Via == ByPush && o.answered() {
		m.Unanswered = Unanswered{}
	}
	return true
}

func (m *Message) end(s State, now time.Time, reason string) {
	if m.Redrives > 0 && (s == Dead || s == Expired) {
		reason = fmt.Sprintf("after %s: %s", redrives(m.Redrives), reason)
	}
	m.State, m.Reason, m.SettledAt, m.Claim, m.NotBefore, m.AsideEpoch = s, reason, now, Claim{}, time.Time{}, 0
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
