package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// receivers are those who are told of the ends of messages. Each sender's name begins with what it does: its server
// answers, is slow, refuses or hangs; or it gave no URL and is sent notices, for which its inbox has room, or is full.
type receivers struct {
	*world.World
	mu      sync.Mutex
	calls   map[string]int // of each sender's server
	under   map[string]int // those under way
	most    map[string]int // that were under way at once
	quickly bool           // a drain of mail is at work: no call may be made
}

var kindsOfReceivers = []string{"answers", "slow", "refuses", "hangs", "notices", "full"}

// newReceivers makes senders with messages that have ended. It runs in a bubble, whose clock is that of the platform.
func newReceivers(t *testing.T, messages map[string]int) *receivers {
	t.Helper()
	r := &receivers{
		World: world.New(t, workspace.Poll, ""), calls: map[string]int{}, under: map[string]int{}, most: map[string]int{},
	}
	began, start := time.Now(), r.Now
	clk := memory.Clock{Time: func() time.Time { return start.Add(time.Since(began)) }}
	r.Clock, r.Registry.Clock, r.Callbacks = clk, clk, r
	r.Policy.MaxOpen = 400
	for _, sender := range slices.Sorted(maps.Keys(messages)) {
		r.Register(registry.Registration{ID: sender, Mode: workspace.Poll})
		for i := range messages[sender] {
			m := world.Message(fmt.Sprint(sender, " ", i))
			if m.Source = sender; r.calledBack(sender) {
				m.Callback = "http://" + sender + "/"
			}
			_, err := r.Enqueue(t.Context(), m, clk.Now())
			r.NoError(err)
			_, err = r.Cancel(t.Context(), world.ID, m.ID, "the test", clk.Now())
			r.NoError(err)
		}
		if strings.HasPrefix(sender, "full") {
			for i := range 500 {
				m := chat.Message{ID: fmt.Sprint("fills ", i), Workspace: sender, Body: []byte(`{}`)}
				if _, err := r.Enqueue(t.Context(), m, clk.Now()); err != nil {
					break
				}
			}
		}
	}
	r.Wakeups.Take()
	return r
}

func (r *receivers) calledBack(sender string) bool {
	return !strings.HasPrefix(sender, "notices") && !strings.HasPrefix(sender, "full")
}

// Tell implements delivery.Callbacks.
func (r *receivers) Tell(_ context.Context, _ delivery.Target, m chat.Message) error {
	r.mu.Lock()
	if r.quickly {
		r.T.Errorf("a drain of mail calls %s", m.Source)
	}
	r.calls[m.Source]++
	r.under[m.Source]++
	r.most[m.Source] = max(r.most[m.Source], r.under[m.Source])
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.under[m.Source]--
	}()
	switch strings.TrimRight(m.Source, "0123456789") {
	case "slow":
		time.Sleep(9 * time.Second)
	case "refuses":
		return &delivery.UnreachedError{Why: "refused"}
	case "hangs":
		time.Sleep(10 * time.Second)
		return &delivery.UnreachedError{Why: "no answer in time"}
	}
	return nil
}

// drain drains the mail, and the callbacks as often as the drains say that there are some.
func (r *receivers) drain() {
	r.quickly = true
	_, err := r.Drain(r.T.Context(), world.ID, "test")
	r.NoError(err)
	r.quickly = false
	for range 100 {
		if !slices.ContainsFunc(r.Wakeups.Take(), func(w memory.Wakeup) bool { return w.Callbacks }) {
			return
		}
		_, err := r.DrainCallbacks(r.T.Context(), world.ID, "test")
		r.NoError(err)
	}
	r.T.Error("callbacks are made on and on")
}

// left is how much is left to do for each sender.
func (r *receivers) left() map[string]int {
	left := map[string]int{}
	for _, part := range []func(context.Context, workspace.Life) ([]delivery.OutboxItem, error){
		r.Ledger.Outbox, r.Ledger.CallbackOutbox,
	} {
		items, err := part(r.T.Context(), world.Life)
		r.NoError(err)
		for _, item := range items {
			left[item.Receiver]++
		}
	}
	return left
}

// drawMessages is how many messages of each sender ended.
func drawMessages(rt *rapid.T) map[string]int {
	messages := map[string]int{}
	for i := range rapid.IntRange(1, 7).Draw(rt, "senders") {
		kind := rapid.SampledFrom(kindsOfReceivers).Draw(rt, "kind")
		messages[fmt.Sprint(kind, i)] = rapid.IntRange(1, 60).Draw(rt, "messages")
	}
	return messages
}

