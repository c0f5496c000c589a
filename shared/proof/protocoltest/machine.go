// Package protocoltest drives the real delivery code by random steps of senders,
// drains, polls, sweeps, operators, hosts that replace each other, time and
// crashes, some of them in the middle of a push, and holds what it observes to
// the promises that shared/proof/model searches for: model.Broken after every step and
// model.Turned between two. After the last fault a few sweeps alone, or
// heartbeats alone, must empty the inbox. Tests import it, nothing else does.
package protocoltest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/workspace"
)

// World is where the machine runs: the fakes with a clock of their own, or the
// emulator in true time.
type World struct {
	Delivery *delivery.Delivery // with an agent that Machine gives it
	Sweeper  *sweep.Sweeper
	Now      func() time.Time
	Advance  func(time.Duration)
	// Woken reports whether a wake-up was sent since it was last asked. Nil:
	// wake-ups can't be seen, and without faults drains begin without one.
	Woken func() bool
}

// host is one machine the agent runs on.
type host struct {
	url    string
	cursor string
	proved map[string]bool // what its next poll acknowledges
}

// machine is one workspace and all that happens to it.
type machine struct {
	World
	ctx     context.Context
	crash   *Crash
	sound   *delivery.Delivery // never dies
	sweeper *sweep.Sweeper     // never dies
	id      string
	token   string
	polls   bool            // what the agent does now
	hosts   int             // so far
	agent   host            // the newest
	epoch   int64           // it registered under
	handed  map[string]bool // to it
	late    *host
	removed bool
	sent    []string    // accepted, in order
	seen                // of them
	pushes  []time.Time // that run: when each began
	events  []event     // of the next pushes
	amids   int         // times that another one acted in the middle of something
	look    look
}

// Machine runs one random history to its calm end.
func Machine(t *rapid.T, w World, id string) {
	m := &machine{World: w, ctx: context.Background(), crash: &Crash{}, id: id, seen: newSeen()}
	sound, sweeper := *w.Delivery, *w.Sweeper
	m.sound, sound.Agents, m.Delivery.Agents = &sound, m, m
	m.sweeper, sweeper.Delivery = &sweeper, &sound
	m.crash.Wrap(m.Delivery, m.Sweeper)
	m.takeover()
	if rapid.Bool().Draw(t, "a death") {
		m.death()
	}
	if rapid.Bool().Draw(t, "polls") {
		m.mode()
		m.fetch(m.sound, &m.agent, 5, false)
	}
	t.Repeat(map[string]func(*rapid.T){
		"":         m.check,
		"send":     m.send,
		"again":    m.again,
		"drain":    m.drain,
		"poll":     m.poll,
		"late":     func(t *rapid.T) { m.orSkip(t, m.latePoll()) },
		"sweep":    func(t *rapid.T) { m.mayDie(t, func() { _, _ = m.Sweeper.Sweep(m.ctx) }) },
		"time":     func(*rapid.T) { m.wait() },
		"moment":   func(*rapid.T) { m.moment() },
		"mode":     func(*rapid.T) { m.mode() },
		"cancel":   m.cancel,
		"redrive":  func(t *rapid.T) { m.orSkip(t, m.redrive()) },
		"register": func(*rapid.T) { m.register() },
		"takeover": func(t *rapid.T) { m.orSkip(t, rapid.IntRange(0, 2).Draw(t, "rarely") == 0); m.takeover() },
		"pause":    func(*rapid.T) { m.hold(workspace.Paused) },
		"resume":   func(*rapid.T) { m.hold(workspace.NoHold) },
		"remove":   func(t *rapid.T) { m.orSkip(t, rapid.IntRange(0, 20).Draw(t, "rarely") == 0); m.hold(workspace.Removed) },
	})
	m.calm(t)
}

// death is a beginning: the first message dies, and another waits behind it.
func (m *machine) death() {
	m.accepted("m01")
	for range m.Delivery.Policy.MaxAttempts {
		m.events = []event{{Answer: refused}}
		m.wait()
		m.beat()
		_, err := m.sound.Drain(m.ctx, m.id, "test")
		m.must("drain", err)
	}
	m.accepted("m02")
}

