// Package world is Rollcall on the fakes, with one workspace, its agent, and a clock
// that the test sets. Only tests import it.
package world

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

const (
	// ID is the id of the workspace.
	ID = "w"
	// Home is the network address of its agent.
	Home = "10.0.0.1"
)

// Life is the workspace's first life.
var Life = workspace.Life{Workspace: ID}

// World is Rollcall and what surrounds it.
type World struct {
	*delivery.Delivery
	Sweeper     *sweep.Sweeper
	Delegations *delegation.Service
	Waits       waiting.Places
	T           *testing.T
	Now         time.Time // what every clock says; of a running one, when it began
	Store       *memory.Store
	Wakeups     *memory.Wakeups
	ChatQueues  *memory.Queues
	Announced   *memory.Announcer
	Tasks       []sweep.Task // that sweeps have handed out
	Token       string       // the credential of the agent

	Agent      func(m chat.Message) delivery.PushResult // answers a push
	Taken      []string                                 // the ids of the messages it took, in order
	PushedURLs []string                                 // the URL of each push, in order

	CallbacksReceived []string // what the sender's callback URL was told, in order
	CallbacksFail     bool     // the callback URL refuses

	running time.Time // since when, in the machine's time
}

// Run has the clock run on from Now: in a bubble of testing/synctest.
func (w *World) Run() { w.running = time.Now() }

// time is what every clock says.
func (w *World) time() time.Time {
	if w.running.IsZero() {
		return w.Now
	}
	return w.Now.Add(time.Since(w.running))
}

// New returns a world whose agent has registered with a mode and a URL.
func New(t *testing.T, mode workspace.Mode, url string) *World {
	t.Helper()
	p := workspace.DefaultPolicy()
	p.Bootstrap = workspace.Open
	w := &World{
		T: t, Now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Store: memory.NewStore(p), Wakeups: &memory.Wakeups{},
		Announced: &memory.Announcer{},
		Agent:     func(chat.Message) delivery.PushResult { return delivery.PushResult{} },
	}
	clk := memory.Clock{Time: w.time}
	w.ChatQueues = memory.NewQueues(clk.Now)
	changes := &statuslog.Log{Store: w.Store, Announcer: w.Announced, Policy: p, Clock: clk}
	reg := &registry.Registry{
		Leases: w.Store, Profiles: w.Store, Owners: w.Store, Enrolments: w.Store, Fleets: w.Store, Wakeups: w.Wakeups,
		Guard: push.New(push.Private, push.Patience{Answer: time.Second}), Policy: p, Clock: clk, StatusLog: changes,
	}
	w.Delivery = &delivery.Delivery{
		Registry: reg, Ledger: w.Store, Activity: w.Store, Queues: w.ChatQueues, Agents: w, Callbacks: w,
		DeadAnnouncer: w.Announced, Policy: chat.DefaultPolicy(), Clock: clk, Refusals: &delivery.Refusals{},
	}
	w.Waits = waiting.Places{Store: w.Store, Clock: clk}
	w.Delegations = &delegation.Service{Store: w.Store, Activity: w.Store, Delivery: w.Delivery}
	w.Sweeper = &sweep.Sweeper{
		Registry: reg, Delivery: w.Delivery, Activity: w.Store, Clock: clk,
		StatusLog: changes, Webhooks: &webhook.Service{Store: w.Store, Log: w.Store, Bell: w.Wakeups, Clock: clk},
		Tasks: w,
	}
	w.Token = w.Register(registry.Registration{Mode: mode, URL: url}).AuthToken
	return w
}

// Register registers the agent with its credential, or whomever in names. It calls from
// Home unless in says otherwise.
func (w *World) Register(in registry.Registration) registry.Registered {
	w.T.Helper()
	if in.ID == "" {
		in.ID, in.Credential = ID, w.Token
	}
	if in.From == "" {
		in.From = Home
	}
	out, err := w.Registry.Register(w.T.Context(), in, w.Now)
	w.NoError(err)
	return out
}

