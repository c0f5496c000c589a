package delivery_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// sendFor sends a message that may wait for so long.
func sendFor(w *world.World, id string, d time.Duration) {
	m := world.Message(id)
	m.ExpiresAt = w.Now.Add(d)
	_, err := w.Enqueue(w.T.Context(), m, w.Now)
	w.NoError(err)
}

// A message whose time is up has expired, though no sweep has ended it: it can be redriven at once, and then it is no
// loss. It waits from then on, and is the oldest only if none waits for longer.
func TestRedriveBeforeTheSweep(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	sendFor(w, "m1", time.Second)
	sendFor(w, "m2", time.Second)
	sent := w.Now
	w.Now = w.Now.Add(2 * time.Second)
	if _, err := w.Redrive(t.Context(), world.ID, "m1", w.Now); err != nil {
		t.Fatal(err)
	}
	if oldest := w.Facts().OldestOpen; !oldest.Equal(sent) { // m2 waits since then
		t.Fatalf("the oldest waits since %s", oldest)
	}
	redriven := w.Now
	w.Now = w.Now.Add(time.Second)
	all, _, err := w.RedriveAll(t.Context(), world.ID, world.Asked(new(int)), w.Now)
	if err != nil || len(all) != 1 || all[0].ID != "m2" {
		t.Fatalf("%v, %+v", err, all)
	}
	if f := w.Facts(); f.LostMessages != 0 || f.Open != 2 || f.Expired != 0 || !f.OldestOpen.Equal(redriven) {
		t.Fatalf("%+v", f.Mailbox)
	}
	w.Want("polled", w.PollAfter(""), "m1", "m2")
}

// Of lost messages, the last one that is still lost says why, in whatever order they are redriven.
func TestARedriveTellsWhatIsStillLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		w.Now = w.Now.Add(time.Hour) // its agent is silent: what expires is lost
		left := map[string]time.Time{}
		for i := range rapid.IntRange(1, 4).Draw(rt, "messages") {
			id := fmt.Sprintf("m%d", i)
			sendFor(w, id, time.Minute)
			w.Now = w.Now.Add(time.Minute + time.Duration(rapid.IntRange(0, 9).Draw(rt, "later"))*time.Second)
			w.SweepOnce()
			left[id] = w.Now
		}
		for _, id := range rapid.Permutation(slices.Sorted(maps.Keys(left))).Draw(rt, "order") {
			_, err := w.Redrive(t.Context(), world.ID, id, w.Now)
			w.NoError(err)
			delete(left, id)
			f := w.Facts()
			if f.LostMessages != int64(len(left)) {
				rt.Fatalf("%d are lost, and %d told", len(left), f.LostMessages)
			}
			if len(left) == 0 {
				continue
			}
			last := slices.MaxFunc(slices.Collect(maps.Keys(left)), func(a, b string) int {
				return left[a].Compare(left[b])
			})
			if m := w.Receipt(last); !f.LostAt.Equal(m.SettledAt) || f.LostWhy != m.Reason {
				rt.Fatalf("%s was lost last (%s), and told is %s: %s", last, m.SettledAt, f.LostAt, f.LostWhy)
			}
		}
	})
}

// An outcome that comes when readers were told that the message has expired does not deliver it.
func TestNoDeliveryAfterTheEndWasTold(t *testing.T) {
	w := world.New(t, "", "http://agent/")
	sendFor(w, "m1", time.Second)
	w.Agent = func(m chat.Message) delivery.PushResult {
		w.Now = w.Now.Add(w.Policy.VisibilityTimeout) // the deliverer stood still
		if s := w.Receipt(m.ID).At(w.Now).State; s != chat.Expired {
			t.Fatalf("told to be %s", s)
		}
		return delivery.PushResult{}
	}
	w.DrainOnce()
	if m, f := w.Receipt("m1"), w.Facts(); m.State != chat.Expired || f.Delivered != 0 || f.LostMessages != 1 {
		t.Fatalf("%+v: %+v", m, f.Mailbox)
	}
}

