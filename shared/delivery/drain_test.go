package delivery_test

import (
	"context"
	"fmt"
	"slices"
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
	if fmt.Sprint(w.Taken) != "[a b c]" || w.Facts().Delivered != 3 {
		t.Fatal(w.Taken)
	}
}

func TestAFailingMessageEndsDeadWithAReasonAndTheNextIsDelivered(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "poison" {
			return delivery.PushResult{Handover: delivery.AgentError, Why: "boom"}
		}
		return delivery.PushResult{}
	}
	w.Send("poison", "next")
	for range 20 {
		w.DrainOnce()
		w.Now = w.Now.Add(20 * time.Second)
		w.Heartbeat(0)
	}
	if m := w.Receipt("poison"); m.State != chat.Dead || len(m.Attempts) != 6 || m.Reason == "" {
		t.Fatalf("%+v", m)
	}
	if f := w.Facts(); f.LostMessages != 1 || len(w.Verdict().Remarks) != 1 {
		t.Fatalf("nothing says that mail was lost: %+v", f.Lost)
	}
	dead := w.ChatQueues.Dead
	if w.Receipt("next").State != chat.Delivered || len(dead) != 1 || dead[0].MessageID != "poison" {
		t.Fatalf("%+v %+v", w.Receipt("next"), dead)
	}
	if _, err := w.Redrive(t.Context(), world.ID, "poison", w.Now); err != nil {
		t.Fatal(err)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	w.DrainOnce()
	if w.Receipt("poison").State != chat.Delivered || w.Facts().Dead != 0 || len(w.Verdict().Remarks) != 0 {
		t.Fatalf("%+v", w.Receipt("poison"))
	}
}

