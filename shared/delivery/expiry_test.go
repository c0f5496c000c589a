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
// workspace, and says nothing of it. What a workspace is at fault for is lost, however short it may wait.
func TestALittleTimeIsTheSendersWish(t *testing.T) {
	refuses := func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Unreachable, Fault: workspace.FaultRefused, Why: "connection refused"}
	}
	busy := func(chat.Message) delivery.PushResult { return delivery.PushResult{Handover: delivery.Busy} }
	const little = 20 * time.Second
	for name, c := range map[string]struct {
		url   string
		life  time.Duration
		agent func(chat.Message) delivery.PushResult
		do    func(w *world.World)
		lost  int64
	}{
		"it polls, and not in time": {life: little},
		"it fetched it, and has not acknowledged it": {life: little, do: func(w *world.World) {
			w.PollAfter("")
			w.Now = w.Now.Add(45 * time.Second) // a claim of a poll is over then
		}},
		"it is busy":                 {url: "http://agent/", life: little, agent: busy},
		"it can't be reached":        {url: "http://agent/", life: little, agent: refuses, lost: 1},
		"it is silent":               {life: little, do: func(w *world.World) { w.Now = w.Now.Add(time.Hour) }, lost: 1},
		"it is silent, and had long": {life: 2 * time.Hour, do: func(*world.World) {}, lost: 1},
	} {
		mode := workspace.Poll
		if c.url != "" {
			mode = workspace.Push
		}
		w := world.New(t, mode, c.url)
		w.Agent = c.agent
		sendFor(w, "m", c.life)
		if c.url != "" {
			w.DrainOnce()
		}
		if c.do != nil {
			c.do(w)
		}
		w.Now = w.Now.Add(c.life)
		was := w.Verdict()
		w.SweepOnce()
		m, f := w.Receipt("m"), w.Facts()
		if m.State != chat.Expired || f.LostMessages != c.lost || m.ByWish == (c.lost > 0) ||
			strings.Contains(m.Reason, "its sender gave it") != m.ByWish {
			t.Errorf("%s: %+v, %d lost", name, m, f.LostMessages)
		}
		if is := w.Verdict(); m.ByWish && (is.Status != was.Status || is.Reason != was.Reason || len(is.Remarks) > 0) {
			t.Errorf("%s: it was %+v, and is %+v", name, was, is)
		}
		all, _, err := w.RedriveAll(t.Context(), world.ID, nil, w.Now)
		if err != nil || int64(len(all)) != c.lost {
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
