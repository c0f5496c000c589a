package delivery_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestTheSenderIsTold(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	for _, m := range []chat.Message{{ID: "told", Callback: "http://sender/"}, {ID: "not told"}} {
		m.Workspace, m.Priority, m.Body = world.ID, chat.Task, []byte(`{}`)
		if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
			t.Fatal(err)
		}
	}
	w.CallbackFails = true
	if _, err := w.Drain(t.Context(), world.ID, "test"); err == nil {
		t.Fatal("a failed callback is not seen")
	}
	if f := w.Facts(); f.Delivered != 2 || f.OutboxItems != 1 {
		t.Fatalf("%+v", f)
	}
	w.CallbackFails = false
	w.Now = w.Now.Add(time.Minute)
	w.Wakeups.Take()
	w.SweepOnce()
	if rings := w.Wakeups.Take(); len(rings) != 1 {
		t.Fatalf("the sweeper must ring for what is left to do: %v", rings)
	}
	w.DrainOnce()
	w.DrainOnce()
	if want := []string{"http://sender/ told delivered"}; !slices.Equal(w.ToldSender, want) || w.Facts().OutboxItems != 0 {
		t.Fatalf("%v, %d", w.ToldSender, w.Facts().OutboxItems)
	}
}

func TestTheDeadAreAnnouncedAndBuriedThoughTheDrainDied(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{Err: errors.New("refused")} }
	w.Send("m1", "m2")
	for range 14 {
		w.Beat(0)
		w.DrainOnce()
		w.Now = w.Now.Add(45 * time.Second)
	}
	if got := w.Announced.Dead; !slices.Equal(got, []string{"m1", "m2"}) || len(w.ChatQueues.Dead) != 2 {
		t.Fatalf("announced %v, buried %d", got, len(w.ChatQueues.Dead))
	}
	dry, err := w.RedriveAll(t.Context(), world.ID, true, w.Now)
	if err != nil || len(dry) != 2 || w.Receipt("m1").State != chat.Dead {
		t.Fatalf("%v, %v", dry, err)
	}
	put, err := w.RedriveAll(t.Context(), world.ID, false, w.Now)
	if err != nil || len(put) != 2 || put[0].ID != "m1" || put[0].Seq != 1 || w.Receipt("m2").State != chat.Queued {
		t.Fatalf("%v, %v", put, err)
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	if _, err := w.Registry.Register(t.Context(), registry.Registration{ID: world.ID, Credential: w.Token, Mode: workspace.Push, URL: "http://agent/", From: world.Home}, w.Now); err != nil {
		t.Fatal(err)
	}
	w.DrainOnce()
	w.Wants("in order", w.Got, "m1", "m2")
	delivered, _, err := w.List(t.Context(), world.ID, delivery.Selection{State: chat.Delivered, Limit: 1})
	if err != nil || len(delivered) != 1 || delivered[0].ID != "m2" {
		t.Fatalf("%v, %v", delivered, err)
	}
}
