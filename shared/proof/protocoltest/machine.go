// Package protocoltest runs the real delivery code through random histories: senders,
// drains, polls, sweeps, operators, hosts that replace each other, time and crashes,
// some of them in the middle of a push. It holds what it observes to the promises that
// shared/proof/model searches: model.StateBreaks after every step, and model.StepBreaks
// between two. After the last fault, a few sweeps alone, or heartbeats alone, must
// empty the mailbox. Only tests import it.
package protocoltest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/workspace"
)

// World is where the machine runs: the fakes with a clock of their own, or the
// emulator in true time.
type World struct {
	Delivery *delivery.Delivery // Machine gives it an agent
	Sweeper  *sweep.Sweeper
	Now      func() time.Time
	Advance  func(time.Duration)
	// Woken reports whether a wake-up was sent since the last call. It is nil where
	// wake-ups can't be seen: drains then start without one.
	Woken func() bool
}

// machine is one workspace and all that happens to it.
type machine struct {
	World
	ctx             context.Context
	crash           *crash             // what World's delivery and sweeper suffer
	reliable        *delivery.Delivery // never crashes
	reliableSweeper *sweep.Sweeper     // never crashes

	id      string
	life    workspace.Life // the present one
	token   string
	removed bool
	sent    []string // the messages that were accepted, in order
	// shortLived are those that expire soon; cutOff is how many calls that accept one were cut off.
	shortLived map[string]bool
	cutOff     int64

	polls     bool            // the agent polls; else it is pushed to
	hosts     int             // how many there have been
	newest    host            // the host that registered last
	epoch     int64           // the epoch it registered in
	handedOut map[string]bool // the messages that were handed out to it
	replaced  *host           // the host before it, until it has polled once more

	boots    int               // how often it has registered
	always   answer            // how it answers each push for now, unless it takes
	natures  map[string]answer // how it answers each push of a message, unless it takes
	troubled bool              // a hand-over to this boot did not succeed

	pushes     []runningPush // that run
	depth      int           // of pushes, and probes, inside of pushes
	nextPushes []pushEvent   // what happens to the next pushes
	interfered int           // how often somebody else acted in the middle of something

	knowledge
	observed observation
	logged   logged
}

// Machine runs one random history, and then on without faults until the mailbox is empty.
func Machine(t *rapid.T, w World, id string) {
	m := &machine{
		World: w, ctx: context.Background(), crash: &crash{}, id: id, life: workspace.Life{Workspace: id},
		knowledge: newKnowledge(), natures: map[string]answer{}, shortLived: map[string]bool{},
	}
	reliable, reliableSweeper := *w.Delivery, *w.Sweeper
	m.reliable, reliable.Agents, m.Delivery.Agents = &reliable, m, m
	m.reliableSweeper, reliableSweeper.Delivery = &reliableSweeper, &reliable
	m.crash.wrap(m.Delivery, m.Sweeper)
	var err error
	m.logged.seq, err = m.reliableSweeper.StatusLog.LatestChange(m.ctx)
	m.must("read the log", err)
	m.takeOver()
	if rapid.Bool().Draw(t, "a message has died") {
		m.startWithDeadMessage()
	}
	if rapid.Bool().Draw(t, "the agent polls") {
		m.changeMode()
		m.poll(m.reliable, &m.newest, 5, false)
	}
	t.Repeat(m.actions())
	m.drainsWithoutFaults(t)
}

// actions are the steps that a history is made of. The one without a name checks what
// must hold after each.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":                        m.check,
		"send a message":          m.send,
		"send an id again":        m.sendAgain,
		"drain":                   m.drain,
		"poll":                    m.agentPolls,
		"the replaced host polls": func(t *rapid.T) { skipUnless(t, m.replacedHostPolls()) },
		"sweep":                   func(t *rapid.T) { m.withFault(t, func() { _, _ = m.Sweeper.Sweep(m.ctx) }) },
		"every timer runs out":    func(*rapid.T) { m.runOutTimers() },
		"time passes":             func(*rapid.T) { m.passTime() },
		"change the mode":         func(*rapid.T) { m.changeMode() },
		"poll without a register": func(t *rapid.T) { skipUnless(t, !m.removed && rarely(t, 2)); m.pollsUnregistered() },
		"the agent changes": func(t *rapid.T) {
			m.always = rapid.SampledFrom(forAWhile).Draw(t, "it now")
		},
		"cancel":               m.cancel,
		"redrive":              func(t *rapid.T) { skipUnless(t, m.redrive()) },
		"register":             func(*rapid.T) { m.register() },
		"a new host registers": func(t *rapid.T) { skipUnless(t, rarely(t, 2)); m.takeOver() },
		"pause":                func(*rapid.T) { m.hold(workspace.Paused) },
		"resume":               func(*rapid.T) { m.hold(workspace.NoHold) },
		"remove":               func(t *rapid.T) { skipUnless(t, rarely(t, 20)); m.hold(workspace.Removed) },
	}
}