// accepted sends a message in peace.
func (m *machine) accepted(mid string) {
	_, err := m.enqueue(m.sound, mid, false)
	m.must("send", err)
	m.sent = append(m.sent, mid)
}

func (m *machine) orSkip(t *rapid.T, did bool) {
	if !did {
		t.Skip("not now")
	}
}

// must notes an error that may not be; of a removed workspace each call must be
// refused.
func (m *machine) must(what string, err error) {
	if gone := fault.CodeOf(err) == fault.WorkspaceRemoved; gone != m.removed || (err != nil && !gone) {
		m.broken("%s: %v", what, err)
	}
}

// mayDie does something whose doer may be killed at any write, or lose its reply,
// or have another one come before it.
func (m *machine) mayDie(t *rapid.T, do func()) {
	if rapid.IntRange(0, 2).Draw(t, "alone") > 0 {
		m.mayCrash(t)
	} else {
		what := rapid.SampledFrom(others).Draw(t, "comes before a write")
		m.crash.interfere(rapid.IntRange(0, 3).Draw(t, "writes before that"), func() { m.amid(what) })
	}
	do()
	m.crash.disarm()
}

func (m *machine) mayCrash(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "fate") == 0 {
		m.crash.arm(rapid.IntRange(0, 5).Draw(t, "writes before the crash"), rapid.Bool().Draw(t, "the last one done"), rapid.Bool().Draw(t, "it goes on"))
	}
}

// wait lets every timeout run out that there is; a moment is shorter than any.
func (m *machine) wait()   { m.Advance(m.Delivery.Policy.VisibilityTimeout + time.Second) }
func (m *machine) moment() { m.Advance(m.Delivery.Policy.VisibilityTimeout / 3) }

func (m *machine) mode() {
	m.polls = !m.polls
	m.register()
}

func (m *machine) register() workspace.Facts {
	in := registry.Registration{ID: m.id, Credential: m.token, From: "10.0.0.1", Mode: workspace.Poll}
	if !m.polls {
		in.Mode, in.URL = workspace.Push, m.agent.url
	}
	out, err := m.sound.Registry.Register(m.ctx, in, m.Now())
	m.must("register", err)
	if out.AuthToken != "" {
		m.token = out.AuthToken
	}
	m.beat()
	return out.Facts
}

// takeover has a new host register; the one before goes on.
func (m *machine) takeover() {
	if m.removed {
		m.register()
		return
	}
	if m.hosts++; m.hosts > 1 {
		was := m.agent
		m.late = &was
	}
	m.agent = host{url: fmt.Sprintf("http://agent/%d", m.hosts), proved: map[string]bool{}}
	m.handed = map[string]bool{}
	m.epoch = m.register().Epoch
}

