package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// wakeUps runs the drains of the wake-ups that were sent, each when it is due, until none is left or the limit has
// passed, and returns how many there were.
func wakeUps(w *world.World, limit time.Duration) (n int) {
	w.T.Helper()
	end := w.Now.Add(limit)
	for sent := w.Wakeups.Take(); len(sent) > 0; sent = w.Wakeups.Take() {
		for _, up := range sent {
			if up.ID == "" {
				continue
			}
			if w.Now = w.Now.Add(up.After); w.Now.After(end) {
				w.T.Fatalf("after %s, drains still wake each other", limit)
			}
			n++
			w.DrainOnce()
		}
	}
	return n
}

var nobodyListens = delivery.PushResult{
	Handover: delivery.Unreachable, Fault: workspace.FaultRefused, Why: "connection refused",
}

// An agent that registers a URL at which nothing listens is not online until mail comes: the platform tries the URL by
// itself, and says within seconds that it can't be reached.
func TestANewURLIsTriedAtOnce(t *testing.T) {
	w := world.New(t, workspace.Undeclared, "http://localhost:1")
	w.Agent = func(chat.Message) delivery.PushResult { return nobodyListens }
	const untried = "nothing was sent to the URL that it registered yet: rollcall probe w"
	if v := w.Verdict(); v.Status != workspace.StatusOnline || !says(v, untried) {
		t.Fatalf("before the first try: %+v", v)
	}
	began := w.Now
	tries := wakeUps(w, 15*time.Second)
	v := w.Verdict()
	if v.Reason != workspace.ReasonPushFailing || v.Action != "check_url" || v.NextCommand != "rollcall probe w" ||
		!strings.Contains(v.Hint, "connection refused") {
		t.Fatalf("after %d tries in %s: %+v", tries, w.Now.Sub(began), v)
	}
	if tries != w.Registry.Policy.PushFailuresToDegrade {
		t.Fatalf("%d tries", tries)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	w.Now = w.Now.Add(time.Minute)
	w.Heartbeat(0)
	if wakeUps(w, time.Second); w.Verdict().Status != workspace.StatusOnline {
		t.Fatalf("something listens now: %+v", w.Verdict())
	}
}

// A first try that fails is told, though it is no verdict yet: the agent may begin to listen a moment after it has
// registered.
func TestOneFailedTryOfANewURLIsTold(t *testing.T) {
	w := world.New(t, workspace.Push, "http://localhost:1")
	w.Agent = func(chat.Message) delivery.PushResult { return nobodyListens }
	w.Wakeups.Take()
	w.DrainOnce()
	if v := w.Verdict(); v.Status != workspace.StatusOnline || !says(v, "connection refused") {
		t.Fatalf("after one try: %+v", v)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	if wakeUps(w, 5*time.Second); w.Facts().URLNew || w.Facts().PushFailures > 0 {
		t.Fatalf("it listens now: %+v", w.Facts())
	}
}

// The probe is one for each URL: none for a heartbeat, none for a register at the same URL, none where there is no URL
// to call, and none when mail has shown that the URL is good.
func TestAURLIsProbedOnce(t *testing.T) {
	w := world.New(t, workspace.Push, "http://localhost:1")
	tried := func(what string, want int) {
		t.Helper()
		wakeUps(w, time.Minute)
		if got := len(w.PushedURLs); got != want {
			t.Fatalf("%s: %d pushes, want %d", what, got, want)
		}
		w.PushedURLs = nil
	}
	tried("the first register", 1)
	for range 3 {
		w.Now = w.Now.Add(30 * time.Second)
		w.Heartbeat(0)
		w.SweepOnce()
		tried("a heartbeat and a sweep", 0)
		w.Register(registry.Registration{Mode: workspace.Push, URL: "http://localhost:1"})
		tried("a register at the same URL", 0)
	}
	w.Register(registry.Registration{Mode: workspace.Push, URL: "http://localhost:2"})
	tried("another URL", 1)
	w.Register(registry.Registration{})
	tried("no URL", 0)
	w.Register(registry.Registration{URL: "http://localhost:4"})
	w.Send("m1")
	tried("mail comes before the probe", 1)
	w = world.New(t, workspace.Poll, "http://localhost:1")
	tried("one that declares poll", 0)
}

func says(v workspace.Verdict, what string) bool {
	for _, e := range v.Evidence {
		if strings.Contains(e.Fact, what) {
			return true
		}
	}
	return false
}