// However many messages of others end, and whatever their receivers do: whose server answers, or whose inbox has room,
// is told at once. No drain of mail makes a call.
func TestWhoHoldsKeepsNobodyElseWaiting(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		messages := drawMessages(rt)
		messages["answers"] = rapid.IntRange(1, 8).Draw(rt, "messages of one that answers")
		messages["notices"] = rapid.IntRange(1, 8).Draw(rt, "messages of one that takes notices")
		synctest.Test(t, func(t *testing.T) {
			r := newReceivers(t, messages)
			began := time.Now()
			r.drain()
			if left := r.left(); left["answers"]+left["notices"] > 0 {
				t.Errorf("of %v are left %v after %v", messages, left, time.Since(began))
			}
		})
	})
}

// However receivers behave, each end is told or given up, and a server that hangs is called by one call at a time, at
// the pauses of one message, however many messages wait.
func TestEachEndIsToldOrGivenUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		messages := drawMessages(rt)
		synctest.Test(t, func(t *testing.T) {
			r := newReceivers(t, messages)
			for range 100 {
				r.drain()
				time.Sleep(time.Minute)
			}
			if left := r.left(); len(left) > 0 {
				t.Errorf("of %v are left %v", messages, left)
			}
			if n := r.Facts().OutboxItems; n != 0 {
				t.Errorf("%d are counted", n)
			}
			for sender, n := range messages {
				hangs := strings.HasPrefix(sender, "hangs")
				if most, calls := r.most[sender], r.calls[sender]; most > 4 || hangs && (most > 1 || calls > 18) {
					t.Errorf("%d calls to %s, %d at once", calls, sender, most)
				}
				for i := range n {
					told := r.Receipt(fmt.Sprint(sender, " ", i)).Told
					want := map[string]chat.ToldState{
						"answers": chat.ToldConfirmed, "slow": chat.ToldConfirmed, "refuses": chat.ToldGivenUp, "hangs": chat.ToldGivenUp,
					}[strings.TrimRight(sender, "0123456789")]
					if r.calledBack(sender) && told.State() != want {
						t.Errorf("%s: %+v", sender, told)
					}
				}
			}
		})
	})
}

// A server that hangs and is well again is told of all that waits, and no message uses up its tries for another one.
func TestAServerThatIsWellAgainIsToldOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceivers(t, map[string]int{"hangs": 40})
		for range 5 {
			r.drain()
			time.Sleep(time.Minute)
		}
		r.Callbacks = answeringServer{}
		for range 4 {
			r.drain()
			time.Sleep(time.Minute)
		}
		for i := range 40 {
			if told := r.Receipt(fmt.Sprint("hangs ", i)).Told; told.State() != chat.ToldConfirmed {
				t.Errorf("message %d: %+v", i, told)
			}
		}
	})
}

type answeringServer struct{}

func (answeringServer) Tell(context.Context, delivery.Target, chat.Message) error { return nil }

