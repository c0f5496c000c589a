// Package protocoltest drives the real delivery code by random steps of senders,
// drains, polls, sweeps, time and crashes, and holds it to the promises that
// shared/model searches for: nothing that was accepted is lost or told delivered
// that nobody took, order holds, the counters are those of the ledger, and after
// the last fault a few sweeps empty the inbox. Tests import it, nothing else does.
package protocoltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// World is where the machine runs: the fakes with a clock of their own, or the
// emulator in true time.
type World struct {
	Delivery *delivery.Delivery // with an agent that Machine gives it
	Now      func() time.Time
	Advance  func(time.Duration)
}

// machine is one workspace and all that happens to it.
type machine struct {
	World
	ctx      context.Context
	crash    *Crash
	id       string
	token    string
	polls    bool // what the agent does now
	cursor   string
	sent     []string // accepted, in order
	took     map[string]int
	order    []string
	redriven map[string]bool
	answer   func(m chat.Message) delivery.Result
}

// Push is the agent's endpoint.
func (m *machine) Push(_ context.Context, _ string, msg chat.Message) delivery.Result {
	r := m.answer(msg)
	if r.Err == nil && !r.Busy {
		m.take(msg.ID)
	}
	return r
}

func (m *machine) take(id string) {
	if m.took[id]++; m.took[id] == 1 {
		m.order = append(m.order, id)
	}
}

// Machine runs one random history to its calm end.
func Machine(t *rapid.T, w World, id string) {
	m := &machine{World: w, ctx: context.Background(), crash: &Crash{}, id: id, took: map[string]int{}, redriven: map[string]bool{}}
	m.Delivery.Agents = m
	m.crash.Wrap(m.Delivery)
	m.polls = rapid.Bool().Draw(t, "polls")
	m.register(t)
	t.Repeat(map[string]func(*rapid.T){
		"":         m.check,
		"send":     m.send,
		"drain":    m.drain,
		"poll":     m.poll,
		"sweep":    func(t *rapid.T) { m.mayDie(t, func() { _, _ = m.Delivery.Sweep(m.ctx) }) },
		"time":     func(t *rapid.T) { m.Advance(m.Delivery.Policy.Visibility + time.Second) },
		"mode":     func(t *rapid.T) { m.polls = !m.polls; m.register(t) },
		"cancel":   m.cancel,
		"redrive":  m.redrive,
		"register": m.register,
	})
	m.calm(t)
}

// mayDie does something whose doer may be killed at any write.
func (m *machine) mayDie(t *rapid.T, do func()) {
	if rapid.IntRange(0, 2).Draw(t, "fate") == 0 {
		m.crash.arm(rapid.IntRange(0, 5).Draw(t, "writes before the crash"), rapid.Bool().Draw(t, "the last one done"))
	}
	do()
	m.crash.disarm()
}

func (m *machine) register(t *rapid.T) {
	in := registry.Registration{ID: m.id, Credential: m.token, From: "10.0.0.1", Mode: workspace.Poll}
	if !m.polls {
		in.Mode, in.URL = workspace.Push, "http://agent/"
	}
	out, err := m.Delivery.Registry.Register(m.ctx, in, m.Now())
	if err != nil {
		t.Fatalf("register: %v", err)
	}
	if out.AuthToken != "" {
		m.token = out.AuthToken
	}
	m.beat(t)
}

func (m *machine) beat(t *rapid.T) {
	idle := 0
	if _, err := m.Delivery.Registry.Signal(m.ctx, m.id, m.token, workspace.Signal{Kind: workspace.Heartbeat, From: "10.0.0.1", ActiveTasks: &idle}, m.Now()); err != nil {
		t.Fatalf("heartbeat: %v", err)
	}
}

func (m *machine) send(t *rapid.T) {
	if len(m.sent) > 12 {
		t.Skip("enough")
	}
	mid := fmt.Sprintf("m%02d", len(m.sent)+1)
	try := func() error {
		_, err := m.Delivery.Enqueue(m.ctx, chat.Message{ID: mid, Workspace: m.id, Priority: chat.Task, Body: chat.TextBody(mid, mid)}, m.Now())
		return err
	}
	m.mayDie(t, func() { _ = try() })
	if err := try(); err != nil { // a sender that got no answer sends the same id again
		t.Fatalf("send: %v", err)
	}
	m.sent = append(m.sent, mid)
}

func (m *machine) drain(t *rapid.T) {
	m.answer = func(chat.Message) delivery.Result {
		switch rapid.IntRange(0, 5).Draw(t, "answer") {
		case 0:
			return delivery.Result{Err: errors.New("refused")}
		case 1:
			return delivery.Result{Busy: true, RetryAfter: time.Second}
		}
		return delivery.Result{Answer: []byte(`{}`)}
	}
	m.beat(t)
	m.mayDie(t, func() { _, _ = m.Delivery.Drain(m.ctx, m.id, "test") })
}

