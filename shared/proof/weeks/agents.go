package weeks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// space is an id and its lives, the oldest first.
type space struct {
	id    string
	lives []*life
}

// life is one life of a workspace, as the machine knows it.
type life struct {
	space    *space
	number   int64
	began    time.Time
	ended    time.Time // zero: it goes on
	paused   bool
	agents   []*agent
	accepted bool // a call of its agent was accepted
	polled   bool
	mail     map[string]time.Time // until when the receipt of each accepted message must be kept; zero: it is open
}

// agent is a holder of a credential. It goes on when its life is over.
type agent struct {
	life   *life
	token  string
	from   string
	url    string // "": it polls
	down   bool   // it answers no push
	newest string // the row that it got last, as the present host
	epoch  int64
}

// mark is a text that stands in whatever is said in a life, and nowhere else.
func (l *life) mark() string { return fmt.Sprintf("mark-of-%s-%d-", l.space.id, l.number) }

func (s *space) present() *life {
	if n := len(s.lives); n > 0 && s.lives[n-1].ended.IsZero() {
		return s.lives[n-1]
	}
	return nil
}

// agents are all of all lives, the first ones first.
func (m *machine) agents() (all []*agent) {
	for _, s := range m.spaces {
		for _, l := range s.lives {
			all = append(all, l.agents...)
		}
	}
	return all
}

func (m *machine) anyAgent(t *rapid.T) *agent {
	all := m.agents()
	if len(all) == 0 {
		t.Skip("there is no agent")
	}
	return rapid.SampledFrom(all).Draw(t, "agent by number in "+fmt.Sprint(len(all)))
}

// String names the agent in a trace.
func (a *agent) String() string {
	return fmt.Sprintf("%s %d, of %s", a.life.space.id, slices.Index(a.life.agents, a), a.life.mark())
}

// facts are those of an id, and whether there are any.
func (m *machine) facts(id string) (workspace.Facts, bool) {
	f, err := m.store.Get(m.ctx, id)
	return f, err == nil
}

// good reports whether the agent's credential is good. One that nobody has used is not once the store knows no more of
// the person who was shown it.
func (m *machine) good(a *agent) bool {
	f, ok := m.facts(a.life.space.id)
	presented := token.Digest(a.token)
	if !ok || f.Hold == workspace.Removed || !f.Accepts(presented) {
		return false
	}
	if !f.Gives(presented, m.clock.Now()) {
		return true
	}
	_, err := m.store.Person(m.ctx, f.GivenBy)
	if err != nil && m.clock.Now().Sub(f.IssuedAt) < people.KeptFor {
		m.t.Fatalf("the person who was shown %s at %s is not known any more", token.Name(a.token), f.IssuedAt)
	}
	return err == nil
}

// called notes how a call of an agent with its own credential ended: it must be accepted if the credential is good, and
// be refused with a word that says so if it is not.
func (m *machine) called(a *agent, what string, good bool, err error) bool {
	if err == nil && good {
		a.life.accepted = true
		return true
	}
	refusals := []fault.Code{
		fault.CredentialUnknown, fault.WorkspaceRemoved, fault.WorkspaceUnknown, fault.CallerCredentialUnknown,
		fault.CredentialOfAnother,
	}
	if good || err == nil || !slices.Contains(refusals, fault.CodeOf(err)) {
		m.t.Fatalf("%s of %s, whose credential is good: %t: %v", what, a, good, err)
	}
	return false
}

