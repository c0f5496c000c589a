package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Tell is a sender's callback URL; the world counts what it was told.
func (w *world) Tell(_ context.Context, url string, m chat.Message) error {
	if w.deaf {
		return errors.New("refused")
	}
	w.toldSender = append(w.toldSender, fmt.Sprintf("%s %s %s", url, m.ID, m.State))
	return nil
}

func (w *world) sweep() delivery.Swept {
	w.t.Helper()
	out, err := w.Sweep(w.t.Context())
	if err != nil || len(out.Errors) > 0 {
		w.t.Fatalf("%+v, %v", out, err)
	}
	return out
}

func TestCountersAreMendedFromTheLedger(t *testing.T) {
	for name, spoil := range map[string]func(f *workspace.Facts){
		"a counter lost an end":     func(f *workspace.Facts) { f.Delivered = 0 },
		"open mail is not counted":  func(f *workspace.Facts) { f.Open, f.OldestOpen = 0, time.Time{} },
		"too much is open":          func(f *workspace.Facts) { f.Open, f.InFlight = 9, 4 },
		"all are wrong":             func(f *workspace.Facts) { f.Open, f.InFlight, f.Delivered, f.Cancelled, f.Dead = 1, 1, 0, 5, 2 },
		"some are nowhere":          func(f *workspace.Facts) { f.Accepted += 2 },
		"the law holds by accident": func(f *workspace.Facts) { f.Open, f.Delivered, f.OldestOpen = 0, 4, time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, workspace.Poll, "")
			w.send("m1", "m2", "m3", "m4")
			w.poll("")
			w.poll("m2") // two are delivered, two in flight
			if _, err := w.Settle(t.Context(), id, "m4", func(m chat.Message) (chat.Message, error) { return m.Cancel("me", w.now) }); err != nil {
				t.Fatal(err)
			}
			right := w.facts()
			wrong := right
			spoil(&wrong)
			if err := w.store.Correct(t.Context(), right, wrong); err != nil {
				t.Fatal(err)
			}
			mended := false
			for range 60 { // within an hour, whatever minute is this workspace's
				if out := w.sweep(); len(out.Broken) > 0 {
					mended = true
				}
				w.now = w.now.Add(time.Minute)
			}
			f := w.facts()
			if want := f.Accepted - right.Accepted; f.Missing != want {
				t.Fatalf("%d are missing, and %d said to be", want, f.Missing)
			}
			if !mended || f.Open != right.Open || f.Delivered != right.Delivered || f.Cancelled != right.Cancelled || f.Dead != right.Dead {
				t.Fatalf("mended=%v: %+v, want %+v", mended, f, right)
			}
			trail, err := w.store.Trail(t.Context(), id, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(trail, func(n delivery.Note) bool { return strings.Contains(n.Summary, "mended from the ledger") }) {
				t.Fatal("no audit entry")
			}
		})
	}
}

func TestARemovedWorkspacesMailEndsAndItsQueueGoes(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{Busy: true} }
	w.send("m1", "m2")
	w.drain()
	if names, _ := w.lanes.List(t.Context()); len(names) != 1 {
		t.Fatalf("%v", names)
	}
	if _, err := w.Registry.Hold(t.Context(), id, workspace.Removed, registry.By{}, w.now); err != nil {
		t.Fatal(err)
	}
	w.sweep()
	for _, m := range []string{"m1", "m2"} {
		if got := w.message(m); got.State != chat.Cancelled || !strings.Contains(got.Reason, "removal") {
			t.Fatalf("%s is %s: %s", m, got.State, got.Reason)
		}
	}
	w.now = w.now.Truncate(time.Hour).Add(time.Hour)
	if out := w.sweep(); out.Removed != 1 {
		t.Fatalf("%+v", out)
	}
	if names, _ := w.lanes.List(t.Context()); len(names) != 0 {
		t.Fatalf("%v", names)
	}
}

// A queue in use is never taken for an orphan.
func TestOwnedQueuesStay(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.send("m1")
	w.drain()
	w.now = w.now.Truncate(time.Hour).Add(time.Hour)
	w.sweep()
	if names, _ := w.lanes.List(t.Context()); len(names) != 1 {
		t.Fatalf("%v", names)
	}
}

