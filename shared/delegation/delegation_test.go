package delegation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var peer = workspace.Life{Workspace: "peer"}

func TestDelegations(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	give := func(task, key string) delegation.Delegated {
		t.Helper()
		out, err := w.Delegations.Delegate(t.Context(), peer, world.ID, task, key, w.Now)
		if err != nil {
			t.Fatal(err)
		}
		w.Now = w.Now.Add(time.Second)
		return out
	}
	states := func() (out []string) {
		t.Helper()
		all, err := w.Delegations.List(t.Context(), peer, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			out = append(out, fmt.Sprintf("%s %s %s%s", p.Summary, p.State, p.Answer, p.Error))
		}
		return out
	}
	answer := func(text, member string) {
		t.Helper()
		_, err := w.Enqueue(t.Context(), chat.Message{
			Workspace: "peer", Source: world.ID, Priority: chat.Task, Body: []byte(`{"params":{"message":{` + member +
				`"parts":[{"kind":"text","text":"` + text + `"}]}}}`),
		}, w.Now)
		w.NoError(err)
		w.Now = w.Now.Add(time.Second)
	}
	first := give("one", "k1")
	if again := give("one", "k1"); !again.Repeated || again.Delegation.ID != first.Delegation.ID {
		t.Fatalf("%+v", again)
	}
	second := give("two", "k2")
	w.Want("queued", states(), "two queued ", "one queued ")
	w.Want("the workspace gets each once", w.PollAfter(""), first.Delegation.MessageID, second.Delegation.MessageID)
	w.Want("handed out", states(), "two dispatched ", "one dispatched ")
	answer("by the way, lunch?", "")
	w.Want("a message that refers to nothing answers nothing", states(), "two dispatched ", "one dispatched ")
	answer("did two", `"referenceTaskIds":["`+second.Delegation.ID+`"],`)
	w.Want("an answer says what it answers", states(), "two completed did two", "one dispatched ")
	answer("did one", `"metadata":{"in_reply_to":"`+first.Delegation.MessageID+`"},`)
	answer("and more", `"contextId":"`+first.Delegation.ID+`",`)
	w.Want("the first answer counts", states(), "two completed did two", "one completed did one")

	third := give("three", "k3")
	if _, err := w.Cancel(t.Context(), world.ID, third.Delegation.MessageID, "an operator", w.Now); err != nil {
		t.Fatal(err)
	}
	w.Want("a cancelled task has failed", states()[:1], "three failed cancelled: cancelled by an operator")
	if retried := give("three", "k3"); retried.Repeated || retried.Delegation.MessageID == third.Delegation.MessageID {
		t.Fatalf("a failed task is tried again: %+v", retried)
	}
	w.Want("tried again", states()[:1], "three queued ")

	m, err := w.Enqueue(t.Context(), chat.Message{
		Workspace: world.ID, Source: "peer", Priority: chat.Task, Body: chat.TextBody("x", "four"),
	}, w.Now)
	if err != nil {
		t.Fatal(err)
	}
	if out := give("four", "k4"); !out.SameTask || out.Delegation.MessageID != m.Message.ID {
		t.Fatalf("the same task sent just before is the same task: %+v", out)
	}
	w.Now = w.Now.Add(2 * time.Minute)
	if out := give("four", "k5"); out.SameTask {
		t.Fatal("two minutes later it is another task")
	}
	_, err = w.Enqueue(t.Context(), chat.Message{
		Workspace: world.ID, Source: "peer", SourceLife: 7, Priority: chat.Task, Body: chat.TextBody("y", "five"),
	}, w.Now)
	w.NoError(err)
	if out := give("five", "k6"); out.SameTask {
		t.Fatal("what another life of the source sent is no task of this one")
	}
}

// Who delegates the same task twice means it twice.
func TestTheSameTaskTwiceIsTwoTasks(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	give := func(task, key string) (delegation.Delegated, error) {
		return w.Delegations.Delegate(t.Context(), peer, world.ID, task, key, w.Now)
	}
	sent, err := w.Enqueue(t.Context(), chat.Message{
		Workspace: world.ID, Source: "peer", Priority: chat.Task, Body: chat.TextBody("x", "continue"),
	}, w.Now)
	w.NoError(err)
	messages := map[string]bool{}
	for i, key := range []string{"k1", "k2", "", ""} {
		out, err := give("continue", key)
		w.NoError(err)
		if messages[out.Delegation.MessageID] || out.Repeated || out.SameTask != (i == 0) ||
			out.SameTask != (out.Delegation.MessageID == sent.Message.ID) {
			t.Fatalf("%d: %+v", i, out)
		}
		messages[out.Delegation.MessageID] = true
	}
	all, err := w.Delegations.List(t.Context(), peer, 50)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	if _, err := give("stop", "k1"); fault.CodeOf(err) != fault.MessageIDTaken {
		t.Fatalf("a key that stands for another task: %v", err)
	}
	again, err := give("continue", "k1")
	if err != nil || !again.Repeated || again.Delegation.MessageID != sent.Message.ID {
		t.Fatalf("%+v, %v", again, err)
	}
}

