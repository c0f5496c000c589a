package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (w *world) register(mode workspace.Mode, url string) workspace.Facts {
	w.t.Helper()
	out, err := w.Registry.Register(w.t.Context(), registry.Registration{ID: id, Credential: w.token, Mode: mode, URL: url, From: "10.0.0.1"}, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Facts
}

// fetch polls with a cursor and gives the cursor of the last row.
func (w *world) fetch(in delivery.Poll) ([]chat.Message, string, error) {
	in.Workspace, in.Credential, in.From = id, w.token, "10.0.0.1"
	if in.Limit == 0 {
		in.Limit = 100
	}
	out, err := w.Fetch(w.t.Context(), in, w.now)
	cursor := in.Cursor
	if n := len(out.Messages); n > 0 {
		cursor = delivery.CursorOf(out.Messages[n-1]).ID(id)
	}
	return out.Messages, cursor, err
}

// A host that hangs while a newer one registers and takes its mail must not
// acknowledge, by the cursor it held, what the newer one was handed.
func TestALateHostAcknowledgesNothingForANewerOne(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	w.send("m1", "m2")
	_, old, err := w.fetch(delivery.Poll{})
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(61 * time.Second)
	epoch := w.register(workspace.Poll, "").Epoch
	ms, fresh, err := w.fetch(delivery.Poll{})
	if err != nil || len(ms) != 2 {
		t.Fatalf("%v, %v", ms, err)
	}
	if _, _, err := w.fetch(delivery.Poll{Cursor: old}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"m1", "m2"} {
		if got := w.message(m); got.State != chat.InFlight {
			t.Fatalf("%s is %s", m, got.State)
		}
	}
	// One that says its epoch is told.
	if _, _, err := w.fetch(delivery.Poll{Cursor: old, Epoch: epoch - 1}); fault.CodeOf(err) != fault.EpochSuperseded {
		t.Fatalf("%v", err)
	}
	if ms, _, err := w.fetch(delivery.Poll{Cursor: fresh, Epoch: epoch}); err != nil || len(ms) != 0 || w.facts().Delivered != 2 {
		t.Fatalf("%v, %v: %+v", ms, err, w.facts())
	}
}

// A restart with the cursor that was saved is no late host: what was handed out
// before it, and is acknowledged after it, does not come again.
func TestARestartWithItsCursorGetsNothingTwice(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	w.send("m1", "m2")
	_, saved, err := w.fetch(delivery.Poll{})
	if err != nil {
		t.Fatal(err)
	}
	w.register(workspace.Poll, "")
	if ms, _, err := w.fetch(delivery.Poll{Cursor: saved}); err != nil || len(ms) != 0 || w.facts().Delivered != 2 {
		t.Fatalf("%v, %v", ms, err)
	}
}

// What one host is given up on, another that registered meanwhile gets, and what
// comes after goes to it alone.
func TestMailGoesToTheHostThatRegisteredLast(t *testing.T) {
	for name, answer := range map[string]delivery.Result{"the old one answers": {}, "the old one fails": {Err: errors.New("hung up")}, "the old one is busy": {Busy: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, workspace.Push, "http://old/")
			w.send("m1", "m2", "m3")
			first := true
			w.agent = func(chat.Message) delivery.Result {
				if !first {
					return delivery.Result{}
				}
				first = false
				w.register(workspace.Push, "http://new/")
				return answer
			}
			w.drain()
			w.wants("pushed to", w.urls, "http://old/", "http://new/", "http://new/", "http://new/")
			m1 := w.message("m1")
			if f := w.facts(); f.Delivered != 3 || f.PushFailures != 0 || m1.Attempts[0].Outcome != chat.Superseded {
				t.Fatalf("%+v, %+v", f, m1.Attempts)
			}
		})
	}
	t.Run("the same host registers again: its answer stands", func(t *testing.T) {
		w := newWorld(t, workspace.Push, "http://agent/")
		w.send("m1")
		w.agent = func(chat.Message) delivery.Result {
			w.register(workspace.Push, "http://agent/")
			return delivery.Result{}
		}
		w.drain()
		w.wants("pushed to", w.urls, "http://agent/")
	})
}

