package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestDrainDeliversEverythingInOrderOnce(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Send("a", "b", "c", "a")
	if d := w.DrainOnce(); d.Delivered != 3 || d.Ended != "empty" {
		t.Fatalf("%+v", d)
	}
	if fmt.Sprint(w.Got) != "[a b c]" || w.Facts().Delivered != 3 {
		t.Fatal(w.Got)
	}
}

func TestFailuresEndDeadWithAReasonAndThoseBehindGoOn(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "poison" {
			return delivery.PushResult{Err: errors.New("boom")}
		}
		return delivery.PushResult{}
	}
	w.Send("poison", "next")
	for range 20 {
		w.DrainOnce()
		w.Now = w.Now.Add(20 * time.Second)
		w.Beat(0)
	}
	if m := w.Receipt("poison"); m.State != chat.Dead || len(m.Attempts) != 5 || m.Reason == "" {
		t.Fatalf("%+v", m)
	}
	if w.Receipt("next").State != chat.Delivered || len(w.ChatQueues.Dead) != 1 || w.ChatQueues.Dead[0].MessageID != "poison" {
		t.Fatalf("%+v %+v", w.Receipt("next"), w.ChatQueues.Dead)
	}
	if _, err := w.Redrive(t.Context(), world.ID, "poison", w.Now); err != nil {
		t.Fatal(err)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	w.DrainOnce()
	if w.Receipt("poison").State != chat.Delivered || w.Facts().Dead != 0 {
		t.Fatalf("%+v", w.Receipt("poison"))
	}
}

// "Target still busy" can't be said of a workspace with active_tasks=0: only the
// agent's own answer defers, it uses up no attempt, and shows as taken slots.
func TestBusyIsTheAgentsOwnWord(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Beat(1)
	w.Send("a")
	if d := w.DrainOnce(); d.Ended != "busy: 1 of 1 task slots taken" || len(w.Receipt("a").Attempts) != 0 {
		t.Fatalf("%+v", d)
	}
	w.Beat(0)
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Busy: true, RetryAfter: 5 * time.Second}
	}
	for range 10 {
		if d := w.DrainOnce(); d.Deferred != 1 {
			t.Fatalf("%+v", d)
		}
		if f := w.Facts(); f.ActiveTasks == 0 {
			t.Fatal("put back as busy with active_tasks=0")
		}
		w.Now = w.Now.Add(6 * time.Second)
		w.Beat(0)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	if d := w.DrainOnce(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestACrashedDeliveryComesBackByTimeAlone(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Send("a")
	m := w.Receipt("a") // its deliverer claims it and is never heard of again
	taken := m.Take(chat.ByPush, chat.Claim{Token: "dead one", Until: w.Now.Add(w.Policy.VisibilityTimeout)}, w.Policy, w.Now)
	if err := w.Ledger.WriteMessages(t.Context(), world.ID, []chat.Move{{From: m, To: taken}}, delivery.MailboxUpdate{}); err != nil {
		t.Fatal(err)
	}
	if d := w.DrainOnce(); d.Delivered != 0 {
		t.Fatalf("delivered under another's claim: %+v", d)
	}
	w.Now = w.Now.Add(w.Policy.VisibilityTimeout)
	w.Beat(0)
	if d := w.DrainOnce(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
	if m := w.Receipt("a"); m.Attempts[0].Outcome != chat.Lost {
		t.Fatalf("%+v", m.Attempts)
	}
}

func TestNobodyIsListening(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	if out := w.Send("a"); out.Expected != workspace.ExpectNextPoll {
		t.Fatal(out.Expected)
	}
	w.Now = w.Now.Add(61 * time.Second)
	w.Beat(0)
	if v := workspace.Assess(w.Facts(), w.Registry.Policy, w.Now); v.Status != workspace.StatusDegraded || v.Reason != workspace.ReasonInboxUnattended {
		t.Fatalf("%+v", v)
	}
	if out := w.Send("b"); out.Expected != workspace.ExpectNobody {
		t.Fatal(out.Expected)
	}
}

func TestAStalePollIsPushedByEvidence(t *testing.T) {
	w := world.New(t, workspace.Poll, "http://agent.example")
	w.Send("a")
	if d := w.DrainOnce(); d.Delivered != 0 {
		t.Fatalf("%+v", d)
	}
	w.Now = w.Now.Add(61 * time.Second)
	w.Beat(0) // alive, never polls, can be pushed to
	if d := w.DrainOnce(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestASilentAgentLosesNoAttempts(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Send("a")
	w.Now = w.Now.Add(time.Hour)
	if d := w.DrainOnce(); len(w.Receipt("a").Attempts) != 0 {
		t.Fatalf("%+v", d)
	}
	w.Beat(0)
	if rings := w.Wakeups.Take(); rings[len(rings)-1].Cause != "heartbeat" {
		t.Fatalf("%+v", rings)
	}
	if d := w.DrainOnce(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestAFullInboxSaysSo(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Policy.MaxOpen = 2
	w.Send("a", "b")
	_, err := w.Enqueue(t.Context(), chat.Message{ID: "c", Workspace: world.ID, Body: []byte(`{}`)}, w.Now)
	if fault.CodeOf(err) != fault.InboxFull {
		t.Fatal(err)
	}
}

// How much of the Lambda's time is left is no matter of the platform's clock: one
// that is an hour fast would else deliver nothing.
func TestAFastClockDelivers(t *testing.T) {
	w := world.New(t, workspace.Push, "http://127.0.0.1:1/")
	w.Now = time.Now().Add(time.Hour)
	w.Beat(0)
	w.Send("a")
	for left, want := range map[time.Duration]string{w.Policy.VisibilityTimeout / 2: "out of time", 2 * w.Policy.VisibilityTimeout: "empty"} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		if out, err := w.Drain(ctx, world.ID, "test"); err != nil || (out.Ended != want && out.Ended != "empty") {
			t.Fatalf("with %s left: %+v, %v", left, out, err)
		}
	}
	w.Wants("delivered", w.Got, "a")
}

// A chat queue that gives no ticket though nobody works is left for the next one.
func TestAStuckQueueIsLeft(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Send("m1")
	// Its ticket is held by a drain that died before its claim, over and over.
	lane := delivery.ChatQueue{Workspace: world.ID}
	if err := w.ChatQueues.Send(t.Context(), lane, 1, []delivery.Ticket{{MessageID: "m1", Seq: 1, Dedup: "x"}}); err != nil {
		t.Fatal(err)
	}
	if h, err := w.ChatQueues.Receive(t.Context(), lane, 24*time.Hour, 0); h == nil || err != nil {
		t.Fatal(h, err)
	}
	w.DrainOnce()
	w.Wants("within the timeout its holder may be alive", w.Got)
	w.Now = w.Now.Add(2*w.Policy.VisibilityTimeout + time.Second)
	w.Beat(0)
	w.DrainOnce()
	w.Wants("after it the mail goes by another queue", w.Got, "m1")
	if f := w.Facts(); f.QueueGeneration != 1 {
		t.Fatalf("generation %d", f.QueueGeneration)
	}
}
