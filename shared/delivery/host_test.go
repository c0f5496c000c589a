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

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func register(w *world.World, mode workspace.Mode, url string) workspace.Facts {
	w.T.Helper()
	return w.Register(registry.Registration{Mode: mode, URL: url}).Facts
}

// poll polls, and returns the messages and the cursor of the last one.
func poll(w *world.World, in delivery.PollRequest) ([]chat.Message, string, error) {
	in.Workspace, in.Credential, in.From = world.ID, w.Token, world.Home
	if in.Limit == 0 {
		in.Limit = 100
	}
	out, err := w.Poll(w.T.Context(), in, w.Now)
	cursor := in.Cursor
	if n := len(out.Messages); n > 0 {
		cursor = delivery.CursorOf(out.Messages[n-1]).ID(world.Life)
	}
	return out.Messages, cursor, err
}

// A host hangs while a newer one registers and is handed its mail. With its old cursor
// it must not acknowledge what the newer one was handed.
func TestAReplacedHostAcknowledgesNothingForTheNewerOne(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1", "m2")
	_, old, err := poll(w, delivery.PollRequest{})
	if err != nil {
		t.Fatal(err)
	}
	w.Now = w.Now.Add(61 * time.Second)
	epoch := register(w, workspace.Poll, "").Epoch
	ms, fresh, err := poll(w, delivery.PollRequest{})
	if err != nil || len(ms) != 2 {
		t.Fatalf("%v, %v", ms, err)
	}
	if _, _, err := poll(w, delivery.PollRequest{Cursor: old}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"m1", "m2"} {
		if got := w.Receipt(m); got.State != chat.InFlight {
			t.Fatalf("%s is %s", m, got.State)
		}
	}
	// A host that sends its epoch gets an error.
	_, _, err = poll(w, delivery.PollRequest{Cursor: old, Epoch: epoch - 1})
	if fault.CodeOf(err) != fault.EpochSuperseded {
		t.Fatalf("%v", err)
	}
	ms, _, err = poll(w, delivery.PollRequest{Cursor: fresh, Epoch: epoch})
	if err != nil || len(ms) != 0 || w.Facts().Delivered != 2 {
		t.Fatalf("%v, %v: %+v", ms, err, w.Facts())
	}
}

// An agent that restarts with its saved cursor is not a replaced host: a message that
// was handed out before the restart, and is acknowledged after it, does not come again.
func TestARestartWithItsCursorGetsNothingTwice(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1", "m2")
	_, saved, err := poll(w, delivery.PollRequest{})
	if err != nil {
		t.Fatal(err)
	}
	register(w, workspace.Poll, "")
	ms, _, err := poll(w, delivery.PollRequest{Cursor: saved})
	if err != nil || len(ms) != 0 || w.Facts().Delivered != 2 {
		t.Fatalf("%v, %v", ms, err)
	}
}

// A message whose push ends after another host has registered goes to the new host, and
// so do all messages after it.
func TestMailGoesToTheHostThatRegisteredLast(t *testing.T) {
	for name, answer := range map[string]delivery.PushResult{
		"the old one answers": {},
		"the old one fails":   {Handover: delivery.AgentError, Why: "hung up"},
		"the old one is busy": {Handover: delivery.Busy},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://old/")
			w.Send("m1", "m2", "m3")
			first := true
			w.Agent = func(chat.Message) delivery.PushResult {
				if !first {
					return delivery.PushResult{}
				}
				first = false
				register(w, workspace.Push, "http://new/")
				return answer
			}
			w.DrainOnce()
			w.Want("pushed to", w.PushedURLs, "http://old/", "http://new/", "http://new/", "http://new/")
			m1 := w.Receipt("m1")
			if f := w.Facts(); f.Delivered != 3 || f.PushFailures != 0 || m1.Attempts[0].Outcome != chat.Superseded {
				t.Fatalf("%+v, %+v", f, m1.Attempts)
			}
		})
	}
	t.Run("the same host registers again: its answer counts", func(t *testing.T) {
		w := world.New(t, workspace.Push, "http://agent/")
		w.Send("m1")
		w.Agent = func(chat.Message) delivery.PushResult {
			register(w, workspace.Push, "http://agent/")
			return delivery.PushResult{}
		}
		w.DrainOnce()
		w.Want("pushed to", w.PushedURLs, "http://agent/")
	})
}