// moves is a ledger whose moves a test meddles with.
type moves struct {
	delivery.Ledger
	meddle func(moves []chat.Move) error
}

func (l moves) Move(ctx context.Context, id string, ms []chat.Move, mail delivery.Mail) error {
	if err := l.meddle(ms); err != nil {
		return err
	}
	return l.Ledger.Move(ctx, id, ms, mail)
}

// Large mail is handed out, acknowledged and expired in bounded calls: DynamoDB
// takes 4 MB in a transaction, and a Lambda answers at most 6 MB.
func TestLargeMailIsMovedInBoundedCalls(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	w.Ledger = moves{w.Ledger, func(ms []chat.Move) error {
		size := 0
		for _, m := range ms {
			size += m.To.Size()
		}
		if size > 3<<20 {
			return fmt.Errorf("a transaction of %d bytes", size)
		}
		return nil
	}}
	var want, got []string
	for i := range 60 {
		m := chat.Message{ID: fmt.Sprintf("m%02d", i), Workspace: id, Priority: chat.Task, Body: make([]byte, w.Policy.MaxBody)}
		if _, err := w.Enqueue(t.Context(), m, w.now); err != nil {
			t.Fatal(err)
		}
		want = append(want, m.ID)
	}
	for cursor := ""; len(got) < len(want); {
		ms, next, err := w.fetch(delivery.Poll{Cursor: cursor})
		if err != nil || len(ms) == 0 {
			t.Fatalf("after %d: %d, %v", len(got), len(ms), err)
		}
		size := 0
		for _, m := range ms {
			got, size = append(got, m.ID), size+m.Size()
		}
		if size > delivery.MaxBytes {
			t.Fatalf("%d bytes at once", size)
		}
		cursor = next
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%v", got)
	}
	w.now = w.now.Add(25 * time.Hour)
	w.beat(0)
	if ms, _, err := w.fetch(delivery.Poll{}); err != nil || len(ms) != 0 {
		t.Fatalf("%d, %v", len(ms), err)
	}
	if f := w.facts(); f.Open != 0 {
		t.Fatalf("%+v", f)
	}
}

// An outcome is written however the mailbox moves meanwhile: given up, it would
// be a delivery repeated.
func TestAnOutcomeIsWrittenUnderContention(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.send("m1")
	lost := 0
	w.Ledger = moves{w.Ledger, func(ms []chat.Move) error {
		if ms[0].To.State == chat.Delivered && lost < 8 {
			lost++
			return fault.New(fault.Conflict, "another transaction was at it")
		}
		return nil
	}}
	w.drain()
	w.wants("pushed", w.got, "m1")
	if m := w.message("m1"); m.State != chat.Delivered || lost != 8 {
		t.Fatalf("%+v", m)
	}
}

// A fault of one worker's store must not hang up on the agent that another is at.
func TestOneWorkersFaultIsItsOwn(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	if _, err := w.Registry.Create(t.Context(), registry.CreateInput{ID: id, Mode: workspace.Push, MaxTasks: 2, Adopt: true}, w.now); err != nil {
		t.Fatal(err)
	}
	w.register(workspace.Push, "http://agent/")
	w.send("m1", "m2")
	failed, pushed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var hungUp error
	w.Ledger = moves{w.Ledger, func(ms []chat.Move) error {
		if ms[0].To.ID == "m2" && ms[0].To.State == chat.InFlight {
			<-pushed // m1 is at its agent
			once.Do(func() { close(failed) })
			return fault.Store("move", errors.New("throttled"))
		}
		return nil
	}}
	w.Agents = pushes(func(ctx context.Context) delivery.Result {
		close(pushed)
		<-failed
		select {
		case <-ctx.Done():
			hungUp = ctx.Err()
		case <-time.After(50 * time.Millisecond): // as long as a cancellation would take to arrive, and more
		}
		return delivery.Result{}
	})
	if _, err := w.Drain(t.Context(), id, "test"); fault.CodeOf(err) != fault.PlatformUnavailable {
		t.Fatalf("%v", err)
	}
	if m := w.message("m1"); hungUp != nil || m.State != chat.Delivered {
		t.Fatalf("%v: %+v", hungUp, m)
	}
}

