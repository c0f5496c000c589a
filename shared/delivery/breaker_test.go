package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var (
	refused = delivery.PushResult{
		Handover: delivery.Unreachable, Fault: workspace.FaultRefused, Why: "connection refused",
	}
	timedOut = delivery.PushResult{
		Handover: delivery.Unreachable, Fault: workspace.FaultTimeout, Why: "the agent did not answer in time",
	}
	noQuota = delivery.PushResult{Handover: delivery.AgentError, Fault: workspace.FaultRPC, Why: "no quota"}
)

// always answers every push alike.
func always(r delivery.PushResult) func(chat.Message) delivery.PushResult {
	return func(chat.Message) delivery.PushResult { return r }
}

// alive lets time pass with a heartbeat and a drain each so many seconds.
func alive(w *world.World, d, each time.Duration) {
	w.T.Helper()
	for end := w.Now.Add(d); w.Now.Before(end); w.Now = w.Now.Add(each) {
		w.Heartbeat(0)
		w.DrainOnce()
	}
}

// A restart loses no mail: an agent that can't be reached uses up no attempt, and its register goes on at once.
func TestARestartLosesNoMail(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(refused)
	out := w.Send("m1", "m2")
	alive(w, 46*time.Second, time.Second)
	if m := w.Receipt("m1"); m.State != chat.Queued || w.Facts().PushFailures > 6 {
		t.Fatalf("%s after %d tries: %s", m.State, w.Facts().PushFailures, m.Reason)
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
	if out = w.Send("m3"); out.Expected != workspace.ExpectRetrying || out.Why == "" {
		t.Fatalf("expected %s: %s", out.Expected, out.Why)
	}
	w.Agent = always(delivery.PushResult{})
	w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/again"})
	w.DrainOnce()
	w.Want("delivered, in order", w.Taken, "m1", "m2", "m3")
	if v := w.Verdict(); v.Status != workspace.StatusOnline || len(v.Remarks) != 0 {
		t.Fatalf("%+v", v)
	}
}

// Trouble that meets every message kills none; the agent is tried on, once a minute, until it is over.
func TestAnOutageOfItsModelProviderKillsNoMail(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	tries := 0
	w.Agent = func(chat.Message) delivery.PushResult { tries++; return noQuota }
	w.Send("m1", "m2", "m3")
	alive(w, time.Hour, 5*time.Second)
	for _, id := range []string{"m1", "m2", "m3"} {
		if m := w.Receipt(id); m.State != chat.Queued {
			t.Fatalf("%s is %s: %s", id, m.State, m.Reason)
		}
	}
	if tries > 3*60+20 {
		t.Fatalf("%d tries in an hour", tries)
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonPushFailing || v.Hop != workspace.HopAgent ||
		!strings.Contains(v.Hint, "no quota") {
		t.Fatalf("%+v", v)
	}
	w.Agent = always(delivery.PushResult{})
	alive(w, 3*time.Minute, 5*time.Second)
	if len(w.Taken) != 3 {
		t.Fatalf("taken: %v", w.Taken)
	}
}

// A message that alone fails holds up the others for less than a minute, and dies.
func TestAPoisonedMessageHoldsUpNobodyForLong(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "poison" {
			return noQuota
		}
		return delivery.PushResult{}
	}
	w.Send("poison", "m1", "m2")
	alive(w, time.Minute, time.Second)
	w.Want("in a minute", w.Taken, "m1", "m2")
	alive(w, 2*time.Minute, time.Second)
	if m := w.Receipt("poison"); m.State != chat.Dead {
		t.Fatalf("%s: %s", m.State, m.Reason)
	}
	v := w.Verdict() // one that fails alone says nothing of the agent, and is told with its cause
	if v.Status != workspace.StatusOnline || w.Facts().Unproved() || len(v.Remarks) != 1 ||
		!strings.Contains(v.Remarks[0].Text, "no quota") {
		t.Fatalf("%+v", v)
	}
}

// A message that is set aside while the agent takes others is no stalled backlog, and is in nobody's way.
func TestWhatIsSetAsideIsNoStall(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Registry.Policy.DeliveryObjective = 10 * time.Second
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "poison" {
			return noQuota
		}
		return delivery.PushResult{}
	}
	w.Send("poison")
	for w.Facts().AsideUntil.IsZero() {
		alive(w, time.Second, time.Second)
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("nothing else passes: %+v", v)
	}
	w.Send("m1")
	w.DrainOnce()
	w.Want("what goes first", w.Taken, "m1")
	for w.Receipt("poison").State == chat.Queued {
		if v := w.Verdict(); v.Status != workspace.StatusOnline {
			t.Fatalf("%+v", v)
		}
		alive(w, time.Second, time.Second)
	}
	out := w.Send("m2")
	if out.Expected != workspace.ExpectNow {
		t.Fatalf("expected %s: %s", out.Expected, out.Why)
	}
}