// A task whose message has ended is another task when it is delegated: the agent gets it.
func TestAnEndedMessageIsNotTheSameTask(t *testing.T) {
	done := []byte(`{"result":{"parts":[{"text":"done"}]}}`)
	answers := func(r delivery.PushResult) func(*world.World) {
		return func(w *world.World) {
			w.Agent = func(chat.Message) delivery.PushResult { return r }
			w.DrainOnce()
		}
	}
	for name, c := range map[string]struct {
		end  func(w *world.World)
		want chat.State
	}{
		"cancelled": {func(w *world.World) {
			_, err := w.Cancel(t.Context(), world.ID, "sent", "an operator", w.Now)
			w.NoError(err)
		}, chat.Cancelled},
		"its time is up": {func(w *world.World) { w.Now = w.Now.Add(20 * time.Second) }, chat.Expired},
		"dead":           {answers(delivery.PushResult{Handover: delivery.Refused, Why: "malformed"}), chat.Dead},
		"answered":       {answers(delivery.PushResult{Answer: done}), chat.Delivered},
		"open":           {func(*world.World) {}, chat.Queued},
	} {
		for _, key := range []string{"", "k"} {
			t.Run(name+" "+key, func(t *testing.T) {
				w := world.New(t, workspace.Push, "http://agent/")
				w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
				_, err := w.Enqueue(t.Context(), chat.Message{
					ID: "sent", Workspace: world.ID, Source: "peer", Priority: chat.Task, Body: chat.TextBody("x", "continue"),
					ExpiresAt: w.Now.Add(10 * time.Second),
				}, w.Now)
				w.NoError(err)
				c.end(w)
				if state := w.Receipt("sent").At(w.Now).State; state != c.want {
					t.Fatalf("the message is %s", state)
				}
				out, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "continue", key, w.Now)
				w.NoError(err)
				if joined := out.Delegation.MessageID == "sent"; joined != c.want.Open() || out.SameTask != joined {
					t.Fatalf("%+v", out)
				}
				all, err := w.Delegations.List(t.Context(), peer, 1)
				if err != nil || len(all) != 1 || all[0].State != delegation.Queued {
					t.Fatalf("%+v, %v", all, err)
				}
			})
		}
	}
}

// A key stands for a task of one life of each side: what is created again is another.
func TestAKeyIsFreeInAnotherLife(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	again := func(id string) workspace.Life {
		_, err := w.Registry.Hold(t.Context(), id, workspace.Removed, activity.Actor{}, w.Now)
		w.NoError(err)
		out, err := w.Registry.Create(t.Context(), registry.CreateInput{ID: id}, w.Now)
		w.NoError(err)
		return out.Facts.Life()
	}
	source, messages := peer, map[string]bool{}
	for _, begins := range []func(){
		func() {}, func() { again(world.ID) }, func() { source = again(peer.Workspace) },
	} {
		begins()
		out, err := w.Delegations.Delegate(t.Context(), source, world.ID, "continue", "k", w.Now)
		if err != nil || out.Repeated || out.SameTask || messages[out.Delegation.MessageID] {
			t.Fatalf("%+v, %v", out, err)
		}
		messages[out.Delegation.MessageID] = true
		if m := w.Receipt(out.Delegation.MessageID); m.State != chat.Queued {
			t.Fatalf("%+v", m)
		}
	}
	for life, want := range map[workspace.Life]int{peer: 2, source: 1} {
		all, err := w.Delegations.List(t.Context(), life, 50)
		if err != nil || len(all) != want {
			t.Fatalf("%+v: %+v, %v", life, all, err)
		}
	}
}

func TestATaskThatTheAgentFailedIsAFailedDelegation(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{TaskError: "no quota", Answer: []byte(`{"result":{"parts":[]}}`)}
	}
	if _, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "book the flight", "", w.Now); err != nil {
		t.Fatal(err)
	}
	w.DrainOnce()
	all, err := w.Delegations.List(t.Context(), peer, 50)
	if err != nil || len(all) != 1 || all[0].State != delegation.Failed || all[0].Error != "no quota" {
		t.Fatalf("%+v, %v", all, err)
	}
}

