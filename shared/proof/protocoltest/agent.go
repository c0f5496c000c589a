package protocoltest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// address is the network address of every host of the agent.
const address = "10.0.0.1"

// host is one machine that the agent runs on.
type host struct {
	url    string
	cursor string
	proved map[string]bool // the messages that its next poll acknowledges
}

// takeOver has a new host register; the one before goes on.
func (m *machine) takeOver() {
	if m.removed {
		m.register()
		return
	}
	if m.hosts++; m.hosts > 1 {
		before := m.newest
		m.replaced = &before
	}
	m.newest = host{url: fmt.Sprintf("http://agent/%d", m.hosts), proved: map[string]bool{}}
	m.handedOut = map[string]bool{}
	m.epoch = m.register().Epoch
}

func (m *machine) changeMode() {
	m.polls = !m.polls
	m.register()
}

// pollsUnregistered has the agent poll from now on, and serve no pushes, without a register
// that says so.
func (m *machine) pollsUnregistered() { m.polls = true }

func (m *machine) register() workspace.Facts {
	in := registry.Registration{ID: m.id, Credential: m.token, From: address, Mode: workspace.Poll}
	if !m.polls {
		in.Mode, in.URL = workspace.Push, m.newest.url
	}
	out, err := m.reliable.Registry.Register(m.ctx, in, m.Now())
	m.must("register", err)
	if err == nil {
		m.boots, m.troubled = m.boots+1, false
	}
	if out.AuthToken != "" {
		m.token = out.AuthToken
	}
	m.heartbeat()
	return out.Facts
}

func (m *machine) heartbeat() {
	idle := 0
	signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: address, ActiveTasks: &idle}
	f, err := m.reliable.Registry.Signal(m.ctx, m.id, m.token, signal, m.Now())
	m.must("heartbeat", err)
	if err == nil && !f.Delivering(m.reliable.Registry.Policy, m.Now()) {
		m.reliable.Registry.WakeIfDeliverable(m.ctx, f, "heartbeat", m.Now())
	}
}

func (m *machine) agentPolls(t *rapid.T) {
	if !m.polls {
		t.Skip("it is pushed to")
	}
	lost := rapid.IntRange(0, 2).Draw(t, "the reply is lost") == 0
	m.withFault(t, func() { m.poll(m.Delivery, &m.newest, 5, lost) })
}

// poll is one poll of one host; lost is whether its reply is.
func (m *machine) poll(d *delivery.Delivery, h *host, limit int, lost bool) {
	m.observe()
	before, interfered := m.messages(), m.interfered
	out, err := d.Poll(m.ctx, delivery.PollRequest{
		Workspace: m.id, Credential: m.token, From: address, Cursor: h.cursor, Limit: limit,
	}, m.Now())
	if d == m.reliable {
		m.must("poll", err)
	}
	if err == nil && interfered == m.interfered { // else somebody else may have acknowledged first
		m.noteAcknowledged(h, before)
	}
	for _, msg := range out.Messages {
		m.handedOut[msg.ID] = m.handedOut[msg.ID] || h != m.replaced
		if lost { // it was handed out again: the cursor from before says nothing of that
			delete(h.proved, msg.ID)
		}
	}
	if err == nil && !lost {
		m.take(h, out.Messages)
	}
}

// checkBody checks that the agent is handed what was sent.
func (m *machine) checkBody(msg chat.Message) {
	if string(msg.Body) != string(bodyOf(msg.ID)) {
		m.broken("%s is handed over with the body %.40s", msg.ID, msg.Body)
	}
}

// take is what a host does with the reply to its poll.
func (m *machine) take(h *host, messages []chat.Message) {
	if len(messages) == 0 {
		return
	}
	before := h.cursor
	h.proved = map[string]bool{}
	for _, msg := range messages {
		m.checkBody(msg)
		m.taken[msg.ID] = true
		h.cursor = delivery.CursorOf(msg).ID(delivery.LifeOf(msg))
		h.proved[msg.ID] = true
	}
	if h.cursor == before { // the same cursor again proves only its own row
		h.proved = map[string]bool{messages[len(messages)-1].ID: true}
	}
}

// replacedHostPolls is the last poll of the host that was replaced, with the cursor it
// has from before. It reports whether that is possible: the epoch does not protect a
// redriven message, which comes back behind the cursor, nor against a copy of the host
// that polls on and on. See shared/proof/model.
func (m *machine) replacedHostPolls() bool {
	if m.replaced == nil || m.replaced.cursor == "" || len(m.redriven) > 0 || m.removed {
		return false
	}
	m.poll(m.reliable, m.replaced, 5, true)
	m.replaced, m.newest.proved = nil, map[string]bool{}
	return true
}