// An agent that is busy for ever is noticed when that is believed no more, however often it registers.
func TestBusyIsBelievedForAMinute(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(delivery.PushResult{Handover: delivery.Busy})
	w.Send("m1")
	for end := w.Now.Add(3 * time.Minute); w.Now.Before(end); {
		w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/"})
		alive(w, 10*time.Second, time.Second)
	}
	v := w.Verdict()
	if v.Reason != workspace.ReasonPushFailing || v.Action != "inspect" || w.Facts().PushDegradedAt.IsZero() {
		t.Fatalf("%+v", v)
	}
	if out := w.Send("m2"); out.Expected != workspace.ExpectRetrying {
		t.Fatalf("expected %s: %s", out.Expected, out.Why)
	}
	w.Agent = always(delivery.PushResult{})
	alive(w, 21*time.Second, time.Second) // and so for 30 s after its last register
	w.Want("when it is free", w.Taken, "m1", "m2")
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v", v)
	}
}

// A deliverer that dies while the agent is in trouble holds its mail for no longer than its claim.
func TestADeadDelivererOfATroubledAgentHoldsNoMail(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(refused)
	w.Send("m1", "m2")
	w.DrainOnce()
	m, f := w.Receipt("m1"), w.Facts()
	claim := chat.Claim{Token: "dead", Until: w.Now.Add(w.Policy.VisibilityTimeout), Epoch: f.Epoch}
	taken := m.Take(chat.ByPush, claim, w.Policy, time.Time{}, w.Now)
	w.NoError(w.Store.WriteMessages(t.Context(), world.Life, []chat.Move{{From: m, To: taken}}, delivery.MailboxUpdate{
		Host: delivery.HostOf(f), ClaimedUntil: claim.Until,
	}))
	w.Agent = always(delivery.PushResult{})
	alive(w, w.Policy.VisibilityTimeout-10*time.Second, 5*time.Second)
	w.Want("while the claim lives", w.Taken)
	alive(w, 30*time.Second, 5*time.Second)
	w.Want("when it has ended", w.Taken, "m1", "m2")
}

// What an agent says that it can't take dies at once, and is no sign that the agent fails.
func TestWhatIsMalformedForTheAgentDiesAlone(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "bad" {
			return delivery.PushResult{Handover: delivery.Refused, Why: "error -32602: role missing"}
		}
		return delivery.PushResult{}
	}
	w.Send("bad", "good")
	w.DrainOnce()
	w.Want("the other one", w.Taken, "good")
	if m, f := w.Receipt("bad"), w.Facts(); m.State != chat.Dead || f.PushFailures != 0 || f.LostMessages != 1 {
		t.Fatalf("%+v, %+v", m, f)
	}
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v", v)
	}
}

// An agent that hung is asked by a probe before it is handed mail again: it holds a drain for seconds, not minutes.
func TestAnAgentThatHungIsProbedFirst(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	var pushed []string
	answer := timedOut
	w.Agent = func(m chat.Message) delivery.PushResult {
		pushed = append(pushed, fmt.Sprint(m.ID[:2], m.Probe))
		return answer
	}
	w.Send("m1")
	alive(w, 30*time.Second, time.Second)
	for i, p := range pushed {
		if want := map[bool]string{true: "m1false", false: "prtrue"}[i == 0]; p != want {
			t.Fatalf("%v", pushed)
		}
	}
	if n := len(w.Receipt("m1").Attempts); n != 1 {
		t.Fatalf("%d attempts", n)
	}
	answer = delivery.PushResult{}
	alive(w, time.Minute, time.Second)
	if w.Receipt("m1").State != chat.Delivered {
		t.Fatalf("%v", pushed)
	}
}

