package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// world is Rollcall on the fakes, with a clock and an agent of the test's.
type world struct {
	*delivery.Delivery
	t     *testing.T
	now   time.Time
	store *memory.Store
	bell  *memory.Wakeups
	lanes *memory.Queues
	told  *memory.Announcer
	agent func(m chat.Message) delivery.Result
	got   []string
	token string

	urls       []string // that were pushed to, in turn
	toldSender []string
	deaf       bool // the sender's callback URL refuses
}

const id = "w"

func (w *world) Push(_ context.Context, url string, m chat.Message) delivery.Result {
	w.urls = append(w.urls, url)
	r := w.agent(m)
	if r.Err == nil && !r.Busy {
		w.got = append(w.got, m.ID)
	}
	return r
}

func newWorld(t *testing.T, mode workspace.Mode, url string) *world {
	p := workspace.DefaultPolicy()
	p.Bootstrap = workspace.Open
	w := &world{t: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), store: memory.NewStore(p), bell: &memory.Wakeups{}, told: &memory.Announcer{}}
	w.lanes = memory.NewQueues(func() time.Time { return w.now })
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{} }
	reg := &registry.Registry{Leases: w.store, Profiles: w.store, Owners: w.store, Enrolments: w.store, Fleets: w.store, Wakeups: w.bell, Guard: push.New(push.Private, time.Second), Policy: p}
	w.Delivery = &delivery.Delivery{Registry: reg, Ledger: w.store, Logbook: w.store, News: w.store, Queues: w.lanes, Agents: w, Announcer: w.told, Callbacks: w, Policy: chat.DefaultPolicy(),
		Now: func() time.Time { return w.now }, Jitter: func() float64 { return 0 }}
	out, err := reg.Register(t.Context(), registry.Registration{ID: id, Mode: mode, URL: url, From: "10.0.0.1"}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.token = out.AuthToken
	return w
}