type pushes func(ctx context.Context) delivery.Result

func (p pushes) Push(ctx context.Context, _ string, _ chat.Message) delivery.Result { return p(ctx) }

// Wake-ups don't breed: however long an agent fails, and whatever wakes its
// drain, few are on their way at any time.
func TestWakeupsDontBreed(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{Err: errors.New("HTTP 500")} }
	type wakeup struct {
		at    time.Time
		cause string
	}
	var due []wakeup
	collect := func() {
		for _, r := range w.bell.Take() {
			due = append(due, wakeup{w.now.Add(r.After), r.Cause})
		}
	}
	for i := range 300 {
		w.send(fmt.Sprintf("m%03d", i))
		collect()
	}
	drains := 0
	for second := range 3600 {
		w.now = w.now.Add(time.Second)
		if second%30 == 0 {
			w.beat(0)
		}
		if second%60 == 0 {
			w.sweep()
		}
		collect()
		now := due
		due = nil
		for _, u := range now {
			if u.at.After(w.now) {
				due = append(due, u)
				continue
			}
			drains++
			if _, err := w.Drain(t.Context(), id, u.cause); err != nil {
				t.Fatal(err)
			}
			collect()
		}
		if second > 60 && len(due) > 5 {
			t.Fatalf("after %d s %d wake-ups are on their way", second, len(due))
		}
	}
	// Each message, heartbeat and sweep wakes once, and each attempt once again.
	if most := 300 + 3600/30 + 3600/60 + len(w.urls); drains > most {
		t.Fatalf("%d drains in an hour, for %d attempts", drains, len(w.urls))
	}
}

// What an agent answers stands on the lease that every heartbeat writes.
func TestAnAgentsErrorIsKeptShort(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.agent = func(chat.Message) delivery.Result {
		return delivery.Result{Err: errors.New(strings.Repeat("x", 1<<20))}
	}
	w.send("m1")
	w.drain()
	if m, f := w.message("m1"), w.facts(); len(m.Reason) > 400 || len(m.Attempts[0].Error) > 300 || len(f.PushError) > 300 {
		t.Fatalf("%d, %d, %d bytes", len(m.Reason), len(m.Attempts[0].Error), len(f.PushError))
	}
}

// A pause holds the mail of one that polls too; what it has got it may say.
func TestAPauseHoldsAPollersMail(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	w.send("m1")
	_, cursor, err := w.fetch(delivery.Poll{})
	if err != nil {
		t.Fatal(err)
	}
	w.send("m2")
	if _, err := w.Registry.Hold(t.Context(), id, workspace.Paused, registry.By{}, w.now); err != nil {
		t.Fatal(err)
	}
	if ms, _, err := w.fetch(delivery.Poll{Cursor: cursor}); err != nil || len(ms) != 0 || w.message("m1").State != chat.Delivered || w.message("m2").State != chat.Queued {
		t.Fatalf("%v, %v", ms, err)
	}
	if _, err := w.Registry.Hold(t.Context(), id, workspace.NoHold, registry.By{}, w.now); err != nil {
		t.Fatal(err)
	}
	w.wants("resumed", w.poll("m1"), "m2")
}

// A message that arrived in time and is acknowledged late is delivered.
func TestALateAcknowledgementIsOne(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	if _, err := w.Enqueue(t.Context(), chat.Message{ID: "m1", Workspace: id, Priority: chat.Task, Body: []byte(`{}`), ExpiresAt: w.now.Add(30 * time.Second)}, w.now); err != nil {
		t.Fatal(err)
	}
	_, cursor, err := w.fetch(delivery.Poll{})
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(61 * time.Second)
	if _, _, err := w.fetch(delivery.Poll{Cursor: cursor}); err != nil || w.message("m1").State != chat.Delivered {
		t.Fatalf("%v: %+v", err, w.message("m1"))
	}
}