// Each push of a message has the number of its try. What no message stands behind, a probe of the platform's own or a
// call about a task, has the number 0.
func TestEachTryHasItsNumber(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	numbers := map[string][]int{}
	w.Agent = func(m chat.Message) delivery.PushResult {
		id := m.ID
		if strings.HasPrefix(id, "probe-") {
			id = "a probe"
		}
		numbers[id] = append(numbers[id], m.Tries())
		switch {
		case m.ID == "call" || m.Probe:
			return delivery.PushResult{Handover: delivery.Taken, Answer: []byte(`{"result":{}}`)}
		case m.ID == "bad" && len(numbers["bad"])%2 == 1:
			return timedOut
		case m.ID == "bad":
			return refused
		}
		return delivery.PushResult{}
	}
	w.Send("bad")
	alive(w, 2*time.Minute, time.Second)
	if _, err := w.Pass(t.Context(), chat.Message{
		ID: "call", Workspace: world.ID, Method: "tasks/get", Body: []byte(`{}`),
	}, nil, w.Now); err != nil {
		t.Fatal(err)
	}
	for i, n := range numbers["bad"] {
		if n != i+1 {
			t.Fatalf("the tries of a message have the numbers %v", numbers["bad"])
		}
	}
	for _, n := range append(numbers["a probe"], numbers["call"]...) {
		if n != 0 {
			t.Fatalf("%v", numbers)
		}
	}
	if len(numbers["bad"]) < 3 || len(numbers["a probe"]) == 0 || len(numbers["call"]) != 1 {
		t.Fatalf("%v", numbers)
	}
}

// With an empty mailbox after failures the platform finds out by itself whether the agent is back.
func TestFailuresHealWithoutMail(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(refused)
	m := world.Message("short")
	m.ExpiresAt = w.Now.Add(40 * time.Second)
	if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
		t.Fatal(err)
	}
	alive(w, time.Minute, time.Second)
	w.SweepOnce()
	if w.Receipt("short").State != chat.Expired {
		t.Fatal(w.Receipt("short").State)
	}
	v := w.Verdict()
	if v.Reason != workspace.ReasonPushFailing || len(v.Remarks) != 1 {
		t.Fatalf("a green dot after starvation: %+v", v)
	}
	if out, err := w.Redrive(t.Context(), world.ID, "short", w.Now); err != nil || out.State != chat.Queued {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := w.Cancel(t.Context(), world.ID, "short", "the test", w.Now); err != nil {
		t.Fatal(err)
	}
	accepted := w.Facts().Accepted
	w.Agent = always(delivery.PushResult{})
	w.SweepOnce()
	alive(w, time.Minute+time.Second, time.Second)
	if v := w.Verdict(); v.Status != workspace.StatusOnline || w.Facts().Accepted != accepted {
		t.Fatalf("%s (%s), %d messages more", v.Status, v.Reason, w.Facts().Accepted-accepted)
	}
}

// An agent that takes each message and says that its task failed is degraded, in its own words.
func TestAnAgentThatFailsEachTaskIsSeen(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(delivery.PushResult{Handover: delivery.Taken, Answer: []byte(`{}`), TaskError: "invalid x-api-key"})
	w.Send("m1", "m2", "m3")
	w.DrainOnce()
	m := w.Receipt("m3")
	first := m.Attempts[0]
	if m.State != chat.Delivered || first.Outcome != chat.TaskFailed || first.Error != "invalid x-api-key" {
		t.Fatalf("%+v", m)
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonAnswersFailing || !strings.Contains(v.Hint, "invalid x-api-key") {
		t.Fatalf("%+v", v)
	}
	w.Agent = always(delivery.PushResult{})
	w.Send("m4")
	w.DrainOnce()
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v", v)
	}
}