// While a push to the old URL hangs, a host that registers another URL gets its mail at once, each message once. What
// the old push brings at last is for nobody.
func TestMailGoesOnWhileAPushToTheOldURLHangs(t *testing.T) {
	for name, answer := range map[string]delivery.PushResult{
		"the old one answers at last":     {},
		"the old one fails at last":       {Handover: delivery.AgentError, Why: "hung up"},
		"the old one is busy at last":     {Handover: delivery.Busy, RetryAfter: time.Hour},
		"the old one can't be reached":    refused,
		"the old one never answers":       timedOut,
		"the old one refuses the message": {Handover: delivery.Refused, Why: "error -32602"},
	} {
		for _, slots := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, %d slots", name, slots), func(t *testing.T) {
				w := world.New(t, workspace.Push, "http://old/")
				_, err := w.Registry.Create(t.Context(), registry.CreateInput{
					ID: world.ID, Mode: workspace.Push, MaxTasks: slots, Adopt: true,
				}, w.Now)
				w.NoError(err)
				register(w, workspace.Push, "http://old/")
				w.Send("m1", "m2", "m3")
				var mu sync.Mutex
				began := false
				w.Agents = pushesTo(func(to delivery.Target) delivery.PushResult {
					mu.Lock()
					defer mu.Unlock()
					w.PushedURLs = append(w.PushedURLs, to.URL)
					if to.URL != "http://old/" {
						return delivery.PushResult{}
					}
					if !began {
						began = true
						register(w, workspace.Push, "http://new/")
						mu.Unlock()
						w.DrainOnce()
						mu.Lock()
						// With two slots, the other one may be at m1.
						if m1 := w.Receipt("m1"); slots == 1 && m1.State != chat.Delivered {
							t.Errorf("m1 is %s while the old push hangs: %v", m1.State, w.PushedURLs)
						}
					}
					return answer
				})
				w.DrainOnce()
				m1, f := w.Receipt("m1"), w.Facts()
				toNew := len(slices.DeleteFunc(slices.Clone(w.PushedURLs), func(url string) bool { return url == "http://old/" }))
				if f.Delivered != 3 || f.InFlight != 0 || f.PushFailures != 0 || f.BusyAnswers != 0 || f.Dead != 0 || toNew != 3 ||
					(slots == 1 && m1.Attempts[0].Outcome != chat.Superseded) {
					t.Fatalf("%+v, %+v, pushed to %v", f, m1.Attempts, w.PushedURLs)
				}
				w.SweepOnce()
				w.Send("m4")
				w.DrainOnce()
				if m4 := w.Receipt("m4"); m4.State != chat.Delivered {
					t.Fatalf("%+v", m4)
				}
			})
		}
	}
}

// An agent that registers again at the same URL is handed nothing twice while a push there has not ended.
func TestAPushToTheSameURLHoldsItsMessage(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Send("m1", "m2")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "m1" {
			register(w, workspace.Push, "http://agent/")
			w.DrainOnce()
		}
		return delivery.PushResult{}
	}
	w.DrainOnce()
	w.Want("taken", w.Taken, "m1", "m2")
}

// ledger calls before ahead of each write of messages, and fails with its error.
type ledger struct {
	delivery.Ledger
	before func(moves []chat.Move) error
}

func (l ledger) WriteMessages(
	ctx context.Context, life workspace.Life, ms []chat.Move, u delivery.MailboxUpdate,
) error {
	if err := l.before(ms); err != nil {
		return err
	}
	return l.Ledger.WriteMessages(ctx, life, ms, u)
}

