package delivery_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A message that comes back behind the cursor was never handed out: the cursor
// must not swallow it.
func TestACursorAcknowledgesOnlyWhatWasHandedOut(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "m1" {
			return delivery.PushResult{Err: errors.New("refused")}
		}
		return delivery.PushResult{}
	}
	w.Send("m1", "m2")
	for range 9 {
		w.Beat(0)
		w.DrainOnce()
		w.Now = w.Now.Add(20 * time.Second)
	}
	if s := w.Receipt("m1").State; s != chat.Dead {
		t.Fatalf("m1 is %s", s)
	}
	if _, err := w.Registry.Register(t.Context(), registry.Registration{ID: world.ID, Credential: w.Token, Mode: workspace.Poll, From: world.Home}, w.Now); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Redrive(t.Context(), world.ID, "m1", w.Now); err != nil {
		t.Fatal(err)
	}
	w.Wants("behind the cursor", w.PollAfter("m2"), "m1")
	if s := w.Receipt("m1").State; s != chat.InFlight {
		t.Fatalf("m1 is %s", s)
	}
	w.Wants("that reply was lost, so it is asked for again", w.PollAfter("m2"), "m1")
	w.Send("m3")
	w.Wants("again, with what is new", w.PollAfter("m2"), "m1", "m3")
	w.Wants("both are acknowledged by the later one's row", w.PollAfter("m3"))
	for _, m := range []string{"m1", "m3"} {
		if s := w.Receipt(m).State; s != chat.Delivered {
			t.Fatalf("%s is %s", m, s)
		}
	}
}

func TestARowAcknowledgesItself(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1", "m2")
	w.Wants("all", w.PollAfter(""), "m1", "m2")
	w.Wants("after the first", w.PollAfter("m1"), "m2")
	w.Wants("a client that lost its cursor gets what is open", w.PollAfter(""), "m2")
	w.Wants("after the second", w.PollAfter("m2"))
}

// A window full of acknowledged mail must not hide what waits behind it.
func TestABacklogLargerThanOneTransaction(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	var sent, got []string
	for i := range 130 {
		sent = append(sent, fmt.Sprintf("m%03d", i))
	}
	w.Send(sent...)
	for last := ""; ; {
		page := w.PollAfter(last)
		if len(page) == 0 {
			break
		}
		got, last = append(got, page...), page[len(page)-1]
	}
	w.Wants("page by page", got, sent...)
	if f := w.Facts(); f.Open != 0 || f.Delivered != 130 {
		t.Fatalf("%+v", f)
	}
}