// A new boot does not wait out what the one before asked for.
func TestANewBootIsTriedAtOnce(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(delivery.PushResult{Handover: delivery.Busy, RetryAfter: time.Minute})
	w.Send("m1")
	w.DrainOnce()
	w.Agent = always(delivery.PushResult{})
	w.Now = w.Now.Add(time.Second)
	w.DrainOnce()
	w.Want("while the agent is busy", w.Taken)
	w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/2"})
	w.DrainOnce()
	w.Want("at the new boot", w.Taken, "m1")
}

// An undeclared mode heals by evidence as a declared one does.
func TestAnUndeclaredModeHeals(t *testing.T) {
	w := world.New(t, "", "http://old-pod/")
	w.Agent = always(refused)
	w.Send("m1")
	for range 30 {
		w.Heartbeat(0)
		w.DrainOnce()
		if got := w.PollAfter(""); len(got) > 0 {
			if w.Receipt("m1").Attempts[0].Outcome != chat.Unreachable {
				t.Fatalf("%+v", w.Receipt("m1"))
			}
			return
		}
		w.Now = w.Now.Add(time.Second)
	}
	t.Fatalf("every poll is empty: %+v", w.Facts())
}

// A claim that ended holds no mail back, also when hand-overs fail: nobody else finds out whether it is back.
func TestTroubleDoesNotOutliveAClaim(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(noQuota)
	w.Send("m1")
	w.DrainOnce()
	w.Register(registry.Registration{Mode: workspace.Poll, URL: "http://agent/"})
	w.Want("the poll", w.PollAfter(""), "m1") // and the agent never acknowledges it, nor polls again
	w.Agent = always(delivery.PushResult{})
	alive(w, 55*time.Second, 5*time.Second)
	w.Want("while the claim of the poll runs", w.Taken)
	if w.Facts().PushFailures == 0 {
		t.Fatalf("%+v", w.Facts())
	}
	alive(w, 5*time.Minute, 5*time.Second)
	w.Want("after it", w.Taken, "m1")
}

// A push that was under way at a register at the same URL, and failed, is no trouble of the new boot.
func TestANewBootDoesNotWaitForAPushToTheOneBefore(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	boots := 0
	w.Agent = func(chat.Message) delivery.PushResult {
		if boots++; boots > 1 {
			return delivery.PushResult{}
		}
		w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/"})
		return refused
	}
	w.Send("m1")
	w.DrainOnce()
	w.Want("at once", w.Taken, "m1")
}

// A page that stands before the agent and refuses each message shows no agent.
func TestAPageThatRefusesEachMessageIsNoAgent(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = always(delivery.PushResult{
		Handover: delivery.Refused, Fault: workspace.FaultPage, Why: "HTTP 413: Request Entity Too Large",
	})
	w.Send("m1", "m2", "m3", "m4")
	alive(w, time.Minute, time.Second)
	v, f := w.Verdict(), w.Facts()
	if f.Dead != 4 || v.Status != workspace.StatusDegraded || v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("%d dead; %+v", f.Dead, v)
	}
}

// A hand-over that did not reach the agent says nothing of it when the agent took
// something else meanwhile.
func TestAnOvertakenFailureIsNoTrouble(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult {
		w.Now = w.Now.Add(time.Second)
		took := delivery.MailboxUpdate{Push: &delivery.PushUpdate{Succeeded: true, ReachedAt: w.Now}}
		w.NoError(w.Store.WriteMessages(t.Context(), w.Facts().Life(), nil, took))
		w.Now = w.Now.Add(time.Second)
		w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
		return timedOut
	}
	w.Send("m1")
	w.DrainOnce()
	if f := w.Facts(); f.PushFailures != 0 || !f.RestUntil.IsZero() {
		t.Fatalf("%+v", f.PushTrouble)
	}
	w.DrainOnce()
	w.Want("it is tried again", w.Taken, "m1")
}