// rarely reports true once in n+1 times.
func rarely(t *rapid.T, n int) bool { return rapid.IntRange(0, n).Draw(t, "rarely") == 0 }

func skipUnless(t *rapid.T, possible bool) {
	if !possible {
		t.Skip("not now")
	}
}

// startWithDeadMessage begins a history: the first message dies, and another waits
// behind it.
func (m *machine) startWithDeadMessage() {
	m.sendReliably("m01")
	m.nextPushes = []pushEvent{{Answer: refuses}}
	err := m.drainLanes(m.reliable)
	m.must("drain", err)
	m.sendReliably("m02")
}

// must notes an error that a call must not return. Of a removed workspace each call
// must be refused.
func (m *machine) must(what string, err error) {
	if refused := fault.CodeOf(err) == fault.WorkspaceRemoved; refused != m.removed || (err != nil && !refused) {
		m.broken("%s: %v", what, err)
	}
}

// runOutTimers lets every timeout run out; passTime advances by less than any of them.
// runOutTimers ends the claims of drains that died, of messages and of probes.
func (m *machine) runOutTimers() {
	claims := max(m.Delivery.Policy.VisibilityTimeout, m.Delivery.Registry.Policy.ProbePatience)
	m.Advance(claims + time.Second)
}

func (m *machine) passTime() { m.Advance(m.Delivery.Policy.VisibilityTimeout / 3) }

// bodyOf is the body of the message with an id. Every second one is kept apart from its message.
func bodyOf(messageID string) []byte {
	text := messageID
	if (messageID[len(messageID)-1]-'0')%2 == 0 {
		text = strings.Repeat(messageID, chat.InlineText)
	}
	return chat.TextBody(messageID, text)
}

// enqueue sends a message under an id; a short-lived one expires soon.
func (m *machine) enqueue(d *delivery.Delivery, messageID string, shortLived bool) (delivery.Accepted, error) {
	msg := chat.Message{
		ID: messageID, Workspace: m.id, Priority: chat.Task, Body: bodyOf(messageID),
	}
	now := m.Now() // read once: with another lifetime the same id is other content
	if shortLived {
		msg.ExpiresAt = now.Add(m.Delivery.Policy.VisibilityTimeout / 2)
	}
	return d.Enqueue(m.ctx, msg, now)
}

// maxPoison is how many messages of a history may be poison.
const maxPoison = 2

func (m *machine) nextID() string { return fmt.Sprintf("m%02d", len(m.sent)+1) }

func (m *machine) send(t *rapid.T) {
	if len(m.sent) > 12 {
		t.Skip("enough messages")
	}
	messageID, shortLived := m.nextID(), rapid.IntRange(0, 3).Draw(t, "short-lived") == 0
	if len(m.natures) < maxPoison && rarely(t, 5) {
		m.natures[messageID] = rapid.SampledFrom(natures).Draw(t, "each push of it")
	}
	m.maybeCrash(t)
	if _, err := m.enqueue(m.Delivery, messageID, shortLived); err != nil {
		m.cutOff++
	}
	m.crash.disarm()
	m.shortLived[messageID] = shortLived
	_, err := m.enqueue(m.reliable, messageID, shortLived) // a sender without an answer sends the same id again
	if m.must("send", err); err == nil {
		m.sent = append(m.sent, messageID)
	}
}

// sendReliably sends a message that does not expire, without a fault.
func (m *machine) sendReliably(messageID string) {
	_, err := m.enqueue(m.reliable, messageID, false)
	m.must("send", err)
	m.sent = append(m.sent, messageID)
}