// NoError ends the test if err is an error.
func (w *World) NoError(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Push implements delivery.Agents: it is the agent's URL.
func (w *World) Push(_ context.Context, to delivery.Target, m chat.Message) delivery.PushResult {
	w.PushedURLs = append(w.PushedURLs, to.URL)
	r := w.Agent(m)
	if r.Handover == "" || r.Handover == delivery.Taken {
		w.Taken = append(w.Taken, m.ID)
	}
	return r
}

// HandOut implements sweep.Tasks.
func (w *World) HandOut(_ context.Context, tasks []sweep.Task) error {
	w.Tasks = append(w.Tasks, tasks...)
	return nil
}

// Tell implements delivery.Callbacks: it is the sender's callback URL.
func (w *World) Tell(_ context.Context, to delivery.Target, m chat.Message) error {
	if w.CallbacksFail {
		return &delivery.UnreachedError{Why: "refused"}
	}
	w.CallbacksReceived = append(w.CallbacksReceived, fmt.Sprintf("%s %s %s", to.URL, m.ID, m.State))
	return nil
}

// Asked agrees to what is to be done to messages, and adds to how many.
func Asked(to *int) delivery.Ask {
	return func(_ workspace.Life, n, _ int) error {
		*to += n
		return nil
	}
}

// Heartbeat sends a heartbeat with this many active tasks.
func (w *World) Heartbeat(active int) {
	w.T.Helper()
	f, err := w.Registry.Signal(w.T.Context(), ID, w.Token, workspace.Signal{
		Kind: workspace.SignalHeartbeat, From: Home, ActiveTasks: &active,
	}, w.Now)
	w.NoError(err)
	w.Registry.WakeIfDeliverable(w.T.Context(), f, "heartbeat", w.Now)
}

// Message returns a message to the workspace.
func Message(id string) chat.Message {
	return chat.Message{ID: id, Workspace: ID, Priority: chat.Task, Body: []byte(`{}`)}
}

// Send sends messages with these ids, and returns the reply to the last.
func (w *World) Send(ids ...string) (out delivery.Accepted) {
	w.T.Helper()
	for _, id := range ids {
		var err error
		out, err = w.Enqueue(w.T.Context(), Message(id), w.Now)
		w.NoError(err)
	}
	return out
}

// DrainOnce drains the workspace, in whichever lane it is drained, and then its callbacks. No drain may fail.
func (w *World) DrainOnce() (out delivery.DrainResult) {
	w.T.Helper()
	drain, other := w.Drain, w.DrainSlow
	for out.Moved = true; out.Moved; drain, other = other, drain {
		r, err := drain(w.T.Context(), ID, "test")
		w.NoError(err)
		r.Delivered, r.Failed, r.Deferred = r.Delivered+out.Delivered, r.Failed+out.Failed, r.Deferred+out.Deferred
		out = r
	}
	_, err := w.DrainCallbacks(w.T.Context(), ID, "test")
	w.NoError(err)
	return out
}

// SweepOnce sweeps. The sweep of no workspace may fail.
func (w *World) SweepOnce() sweep.Result {
	w.T.Helper()
	out, err := w.Sweeper.Sweep(w.T.Context())
	if err != nil || len(out.Errors) > 0 {
		w.T.Fatalf("%+v, %v", out, err)
	}
	return out
}

// PollAfter polls with the cursor of a message, or without a cursor for "". It returns
// the ids of the messages in the reply.
func (w *World) PollAfter(messageID string) []string {
	w.T.Helper()
	cursor := ""
	if messageID != "" {
		cursor = delivery.Cursor{Seq: w.Receipt(messageID).Seq, Epoch: w.Facts().Epoch}.ID(Life)
	}
	out, err := w.Poll(w.T.Context(), delivery.PollRequest{
		Workspace: ID, Credential: w.Token, From: Home, Cursor: cursor, Limit: 100,
	}, w.Now)
	w.NoError(err)
	var ids []string
	for _, m := range out.Messages {
		ids = append(ids, m.ID)
	}
	w.Facts() // the counters are conserved
	return ids
}

// Facts returns the workspace's facts. Their counters must be conserved.
func (w *World) Facts() workspace.Facts {
	w.T.Helper()
	f, err := w.Store.Get(w.T.Context(), ID)
	w.NoError(err)
	if !f.Conserved() {
		w.T.Fatalf("not conserved: %+v", f)
	}
	return f
}

// Profile is what is stored of its agent beside the facts.
func (w *World) Profile() workspace.Profile {
	w.T.Helper()
	p, err := w.Store.Profile(w.T.Context(), ID)
	w.NoError(err)
	return p
}

// Verdict returns the workspace's verdict.
func (w *World) Verdict() workspace.Verdict {
	w.T.Helper()
	return workspace.Assess(w.Facts(), w.Registry.Policy, w.Now)
}

// Receipt returns a message as it is now.
func (w *World) Receipt(messageID string) chat.Message {
	w.T.Helper()
	m, err := w.Delivery.Message(w.T.Context(), ID, messageID)
	w.NoError(err)
	return m
}

// Want ends the test unless got equals want.
func (w *World) Want(what string, got []string, want ...string) {
	w.T.Helper()
	if !slices.Equal(got, want) {
		w.T.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
