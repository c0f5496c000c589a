package protocoltest

import (
	"context"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// answer is how an agent answers a push; "" takes the message.
type answer string

const (
	takes       answer = ""
	failsTask   answer = "takes it, and fails its task"
	isBusy      answer = "is busy"
	asksToWait  answer = "asks to wait"
	fails       answer = "answers with an error"
	refuses     answer = "can't take it"
	unreachable answer = "can't be reached"
	hangs       answer = "does not answer"
	breaks      answer = "closes the connection"
	showsPage   answer = "answers with a page"
	// killsDrain has the drain die that pushes the message; one that never crashes waits
	// in vain instead.
	killsDrain answer = "kills the drain"
)

// results are what a push of each answer shows.
var results = map[answer]delivery.PushResult{
	takes:      {Handover: delivery.Taken, Answer: []byte(`{}`)},
	failsTask:  {Handover: delivery.Taken, Answer: []byte(`{}`), TaskError: "no quota"},
	isBusy:     {Handover: delivery.Busy},
	asksToWait: {Handover: delivery.Busy, RetryAfter: time.Second},
	fails:      {Handover: delivery.AgentError, Fault: workspace.FaultHTTP, Why: "HTTP 500"},
	refuses:    {Handover: delivery.Refused, Why: "error -32602"},
	unreachable: {
		Handover: delivery.Unreachable, Fault: workspace.FaultRefused, Why: "connection refused",
	},
	hangs:      {Handover: delivery.Unreachable, Fault: workspace.FaultTimeout, Why: "no answer in time"},
	killsDrain: {Handover: delivery.Unreachable, Fault: workspace.FaultTimeout, Why: "no answer in time"},
	breaks:     {Handover: delivery.Unreachable, Fault: workspace.FaultBroken, Why: "the connection was closed"},
	showsPage:  {Handover: delivery.Unreachable, Fault: workspace.FaultPage, Why: "a page"},
}

var (
	// once are the answers to one push.
	once = []answer{takes, takes, takes, fails, failsTask, isBusy, asksToWait, refuses, unreachable, hangs, breaks}
	// forAWhile are the answers of an agent to every push, until another is drawn.
	forAWhile = []answer{takes, takes, fails, unreachable, hangs, isBusy, breaks, showsPage}
	// natures are the answers to each push of one message; any but the first is poison.
	natures = []answer{takes, fails, hangs, breaks, showsPage, killsDrain}
)

// pushEvent is what happens to one push: what somebody else does while it runs, and how
// the agent answers.
type pushEvent struct {
	Meanwhile string // a key of interferences; "" for nothing
	Answer    answer
}

// runningPush is a push that has not ended: when it began, and in which epoch.
type runningPush struct {
	began time.Time
	epoch int64
}

func drawPushEvent(t *rapid.T) pushEvent {
	mostlyNothing := append([]string{"", "", "", ""}, interferenceNames...)
	return pushEvent{
		Meanwhile: rapid.SampledFrom(mostlyNothing).Draw(t, "meanwhile"),
		Answer:    rapid.SampledFrom(once).Draw(t, "answer"),
	}
}

// Push implements delivery.Agents: it is the agent at any of its hosts.
func (m *machine) Push(_ context.Context, to delivery.Target, msg chat.Message) delivery.PushResult {
	var event pushEvent
	if len(m.nextPushes) > 0 {
		event, m.nextPushes = m.nextPushes[0], m.nextPushes[1:]
	}
	boots := m.boots
	if !msg.Probe {
		m.pushes = append(m.pushes, runningPush{m.Now(), msg.Claim.Epoch})
	}
	m.observe()
	if m.depth++; m.depth == 1 {
		m.interfere(event.Meanwhile)
		m.observe()
	}
	m.depth--
	a := m.answers(to.URL, msg, event)
	if !msg.Probe {
		m.checkBody(msg)
		m.pushes = m.pushes[:len(m.pushes)-1]
		m.returned[m.claimOf(msg)] = true
		m.notePushed(to.URL, msg, a)
	}
	if a == takes || a == failsTask || a == refuses {
		m.reachedAt = m.Now()
	} else {
		m.troubled = m.troubled || boots == m.boots
	}
	if a == killsDrain {
		m.crash.kill()
	}
	return results[a]
}

// answers is how the agent answers a push now.
func (m *machine) answers(url string, msg chat.Message, event pushEvent) answer {
	switch nature := m.natures[msg.ID]; {
	case url == m.newest.url && m.polls:
		return unreachable
	case m.always != takes:
		return m.always
	case nature != takes:
		return nature
	}
	return event.Answer
}

// notePushed notes what a push of a message shows.
func (m *machine) notePushed(url string, msg chat.Message, a answer) {
	switch a {
	case takes, failsTask:
		m.taken[msg.ID] = true
		if url != m.newest.url {
			m.takenByReplaced[m.claimOf(msg)] = true
		}
		if a == takes {
			m.passedAt[msg.ID] = m.Now()
		}
	case refuses:
		m.refused[msg.ID] = true
	case fails:
		m.answered[msg.ID]++
		m.troubleAt[msg.ID] = m.Now()
	case unreachable:
		m.troubleAt[msg.ID] = m.Now()
	case hangs, breaks, showsPage, killsDrain:
		between := m.reachedAt.After(m.troubleAt[msg.ID]) && !m.troubleAt[msg.ID].IsZero()
		if between || m.failsAgain(msg) {
			m.answered[msg.ID]++ // something else was taken in between: it is the message that fails
		}
		m.troubleAt[msg.ID] = m.Now()
	}
}

// failsAgain reports whether this is the first push since a redrive of a message that may be what failed before: it
// died, which shows that its agent was there, or the agent took something after its end.
func (m *machine) failsAgain(msg chat.Message) bool {
	n, _ := msg.FailuresBefore()
	wasThere := msg.Former.State == chat.Dead || m.reachedAt.After(msg.Former.SettledAt)
	return n == 0 && msg.Former.Suspect && wasThere
}

// diedWithoutReason reports whether a message is dead that its agent did not refuse, and
// that did not fail where another one was taken.
func (m *machine) diedWithoutReason(msg chat.Message) bool {
	return msg.State == chat.Dead && !m.refused[msg.ID] && !m.failedWhereOthersPass(msg)
}

// failedWhereOthersPass reports whether the agent took another message after an attempt at
// msg that used up its attempts: the next one that fails is its end.
func (m *machine) failedWhereOthersPass(msg chat.Message) bool {
	used := 0
	for _, a := range msg.Attempts {
		switch a.Outcome {
		case chat.HostGone:
			if m.passedSince(msg, msg.Unanswered.Aside.Add(-1)) {
				return true
			}
			continue
		case chat.Failed, chat.Lost:
			used++
		case chat.FailedAlone:
			used = m.Delivery.Policy.MaxAttempts // it uses up all
		default:
			continue
		}
		if used < m.Delivery.Policy.MaxAttempts {
			continue
		}
		if m.passedSince(msg, a.At) {
			return true
		}
	}
	return false
}

// passedSince reports whether the agent took another message than msg after a time.
func (m *machine) passedSince(msg chat.Message, since time.Time) bool {
	for id, at := range m.passedAt {
		if id != msg.ID && at.After(since) {
			return true
		}
	}
	return false
}

// usedUnanswered reports whether a message used up more attempts than its agent answered. One that is lost counts as
// trouble too: it may be the message that kills its deliverer.
func (m *machine) usedUnanswered(msg chat.Message) bool {
	used, lost := 0, 0
	for _, a := range msg.Attempts {
		switch a.Outcome {
		case chat.Failed, chat.FailedAlone:
			used++
		case chat.Lost:
			lost++
		default:
		}
	}
	return used > m.answered[msg.ID]+lost
}