// Only the agent's own answer defers a message; that uses up no attempt, and is never told as active tasks that
// the agent did not say it has.
func TestOnlyTheAgentsAnswerDefersAMessage(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Heartbeat(1)
	w.Send("a")
	if d := w.DrainOnce(); d.Ended != "busy: 1 of 1 task slots taken" || len(w.Receipt("a").Attempts) != 0 {
		t.Fatalf("%+v", d)
	}
	w.Heartbeat(0)
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Busy, RetryAfter: 5 * time.Second}
	}
	for range 10 {
		if d := w.DrainOnce(); d.Deferred != 1 {
			t.Fatalf("%+v", d)
		}
		if f := w.Facts(); f.ActiveTasks != 0 || f.BusyAnswers == 0 || !f.Resting(w.Registry.Policy, w.Now) {
			t.Fatalf("%+v", f)
		}
		w.Now = w.Now.Add(6 * time.Second)
		w.Heartbeat(0)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	if d := w.DrainOnce(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

// An agent that says that it is free after it answered that it is busy is tried at once, whatever time it asked for.
// One that goes on to say both is tried after pauses that grow.
func TestNewerWordsOfTheAgentEndItsRest(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	tries := 0
	w.Agent = func(chat.Message) delivery.PushResult {
		tries++
		return delivery.PushResult{Handover: delivery.Busy, RetryAfter: time.Hour}
	}
	w.Heartbeat(0)
	w.Send("a", "b")
	w.DrainOnce()
	began, tried := w.Now, []time.Duration{}
	for range 28 {
		w.Now = w.Now.Add(10 * time.Second)
		w.Heartbeat(0)
		before := tries
		if w.DrainOnce(); tries > before {
			tried = append(tried, w.Now.Sub(began))
		}
	}
	want := []time.Duration{10 * time.Second, 70 * time.Second, 190 * time.Second}
	if !slices.Equal(tried, want) {
		t.Fatalf("tried after %v, want %v", tried, want)
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("%+v", v)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	w.Now = began.Add(430 * time.Second)
	w.Heartbeat(0)
	if d := w.DrainOnce(); d.Delivered != 2 {
		t.Fatalf("%+v", d)
	}
}

// Words from before the answer, and a report without a free slot, end no rest.
func TestOlderWordsEndNoRest(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Busy, RetryAfter: time.Hour}
	}
	w.Heartbeat(0)
	w.Send("a")
	w.DrainOnce()
	for range 2 {
		if f := w.Facts(); !f.Resting(w.Registry.Policy, w.Now) {
			t.Fatalf("%+v", f)
		}
		w.Now = w.Now.Add(10 * time.Second)
		w.Heartbeat(1)
	}
}

func TestAMessageWhoseDrainCrashedIsDeliveredAfterItsClaim(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Send("a")
	m := w.Receipt("a") // a drain claims it and crashes
	claim := chat.Claim{Token: "crashed", Until: w.Now.Add(w.Policy.VisibilityTimeout)}
	claimed := []chat.Move{{From: m, To: m.Take(chat.ByPush, claim, w.Policy, time.Time{}, w.Now)}}
	w.NoError(w.Ledger.WriteMessages(t.Context(), world.Life, claimed, delivery.MailboxUpdate{}))
	if d := w.DrainOnce(); d.Delivered != 0 {
		t.Fatalf("delivered while another claim was active: %+v", d)
	}
	w.Now = w.Now.Add(w.Policy.VisibilityTimeout)
	w.Heartbeat(0)
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
	w.Heartbeat(0)
	if v := w.Verdict(); v.Status != workspace.StatusDegraded || v.Reason != workspace.ReasonInboxUnattended {
		t.Fatalf("%+v", v)
	}
	if out := w.Send("b"); out.Expected != workspace.ExpectNobody {
		t.Fatal(out.Expected)
	}
}

// The stored mode is poll, but the agent never polls and can be pushed to.
func TestMailOfAnAgentThatNeverPollsIsPushed(t *testing.T) {
	w := world.New(t, workspace.Poll, "http://agent.example")
	w.Send("a")
	if d := w.DrainOnce(); d.Delivered != 0 {
		t.Fatalf("%+v", d)
	}
	w.Now = w.Now.Add(61 * time.Second)
	w.Heartbeat(0) // it is alive
	if d := w.DrainOnce(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestASilentAgentUsesUpNoAttempts(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Send("a")
	w.Now = w.Now.Add(time.Hour)
	if d := w.DrainOnce(); len(w.Receipt("a").Attempts) != 0 {
		t.Fatalf("%+v", d)
	}
	w.Heartbeat(0)
	if wakeups := w.Wakeups.Take(); wakeups[len(wakeups)-1].Cause != "heartbeat" {
		t.Fatalf("%+v", wakeups)
	}
	if d := w.DrainOnce(); d.Delivered != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestAFullInboxRefusesAMessage(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Policy.MaxOpen = 4
	w.Send("a", "b")
	_, err := w.Enqueue(t.Context(), chat.Message{ID: "c", Workspace: world.ID, Body: []byte(`{}`)}, w.Now)
	if fault.CodeOf(err) != fault.InboxFull {
		t.Fatal(err)
	}
}

// How much of the Lambda's time is left does not depend on the platform's clock: else
// a clock that is an hour fast would deliver nothing.
func TestAFastClockDelivers(t *testing.T) {
	w := world.New(t, workspace.Push, "http://127.0.0.1:1/")
	w.Now = time.Now().Add(time.Hour)
	w.Heartbeat(0)
	w.Send("a")
	for left, want := range map[time.Duration]string{
		w.Policy.VisibilityTimeout / 2: "out of time",
		2 * w.Policy.VisibilityTimeout: "empty",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		if out, err := w.Drain(ctx, world.ID, "test"); err != nil || (out.Ended != want && out.Ended != "empty") {
			t.Fatalf("with %s left: %+v, %v", left, out, err)
		}
	}
	w.Want("delivered", w.Taken, "a")
}

// A chat queue that gives no ticket, though no drain works, is replaced by the next one.
func TestAStuckQueueIsReplaced(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Send("m1")
	// Its ticket was received by drains that died before they claimed the message.
	queue := delivery.ChatQueue{Life: world.Life}
	tickets := []delivery.Ticket{{MessageID: "m1", Seq: 1, Dedup: "x"}}
	w.NoError(w.ChatQueues.Send(t.Context(), queue, 1, tickets))
	if received, err := w.ChatQueues.Receive(t.Context(), queue, 24*time.Hour, 0); received == nil || err != nil {
		t.Fatal(received, err)
	}
	w.DrainOnce()
	w.Want("within the visibility timeout, as that drain may be alive", w.Taken)
	w.Now = w.Now.Add(2*w.Policy.VisibilityTimeout + time.Second)
	w.Heartbeat(0)
	w.DrainOnce()
	w.Want("after the timeout, through another queue", w.Taken, "m1")
	if f := w.Facts(); f.QueueGeneration != 1 {
		t.Fatalf("generation %d", f.QueueGeneration)
	}
}