// A message that expires though its agent takes mail was given too little time by its sender: that is no loss of the
// workspace, and says nothing of it. That it takes mail is shown by what it did since the message was accepted. What a
// workspace is at fault for is lost, however short it may wait.
func TestALittleTimeIsTheSendersWish(t *testing.T) {
	refuses := func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Unreachable, Fault: workspace.FaultRefused, Why: "connection refused"}
	}
	busy := func(chat.Message) delivery.PushResult { return delivery.PushResult{Handover: delivery.Busy} }
	const little = 20 * time.Second
	wait := func(d time.Duration) func(*world.World) { return func(w *world.World) { w.Now = w.Now.Add(d) } }
	sweep := func(w *world.World) { w.SweepOnce() }
	poll := func(w *world.World) { w.PollAfter("") }
	beat := func(active int) func(*world.World) { return func(w *world.World) { w.Heartbeat(active) } }
	register := func(w *world.World) { w.Register(registry.Registration{Mode: workspace.Poll}) }
	for name, c := range map[string]struct {
		url   string
		life  time.Duration
		agent func(chat.Message) delivery.PushResult
		do    []func(w *world.World) // after it was sent
		says  string                 // what its sender is told; "" when it is lost
		open  bool
	}{
		"it has had no call to poll yet": {life: little, do: []func(*world.World){wait(little), sweep}, open: true},
		"it polls, and not in time": {
			life: little, do: []func(*world.World){wait(little), sweep, poll}, says: "takes mail",
		},
		"it polled in time, and took it not": {
			life: little, do: []func(*world.World){poll, wait(65 * time.Second), sweep}, says: "takes mail",
		},
		"it is at work": {
			life: little, do: []func(*world.World){beat(1), wait(little), sweep}, says: "is at work",
		},
		"it beats, and does not poll": {life: little, do: []func(*world.World){
			wait(little), beat(0), sweep, wait(time.Minute), beat(0), wait(time.Minute), beat(0), sweep,
		}},
		"it died, and its lease runs on": {life: little, do: []func(*world.World){
			wait(little), sweep, wait(time.Minute), wait(time.Minute), sweep,
		}},
		"it died, and starts again": {life: little, do: []func(*world.World){
			wait(little), sweep, wait(20 * time.Second), register, poll,
		}},
		"it is busy": {
			url: "http://agent/", life: little, agent: busy, do: []func(*world.World){wait(little), sweep}, says: "was busy",
		},
		"it can't be reached": {
			url: "http://agent/", life: little, agent: refuses, do: []func(*world.World){wait(little), sweep},
		},
		"it is silent":               {life: little, do: []func(*world.World){wait(time.Hour), sweep}},
		"it is silent, and had long": {life: 2 * time.Hour, do: []func(*world.World){wait(2 * time.Hour), sweep}},
	} {
		mode := workspace.Poll
		if c.url != "" {
			mode = workspace.Push
		}
		w := world.New(t, mode, c.url)
		w.Agent = c.agent
		sendFor(w, "m", c.life)
		w.Now = w.Now.Add(time.Second)
		if c.url != "" {
			w.DrainOnce()
		}
		for _, do := range c.do {
			do(w)
		}
		m, f, lost := w.Receipt("m"), w.Facts(), int64(0)
		switch {
		case c.open:
			if m.State != chat.Queued || f.LostMessages != 0 {
				t.Errorf("%s: it ended before that was known: %+v", name, m)
			}
			lost = 1 // until the agent polls, it can be put back
		case c.says == "":
			lost = 1
			if m.State != chat.Expired || m.ByWish || f.LostMessages != 1 || strings.Contains(m.Reason, "its sender gave it") {
				t.Errorf("%s: %+v, %d lost", name, m, f.LostMessages)
			}
		case m.State != chat.Expired || !m.ByWish || f.LostMessages != 0,
			!strings.Contains(m.Reason, "its sender gave it 20s, and the agent "), !strings.HasSuffix(m.Reason, c.says):
			t.Errorf("%s: %+v, %d lost", name, m, f.LostMessages)
		}
		if is := w.Verdict(); m.ByWish && (is.Status != workspace.StatusOnline || len(is.Remarks) > 0) {
			t.Errorf("%s: it is %+v", name, is)
		}
		all, _, err := w.RedriveAll(t.Context(), world.ID, nil, w.Now)
		if err != nil || int64(len(all)) != lost {
			t.Errorf("%s: %d would be redriven, %v", name, len(all), err)
		}
		if _, err := w.Redrive(t.Context(), world.ID, "m", w.Now); err != nil || w.Facts().LostMessages != 0 ||
			w.Receipt("m").ByWish {
			t.Errorf("%s: redriven: %+v, %v", name, w.Facts().Lost, err)
		}
	}
}

// A message whose long body is no longer kept, as no sweep noted for long that it expired, is refused with what to do,
// and keeps no other message from being put back.
func TestAMessageWithoutItsBodyIsNotRedriven(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	for _, id := range []string{"long", "short"} {
		m := world.Message(id)
		if m.ExpiresAt = w.Now.Add(time.Minute); id == "long" {
			m.Body = chat.TextBody(id, strings.Repeat("x", 2*chat.InlineText))
		}
		_, err := w.Enqueue(t.Context(), m, w.Now)
		w.NoError(err)
	}
	w.Now = w.Now.Add(10 * 24 * time.Hour)
	w.SweepOnce()
	w.Store.Expire(w.Now, func() bool { return true })
	if _, err := w.Redrive(t.Context(), world.ID, "long", w.Now); fault.CodeOf(err) != fault.MessageNotDead ||
		!strings.Contains(err.Error(), "body") {
		t.Errorf("%v", err)
	}
	all, _, err := w.RedriveAll(t.Context(), world.ID, world.Asked(new(int)), w.Now)
	if err != nil || len(all) != 1 || all[0].ID != "short" {
		t.Errorf("%v, %v", all, err)
	}
}