// registers has an agent register: with its credential, with none, or with an enrolment token.
func (m *machine) registers(t *rapid.T) {
	a := m.anyAgent(t)
	good := m.good(a)
	was, _ := m.facts(a.life.space.id)
	in := registry.Registration{
		ID: a.life.space.id, Credential: a.token, From: a.from, Mode: workspace.Poll, Runtime: a.life.mark(),
		CardName: a.life.mark(), Card: []byte(`{"name":"` + a.life.mark() + `"}`),
	}
	if a.url = ""; rapid.Bool().Draw(t, "it is pushed to") {
		a.url = fmt.Sprintf("http://10.0.0.9/%s%d", a.life.mark(), m.next())
		in.Mode, in.URL = workspace.Push, a.url
	}
	out, err := m.env.Registry.Register(m.ctx, in, m.clock.Now())
	if err == nil && !good && out.AuthToken != "" {
		// A repair's window gives it a new credential: only an agent of the present life calls from its address.
		f, _ := m.facts(a.life.space.id)
		if f.Lives != a.life.number || was.Hold == workspace.Removed {
			t.Fatalf("%s was given a credential of life %d", a, f.Lives)
		}
		a.token, good = out.AuthToken, true
	}
	if m.called(a, "a register", good, err) {
		a.epoch, a.newest = out.Facts.Epoch, ""
		if out.AuthToken != "" {
			a.token = out.AuthToken
		}
	}
}

func (m *machine) heartbeats(t *rapid.T) {
	a := m.anyAgent(t)
	rate, wedged := rapid.SampledFrom([]float64{0, 0.9}).Draw(t, "errors"), rapid.IntRange(0, 5).Draw(t, "wedged") == 0
	a.down = rapid.IntRange(0, 3).Draw(t, "it is down") == 0
	m.beat(a, rate, wedged)
}

func (m *machine) beat(a *agent, rate float64, wedged bool) {
	active, good, now := 0, m.good(a), m.clock.Now()
	f, err := m.env.Registry.Signal(m.ctx, a.life.space.id, a.token, workspace.Signal{
		Kind: workspace.SignalHeartbeat, From: a.from, ActiveTasks: &active, ErrorRate: &rate,
		SampleError: a.life.mark(), SampleWhole: a.life.mark(), Wedged: wedged,
	}, now)
	if m.called(a, "a heartbeat", good, err) {
		m.env.Registry.WakeIfDeliverable(m.ctx, f, "heartbeat", now)
	}
}

// presentAgentsBeat has one agent of each present life call.
func (m *machine) presentAgentsBeat() {
	for _, a := range m.hosts() {
		m.beat(a, 0, false)
		if a.url == "" {
			m.poll(a, "", 50)
		}
	}
}

// hosts are the last agents with a good credential, of each present life one.
func (m *machine) hosts() (all []*agent) {
	for _, s := range m.spaces {
		if l := s.present(); l != nil {
			for _, a := range slices.Backward(l.agents) {
				if m.good(a) {
					all = append(all, a)
					break
				}
			}
		}
	}
	return all
}

func (m *machine) polls(t *rapid.T) {
	a := m.anyAgent(t)
	cursor, limit := a.newest, rapid.SampledFrom([]int{1, 2, 50}).Draw(t, "limit")
	if len(m.past.rows) > 0 && rapid.Bool().Draw(t, "with an old cursor") {
		cursor = rapid.SampledFrom(m.past.rows).Draw(t, "cursor")
	}
	m.poll(a, cursor, limit)
}

// poll polls. A cursor of another life is gone; without it the next poll is answered.
func (m *machine) poll(a *agent, cursor string, limit int) {
	good := m.good(a)
	if good && cursor != "" {
		f, _ := m.facts(a.life.space.id)
		if _, err := delivery.ParseCursor(f.Life(), cursor); err != nil {
			if _, err = m.polled(a, cursor, limit); fault.CodeOf(err) != fault.CursorGone {
				m.t.Fatalf("%s polls with a cursor that is not of its life: %v", a, err)
			}
			a.life.accepted, a.life.polled, a.newest, cursor = true, true, "", ""
		}
	}
	out, err := m.polled(a, cursor, limit)
	if !m.called(a, "a poll", good, err) {
		return
	}
	a.life.polled = true
	for _, msg := range out.Messages {
		id := delivery.CursorOf(msg).ID(delivery.LifeOf(msg))
		a.newest = id
		m.past.rows = append(m.past.rows, id)
		if delivery.LifeOf(msg) != out.Facts.Life() {
			m.t.Fatalf("%s is handed mail of %v", a, delivery.LifeOf(msg))
		}
	}
}