func (m *machine) beat() {
	idle := 0
	f, err := m.sound.Registry.Signal(m.ctx, m.id, m.token, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1", ActiveTasks: &idle}, m.Now())
	m.must("heartbeat", err)
	if err == nil {
		if !f.Delivering(m.sound.Registry.Policy, m.Now()) {
			m.sound.Registry.WakeIfDeliverable(m.ctx, f, "heartbeat", m.Now())
		}
	}
}

func (m *machine) hold(h workspace.Hold) {
	_, err := m.sound.Registry.Hold(m.ctx, m.id, h, activity.Actor{Who: "the test"}, m.Now())
	m.must("hold", err)
	m.removed = m.removed || h == workspace.Removed
}

// enqueue sends under an id; short is whether it soon expires.
func (m *machine) enqueue(d *delivery.Delivery, mid string, short bool) (delivery.Accepted, error) {
	msg := chat.Message{ID: mid, Workspace: m.id, Priority: chat.Task, Body: chat.TextBody(mid, mid)}
	if short {
		msg.ExpiresAt = m.Now().Add(m.Delivery.Policy.VisibilityTimeout / 2)
	}
	return d.Enqueue(m.ctx, msg, m.Now())
}

func (m *machine) send(t *rapid.T) {
	if len(m.sent) > 12 {
		t.Skip("enough")
	}
	mid, short := fmt.Sprintf("m%02d", len(m.sent)+1), rapid.IntRange(0, 3).Draw(t, "short-lived") == 0
	m.mayCrash(t)
	_, _ = m.enqueue(m.Delivery, mid, short)
	m.crash.disarm()
	_, err := m.enqueue(m.sound, mid, short) // a sender that got no answer sends the same id again
	if m.must("send", err); err == nil {
		m.sent = append(m.sent, mid)
	}
}

// again sends what was accepted long ago.
func (m *machine) again(t *rapid.T) {
	mid := m.any(t)
	out, err := m.enqueue(m.sound, mid, false)
	m.must("send again", err)
	m.twice[mid] = m.twice[mid] || (err == nil && out.First)
}

func (m *machine) drain(t *rapid.T) {
	m.events = rapid.SliceOfN(rapid.Custom(drawEvent), 0, 3).Draw(t, "pushes")
	m.beat()
	m.mayDie(t, func() { _, _ = m.Delivery.Drain(m.ctx, m.id, "test") })
}

func (m *machine) poll(t *rapid.T) {
	if !m.polls {
		t.Skip("it is pushed to")
	}
	lost := rapid.IntRange(0, 2).Draw(t, "reply") == 0
	m.mayDie(t, func() { m.fetch(m.Delivery, &m.agent, 5, lost) })
}

// fetch is one poll of one host.
func (m *machine) fetch(d *delivery.Delivery, h *host, limit int, lost bool) {
	m.observe()
	was, amids := m.messages(), m.amids
	out, err := d.Poll(m.ctx, delivery.PollRequest{Workspace: m.id, Credential: m.token, From: "10.0.0.1", Cursor: h.cursor, Limit: limit}, m.Now())
	if d == m.sound {
		m.must("poll", err)
	}
	if err == nil && amids == m.amids { // else another one may have been there first
		m.acknowledged(h, was)
	}
	for _, msg := range out.Messages {
		m.handed[msg.ID] = m.handed[msg.ID] || h != m.late
	}
	if err != nil || lost {
		return
	}
	before := h.cursor
	proved := map[string]bool{}
	for _, msg := range out.Messages {
		m.took[msg.ID] = true
		h.cursor = delivery.CursorOf(msg).ID(m.id)
		proved[msg.ID] = true
	}
	if len(proved) > 0 {
		if h.cursor == before { // the same cursor again proves its own row only
			proved = map[string]bool{out.Messages[len(out.Messages)-1].ID: true}
		}
		h.proved = proved
	}
}

// latePoll is a poll of the host that was replaced, with the cursor it has from
// then. What comes back from behind, as a redriven message does, and a copy that
// goes on polling are more than an epoch can tell apart; see shared/proof/model.
func (m *machine) latePoll() bool {
	if m.late == nil || m.late.cursor == "" || len(m.redriven) > 0 || m.removed {
		return false
	}
	m.fetch(m.sound, m.late, 5, true)
	m.late, m.agent.proved = nil, map[string]bool{}
	return true
}

func (m *machine) any(t *rapid.T) string {
	if len(m.sent) == 0 {
		t.Skip("nothing was sent")
	}
	return rapid.SampledFrom(m.sent).Draw(t, "message")
}

func (m *machine) cancel(t *rapid.T) {
	mid := m.any(t)
	m.orSkip(t, rapid.IntRange(0, 5).Draw(t, "rarely") == 0)
	_, err := m.sound.Cancel(m.ctx, m.id, mid, "the test", m.Now())
	if err != nil && fault.CodeOf(err) != fault.MessageAlreadyTerminal {
		t.Fatalf("cancel: %v", err)
	}
}

func (m *machine) redrive() bool {
	for _, msg := range m.messages() {
		if msg.State == chat.Dead && !m.removed {
			m.redriven[msg.ID] = true
			_, err := m.sound.Redrive(m.ctx, m.id, msg.ID, m.Now())
			m.must("redrive", err)
			return true
		}
	}
	return false
}

// check is what holds after every step.
func (m *machine) check(t *rapid.T) {
	if m.observe(); m.look.broken != "" {
		t.Fatal(m.look.broken)
	}
}

// calm is the end of every history: without faults, a bounded number of sweeps
// empties the inbox, and so do heartbeats; all rings but theirs are lost.
func (m *machine) calm(t *rapid.T) {
	m.events = nil
	if !m.removed {
		m.hold(workspace.NoHold)
	}
	sweeps := m.removed || rapid.Bool().Draw(t, "by sweeps")
	for range 8 {
		m.wait()
		m.check(t)
		m.beat()
		if m.polls && !m.removed {
			for range 4 {
				m.fetch(m.sound, &m.agent, 50, false)
			}
		}
		if sweeps {
			m.woken()
			if out, err := m.sweeper.Sweep(m.ctx); err != nil || len(out.Errors)+len(out.Broken) > 0 {
				t.Fatalf("sweep: %+v, %v", out, err)
			}
		}
		if m.woken() {
			if _, err := m.sound.Drain(m.ctx, m.id, "test"); err != nil {
				t.Fatalf("drain: %v", err)
			}
		}
		m.check(t)
		if m.look.view.Open == 0 {
			return
		}
	}
	for _, msg := range m.messages() {
		t.Logf("%s %s %s %+v", msg.ID, msg.State, msg.Reason, msg.Attempts)
	}
	t.Fatalf("mail still waits after eight rounds without a fault; by sweeps: %v", sweeps)
}

func (m *machine) woken() bool { return m.Woken == nil || m.Woken() }

// event is what happens to one push: what else is done while it runs, and how it
// ends.
type event struct {
	Amid   string
	Answer int
}

// The answers; any other takes the message.
const (
	refused = 0
	busy    = 1
)

func drawEvent(t *rapid.T) event {
	return event{rapid.SampledFrom(append([]string{"", "", "", ""}, others...)).Draw(t, "amid"), rapid.IntRange(0, 4).Draw(t, "answer")}
}

// others are what another one may do in the middle of something.
var others = []string{"poll", "late poll", "mode", "register", "takeover", "send", "redrive", "drain", "sweep", "moment", "time", "pause", "remove"}

// Push is the agent's endpoint, the newest host's or one before.
func (m *machine) Push(_ context.Context, url string, msg chat.Message) delivery.PushResult {
	e := event{Answer: -1} // takes it
	if len(m.events) > 0 {
		e, m.events = m.events[0], m.events[1:]
	}
	m.pushes = append(m.pushes, m.Now())
	m.observe()
	if len(m.pushes) == 1 {
		m.amid(e.Amid)
		m.observe()
	}
	m.pushes = m.pushes[:len(m.pushes)-1]
	m.ended[m.claim(msg)] = true
	switch e.Answer {
	case refused:
		return delivery.PushResult{Err: errors.New("refused")}
	case busy:
		return delivery.PushResult{Busy: true, RetryAfter: time.Second}
	}
	m.took[msg.ID] = true
	if url != m.agent.url { // its host was replaced
		m.vain[m.claim(msg)] = true
	}
	return delivery.PushResult{Answer: []byte(`{}`)}
}

// amid does one of them.
func (m *machine) amid(what string) {
	m.amids++
	switch what {
	case "poll":
		if !m.removed {
			m.fetch(m.sound, &m.agent, 5, false)
		}
	case "late poll":
		m.latePoll()
	case "mode":
		m.mode()
	case "register":
		m.register()
	case "takeover":
		m.takeover()
	case "send":
		if mid := fmt.Sprintf("m%02d", len(m.sent)+1); !m.removed {
			m.accepted(mid)
		}
	case "drain":
		_, _ = m.sound.Drain(m.ctx, m.id, "test")
	case "sweep":
		_, _ = m.sweeper.Sweep(m.ctx)
	case "moment":
		m.moment()
	case "time":
		m.wait()
		_, _ = m.sound.Drain(m.ctx, m.id, "test")
	case "redrive":
		m.redrive()
		_, _ = m.sound.Drain(m.ctx, m.id, "test")
	case "pause":
		m.hold(workspace.Paused)
	case "remove":
		if len(m.sent) > 4 { // not before there is something to see
			m.hold(workspace.Removed)
		}
	}
}
