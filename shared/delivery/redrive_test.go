package delivery_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// redriving is an agent that lost a message minutes ago, and goes on to answer in one way.
type redriving struct {
	*world.World
	mode   workspace.Mode
	cursor string
}

func newRedriving(t *testing.T, mode workspace.Mode, ended string, ago int) *redriving {
	url := map[workspace.Mode]string{workspace.Push: "http://agent/"}[mode]
	r := &redriving{World: world.New(t, mode, url), mode: mode}
	m := world.Message("lost")
	if m.ExpiresAt = r.Now.Add(time.Hour); ended != "malformed" || mode == workspace.Poll {
		m.ExpiresAt = r.Now.Add(20 * time.Second)
	}
	r.answers(ended)
	_, err := r.Enqueue(t.Context(), m, r.Now)
	r.NoError(err)
	for range 3 { // it ends, and then the agent is well
		r.second()
		r.Now = r.Now.Add(20 * time.Second)
		r.SweepOnce()
	}
	r.answers("takes")
	for range ago {
		r.Now = r.Now.Add(time.Second)
		r.second()
	}
	r.SweepOnce()
	return r
}

func (r *redriving) answers(how string) {
	r.Agent = func(m chat.Message) delivery.PushResult {
		if m.Probe {
			return delivery.PushResult{}
		}
		return answersOfAgents[how]
	}
}

// second is what happens in each second.
func (r *redriving) second() {
	if r.Now.Second()%10 == 0 {
		r.Heartbeat(0)
	}
	if r.mode == workspace.Poll && r.Now.Second()%5 == 0 && r.Facts().Open == 0 {
		r.PollAfter(r.cursor)
	}
	r.DrainOnce()
}

// A message that is redriven waits from then on. Its workspace stands then as if another one had been accepted: its
// agent is given as long for it, and a verdict that stood goes on, whenever the message was accepted. Where the message
// may be what failed before, one more failure of it says less of the agent: the workspace stands as well, or better.
func TestARedrivenMessageWaitsFromThenOn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]workspace.Mode{workspace.Push, workspace.Poll}).Draw(rt, "mode")
		ended := rapid.SampledFrom([]string{"malformed", "hangs", "refuses"}).Draw(rt, "it ended as it")
		ago := rapid.IntRange(1, 900).Draw(rt, "seconds ago")
		how := rapid.SampledFrom([]string{"takes", "refuses", "hangs", "busy", "fails"}).Draw(rt, "it")
		redriven, other := newRedriving(t, mode, ended, ago), newRedriving(t, mode, ended, ago)
		before := redriven.Verdict()
		if state := redriven.Receipt("lost").State; state == chat.Delivered || state.Open() {
			rt.Fatalf("the message is %s", state)
		}
		_, err := redriven.Redrive(t.Context(), world.ID, "lost", redriven.Now)
		redriven.NoError(err)
		other.Send("new")
		if v := redriven.Verdict(); v.Status != before.Status || !v.Since.Equal(before.Since) {
			rt.Fatalf("%s (%s) since %s, and before it was %s (%s) since %s", v.Status, v.Reason, v.Since, before.Status,
				before.Reason, before.Since)
		}
		for i := range rapid.IntRange(1, 200).Draw(rt, "seconds") {
			for _, r := range []*redriving{redriven, other} {
				r.answers(how)
				r.second()
				r.Now = r.Now.Add(time.Second)
			}
			a, b := redriven.Verdict(), other.Verdict()
			suspect := redriven.Receipt("lost").Former.Suspect
			if suspect != (mode == workspace.Push && ended != "refuses") {
				rt.Fatalf("it may be what failed: %t", suspect)
			}
			if suspect && (a.Status == workspace.StatusOnline || b.Status != workspace.StatusOnline) {
				continue
			}
			if a.Status != b.Status || a.Reason != b.Reason || !a.Since.Equal(b.Since) {
				rt.Fatalf("%d s after the redrive: %s (%s) since %s, and with a new message %s (%s) since %s", i,
					a.Status, a.Reason, a.Since, b.Status, b.Reason, b.Since)
			}
		}
	})
}