// Of the messages that refer to a delegation, the first that does not say that the task is under way answers it.
func TestATaskThatIsUnderWayIsNoAnswer(t *testing.T) {
	for states, want := range map[string]string{
		"submitted":               "dispatched  ",
		"submitted working":       "dispatched  ",
		"working completed":       "completed completed 1",
		"TASK_STATE_WORKING none": "completed  1",
		"working failed":          "failed failed 1",
		"none working":            "completed  0",
	} {
		w := world.New(t, workspace.Poll, "")
		w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
		given, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "do it", "", w.Now)
		w.NoError(err)
		w.PollAfter("")
		for i, s := range strings.Fields(states) {
			w.Now = w.Now.Add(time.Second)
			_, err := w.Enqueue(t.Context(), chat.Message{
				Workspace: "peer", Source: world.ID, Priority: chat.Task, Body: fmt.Appendf(nil, `{"params":{"message":{`+
					`"metadata":{"delegation_id":%q,"task_state":%q},"parts":[{"kind":"text","text":"%d"}]}}}`,
					given.Delegation.ID, s, i),
			}, w.Now)
			w.NoError(err)
		}
		all, err := w.Delegations.List(t.Context(), peer, 50)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %+v, %v", states, all, err)
		}
		if got := fmt.Sprint(all[0].State, " ", all[0].TaskState, " ", all[0].Answer); got != want {
			t.Errorf("%s: %q, want %q", states, got, want)
		}
	}
}

// What an agent that is pushed to says of its task is forwarded to the sender, and is no answer while it is under way.
func TestAForwardedStateIsNoAnswer(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Answer: []byte(`{"result":{"kind":"task","status":{"state":"working",` +
			`"message":{"parts":[{"kind":"text","text":"on it"}]}}}}`)}
	}
	_, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "do it", "", w.Now)
	w.NoError(err)
	w.DrainOnce()
	items, err := w.Delegations.Activity.ActivityLog(t.Context(), peer, activity.Range{Limit: 10})
	if err != nil || len(items) != 1 {
		t.Fatalf("forwarded: %+v, %v", items, err)
	}
	all, err := w.Delegations.List(t.Context(), peer, 50)
	if err != nil || len(all) != 1 || all[0].State != delegation.Dispatched || all[0].TaskState != chat.TaskWorking {
		t.Fatalf("%+v, %v", all, err)
	}
}

// A delegation is as far as its peer's task is, in whichever version's words.
func TestADelegationIsAsFarAsItsTask(t *testing.T) {
	for written, want := range map[string]string{
		"submitted": "dispatched submitted", "TASK_STATE_WORKING": "dispatched working",
		"completed": "completed completed", "input-required": "completed input-required",
		"failed": "failed failed", "TASK_STATE_REJECTED": "failed rejected", "canceled": "failed canceled",
		"auth-required": "failed auth-required",
	} {
		w := world.New(t, workspace.Push, "http://agent/")
		answer := []byte(`{"result":{"status":{"state":"` + written + `"},"artifacts":[{"parts":[{"text":"so far"}]}]}}`)
		w.Agent = func(chat.Message) delivery.PushResult {
			failure, _ := chat.TaskFailure(answer)
			return delivery.PushResult{TaskError: failure, Answer: answer}
		}
		if _, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "do it", "", w.Now); err != nil {
			t.Fatal(err)
		}
		w.DrainOnce()
		all, err := w.Delegations.List(t.Context(), peer, 50)
		if err != nil || len(all) != 1 || all[0].Answer != "so far" {
			t.Fatalf("%s: %+v, %v", written, all, err)
		}
		p := all[0]
		got := fmt.Sprint(p.State, " ", p.TaskState)
		if got != want || (p.Error != "") != (p.State == delegation.Failed) {
			t.Errorf("%s: %s %q, want %s", written, got, p.Error, want)
		}
	}
}