// sendAgain sends an id that was accepted before.
func (m *machine) sendAgain(t *rapid.T) {
	messageID := m.anySent(t)
	out, err := m.enqueue(m.reliable, messageID, m.shortLived[messageID])
	m.must("send again", err)
	m.acceptedTwice[messageID] = m.acceptedTwice[messageID] || (err == nil && out.First)
}

func (m *machine) anySent(t *rapid.T) string {
	if len(m.sent) == 0 {
		t.Skip("nothing was sent")
	}
	return rapid.SampledFrom(m.sent).Draw(t, "message")
}

func (m *machine) drain(t *rapid.T) {
	m.nextPushes = rapid.SliceOfN(rapid.Custom(drawPushEvent), 0, 3).Draw(t, "pushes")
	m.heartbeat()
	m.withFault(t, func() { _ = m.drainLanes(m.Delivery) })
}

func (m *machine) hold(h workspace.Hold) {
	_, err := m.reliable.Registry.Hold(m.ctx, m.id, h, activity.Actor{Who: "the test"}, m.Now())
	m.must("hold", err)
	m.removed = m.removed || h == workspace.Removed
}

func (m *machine) cancel(t *rapid.T) {
	messageID := m.anySent(t)
	skipUnless(t, rarely(t, 5))
	_, err := m.reliable.Cancel(m.ctx, m.id, messageID, "the test", m.Now())
	if err != nil && fault.CodeOf(err) != fault.MessageAlreadyTerminal {
		t.Fatalf("cancel: %v", err)
	}
}

// redrive redrives the first dead message, and reports whether there was one.
func (m *machine) redrive() bool {
	for _, msg := range m.messages() {
		if msg.State == chat.Dead && !m.removed {
			m.redriven[msg.ID] = true
			_, err := m.reliable.Redrive(m.ctx, m.id, msg.ID, m.Now())
			m.must("redrive", err)
			return true
		}
	}
	return false
}

// check fails the test if a promise is broken. It runs after every step.
func (m *machine) check(t *rapid.T) {
	if m.observe(); m.observed.broken != "" {
		t.Fatal(m.observed.broken)
	}
}

// drainsWithoutFaults is the end of every history: without faults, a bounded number of
// sweeps empties the inbox, and so does one of heartbeats. All other wake-ups are lost.
// What the agent never takes need not end before another message was taken.
func (m *machine) drainsWithoutFaults(t *rapid.T) {
	const rounds = 12
	m.nextPushes, m.always = nil, takes
	if !m.removed {
		m.hold(workspace.NoHold)
	}
	sweeps := m.removed || rapid.Bool().Draw(t, "by sweeps")
	for range rounds {
		m.round(t, sweeps)
		if m.healed() {
			return
		}
	}
	for _, msg := range m.messages() {
		t.Logf("%s %s %s %+v", msg.ID, msg.State, msg.Reason, msg.Attempts)
	}
	t.Fatalf("mail still waits after %d rounds without a fault; woken by sweeps: %v", rounds, sweeps)
}

// healed reports whether nothing waits that can be delivered, and no trouble is left of an
// agent that can be reached.
func (m *machine) healed() bool {
	for _, msg := range m.messages() {
		if msg.State.Open() && (m.natures[msg.ID] == takes || m.failedWhereOthersPass(msg)) {
			return false
		}
	}
	f, err := m.reliable.Registry.Leases.Get(m.ctx, m.id)
	return err == nil && (f.Open > 0 || f.PushFailures == 0 || m.polls || m.removed)
}

// round lets time pass, has the agent poll if it does so, and drains if there was a
// wake-up.
func (m *machine) round(t *rapid.T, sweeps bool) {
	m.runOutTimers()
	m.check(t)
	m.heartbeat()
	if m.polls && !m.removed {
		for range 4 {
			m.poll(m.reliable, &m.newest, 50, false)
		}
	}
	if sweeps {
		m.woken() // the heartbeat's wake-up is lost
		if out, err := m.reliableSweeper.Sweep(m.ctx); err != nil || len(out.Errors)+len(out.Broken) > 0 {
			t.Fatalf("sweep: %+v, %v", out, err)
		}
	}
	if m.woken() {
		err := m.drainLanes(m.Delivery)
		if died := m.crash.disarm(); err != nil && !died {
			t.Fatalf("drain: %v", err)
		}
	}
	m.check(t)
}

func (m *machine) woken() bool { return m.Woken == nil || m.Woken() }