// A death is announced at once, though the server of its sender hangs, or its inbox is full, and once.
func TestADeathIsAnnouncedThoughItsReceiverHolds(t *testing.T) {
	for _, sender := range []string{"hangs", "full"} {
		t.Run(sender, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReceivers(t, map[string]int{sender: 20})
				r.drain()
				now := r.Clock.Now()
				for i := range 3 {
					m := world.Message(fmt.Sprint("dies ", i))
					if m.Source = sender; r.calledBack(sender) {
						m.Callback = "http://sender/"
					}
					_, err := r.Enqueue(t.Context(), m, now)
					r.NoError(err)
					_, err = r.ChangeMessage(t.Context(), world.Life, m.ID,
						func(m chat.Message) (chat.Message, delivery.MailboxUpdate, error) {
							dead := m
							dead.Version++
							dead.State, dead.SettledAt, dead.Reason = chat.Dead, now, "the test"
							return dead, delivery.MailboxUpdate{UndeliveredAt: now}, nil
						})
					r.NoError(err)
				}
				want := []string{"dies 0", "dies 1", "dies 2"}
				for range 70 {
					r.drain()
					if got := slices.Sorted(slices.Values(r.Announced.Dead)); !slices.Equal(got, want) {
						t.Fatalf("announced: %v", got)
					}
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

// What a store refuses keeps no other item from being done.
func TestAFaultOfOneItemKeepsNoOtherFromBeingDone(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	for i := range 5 {
		m := world.Message(fmt.Sprint("m", i))
		m.Callback = fmt.Sprintf("http://sender%d/", i)
		_, err := w.Enqueue(t.Context(), m, w.Now)
		w.NoError(err)
		_, err = w.Cancel(t.Context(), world.ID, m.ID, "the test", w.Now)
		w.NoError(err)
	}
	store := w.Ledger
	w.Ledger = ledger{store, func(moves []chat.Move) error {
		if moves[0].To.ID == "m2" {
			return errors.New("no store")
		}
		return nil
	}}
	if _, err := w.DrainCallbacks(t.Context(), world.ID, "test"); err == nil {
		t.Error("the fault is not told")
	}
	items, err := store.CallbackOutbox(t.Context(), world.Life)
	if err != nil || len(items) != 1 || items[0].MessageID != "m2" || !strings.HasPrefix(items[0].Receiver, "unknown ") {
		t.Errorf("%+v, %v", items, err)
	}
}

// Callbacks of many messages are made at the same time, in a process that has little memory: none reads the body that
// its sender wrote.
func TestACallbackReadsNoBody(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	m := world.Message("m")
	m.Body, m.Callback = []byte(`{"text":"`+strings.Repeat("x", 2*chat.InlineText)+`"}`), "http://sender/"
	_, err := w.Enqueue(t.Context(), m, w.Now)
	w.NoError(err)
	_, err = w.Drain(t.Context(), world.ID, "test")
	w.NoError(err)
	texts := &textsRead{Ledger: w.Ledger}
	w.Ledger = texts
	_, err = w.DrainCallbacks(t.Context(), world.ID, "test")
	w.NoError(err)
	w.Want("callbacks", w.CallbacksReceived, "http://sender/ m delivered")
	if texts.which != chat.Answers {
		t.Errorf("it reads %b", texts.which)
	}
}

// textsRead notes which texts are read.
type textsRead struct {
	delivery.Ledger
	which chat.Texts
}

func (l *textsRead) Texts(ctx context.Context, which chat.Texts, ms []chat.Message) ([]chat.Message, error) {
	l.which |= which
	return l.Ledger.Texts(ctx, which, ms)
}

// A try that was noted by a clock that had jumped keeps nobody waiting until time has come as far.
func TestAClockThatJumpedKeepsNobodyWaiting(t *testing.T) {
	for _, kind := range []string{"refuses0", "hangs0"} {
		calls := map[time.Duration]int{}
		for _, ahead := range []time.Duration{0, 2 * time.Minute, 5 * time.Minute, time.Hour, 24 * time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				r := newReceivers(t, map[string]int{kind: 3})
				right := r.Clock
				fast := memory.Clock{Time: func() time.Time { return right.Now().Add(ahead) }}
				r.Clock, r.Registry.Clock = fast, fast
				r.drain()
				r.Clock, r.Registry.Clock = right, right
				for range 20 {
					time.Sleep(time.Minute)
					r.drain()
				}
				calls[ahead] = r.calls[kind]
			})
		}
		for ahead, n := range calls {
			if n < calls[0] || n > calls[0]+3 {
				t.Errorf("%s: in 20 minutes %d calls after a clock that was ahead by %v, and %d else", kind, n, ahead, calls[0])
			}
		}
	}
}

// However slow the server of a sender to the present life is, the callbacks of a former life are made.
func TestNoLifeKeepsTheCallbacksOfAnotherWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceivers(t, map[string]int{"answers0": 3})
		by := activity.Actor{Who: "operator"}
		_, err := r.Registry.Hold(t.Context(), world.ID, workspace.Removed, by, r.Clock.Now())
		r.NoError(err)
		_, err = r.Registry.Create(t.Context(), registry.CreateInput{ID: world.ID, By: by}, r.Clock.Now())
		r.NoError(err)
		r.Register(registry.Registration{ID: "slow0", Mode: workspace.Poll})
		for i := range 40 {
			m := world.Message(fmt.Sprint("late ", i))
			m.Source, m.Callback = "slow0", "http://slow0/"
			_, err := r.Enqueue(t.Context(), m, r.Clock.Now())
			r.NoError(err)
			_, err = r.Cancel(t.Context(), world.ID, m.ID, "the test", r.Clock.Now())
			r.NoError(err)
		}
		_, err = r.DrainCallbacks(t.Context(), world.ID, "test")
		r.NoError(err)
		if r.calls["answers0"] != 3 || r.calls["slow0"] == 0 {
			t.Errorf("one drain called %v", r.calls)
		}
	})
}