func TestTheSenderIsTold(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	for _, m := range []chat.Message{{ID: "told", Callback: "http://sender/"}, {ID: "not told"}} {
		m.Workspace, m.Priority, m.Body = id, chat.Task, []byte(`{}`)
		if _, err := w.Enqueue(t.Context(), m, w.now); err != nil {
			t.Fatal(err)
		}
	}
	w.deaf = true
	if _, err := w.Drain(t.Context(), id, "test"); err == nil {
		t.Fatal("a failed callback is not seen")
	}
	if f := w.facts(); f.Delivered != 2 || f.OutboxItems != 1 {
		t.Fatalf("%+v", f)
	}
	w.deaf = false
	w.now = w.now.Add(time.Minute)
	w.bell.Take()
	w.sweep()
	if rings := w.bell.Take(); len(rings) != 1 {
		t.Fatalf("the sweeper must ring for what is left to do: %v", rings)
	}
	w.drain()
	w.drain()
	if want := []string{"http://sender/ told delivered"}; !slices.Equal(w.toldSender, want) || w.facts().OutboxItems != 0 {
		t.Fatalf("%v, %d", w.toldSender, w.facts().OutboxItems)
	}
}

func TestTheDeadAreAnnouncedAndBuriedThoughTheDrainDied(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{Err: errors.New("refused")} }
	w.send("m1", "m2")
	for range 14 {
		w.beat(0)
		w.drain()
		w.now = w.now.Add(45 * time.Second)
	}
	if got := w.told.Dead; !slices.Equal(got, []string{"m1", "m2"}) || len(w.lanes.Dead) != 2 {
		t.Fatalf("announced %v, buried %d", got, len(w.lanes.Dead))
	}
	dry, err := w.RedriveAll(t.Context(), id, true, w.now)
	if err != nil || len(dry) != 2 || w.message("m1").State != chat.Dead {
		t.Fatalf("%v, %v", dry, err)
	}
	put, err := w.RedriveAll(t.Context(), id, false, w.now)
	if err != nil || len(put) != 2 || put[0].ID != "m1" || put[0].Seq != 1 || w.message("m2").State != chat.Queued {
		t.Fatalf("%v, %v", put, err)
	}
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{} }
	if _, err := w.Registry.Register(t.Context(), registry.Registration{ID: id, Credential: w.token, Mode: workspace.Push, URL: "http://agent/", From: "10.0.0.1"}, w.now); err != nil {
		t.Fatal(err)
	}
	w.drain()
	w.wants("in order", w.got, "m1", "m2")
	delivered, _, err := w.List(t.Context(), id, delivery.Selection{State: chat.Delivered, Limit: 1})
	if err != nil || len(delivered) != 1 || delivered[0].ID != "m2" {
		t.Fatalf("%v, %v", delivered, err)
	}
}

// The same sweep from two sweepers at once announces each change once.
func TestTwoSweepersAtOnce(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	done := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := w.Sweep(t.Context())
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.told.Take()); n != 1 {
		t.Fatalf("%d announcements", n)
	}
}

// A thousand agents that come back at once don't have their drains begin at once.
func TestASweepsRingsAreSpread(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	for i := range 1000 {
		other := fmt.Sprint("w", i)
		if _, err := w.Registry.Register(t.Context(), registry.Registration{ID: other, Mode: workspace.Push, URL: "http://agent/", From: "10.0.0.1"}, w.now); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Enqueue(t.Context(), chat.Message{ID: "m", Workspace: other, Priority: chat.Task, Body: []byte(`{}`)}, w.now); err != nil {
			t.Fatal(err)
		}
	}
	w.bell.Take()
	w.sweep()
	second := map[int]int{}
	for _, r := range w.bell.Take() {
		second[int(r.After.Seconds())]++
		if r.After >= time.Minute {
			t.Fatalf("a ring waits %s: past the next sweep", r.After)
		}
	}
	for s, n := range second {
		if n > 50 {
			t.Fatalf("%d drains begin in second %d", n, s)
		}
	}
	if len(second) < 30 {
		t.Fatalf("all begin within %d seconds", len(second))
	}
}