func (w *world) beat(active int) {
	w.t.Helper()
	f, err := w.Registry.Signal(w.t.Context(), id, w.token, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1", ActiveTasks: &active}, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Registry.WakeIfDeliverable(w.t.Context(), f, "heartbeat", w.now)
}

func (w *world) send(ids ...string) (out delivery.Accepted) {
	w.t.Helper()
	for _, mid := range ids {
		var err error
		if out, err = w.Enqueue(w.t.Context(), chat.Message{ID: mid, Workspace: id, Priority: chat.Task, Body: []byte(`{}`)}, w.now); err != nil {
			w.t.Fatal(err)
		}
	}
	return out
}

func (w *world) drain() delivery.Drained {
	w.t.Helper()
	out, err := w.Drain(w.t.Context(), id, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) facts() workspace.Facts {
	w.t.Helper()
	f, err := w.store.Get(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	if !f.Conserved() {
		w.t.Fatalf("not conserved: %+v", f)
	}
	return f
}

func (w *world) message(mid string) chat.Message {
	w.t.Helper()
	m, err := w.Message(w.t.Context(), id, mid)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func TestDrainDeliversEverythingInOrderOnce(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.send("a", "b", "c", "a")
	if d := w.drain(); d.Delivered != 3 || d.Ended != "empty" {
		t.Fatalf("%+v", d)
	}
	if fmt.Sprint(w.got) != "[a b c]" || w.facts().Delivered != 3 {
		t.Fatal(w.got)
	}
}

func TestFailuresEndDeadWithAReasonAndThoseBehindGoOn(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.agent = func(m chat.Message) delivery.Result {
		if m.ID == "poison" {
			return delivery.Result{Err: errors.New("boom")}
		}
		return delivery.Result{}
	}
	w.send("poison", "next")
	for range 20 {
		w.drain()
		w.now = w.now.Add(20 * time.Second)
		w.beat(0)
	}
	if m := w.message("poison"); m.State != chat.Dead || len(m.Attempts) != 5 || m.Reason == "" {
		t.Fatalf("%+v", m)
	}
	if w.message("next").State != chat.Delivered || len(w.lanes.Dead) != 1 || w.lanes.Dead[0].MessageID != "poison" {
		t.Fatalf("%+v %+v", w.message("next"), w.lanes.Dead)
	}
	if _, err := w.Settle(t.Context(), id, "poison", func(m chat.Message) (chat.Message, error) { return m.Redrive(w.Policy, w.now) }); err != nil {
		t.Fatal(err)
	}
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{} }
	w.drain()
	if w.message("poison").State != chat.Delivered || w.facts().Dead != 0 {
		t.Fatalf("%+v", w.message("poison"))
	}
}

// "Target still busy" can't be said of a workspace with active_tasks=0: only the
// agent's own answer defers, it uses up no attempt, and shows as taken slots.
func TestBusyIsTheAgentsOwnWord(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.beat(1)
	w.send("a")
	if d := w.drain(); d.Ended != "busy: 1 of 1 task slots taken" || len(w.message("a").Attempts) != 0 {
		t.Fatalf("%+v", d)
	}
	w.beat(0)
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{Busy: true, RetryAfter: 5 * time.Second} }
	for range 10 {
		if d := w.drain(); d.Deferred != 1 {
			t.Fatalf("%+v", d)
		}
		if f := w.facts(); f.ActiveTasks == 0 {
			t.Fatal("put back as busy with active_tasks=0")
		}
		w.now = w.now.Add(6 * time.Second)
		w.beat(0)
	}
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{} }
	if d := w.drain(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestACrashedDeliveryComesBackByTimeAlone(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.send("a")
	m := w.message("a") // its deliverer claims it and is never heard of again
	taken := m.Take(chat.ByPush, chat.Claim{Token: "dead one", Until: w.now.Add(w.Policy.VisibilityTimeout)}, w.Policy, w.now)
	if err := w.Ledger.Move(t.Context(), id, []chat.Move{{From: m, To: taken}}, delivery.Mail{}); err != nil {
		t.Fatal(err)
	}
	if d := w.drain(); d.Delivered != 0 {
		t.Fatalf("delivered under another's claim: %+v", d)
	}
	w.now = w.now.Add(w.Policy.VisibilityTimeout)
	w.beat(0)
	if d := w.drain(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
	if m := w.message("a"); m.Attempts[0].Outcome != chat.Lost {
		t.Fatalf("%+v", m.Attempts)
	}
}

func TestNobodyIsListening(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	if out := w.send("a"); out.Expected != delivery.ExpectNextPoll {
		t.Fatal(out.Expected)
	}
	w.now = w.now.Add(61 * time.Second)
	w.beat(0)
	if v := workspace.Assess(w.facts(), w.Registry.Policy, w.now); v.Status != workspace.StatusDegraded || v.Reason != workspace.ReasonInboxUnattended {
		t.Fatalf("%+v", v)
	}
	if out := w.send("b"); out.Expected != delivery.ExpectNobody {
		t.Fatal(out.Expected)
	}
}

func TestAStalePollIsPushedByEvidence(t *testing.T) {
	w := newWorld(t, workspace.Poll, "http://agent.example")
	w.send("a")
	if d := w.drain(); d.Delivered != 0 {
		t.Fatalf("%+v", d)
	}
	w.now = w.now.Add(61 * time.Second)
	w.beat(0) // alive, never polls, can be pushed to
	if d := w.drain(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestASilentAgentLosesNoAttempts(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.send("a")
	w.now = w.now.Add(time.Hour)
	if d := w.drain(); len(w.message("a").Attempts) != 0 {
		t.Fatalf("%+v", d)
	}
	w.beat(0)
	if rings := w.bell.Take(); rings[len(rings)-1].Cause != "heartbeat" {
		t.Fatalf("%+v", rings)
	}
	if d := w.drain(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestSweep(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.send("a")
	w.bell.Take()
	for _, want := range []int{1, 0} { // the first sweep announces; nothing is news to the second
		out, err := w.Sweep(t.Context())
		if err != nil || out.Rung != 1 || out.Announced != want || len(out.Broken)+len(out.Errors) != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	w.now = w.now.Add(25 * time.Hour)
	out, err := w.Sweep(t.Context())
	if err != nil || out.Expired != 1 || w.message("a").State != chat.Expired || w.message("a").Reason == "" || w.facts().Open != 0 {
		t.Fatalf("%+v, %v, %+v", out, err, w.message("a"))
	}
	// Nobody swept for a day: it may be the platform that did not hear, for a while.
	w.now = w.now.Add(w.Registry.Policy.LeaseTTL + w.Registry.Policy.Grace)
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var told []string
	for i, c := range w.told.Take() {
		if c.Seq != int64(i)+1 || c.WorkspaceSeq != c.Seq || (c.From == nil) != (i == 0) {
			t.Fatalf("%+v", c)
		}
		told = append(told, fmt.Sprintf("%s/%s", c.To.Status, c.To.Reason))
	}
	if d := cmp.Diff([]string{"online/healthy", "unknown/platform_suspect", "offline/lease_expired"}, told); d != "" {
		t.Fatal(d)
	}
}

func TestAFullInboxSaysSo(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	w.Policy.MaxOpen = 2
	w.send("a", "b")
	_, err := w.Enqueue(t.Context(), chat.Message{ID: "c", Workspace: id, Body: []byte(`{}`)}, w.now)
	if fault.CodeOf(err) != fault.InboxFull {
		t.Fatal(err)
	}
}

func TestCursor(t *testing.T) {
	if c, err := delivery.ParseCursor("w", delivery.Cursor{Seq: 7, Epoch: 3}.ID("w")); err != nil || c != (delivery.Cursor{Seq: 7, Epoch: 3}) {
		t.Fatal(c, err)
	}
	for _, foreign := range []string{"", "00000000-0000-0000-0000-000000000000", delivery.Cursor{Seq: 7}.ID("other"), "7", "7.0", "-1-abc", strings.Replace(delivery.Cursor{Seq: 7}.ID("w"), "7.0", "7.1", 1)} {
		if _, err := delivery.ParseCursor("w", foreign); fault.CodeOf(err) != fault.CursorGone {
			t.Errorf("%q: %v", foreign, err)
		}
	}
}

// How much of the Lambda's time is left is no matter of the platform's clock: one
// that is an hour fast would else deliver nothing.
func TestAFastClockDelivers(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://127.0.0.1:1/")
	w.now = time.Now().Add(time.Hour)
	w.beat(0)
	w.send("a")
	for left, want := range map[time.Duration]string{w.Policy.VisibilityTimeout / 2: "out of time", 2 * w.Policy.VisibilityTimeout: "empty"} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		if out, err := w.Drain(ctx, id, "test"); err != nil || (out.Ended != want && out.Ended != "empty") {
			t.Fatalf("with %s left: %+v, %v", left, out, err)
		}
	}
	w.wants("delivered", w.got, "a")
}