func (m *machine) polled(a *agent, cursor string, limit int) (delivery.Polled, error) {
	return m.env.Delivery.Poll(m.ctx, delivery.PollRequest{
		Workspace: a.life.space.id, Credential: a.token, From: a.from, Cursor: cursor, Limit: limit,
	}, m.clock.Now())
}

// acks has an agent acknowledge by number: it may be that of a former host, or of a former life.
func (m *machine) acks(t *rapid.T) {
	a := m.anyAgent(t)
	good := m.good(a)
	_, err := m.env.Delivery.Ack(m.ctx, delivery.AckRequest{
		Workspace: a.life.space.id, Credential: a.token, From: a.from,
		Seq: rapid.Int64Range(0, 4).Draw(t, "number"), Epoch: rapid.SampledFrom([]int64{0, a.epoch}).Draw(t, "epoch"),
	}, m.clock.Now())
	if code := fault.CodeOf(err); good && (code == fault.InvalidRequest || code == fault.EpochSuperseded) {
		a.life.accepted = true
		return
	}
	m.called(a, "an acknowledgement", good, err)
}

// reports has an agent log something of its own.
func (m *machine) reports(t *rapid.T) {
	a := m.anyAgent(t)
	now, good := m.clock.Now(), m.good(a)
	f, err := m.env.Registry.AuthenticateCall(m.ctx, a.life.space.id, a.token, a.from, now)
	if !m.called(a, "a call", good, err) {
		return
	}
	m.must("report", m.store.AddRow(m.ctx, activity.Row{
		ID: fmt.Sprint("row-", m.next()), Workspace: f.ID, Life: f.Lives, Type: "note", SourceID: f.ID, Status: "ok",
		Summary: a.life.mark(), At: now,
	}))
}

// sends sends a message to a workspace, from a user or from the other workspace; sometimes under an id that was used.
func (m *machine) sends(t *rapid.T) {
	to := rapid.SampledFrom(m.spaces).Draw(t, "to")
	now := m.clock.Now()
	msg := chat.Message{ID: fmt.Sprint("m", m.next()), Workspace: to.id, Priority: chat.Task}
	ids := slices.DeleteFunc(slices.Clone(m.past.messages), func(id string) bool {
		return strings.HasPrefix(id, chat.OwnID("")) // no sender can take one of the platform's
	})
	if len(ids) > 0 && rapid.IntRange(0, 3).Draw(t, "an old id") == 0 {
		msg.ID = rapid.SampledFrom(ids).Draw(t, "id")
	}
	says := "a user"
	if hosts := m.hosts(); len(hosts) > 0 && rapid.Bool().Draw(t, "a workspace sends") {
		from := rapid.SampledFrom(hosts).Draw(t, "from").life
		msg.Source, msg.SourceLife, says = from.space.id, from.number, from.mark()
	}
	if l := to.present(); l != nil {
		says += " to " + l.mark()
	}
	if rapid.Bool().Draw(t, "it is long") {
		says += string(make([]byte, 2*chat.InlineText))
	}
	msg.Body = chat.TextBody(msg.ID, says)
	if lasts := rapid.SampledFrom([]time.Duration{0, time.Minute, 13 * day}).Draw(t, "lifetime"); lasts > 0 {
		msg.ExpiresAt = now.Add(lasts)
	}
	out, err := m.env.Delivery.Enqueue(m.ctx, msg, now)
	m.sent(to, out.Message, out.First, err)
}