// A chat queue that gives no ticket though nobody works is left for the next one.
func TestAStuckQueueIsLeft(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	w.send("m1")
	// Its ticket is held by a drain that died before its claim, over and over.
	lane := delivery.Lane{Workspace: id}
	if err := w.lanes.Send(t.Context(), lane, 1, []delivery.Ticket{{MessageID: "m1", Seq: 1, Dedup: "x"}}); err != nil {
		t.Fatal(err)
	}
	if h, err := w.lanes.Receive(t.Context(), lane, 24*time.Hour, 0); h == nil || err != nil {
		t.Fatal(h, err)
	}
	w.drain()
	w.wants("within the timeout its holder may be alive", w.got)
	w.now = w.now.Add(2*w.Policy.VisibilityTimeout + time.Second)
	w.beat(0)
	w.drain()
	w.wants("after it the mail goes by another queue", w.got, "m1")
	if f := w.facts(); f.QueueGeneration != 1 {
		t.Fatalf("generation %d", f.QueueGeneration)
	}
}

// An idle workspace is probed now and then, and what the probe shows is
// remembered past its end, until something gets through.
func TestTheSweeperProbes(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.Registry.Policy.ProbeEvery = 10 * time.Minute
	pass := func(d time.Duration) {
		for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(time.Minute) {
			w.beat(0)
			w.sweep()
			w.drain()
		}
	}
	pass(9 * time.Minute)
	if f := w.facts(); f.Accepted != 0 {
		t.Fatalf("probed too soon: %+v", f)
	}
	pass(3 * time.Minute)
	if f := w.facts(); f.Accepted != 1 || f.Delivered != 1 || !f.ProbeLostAt.IsZero() {
		t.Fatalf("%+v", f)
	}
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{Err: errors.New("refused")} }
	pass(20 * time.Minute)
	if v := workspace.Assess(w.facts(), w.Registry.Policy, w.now); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("a lost probe left %s (%s): %+v", v.Status, v.Reason, w.facts())
	}
	if len(w.told.Dead) > 0 {
		t.Fatal("a probe's end was announced as a message's")
	}
	w.agent = func(chat.Message) delivery.Result { return delivery.Result{} }
	pass(15 * time.Minute)
	if v := workspace.Assess(w.facts(), w.Registry.Policy, w.now); v.Status != workspace.StatusOnline {
		t.Fatalf("%s (%s): %+v", v.Status, v.Reason, w.facts())
	}
}

// A probe that was never tried shows nothing: its agent was at work, held, or away.
func TestAProbeOfABusyAgentIsNoEvidence(t *testing.T) {
	w := newWorld(t, "", "http://agent.example")
	w.beat(1)
	out, err := w.Probe(t.Context(), id, w.now)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		w.now = w.now.Add(time.Minute)
		w.beat(1)
		w.sweep()
		w.drain()
	}
	if m := w.message(out.Message.ID); m.State != chat.Expired {
		t.Fatalf("%+v", m)
	}
	if v := workspace.Assess(w.facts(), w.Registry.Policy, w.now); v.Reason != workspace.ReasonBusy {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
}

// A sweep that runs out of time leaves the rest to the next one, which begins there.
func TestASweepThatIsCutGoesOn(t *testing.T) {
	w := newWorld(t, workspace.Push, "http://agent/")
	const fleet = 450 // more than two pages
	for i := range fleet - 1 {
		if _, err := w.Registry.Register(t.Context(), registry.Registration{ID: fmt.Sprintf("w%03d", i), From: "10.0.0.1"}, w.now); err != nil {
			t.Fatal(err)
		}
	}
	hurried, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	announced := 0
	for sweeps := 1; ; sweeps++ {
		out, err := w.Sweep(hurried)
		if err != nil || len(out.Errors) > 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		announced += out.Announced
		if !out.Cut {
			if sweeps != 3 || announced != fleet {
				t.Fatalf("%d sweeps saw %d of %d", sweeps, announced, fleet)
			}
			return
		}
	}
}

func TestAProbeIsProvedByAPollAndShownToNobody(t *testing.T) {
	w := newWorld(t, workspace.Poll, "")
	out, err := w.Probe(t.Context(), id, w.now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Fetch(t.Context(), delivery.Poll{Workspace: id, Credential: w.token, From: "10.0.0.1", Limit: 100}, w.now)
	if err != nil || len(got.Messages) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if m := w.message(out.Message.ID); m.State != chat.Delivered {
		t.Fatalf("%+v", m)
	}
}