// Large messages are handed out, acknowledged and expired in bounded calls: DynamoDB
// takes 4 MB in a transaction, and a Lambda answers with at most 6 MB.
func TestLargeMessagesAreWrittenInBoundedCalls(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Ledger = ledger{w.Ledger, func(ms []chat.Move) error {
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
		m := world.Message(fmt.Sprintf("m%02d", i))
		m.Body = make([]byte, w.Policy.MaxBody)
		if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
			t.Fatal(err)
		}
		want = append(want, m.ID)
	}
	for cursor := ""; len(got) < len(want); {
		ms, next, err := poll(w, delivery.PollRequest{Cursor: cursor})
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
	w.Now = w.Now.Add(25 * time.Hour)
	w.Heartbeat(0)
	if ms, _, err := poll(w, delivery.PollRequest{}); err != nil || len(ms) != 0 {
		t.Fatalf("%d, %v", len(ms), err)
	}
	if f := w.Facts(); f.Open != 0 {
		t.Fatalf("%+v", f)
	}
}

// An outcome is written however often the mailbox changes meanwhile: without it the
// message would be delivered again.
func TestAnOutcomeIsWrittenUnderContention(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Send("m1")
	lost := 0
	w.Ledger = ledger{w.Ledger, func(ms []chat.Move) error {
		if ms[0].To.State == chat.Delivered && lost < 8 {
			lost++
			return fault.New(fault.Conflict, "another transaction wrote it")
		}
		return nil
	}}
	w.DrainOnce()
	w.Want("pushed", w.Taken, "m1")
	if m := w.Receipt("m1"); m.State != chat.Delivered || lost != 8 {
		t.Fatalf("%+v", m)
	}
}

// When the store fails for one task slot, the push of another is not cut off.
func TestAFailureInOneTaskSlotDoesNotCancelAnother(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	twoTasks := registry.CreateInput{ID: world.ID, Mode: workspace.Push, MaxTasks: 2, Adopt: true}
	_, err := w.Registry.Create(t.Context(), twoTasks, w.Now)
	w.NoError(err)
	register(w, workspace.Push, "http://agent/")
	w.Send("m1", "m2")
	failed, pushed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var cancelled error
	w.Ledger = ledger{w.Ledger, func(ms []chat.Move) error {
		if ms[0].To.ID == "m2" && ms[0].To.State == chat.InFlight {
			<-pushed // the push of m1 runs
			once.Do(func() { close(failed) })
			return fault.Store("move", errors.New("throttled"))
		}
		return nil
	}}
	w.Agents = pushes(func(ctx context.Context) delivery.PushResult {
		close(pushed)
		<-failed
		select {
		case <-ctx.Done():
			cancelled = ctx.Err()
		case <-time.After(50 * time.Millisecond): // longer than a cancellation takes to arrive
		}
		return delivery.PushResult{}
	})
	if _, err := w.Drain(t.Context(), world.ID, "test"); fault.CodeOf(err) != fault.PlatformUnavailable {
		t.Fatalf("%v", err)
	}
	if m := w.Receipt("m1"); cancelled != nil || m.State != chat.Delivered {
		t.Fatalf("%v: %+v", cancelled, m)
	}
}

type pushesTo func(to delivery.Target) delivery.PushResult

func (p pushesTo) Push(_ context.Context, to delivery.Target, _ chat.Message) delivery.PushResult {
	return p(to)
}

type pushes func(ctx context.Context) delivery.PushResult

func (p pushes) Push(ctx context.Context, _ delivery.Target, _ chat.Message) delivery.PushResult {
	return p(ctx)
}

// However long an agent fails, and whatever wakes its drain, few wake-ups are on their
// way at any time.
func TestWakeupsDoNotMultiply(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.AgentError, Why: "HTTP 500"}
	}
	type wakeup struct {
		at    time.Time
		cause string
	}
	var due []wakeup
	collect := func() {
		for _, r := range w.Wakeups.Take() {
			due = append(due, wakeup{w.Now.Add(r.After), r.Cause})
		}
	}
	for i := range 300 {
		w.Send(fmt.Sprintf("m%03d", i))
		collect()
	}
	drains := 0
	for second := range 3600 {
		w.Now = w.Now.Add(time.Second)
		if second%30 == 0 {
			w.Heartbeat(0)
		}
		if second%60 == 0 {
			w.SweepOnce()
		}
		collect()
		now := due
		due = nil
		for _, u := range now {
			if u.at.After(w.Now) {
				due = append(due, u)
				continue
			}
			drains++
			if _, err := w.Drain(t.Context(), world.ID, u.cause); err != nil {
				t.Fatal(err)
			}
			collect()
		}
		if second > 60 && len(due) > 5 {
			t.Fatalf("after %d s %d wake-ups are on their way", second, len(due))
		}
	}
	// Each message, heartbeat and sweep sends one wake-up, and each attempt one more.
	if most := 300 + 3600/30 + 3600/60 + len(w.PushedURLs); drains > most {
		t.Fatalf("%d drains in an hour, for %d attempts", drains, len(w.PushedURLs))
	}
}

