package delivery_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// poll fetches after a message ("": without a cursor) and gives the ids.
func (w *world) poll(after string) []string {
	w.t.Helper()
	cursor := ""
	if after != "" {
		cursor = delivery.Cursor{Seq: w.message(after).Seq, Epoch: w.facts().Epoch}.ID(id)
	}
	out, err := w.Fetch(w.t.Context(), delivery.Poll{Workspace: id, Credential: w.token, From: "10.0.0.1", Cursor: cursor, Limit: 100}, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	var ids []string
	for _, m := range out.Messages {
		ids = append(ids, m.ID)
	}
	w.facts()
	return ids
}

func (w *world) wants(what string, got []string, want ...string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// A message that comes back behind the cursor was never handed out: the cursor
// must not swallow it.
func TestACursorAcknowledgesOnlyWhatWasHandedOut(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.agent = func(m chat.Message) delivery.Result {
		if m.ID == "m1" {
			return delivery.Result{Err: errors.New("refused")}
		}
		return delivery.Result{}
	}
	w.send("m1", "m2")
	for range 9 {
		w.beat(0)
		w.drain()
		w.now = w.now.Add(20 * time.Second)
	}
	if s := w.message("m1").State; s != chat.Dead {
		t.Fatalf("m1 is %s", s)
	}
	if _, err := w.Registry.Register(t.Context(), registry.Registration{ID: id, Credential: w.token, Mode: workspace.Poll, From: "10.0.0.1"}, w.now); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Settle(t.Context(), id, "m1", func(m chat.Message) (chat.Message, error) { return m.Redrive(w.Policy, w.now) }); err != nil {
		t.Fatal(err)
	}
	w.wants("behind the cursor", w.poll("m2"), "m1")
	if s := w.message("m1").State; s != chat.InFlight {
		t.Fatalf("m1 is %s", s)
	}
	w.wants("that reply was lost, so it is asked for again", w.poll("m2"), "m1")
	w.send("m3")
	w.wants("again, with what is new", w.poll("m2"), "m1", "m3")
	w.wants("both are acknowledged by the later one's row", w.poll("m3"))
	for _, m := range []string{"m1", "m3"} {
		if s := w.message(m).State; s != chat.Delivered {
			t.Fatalf("%s is %s", m, s)
		}
	}
}

func TestARowAcknowledgesItself(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	w.send("m1", "m2")
	w.wants("all", w.poll(""), "m1", "m2")
	w.wants("after the first", w.poll("m1"), "m2")
	w.wants("a client that lost its cursor gets what is open", w.poll(""), "m2")
	w.wants("after the second", w.poll("m2"))
}

// A window full of acknowledged mail must not hide what waits behind it.
func TestABacklogLargerThanOneTransaction(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	var sent, got []string
	for i := range 130 {
		sent = append(sent, fmt.Sprintf("m%03d", i))
	}
	w.send(sent...)
	for last := ""; ; {
		page := w.poll(last)
		if len(page) == 0 {
			break
		}
		got, last = append(got, page...), page[len(page)-1]
	}
	w.wants("page by page", got, sent...)
	if f := w.facts(); f.Open != 0 || f.Delivered != 130 {
		t.Fatalf("%+v", f)
	}
}

func TestDelegations(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	peer, err := w.Registry.Register(t.Context(), registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	give := func(task, key string) delivery.Delegated {
		t.Helper()
		out, err := w.Delegate(t.Context(), "peer", id, task, key, w.now)
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Second)
		return out
	}
	states := func() (out []string) {
		t.Helper()
		all, err := w.Delegations(t.Context(), "peer", 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			out = append(out, fmt.Sprintf("%s %s %s%s", p.Summary, p.State, p.Answer, p.Error))
		}
		return out
	}
	answer := func(text string) {
		t.Helper()
		if _, err := w.Enqueue(t.Context(), chat.Message{Workspace: "peer", Source: id, Priority: chat.Task, Body: chat.TextBody("a", text)}, w.now); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Second)
	}
	first := give("one", "k1")
	if again := give("one", "k1"); !again.Hit || again.Delegation.ID != first.Delegation.ID {
		t.Fatalf("%+v", again)
	}
	second := give("two", "k2")
	w.wants("queued", states(), "two queued ", "one queued ")
	w.wants("the peer gets each once", w.poll(""), first.Delegation.MessageID, second.Delegation.MessageID)
	w.wants("handed out", states(), "two dispatched ", "one dispatched ")
	answer("did one")
	w.wants("answers are taken in order", states(), "two dispatched ", "one completed did one")
	answer("did two")
	w.wants("answered", states(), "two completed did two", "one completed did one")

	third := give("three", "k3")
	if _, err := w.Settle(t.Context(), id, third.Delegation.MessageID, func(m chat.Message) (chat.Message, error) { return m.Cancel("an operator", w.now) }); err != nil {
		t.Fatal(err)
	}
	w.wants("a bad end is told", states()[:1], "three failed cancelled: cancelled by an operator")
	if retried := give("three", "k3"); retried.Hit || retried.Delegation.MessageID == third.Delegation.MessageID {
		t.Fatalf("a failed one is tried anew: %+v", retried)
	}
	w.wants("tried anew", states()[:1], "three queued ")

	m, err := w.Enqueue(t.Context(), chat.Message{Workspace: id, Source: "peer", Priority: chat.Task, Body: chat.TextBody("x", "four")}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if out := give("four", "k4"); !out.Twin || out.Delegation.MessageID != m.Message.ID {
		t.Fatalf("the same task sent just before is the same task: %+v", out)
	}
	w.now = w.now.Add(2 * time.Minute)
	if out := give("four", "k5"); out.Twin {
		t.Fatal("two minutes later it is another")
	}
	_ = peer
}
