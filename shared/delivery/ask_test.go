package delivery_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// peer is the first life of the workspace that asks.
var peer = workspace.Life{Workspace: "peer"}

// asked is a world whose agent is pushed to and answers, and a peer that polls and asks it.
func asked(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t, workspace.Push, "http://agent/")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Answer: []byte(`{"result":{"task":{"artifacts":[{"parts":[{"text":"42"}]}]}}}`)}
	}
	w.DrainOnce() // its URL is tried
	w.Wakeups.Take()
	return w
}

func question(id string) chat.Message {
	return chat.Message{
		ID: id, Workspace: world.ID, Source: "peer", Method: "message/send", Priority: chat.Task,
		Body: chat.TextBody(id, "what is six times seven?"),
	}
}

// still is the standing of the one who asks, when the call has waited.
func still(err error) delivery.Asker {
	return delivery.Asker{Still: func(context.Context) error { return err }}
}

// mailOf is what waits in the peer's mailbox.
func mailOf(w *world.World) (out []chat.Message) {
	w.T.Helper()
	open, err := w.Store.OpenMail(w.T.Context(), peer, 0)
	w.NoError(err)
	out, err = w.Store.Messages(w.T.Context(), peer, delivery.IDs(open, len(open))...)
	w.NoError(err)
	out, err = w.Store.Texts(w.T.Context(), chat.Bodies, out)
	w.NoError(err)
	return out
}

// wantAnswer checks that the peer has been sent the answer to a message, once.
func wantAnswer(w *world.World, to string) {
	w.T.Helper()
	mail := mailOf(w)
	if len(mail) != 1 {
		w.T.Fatalf("%d messages wait for the peer", len(mail))
	}
	m := mail[0]
	if m.Source != world.ID || m.AnswerTo != to || chat.Text(m.Body) != "42" || chat.Shown(m.Body) != "42" ||
		!slices.Contains(slices.Collect(chat.References(m.Body)), to) || !chat.Replies(m.Body) {
		w.T.Fatalf("%+v %s", m, m.Body)
	}
	if n := w.Facts().OutboxItems; n != 0 {
		w.T.Fatalf("%d outbox items are left", n)
	}
}

func TestAQuestionIsAnsweredInItsCall(t *testing.T) {
	w := asked(t)
	done := make(chan delivery.Accepted)
	go func() {
		out, err := w.Ask(t.Context(), question("q"), still(nil), w.Now)
		if err != nil {
			t.Error(err)
		}
		done <- out
	}()
	for len(w.Wakeups.Take()) == 0 { // until it is accepted
		runtime.Gosched()
	}
	w.DrainOnce()
	if out := <-done; out.Message.State != chat.Delivered || out.Message.AnswerText() != "42" || out.Expected != "" ||
		out.Why != "" || out.Depth != 0 || out.Facts.Delivered != 1 {
		t.Fatalf("%+v", out)
	}
	w.Now = w.Now.Add(time.Minute)
	w.SweepOnce()
	w.DrainOnce()
	if mail := mailOf(w); len(mail) != 0 || w.Facts().OutboxItems != 0 {
		t.Fatalf("it is sent too: %+v", mail)
	}
}

// Who has lost the right to ask while it waited gets no answer: it goes to whoever has the workspace's credential now.
func TestWhoMayNoLongerAskIsNotAnswered(t *testing.T) {
	w := asked(t)
	ended := fault.New(fault.CredentialUnknown, "it was revoked")
	w.Delivery.Clock = &steppingClock{
		Clock: memory.Clock{Time: func() time.Time { return w.Now }},
		first: func() { w.DrainOnce() }, move: func(d time.Duration) { w.Now = w.Now.Add(d) },
	}
	out, err := w.Ask(t.Context(), question("q"), still(ended), w.Now)
	if fault.CodeOf(err) != fault.CredentialUnknown || out.Message.ID != "" {
		t.Fatalf("%+v %v", out, err)
	}
	w.Now = w.Now.Add(time.Minute)
	w.SweepOnce()
	w.DrainOnce()
	wantAnswer(w, "q")
}