// sent notes how it ended that a message was sent.
func (m *machine) sent(to *space, msg chat.Message, first bool, err error) {
	l := to.present()
	switch code := fault.CodeOf(err); {
	case l == nil:
		if code != fault.WorkspaceRemoved && code != fault.WorkspaceUnknown {
			m.t.Fatalf("a message to %s, which is not there: %v", to.id, err)
		}
	case code == fault.MessageIDTaken:
	case err != nil:
		m.t.Fatalf("a message to %s: %v", to.id, err)
	default:
		if delivery.LifeOf(msg) != (workspace.Life{Workspace: to.id, Number: l.number}) {
			m.t.Fatalf("a message to %s is one of %v", l.mark(), delivery.LifeOf(msg))
		}
		m.past.messages = append(m.past.messages, msg.ID)
		if first && !msg.State.Open() {
			m.t.Fatalf("an accepted message is %s", msg.State)
		}
	}
}

// delegates has a workspace give the other one a task, under one of a few keys. The same key gives what is under way
// or done, or is tried anew: what is answered stands for a message that is open or delivered.
func (m *machine) delegates(t *rapid.T) {
	hosts := m.hosts()
	if len(hosts) == 0 {
		t.Skip("nobody delegates")
	}
	from := rapid.SampledFrom(hosts).Draw(t, "from").life
	to := m.spaces[0]
	if to == from.space {
		to = m.spaces[1]
	}
	key := rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "key")
	now := m.clock.Now()
	out, err := m.env.Delegations.Delegate(m.ctx, workspace.Life{Workspace: from.space.id, Number: from.number}, to.id,
		"do "+from.mark()+key, key, now)
	if l := to.present(); l == nil {
		code := fault.CodeOf(err)
		if !out.Repeated && code != fault.WorkspaceRemoved && code != fault.WorkspaceUnknown {
			t.Fatalf("a task for %s, which is not there: %v %+v", to.id, err, out)
		}
		return
	}
	m.must("delegate", err)
	m.past.delegations = append(m.past.delegations, out.Delegation.ID)
	ms, err := m.store.Messages(m.ctx, out.Delegation.To(), out.Delegation.MessageID)
	m.must("read the task's message", err)
	if len(ms) != 1 || !ms[0].At(now).State.Open() && ms[0].State != chat.Delivered {
		t.Fatalf("a task was accepted, and its message is %+v", ms)
	}
	if out.Delegation.To().Number != to.present().number {
		t.Fatalf("the task is for %v", out.Delegation.To())
	}
}

// Push implements delivery.Agents: whoever serves the URL answers.
func (m *machine) Push(_ context.Context, to delivery.Target, msg chat.Message) delivery.PushResult {
	for _, a := range m.agents() {
		if a.url != to.URL {
			continue
		}
		if delivery.LifeOf(msg) != (workspace.Life{Workspace: a.life.space.id, Number: a.life.number}) {
			m.t.Fatalf("%s is pushed mail of %v", a, delivery.LifeOf(msg))
		}
		if a.down {
			break
		}
		answer, _ := json.Marshal(map[string]any{ // it is made of texts
			"kind": "message", "role": "agent", "messageId": "a-" + msg.ID,
			"parts": []any{map[string]any{"kind": "text", "text": a.life.mark()}},
		})
		return delivery.PushResult{Handover: delivery.Taken, Answer: answer}
	}
	return delivery.PushResult{
		Handover: delivery.Unreachable, Why: "connection refused", Fault: workspace.FaultRefused,
	}
}

// registersAsPoller has an agent with a good credential register, to poll.
func (m *machine) registersAsPoller(a *agent) {
	out, err := m.env.Registry.Register(m.ctx, registry.Registration{
		ID: a.life.space.id, Credential: a.token, From: a.from, Mode: workspace.Poll, Runtime: a.life.mark(),
	}, m.clock.Now())
	m.must("register", err)
	a.url, a.newest, a.epoch, a.life.accepted = "", "", out.Facts.Epoch, true
	if out.AuthToken != "" {
		a.token = out.AuthToken
	}
}
