package delivery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestTheSendersCallbackIsRetried(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	for _, m := range []chat.Message{{ID: "told", Callback: "http://sender/"}, {ID: "not told"}} {
		m.Workspace, m.Priority, m.Body = world.ID, chat.Task, []byte(`{}`)
		if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
			t.Fatal(err)
		}
	}
	w.CallbacksFail = true
	w.DrainOnce() // which no failed callback fails
	if told := w.Receipt("told").Told; told.Tries != 1 || told.Error != "refused" || !told.Unreached || told.Done {
		t.Fatalf("%+v", told)
	}
	if f := w.Facts(); f.Delivered != 2 || f.OutboxItems != 1 {
		t.Fatalf("%+v", f)
	}
	w.CallbacksFail = false
	w.Now = w.Now.Add(time.Minute)
	w.Wakeups.Take()
	w.SweepOnce()
	if wakeups := w.Wakeups.Take(); len(wakeups) != 1 {
		t.Fatalf("the sweep must send a wake-up for the outbox: %v", wakeups)
	}
	w.DrainOnce()
	w.DrainOnce()
	w.Want("callbacks", w.CallbacksReceived, "http://sender/ told delivered")
	if n := w.Facts().OutboxItems; n != 0 {
		t.Fatalf("%d outbox items are left", n)
	}
}

// A message's sender may have been a thief, whose credential an operator has ended since, or of a life that was
// removed. Its URL is not called, and the receipt says why. What the workspace sends after that is told as ever, with
// a secret that is its own.
func TestNoURLIsCalledOfASenderWhoseCredentialEnded(t *testing.T) {
	operator := activity.Actor{Who: "test"}
	ends := map[string]func(*testing.T, *registry.Registry, time.Time) error{
		"revoke": func(t *testing.T, r *registry.Registry, now time.Time) error {
			_, _, err := r.Revoke(t.Context(), "asks", true, operator, now)
			return err
		},
		"repair": func(t *testing.T, r *registry.Registry, now time.Time) error {
			_, err := r.Repair(t.Context(), registry.RepairInput{ID: "asks", Show: true, Force: true, By: operator}, now)
			return err
		},
		"remove, and create again": func(t *testing.T, r *registry.Registry, now time.Time) error {
			_, err := r.Hold(t.Context(), "asks", workspace.Removed, operator, now)
			if err == nil {
				_, err = r.Purge(t.Context(), "asks", operator, now)
			}
			if err == nil {
				_, err = r.Create(t.Context(), registry.CreateInput{ID: "asks", By: operator}, now)
			}
			return err
		},
		"nothing": nil,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			w.Register(registry.Registration{ID: "asks", Mode: workspace.Poll})
			send := func(id string) {
				m := chat.Message{ID: id, Workspace: world.ID, Source: "asks", Priority: chat.Task, Body: []byte(`{}`)}
				m.Callback = "http://sender/"
				if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
					t.Fatal(err)
				}
			}
			send("before")
			w.Now = w.Now.Add(time.Second)
			want := []string{"http://sender/ before delivered", "http://sender/ after delivered"}
			if end != nil {
				w.NoError(end(t, w.Registry, w.Now))
				want = want[1:]
			}
			w.Now = w.Now.Add(time.Second)
			w.DrainOnce()
			send("after")
			w.DrainOnce()
			w.Want("callbacks", w.CallbacksReceived, want...)
			told := w.Receipt("before").Told
			if ended := strings.Contains(told.Error, "ended the credential"); !told.Done || ended != (end != nil) {
				t.Errorf("%+v", told)
			}
			if n := w.Facts().OutboxItems; n != 0 {
				t.Errorf("%d outbox items are left", n)
			}
		})
	}
}

// A callback that fails is tried six times, with pauses that double, and its end is
// in the receipt. A dead letter is sent once.
func TestACallbackIsGivenUp(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.CallbacksFail = true
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, Why: "malformed"}
	}
	m := chat.Message{ID: "m", Workspace: world.ID, Priority: chat.Task, Body: []byte(`{}`), Callback: "http://sender/"}
	if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
		t.Fatal(err)
	}
	var tried []time.Duration
	start := w.Now
	for range 90 { // a drain each minute
		before := w.Receipt("m").Told.Tries
		w.Heartbeat(0)
		w.DrainOnce()
		if w.Receipt("m").Told.Tries > before {
			tried = append(tried, w.Now.Sub(start))
		}
		w.Now = w.Now.Add(time.Minute)
	}
	minutes := func(ns ...int) (out []time.Duration) {
		for _, n := range ns {
			out = append(out, time.Duration(n)*time.Minute)
		}
		return out
	}
	told := w.Receipt("m").Told
	if !slices.Equal(tried, minutes(0, 1, 3, 7, 15, 31)) || told.State() != chat.ToldGivenUp || told.Error != "refused" {
		t.Fatalf("tried after %v: %+v", tried, told)
	}
	if n := w.Facts().OutboxItems; n != 0 || len(w.ChatQueues.Dead) != 1 || len(w.Announced.Dead) != 1 {
		t.Fatalf("%d outbox items, %d dead letters, announced %v", n, len(w.ChatQueues.Dead), w.Announced.Dead)
	}
}