// steppingClock is a clock whose sleeps take no time: each moves the world's time on, and the first begins with a step.
type steppingClock struct {
	memory.Clock
	first func()
	move  func(time.Duration)
}

func (c *steppingClock) Sleep(_ context.Context, d time.Duration) error {
	if c.first != nil {
		c.first()
		c.first = nil
	}
	c.move(d)
	return nil
}

// What a call that waits in vain is answered is how the message is when the wait ends, and not how it was accepted.
func TestAQuestionThatIsNotAnsweredInTimeIsToldHowItIsNow(t *testing.T) {
	w := asked(t)
	start := w.Now
	called, release, drained := make(chan bool), make(chan bool), make(chan bool)
	w.Agent = func(chat.Message) delivery.PushResult {
		close(called)
		<-release
		return delivery.PushResult{}
	}
	w.Delivery.Clock = &steppingClock{
		Clock: memory.Clock{Time: func() time.Time { return w.Now }},
		first: func() {
			go func() {
				w.DrainOnce()
				close(drained)
			}()
			<-called
		},
		move: func(d time.Duration) { w.Now = w.Now.Add(d) },
	}
	out, err := w.Ask(t.Context(), question("q"), still(nil), w.Now)
	if err != nil || out.Message.State != chat.InFlight || len(out.Message.Attempts) != 1 || out.Facts.InFlight != 1 ||
		out.Expected != workspace.ExpectNow || out.Why == "" || out.At.Sub(start) < w.Policy.AnswerWithin {
		t.Errorf("%+v %v", out, err)
	}
	close(release)
	<-drained
}

func TestALateAnswerIsAMessageOfItsOwn(t *testing.T) {
	w := asked(t)
	w.Policy.AnswerWithin = time.Nanosecond // it does not wait
	out, err := w.Ask(t.Context(), question("q"), still(nil), w.Now)
	if err != nil || !out.Message.State.Open() {
		t.Fatalf("%+v %v", out, err)
	}
	w.Now = w.Now.Add(20 * time.Second)
	w.DrainOnce()
	wantAnswer(w, "q")
	w.DrainOnce()
	wantAnswer(w, "q")
}

// A call that waits may die. Then its answer is sent all the same, once it is certain that nobody takes it.
func TestTheAnswerOfACallThatDiedIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		answeredAfter time.Duration
		wakes         bool // the drain itself sees to it
	}{
		"long before the call would have ended": {3 * time.Second, false},
		"as it would have ended":                {9500 * time.Millisecond, true},
		"just after":                            {11 * time.Second, true},
	} {
		w := asked(t)
		m := question("q")
		m.AwaitedUntil = w.Now.Add(w.Policy.AnswerWithin)
		if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
			t.Fatal(err)
		}
		w.Wakeups.Take()
		w.Now = w.Now.Add(c.answeredAfter)
		w.DrainOnce()
		if mail := mailOf(w); len(mail) != 0 || w.Facts().OutboxItems != 1 {
			t.Fatalf("%s: the call may take it: %+v", name, mail)
		}
		if woken := len(w.Wakeups.Take()) > 0; woken != c.wakes {
			t.Errorf("%s: woken is %v", name, woken)
		}
		w.Now = w.Now.Add(time.Minute)
		w.SweepOnce()
		if len(w.Wakeups.Take()) == 0 {
			t.Fatalf("%s: the sweep sends no wake-up", name)
		}
		w.DrainOnce()
		wantAnswer(w, "q")
	}
}