type profiles = registry.Profiles // whose name is that of a method

// quotes counts how often the words of an agent are written.
type quotes struct {
	profiles
	n int
}

func (q *quotes) Quote(ctx context.Context, id, url string, said workspace.Words) error {
	q.n++
	return q.profiles.Quote(ctx, id, url, said)
}

// Of an agent's error the lease has the beginning, as every heartbeat writes it, and the profile the rest.
func TestAnAgentsErrorIsKeptShort(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	quoted := &quotes{profiles: w.Registry.Profiles}
	w.Registry.Profiles = quoted
	words := strings.Repeat("x", 1<<20)
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.AgentError, Why: words}
	}
	w.Send("m1")
	w.DrainOnce()
	m, f, p := w.Receipt("m1"), w.Facts(), w.Profile()
	if len(m.Reason) > 400 || len(m.Attempts[0].Error) > 300 || len(f.PushError) > workspace.MaxWords {
		t.Fatalf("%d, %d, %d bytes", len(m.Reason), len(m.Attempts[0].Error), len(f.PushError))
	}
	whole := p.Words.PushError
	if len(whole) < 290 || len(whole) > 300 || chat.Clip(whole, workspace.MaxWords) != f.PushError {
		t.Fatalf("%q, and %q in full", f.PushError, whole)
	}
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Taken, TaskError: words}
	}
	again := func() {
		w.Now = w.Now.Add(time.Hour)
		w.Send(fmt.Sprint("at ", w.Now))
		w.Heartbeat(0)
		w.DrainOnce()
	}
	for range 3 {
		again()
	}
	if quoted.n != 2 {
		t.Errorf("the words were written %d times, and changed twice", quoted.n)
	}
	if f := w.Facts(); f.AnswerError == "" ||
		w.Profile().Words != (workspace.Words{PushError: whole, AnswerError: whole}) {
		t.Fatalf("%+v, and %+v in full", f.AnswerTrouble, w.Profile().Words)
	}
}

// A paused workspace hands out nothing to polls, but they can still acknowledge.
func TestAPausedWorkspaceHandsOutNothing(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1")
	_, cursor, err := poll(w, delivery.PollRequest{})
	if err != nil {
		t.Fatal(err)
	}
	w.Send("m2")
	if _, err := w.Registry.Hold(t.Context(), world.ID, workspace.Paused, activity.Actor{}, w.Now); err != nil {
		t.Fatal(err)
	}
	ms, _, err := poll(w, delivery.PollRequest{Cursor: cursor})
	if err != nil || len(ms) != 0 || w.Receipt("m1").State != chat.Delivered || w.Receipt("m2").State != chat.Queued {
		t.Fatalf("%v, %v", ms, err)
	}
	if _, err := w.Registry.Hold(t.Context(), world.ID, workspace.NoHold, activity.Actor{}, w.Now); err != nil {
		t.Fatal(err)
	}
	w.Want("resumed", w.PollAfter("m1"), "m2")
}

// A message that was handed out in time and is acknowledged after its time is delivered.
func TestALateAcknowledgementCounts(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	m := world.Message("m1")
	m.ExpiresAt = w.Now.Add(30 * time.Second)
	if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
		t.Fatal(err)
	}
	_, cursor, err := poll(w, delivery.PollRequest{})
	if err != nil {
		t.Fatal(err)
	}
	w.Now = w.Now.Add(61 * time.Second)
	if _, _, err := poll(w, delivery.PollRequest{Cursor: cursor}); err != nil || w.Receipt("m1").State != chat.Delivered {
		t.Fatalf("%v: %+v", err, w.Receipt("m1"))
	}
}
