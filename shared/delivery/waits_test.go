package delivery_test

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/workspace"
)

// asleep is a clock in whose sleeps calls stay until they are woken.
type asleep struct {
	memory.Clock
	sleeping *atomic.Int64
	woken    chan struct{}
}

func (c asleep) Sleep(context.Context, time.Duration) error {
	c.sleeping.Add(1)
	<-c.woken
	return context.Canceled // the call ends
}

// However many calls of one workspace ask, in whatever way, no more wait at a time than may. The others are answered
// at once, and their answers come as messages. When a call is over, another one may wait.
func TestNoCallerWaitsInMoreCallsThanItMay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := asked(t)
		sleeping, woken := atomic.Int64{}, make(chan struct{})
		clk := asleep{memory.Clock{Time: func() time.Time { return w.Now }}, &sleeping, woken}
		w.Delivery.Clock = clk
		ask := func(id string) (delivery.Accepted, error) {
			by := still(nil)
			by.Place = w.Waits.For("workspace " + peer.Workspace)
			return w.Ask(t.Context(), question(id), by, w.Now)
		}
		n := rapid.IntRange(1, 3*waiting.Most).Draw(rt, "asks")
		ids := rapid.IntRange(1, n).Draw(rt, "ids") // a repeat waits for the answer to the first
		ended, crowded := make(chan delivery.Accepted), 0
		for i := range n {
			before := sleeping.Load()
			go func() {
				out, err := ask("q" + strconv.Itoa(i%ids))
				if err != nil {
					t.Error(err)
				}
				ended <- out
			}()
			over := false
			for sleeping.Load() == before && !over { // until it waits, or is over
				select {
				case out := <-ended:
					if over = true; !out.NoPlace || !out.Message.State.Open() {
						rt.Fatalf("ask %d: %+v", i, out)
					}
					crowded++
				default:
					runtime.Gosched()
				}
			}
		}
		if waits := int(sleeping.Load()); waits != min(n, waiting.Most) || waits+crowded != n {
			rt.Fatalf("of %d asks %d wait, and %d are crowded out", n, waits, crowded)
		}
		close(woken)
		for range n - crowded {
			<-ended
		}
		if out, err := ask("later"); err != nil || out.NoPlace {
			rt.Fatalf("after all calls are over: %+v %v", out, err)
		}
		w.Now = w.Now.Add(time.Minute)
		for w.Facts().Open > 0 {
			w.DrainOnce()
		}
		w.DrainOnce()
		if mail := mailOf(w); len(mail) != ids+1 {
			rt.Fatalf("%d answers are sent to %d asks", len(mail), ids+1)
		}
	})
}

// Nobody's call about a task is passed while as many of its calls as may wait do so, at all agents or at this one.
// Others' are.
func TestACallAboutATaskWaitsInAPlace(t *testing.T) {
	for slots, most := range map[int]int{1: 2, 3: 6, 50: waiting.Most} { // two for each task slot, as with pushes
		w := world.New(t, workspace.Push, "http://agent/")
		call := chat.Message{ID: "c", Workspace: world.ID, Method: "tasks/get", Body: []byte(`{}`)}
		create := registry.CreateInput{ID: world.ID, Mode: workspace.Push, MaxTasks: slots, Adopt: true}
		_, err := w.Registry.Create(t.Context(), create, w.Now)
		w.NoError(err)
		under, deepest := 0, 0
		var pass func(caller string) error
		var last error
		w.Agent = func(chat.Message) delivery.PushResult { // while it is asked, the caller asks again
			if under++; under > deepest {
				deepest = under
			}
			if err := pass("one"); err != nil && last == nil {
				last = err
			}
			under--
			return delivery.PushResult{Handover: delivery.Taken, Answer: []byte(`{"result":{}}`)}
		}
		pass = func(caller string) error {
			_, err := w.Pass(t.Context(), call, w.Waits.For(caller), w.Now)
			return err
		}
		if err := pass("one"); err != nil || fault.CodeOf(last) != fault.TooManyWaits || deepest != most {
			t.Fatalf("%d slots: %d at a time, then %v; %v", slots, deepest, last, err)
		}
		if err := pass("other"); err != nil {
			t.Fatal(err)
		}
		if err := pass("one"); err != nil {
			t.Fatalf("after all calls are over: %v", err)
		}
	}
}

// A place whose call was cut off is free again after a while.
func TestAPlaceThatNobodyGivesBackIsFreeAgain(t *testing.T) {
	w := asked(t)
	for range waiting.Most {
		w.NoError(w.Waits.For("one").Take(t.Context()))
	}
	if err := w.Waits.For("one").Take(t.Context()); fault.CodeOf(err) != fault.TooManyWaits {
		t.Fatal(err)
	}
	w.Now = w.Now.Add(30 * time.Second)
	w.NoError(w.Waits.For("one").Take(t.Context()))
}