// A delegated task's answer is a message too, and stands in the list of delegations.
func TestADelegatedTasksAnswerComesByBothWays(t *testing.T) {
	w := asked(t)
	given, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "multiply", "", w.Now)
	w.NoError(err)
	w.DrainOnce()
	wantAnswer(w, given.Delegation.MessageID)
	all, err := w.Delegations.List(t.Context(), peer, 10)
	if err != nil || len(all) != 1 || all[0].State != delegation.Completed || all[0].Answer != "42" {
		t.Fatalf("%+v %v", all, err)
	}
	if !slices.Contains(slices.Collect(chat.References(mailOf(w)[0].Body)), given.Delegation.ID) {
		t.Error("the answer does not name the delegation")
	}
}

// Nobody waits where no answer can come in time, and no reply to a reply is sent.
func TestWhatIsNoQuestion(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	if out, err := w.Ask(t.Context(), question("q"), still(nil), w.Now); err != nil || !out.Message.AwaitedUntil.IsZero() {
		t.Fatalf("of one that polls: %+v %v", out, err)
	}
	w = asked(t)
	reply, answer, told, user := question("reply"), question("answer"), question("told"), question("user")
	reply.Body = []byte(`{"params":{"message":{"parts":[{"text":"x"}],"metadata":{"in_reply_to":"q"}}}}`)
	answer.AnswerTo, told.Callback, user.Source = "q", "http://sender/", ""
	for _, m := range []chat.Message{reply, answer, told, user} {
		if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
			t.Fatal(err)
		}
	}
	w.DrainOnce()
	if mail := mailOf(w); len(mail) != 0 || w.Facts().Delivered != 4 {
		t.Fatalf("%+v", mail)
	}
	w.Want("callbacks", w.CallbacksReceived, "http://sender/ told delivered")
}

// An answer that finds its receiver's inbox full is tried again, and one whose receiver is gone is not.
// A workspace that writes to itself finds its answer in the receipt, and is not handed it as new mail.
func TestAWorkspaceThatWritesToItselfIsSentNoAnswer(t *testing.T) {
	w := asked(t)
	m := question("q")
	m.Source = world.ID
	_, err := w.Enqueue(t.Context(), m, w.Now)
	w.NoError(err)
	w.DrainOnce()
	w.Now = w.Now.Add(time.Minute)
	w.SweepOnce()
	w.DrainOnce()
	life := workspace.Life{Workspace: world.ID}
	ms, err := w.Store.Messages(t.Context(), life, "q")
	if err != nil || len(ms) != 1 || ms[0].State != chat.Delivered || ms[0].AnswerText() != "42" {
		t.Fatalf("%+v, %v", ms, err)
	}
	open, err := w.Store.OpenMail(t.Context(), life, 0)
	if f := w.Facts(); err != nil || len(open) != 0 || f.OutboxItems != 0 || f.Delivered != 1 {
		t.Fatalf("%+v, %d outbox items, %d delivered, %v", open, f.OutboxItems, f.Delivered, err)
	}
}

func TestAnAnswerThatCanNotBeSent(t *testing.T) {
	w := asked(t)
	w.Policy.MaxOpen = 1
	first := chat.Message{ID: "first", Workspace: "peer", Body: []byte(`{}`)}
	if _, err := w.Enqueue(t.Context(), first, w.Now); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Enqueue(t.Context(), question("q"), w.Now); err != nil {
		t.Fatal(err)
	}
	if w.DrainOnce(); w.Facts().OutboxItems != 1 {
		t.Fatal("a full inbox is not seen")
	}
	if _, err := w.Cancel(t.Context(), "peer", "first", "a test", w.Now); err != nil {
		t.Fatal(err)
	}
	w.Now = w.Now.Add(30 * time.Second)
	w.DrainOnce()
	wantAnswer(w, "q")

	w = asked(t)
	q := question("q")
	q.Source = "nobody"
	if _, err := w.Enqueue(t.Context(), q, w.Now); err != nil {
		t.Fatal(err)
	}
	w.DrainOnce()
	if n := w.Facts().OutboxItems; n != 0 {
		t.Fatalf("%d outbox items are left", n)
	}
}