func TestDeadMessagesAreAnnouncedAndCanBeRedriven(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, Why: "malformed"}
	}
	w.Send("m1", "m2")
	for range 14 {
		w.Heartbeat(0)
		w.DrainOnce()
		w.Now = w.Now.Add(45 * time.Second)
	}
	announced := slices.Sorted(slices.Values(w.Announced.Dead)) // a drain tells of several ends at once
	if !slices.Equal(announced, []string{"m1", "m2"}) || len(w.ChatQueues.Dead) != 2 {
		t.Fatalf("announced %v, dead letters: %d", announced, len(w.ChatQueues.Dead))
	}
	dry, _, err := w.RedriveAll(t.Context(), world.ID, nil, w.Now)
	if err != nil || len(dry) != 2 || w.Receipt("m1").State != chat.Dead {
		t.Fatalf("%v, %v", dry, err)
	}
	no := errors.New("no")
	refuse := func(workspace.Life, int, int) error { return no }
	if _, _, err := w.RedriveAll(t.Context(), world.ID, refuse, w.Now); !errors.Is(err, no) ||
		w.Receipt("m1").State != chat.Dead {
		t.Fatalf("it was redriven though it was refused: %v", err)
	}
	asked := 0
	redriven, _, err := w.RedriveAll(t.Context(), world.ID, world.Asked(&asked), w.Now)
	if err != nil || asked != 2 || len(redriven) != 2 || redriven[0].ID != "m1" || redriven[0].Seq != 1 ||
		w.Receipt("m2").State != chat.Queued {
		t.Fatalf("%v, %v", redriven, err)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/"})
	w.DrainOnce()
	w.Want("in order", w.Taken, "m1", "m2")
	delivered, _, err := w.List(t.Context(), world.Life, delivery.Selection{State: chat.Delivered, Limit: 1})
	if err != nil || len(delivered) != 1 || delivered[0].ID != "m2" {
		t.Fatalf("%v, %v", delivered, err)
	}
}

// callbacks is a sender's URL that does something before it answers.
type callbacks struct {
	calls  map[string]int
	before func(ctx context.Context, m chat.Message) error
}

func (c *callbacks) Tell(ctx context.Context, _ delivery.Target, m chat.Message) error {
	c.calls[m.ID]++
	return c.before(ctx, m)
}

// While a callback is under way, other drains see its message and do not call.
func TestACallbackUnderWayIsNotMadeTwice(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	slow := &callbacks{calls: map[string]int{}}
	slow.before = func(ctx context.Context, m chat.Message) error {
		if told := w.Receipt(m.ID).Told; told.Tries != slow.calls[m.ID] || told.State() != chat.ToldPending {
			t.Errorf("call %d: %+v", slow.calls[m.ID], told)
		}
		if slow.calls[m.ID] > 1 {
			return nil
		}
		_, err := w.DrainCallbacks(ctx, world.ID, "test")
		return err
	}
	w.Callbacks = slow
	m := world.Message("m")
	m.Callback = "http://sender/"
	if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
		t.Fatal(err)
	}
	w.DrainOnce()
	w.DrainOnce()
	told := w.Receipt("m").Told
	if slow.calls["m"] != 1 || told.Tries != 1 || told.State() != chat.ToldConfirmed || w.Facts().OutboxItems != 0 {
		t.Fatalf("%d calls, %+v", slow.calls["m"], told)
	}
}

// A drain that dies in a callback costs one try, and the last one ends it too.
func TestACallbackThatIsCutOffCostsATry(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	dies := &callbacks{calls: map[string]int{}}
	w.Callbacks = dies
	m := world.Message("m")
	m.Callback = "http://sender/"
	if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
		t.Fatal(err)
	}
	store := w.Ledger
	for range 90 {
		w.Ledger = store
		dies.before = func(context.Context, chat.Message) error {
			w.Ledger = ledger{store, func([]chat.Move) error { return errors.New("the drain is dead") }}
			return nil
		}
		_, _ = w.Drain(t.Context(), world.ID, "test")
		_, _ = w.DrainCallbacks(t.Context(), world.ID, "test")
		w.Ledger = store
		w.Now = w.Now.Add(time.Minute)
		w.Heartbeat(0)
	}
	told := w.Receipt("m").Told
	if dies.calls["m"] != 6 || told.Tries != 6 || told.State() != chat.ToldGivenUp || w.Facts().OutboxItems != 0 {
		t.Fatalf("%d calls, %+v", dies.calls["m"], told)
	}
}

// listings counts how often the callbacks that are left to make are listed.
type listings struct {
	delivery.Ledger
	callbacks int
}

func (l *listings) CallbackOutbox(ctx context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	l.callbacks++
	return l.Ledger.CallbackOutbox(ctx, life)
}

// Something is counted as left to do that is not there. The next drain finds that out, and no purge waits for it.
func TestWhatIsNotLeftToDoIsNotCounted(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	listed := &listings{Ledger: w.Store}
	w.Ledger = listed
	f := w.Facts()
	wrong := f
	wrong.OutboxItems = 2
	if err := w.Store.CorrectCounters(t.Context(), f, wrong); err != nil {
		t.Fatal(err)
	}
	w.DrainOnce()
	if n := w.Facts().OutboxItems; n != 0 {
		t.Errorf("%d are left to do", n)
	}
	if listed.callbacks != 1 {
		t.Errorf("the callbacks are listed %d times", listed.callbacks)
	}
}