// What the agent says of a task when it is asked, its delegation is too: as soon as the task goes on no more. Nothing
// is taken over from another task, nor for a workspace that did not give it.
func TestADelegationIsAsFarAsItsAgentSaysWhenAsked(t *testing.T) {
	task := func(id, state string) []byte {
		return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":"c","result":{"kind":"task","id":%q,"status":{"state":%q,`+
			`"message":{"parts":[{"kind":"text","text":"said"}]}}}}`, id, state)
	}
	for name, c := range map[string]struct {
		answer []byte
		by     workspace.Life
		want   string
	}{
		"it goes on":       {task("t", "working"), peer, "dispatched working said"},
		"it is done":       {task("t", "completed"), peer, "completed completed said"},
		"it is cancelled":  {task("t", "canceled"), peer, "failed canceled said its task is canceled: said"},
		"it has failed":    {task("t", "TASK_STATE_FAILED"), peer, "failed failed said said"},
		"it asks":          {task("t", "input-required"), peer, "completed input-required said"},
		"another task":     {task("u", "completed"), peer, "dispatched working said"},
		"no id":            {task("", "completed"), peer, "dispatched working said"},
		"an error":         {[]byte(`{"error":{"code":-32001,"message":"no such task"}}`), peer, "dispatched working said"},
		"another one asks": {task("t", "completed"), workspace.Life{Workspace: "other"}, "dispatched working said"},
		"1.0": {
			[]byte(`{"result":{"task":{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},` +
				`"artifacts":[{"parts":[{"text":"42"}]}]}}}`),
			peer, "completed completed 42",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
			w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{Answer: task("t", "working")} }
			given, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "do it", "", w.Now)
			w.NoError(err)
			_, err = w.Delegations.Delegate(t.Context(), peer, world.ID, "do something else", "", w.Now)
			w.NoError(err)
			w.Agent = func(m chat.Message) delivery.PushResult {
				return delivery.PushResult{Answer: task(map[bool]string{true: "t", false: "v"}[m.Delegation == given.Delegation.ID],
					"working")}
			}
			w.DrainOnce()
			w.Now = w.Now.Add(time.Minute)
			for range 2 {
				w.NoError(w.Delegations.NoteTask(t.Context(), c.by, workspace.Life{Workspace: world.ID}, c.answer))
			}
			all, err := w.Delegations.List(t.Context(), peer, 50)
			w.NoError(err)
			for _, p := range all {
				got, want := strings.TrimSpace(fmt.Sprint(p.State, " ", p.TaskState, " ", p.Answer, " ", p.Error)), c.want
				if p.ID != given.Delegation.ID {
					want = "dispatched working said"
				}
				if got != want {
					t.Errorf("%q is %q, want %q", p.Summary, got, want)
				}
			}
			if f := w.Facts(); f.Delivered != 2 || f.OutboxItems != 0 {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A task that was sent as a message may be answered before it is delegated, and not acknowledged yet: then the
// delegation is that message, and has its answer.
func TestAnAnswerThatCameBeforeTheDelegationCounts(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	_, err := w.Enqueue(t.Context(), chat.Message{
		ID: "sent", Workspace: world.ID, Source: "peer", Priority: chat.Task, Body: chat.TextBody("sent", "multiply"),
	}, w.Now)
	w.NoError(err)
	w.PollAfter("")
	w.Now = w.Now.Add(time.Second)
	_, err = w.Enqueue(t.Context(), chat.Message{
		Workspace: "peer", Source: world.ID, Priority: chat.Task,
		Body: []byte(`{"params":{"message":{"referenceTaskIds":["sent"],"parts":[{"kind":"text","text":"42"}]}}}`),
	}, w.Now)
	w.NoError(err)
	w.Now = w.Now.Add(5 * time.Second)
	given, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "multiply", "", w.Now)
	if err != nil || !given.SameTask {
		t.Fatalf("%+v, %v", given, err)
	}
	w.Now = w.Now.Add(time.Second)
	_, err = w.Delegations.Delegate(t.Context(), peer, world.ID, "another one, which nobody has answered", "", w.Now)
	w.NoError(err)
	all, err := w.Delegations.List(t.Context(), peer, 50)
	if err != nil || len(all) != 2 || all[1].State != delegation.Completed || all[1].Answer != "42" ||
		all[0].State == delegation.Completed {
		t.Fatalf("%+v, %v", all, err)
	}
}

// Who delegates a task has no more read of what it sent before than may be the same task, and of that a bounded part.
func TestTheSearchForTheSameTaskIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		message, task int // bytes of their texts
		most          int // bytes of bodies that are read
	}{
		"none can be the same":   {message: 250_000, task: 2, most: 0},
		"all may be the same":    {message: 200_000, task: 200_000, most: 1 << 20},
		"escapes make it longer": {message: 200_000, task: 50_000, most: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Poll, "")
			w.Register(registry.Registration{ID: "peer", From: "127.0.0.9", Mode: workspace.Poll})
			for i := range 20 {
				_, err := w.Enqueue(t.Context(), chat.Message{
					Workspace: world.ID, Source: "peer", Priority: chat.Task,
					Body: chat.TextBody("x", strings.Repeat("x", c.message)+fmt.Sprint(i)),
				}, w.Now)
				w.NoError(err)
			}
			ledger := &bodyCounter{Ledger: w.Ledger}
			w.Delivery.Ledger = ledger
			_, err := w.Delegations.Delegate(t.Context(), workspace.Life{Workspace: "peer"}, world.ID,
				strings.Repeat("x", c.task), "", w.Now)
			w.NoError(err)
			if ledger.bytes > c.most || c.most > 0 && ledger.bytes == 0 {
				t.Errorf("%d bytes of bodies are read", ledger.bytes)
			}
		})
	}
}

// bodyCounter counts the bytes of the bodies that are asked for.
type bodyCounter struct {
	delivery.Ledger
	bytes int
}

func (c *bodyCounter) Texts(ctx context.Context, which chat.Texts, ms []chat.Message) ([]chat.Message, error) {
	for _, m := range ms {
		c.bytes += m.BodyApart.Bytes
	}
	return c.Ledger.Texts(ctx, which, ms)
}