func (m *machine) poll(t *rapid.T) {
	if !m.polls {
		t.Skip("it is pushed to")
	}
	lost := rapid.IntRange(0, 3).Draw(t, "reply") == 0
	var out delivery.Polled
	var err error
	m.mayDie(t, func() {
		out, err = m.Delivery.Fetch(m.ctx, delivery.Poll{Workspace: m.id, Credential: m.token, From: "10.0.0.1", Cursor: m.cursor, Limit: 5}, m.Now())
	})
	if err != nil || lost {
		return
	}
	for _, msg := range out.Messages {
		m.take(msg.ID)
		m.cursor = delivery.CursorOf(msg).ID(m.id)
	}
}

func (m *machine) any(t *rapid.T) string {
	if len(m.sent) == 0 {
		t.Skip("nothing was sent")
	}
	return rapid.SampledFrom(m.sent).Draw(t, "message")
}

func (m *machine) cancel(t *rapid.T) {
	mid := m.any(t)
	if rapid.IntRange(0, 5).Draw(t, "rarely") > 0 {
		t.Skip("rarely")
	}
	_, err := m.Delivery.Settle(m.ctx, m.id, mid, func(msg chat.Message) (chat.Message, error) { return msg.Cancel("the test", m.Now()) })
	if err != nil && fault.CodeOf(err) != fault.AlreadyTerminal {
		t.Fatalf("cancel: %v", err)
	}
}

func (m *machine) redrive(t *rapid.T) {
	mid := m.any(t)
	_, err := m.Delivery.Settle(m.ctx, m.id, mid, func(msg chat.Message) (chat.Message, error) { return msg.Redrive(m.Delivery.Policy, m.Now()) })
	if err == nil {
		m.redriven[mid] = true
	} else if fault.CodeOf(err) != fault.NothingToRedrive {
		t.Fatalf("redrive: %v", err)
	}
}

// check is what holds after every step.
func (m *machine) check(t *rapid.T) {
	f, err := m.Delivery.Registry.Leases.Get(m.ctx, m.id)
	if err != nil {
		t.Fatal(err)
	}
	ms, err := m.Delivery.Ledger.Messages(m.ctx, m.id, m.sent...)
	if err != nil || len(ms) != len(m.sent) {
		t.Fatalf("%d of %d messages are in the ledger, %v", len(ms), len(m.sent), err)
	}
	var ledger workspace.Facts
	ledger.Accepted = int64(len(ms))
	for i, msg := range ms {
		if msg.Seq != int64(i+1) {
			t.Fatalf("%s has place %d", msg.ID, msg.Seq)
		}
		switch msg.State {
		case chat.InFlight:
			ledger.InFlight++
			ledger.Open++
		case chat.Queued:
			ledger.Open++
		case chat.Delivered:
			ledger.Delivered++
			if m.took[msg.ID] == 0 {
				t.Fatalf("%s is delivered, and nobody took it", msg.ID)
			}
		case chat.Dead:
			ledger.Dead++
		case chat.Cancelled:
			ledger.Cancelled++
		}
	}
	if f.Accepted != ledger.Accepted || f.Open != ledger.Open || f.InFlight != ledger.InFlight || f.Delivered != ledger.Delivered || f.Dead != ledger.Dead || f.Cancelled != ledger.Cancelled || !delivery.Conserved(f) {
		t.Fatalf("the counters are %+v, the ledger %+v", f, ledger)
	}
	if f.OldestOpen.IsZero() != (f.Open == 0) {
		t.Fatalf("%d are open, the oldest since %v", f.Open, f.OldestOpen)
	}
	inOrder := slices.DeleteFunc(slices.Clone(m.order), func(id string) bool { return m.redriven[id] })
	if !slices.IsSorted(inOrder) {
		t.Fatalf("they came in the order %v", inOrder)
	}
}

// calm is the end of every history: without faults, a bounded number of sweeps
// empties the inbox.
func (m *machine) calm(t *rapid.T) {
	m.answer = func(chat.Message) delivery.Result { return delivery.Result{} }
	for range 8 {
		m.beat(t)
		if m.polls {
			for range 4 {
				out, err := m.Delivery.Fetch(m.ctx, delivery.Poll{Workspace: m.id, Credential: m.token, From: "10.0.0.1", Cursor: m.cursor, Limit: 50}, m.Now())
				if err != nil {
					t.Fatalf("poll: %v", err)
				}
				for _, msg := range out.Messages {
					m.take(msg.ID)
					m.cursor = delivery.CursorOf(msg).ID(m.id)
				}
			}
		} else if _, err := m.Delivery.Drain(m.ctx, m.id, "test"); err != nil {
			t.Fatalf("drain: %v", err)
		}
		if out, err := m.Delivery.Sweep(m.ctx); err != nil || len(out.Errors)+len(out.Broken) > 0 {
			t.Fatalf("sweep: %+v, %v", out, err)
		}
		f, err := m.Delivery.Registry.Leases.Get(m.ctx, m.id)
		if err != nil {
			t.Fatal(err)
		}
		if f.Open == 0 {
			m.check(t)
			return
		}
		m.Advance(m.Delivery.Policy.Visibility + time.Second)
	}
	ms, _ := m.Delivery.Ledger.Messages(m.ctx, m.id, m.sent...)
	for _, msg := range ms {
		t.Logf("%s %s %s %+v", msg.ID, msg.State, msg.Reason, msg.Attempts)
	}
	t.Fatal("mail still waits after eight sweeps without a fault")
}
