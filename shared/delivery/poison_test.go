package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// noAnswers are the ways in which no answer of an agent comes back though something takes
// the connection. One message alone can bring each about.
var noAnswers = map[string]delivery.PushResult{
	"hangs":                 timedOut,
	"closes the connection": unanswered(workspace.FaultBroken, "the connection was closed before an answer"),
	"answers with a page":   unanswered(workspace.FaultPage, `HTTP 502: text/html: "Bad Gateway"`),
	"redirects":             unanswered(workspace.FaultRedirect, "a redirect (HTTP 302) to /login"),
	"speaks no TLS":         unanswered(workspace.FaultTLS, "what answers there speaks no TLS"),
	"breaks the connection": unanswered(workspace.FaultNetwork, "the connection failed"),
}

func unanswered(f workspace.PushFault, why string) delivery.PushResult {
	return delivery.PushResult{Handover: delivery.Unreachable, Fault: f, Why: why}
}

// patience is how long a push may take.
const patience = 2 * time.Minute

// takeTime lets as much time pass as a push with this result takes; the agent's heartbeats
// go on meanwhile.
func takeTime(w *world.World, r delivery.PushResult, probe bool) delivery.PushResult {
	took := 10 * time.Millisecond
	switch {
	case r.Fault == workspace.FaultTimeout && probe:
		took = w.Policy.ProbePatience
	case r.Fault == workspace.FaultTimeout:
		took = patience
	}
	for end := w.Now.Add(took); w.Now.Before(end); w.Now = w.Now.Add(min(15*time.Second, end.Sub(w.Now))) {
		w.Heartbeat(0)
	}
	return r
}

// poisonedBy has the agent give an answer to the messages whose ids begin with "poison", and
// take all else.
func poisonedBy(w *world.World, r delivery.PushResult) {
	w.Agent = func(m chat.Message) delivery.PushResult {
		if strings.HasPrefix(m.ID, "poison") {
			return takeTime(w, r, m.Probe)
		}
		return takeTime(w, delivery.PushResult{}, m.Probe)
	}
}

// Whatever it is that a message alone brings about, those behind it pass within some
// minutes, and it is dead some minutes later. Nothing of it stays with the agent.
func TestPoisonOfAnyKindHoldsUpNobodyForLong(t *testing.T) {
	for name, r := range noAnswers {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			poisonedBy(w, r)
			w.Send("poison", "m1", "m2")
			began := w.Now
			for w.Receipt("m2").State.Open() && w.Now.Sub(began) < time.Hour {
				alive(w, time.Second, time.Second)
			}
			if held := w.Now.Sub(began); held > 2*patience+time.Minute {
				t.Fatalf("held up for %s", held)
			}
			for w.Receipt("poison").State.Open() && w.Now.Sub(began) < time.Hour {
				alive(w, time.Second, time.Second)
			}
			m := w.Receipt("poison")
			if lasted := w.Now.Sub(began); m.State != chat.Dead || lasted > 3*patience+3*time.Minute ||
				!strings.Contains(m.FullReason(), r.Why) || !strings.Contains(m.Reason, "took another message") {
				t.Fatalf("%s after %s: %s", m.State, lasted, m.Reason)
			}
			if last := m.Attempts[len(m.Attempts)-1]; last.Outcome != chat.FailedAlone || len(m.Attempts) > 5 {
				t.Fatalf("%+v", m.Attempts)
			}
			if v := w.Verdict(); v.Status != workspace.StatusOnline || w.Facts().Unproved() || len(v.Remarks) != 1 {
				t.Fatalf("%+v", v)
			}
		})
	}
}

// Trouble that meets every message kills none, whatever it looks like, whether or not a probe passes meanwhile, and
// however often the agent is started again; when it is over, all mail is taken.
func TestNoOutageKillsMail(t *testing.T) {
	kinds := append([]delivery.PushResult{noQuota, refused}, values(noAnswers)...)
	rapid.Check(t, func(r *rapid.T) {
		w := world.New(t, workspace.Push, "http://agent/")
		probesPass := rapid.Bool().Draw(r, "probes pass")
		w.Agent = func(m chat.Message) delivery.PushResult {
			if m.Probe && probesPass {
				return delivery.PushResult{}
			}
			return takeTime(w, rapid.SampledFrom(kinds).Draw(r, "answer"), m.Probe)
		}
		ids := []string{"m1", "m2", "m3"}[:rapid.IntRange(1, 3).Draw(r, "messages")]
		w.Send(ids...)
		for range rapid.IntRange(1, 30).Draw(r, "tries") {
			if rapid.Bool().Draw(r, "it is started again") {
				register(w, workspace.Push, "http://agent/")
			}
			alive(w, time.Minute, time.Minute)
		}
		for _, id := range ids {
			if m := w.Receipt(id); m.State != chat.Queued {
				r.Fatalf("%s is %s: %s, %+v", id, m.State, m.Reason, m.Attempts)
			}
		}
		w.Agent = always(delivery.PushResult{})
		alive(w, 10*time.Minute, 10*time.Second)
		for _, id := range ids {
			if m := w.Receipt(id); m.State != chat.Delivered {
				r.Fatalf("%s is %s: %s, %+v", id, m.State, m.Reason, w.Facts().PushTrouble)
			}
		}
	})
}

func values[K comparable, V any](m map[K]V) (vs []V) {
	for _, v := range m {
		vs = append(vs, v)
	}
	return vs
}

// A message that fails in a mailbox without others is told from no outage: it is tried on.
// The verdict does not come and go with each probe that the agent takes in between.
func TestALoneMessageThatFailsIsTriedOn(t *testing.T) {
	for name, r := range noAnswers {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			w.Send("before")
			w.DrainOnce()
			poisonedBy(w, r)
			w.Send("poison")
			for w.Verdict().Reason != workspace.ReasonPushFailing {
				alive(w, time.Second, time.Second)
			}
			for range 600 {
				alive(w, time.Second, time.Second)
				if v := w.Verdict(); v.Reason != workspace.ReasonPushFailing {
					t.Fatalf("%+v", v)
				}
			}
			m, v := w.Receipt("poison"), w.Verdict()
			if m.State != chat.Queued || m.Attempts[len(m.Attempts)-1].Outcome != chat.FailedAlone {
				t.Fatalf("%s, %+v", m.State, m.Attempts)
			}
			if w.Facts().ProbePassed && (v.Action != "inspect" || !strings.Contains(v.Hint, "took a probe")) {
				t.Fatalf("%+v", v)
			}
			if len(w.PushedURLs) > 40 {
				t.Fatalf("%d pushes", len(w.PushedURLs))
			}
			w.Send("after")
			alive(w, patience+time.Minute, time.Second)
			if v := w.Verdict(); w.Receipt("after").State != chat.Delivered || v.Status != workspace.StatusOnline {
				t.Fatalf("%s, %+v", w.Receipt("after").State, v)
			}
		})
	}
}

// An agent that does not take probes is handed its messages all the same, unless it hangs.
func TestAnAgentThatTakesNoProbesGetsItsMail(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	page, down := noAnswers["answers with a page"], true
	var pushed []string
	w.Agent = func(m chat.Message) delivery.PushResult {
		pushed = append(pushed, fmt.Sprint(m.Probe))
		if m.Probe || down {
			return page
		}
		return delivery.PushResult{}
	}
	w.Send("m1")
	alive(w, 5*time.Minute, time.Second)
	if got := strings.Join(pushed[:7], " "); got != "false false false true false true false" {
		t.Fatal(got)
	}
	if m := w.Receipt("m1"); m.State != chat.Queued || m.Attempts[len(m.Attempts)-1].Outcome != chat.Unreachable {
		t.Fatalf("a probe that fails shows nothing of the message: %+v", m)
	}
	down = false
	alive(w, 2*time.Minute+time.Second, time.Second)
	w.Want("when it is back", w.Taken, "m1")
}

// Some connections that break are no poison: what fails less than three times before it is
// taken uses up no attempt, and nothing goes before it.
func TestBrokenConnectionsReorderNothing(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	tries := map[string]int{}
	w.Agent = func(m chat.Message) delivery.PushResult {
		if tries[m.ID]++; !m.Probe && tries[m.ID] < 4 {
			return noAnswers["closes the connection"]
		}
		return delivery.PushResult{}
	}
	w.Send("m1", "m2", "m3")
	alive(w, 3*time.Minute, time.Second)
	var order []string
	for _, id := range w.Taken {
		if !strings.HasPrefix(id, "probe-") {
			order = append(order, id)
		}
	}
	w.Want("in order", order, "m1", "m2", "m3")
}

var badKey = delivery.PushResult{Handover: delivery.Taken, Answer: []byte(`{}`), TaskError: "invalid x-api-key"}

// failingTasks is a world whose agent has failed three tasks in a row, and takes probes.
func failingTasks(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.Probe {
			return delivery.PushResult{}
		}
		return badKey
	}
	w.Send("m1", "m2", "m3")
	w.DrainOnce()
	w.Now = w.Now.Add(time.Second)
	return w
}

func wantAnswersFailing(t *testing.T, w *world.World, action string) {
	t.Helper()
	v := w.Verdict()
	if v.Reason != workspace.ReasonAnswersFailing || v.Action != action || !strings.Contains(v.Hint, "invalid x-api-key") {
		t.Fatalf("%+v", v)
	}
}

// The agent does no work for a probe: one that it takes shows nothing of its tasks, and none
// is sent of the platform's own accord.
func TestAProbeAloneShowsNothingOfTasks(t *testing.T) {
	w := failingTasks(t)
	wantAnswersFailing(t, w, "inspect")
	pushes := len(w.PushedURLs)
	alive(w, time.Hour, time.Minute)
	if wantAnswersFailing(t, w, "inspect"); len(w.PushedURLs) != pushes {
		t.Fatalf("%d probes", len(w.PushedURLs)-pushes)
	}
	if _, err := w.Probe(t.Context(), world.ID, w.Now); err != nil {
		t.Fatal(err)
	}
	w.DrainOnce()
	wantAnswersFailing(t, w, "inspect")
}

// A new boot of an agent that failed its tasks is asked by a probe at once, without mail:
// what failed before is then told as evidence. The first task that fails again counts on.
func TestANewBootThatTakesAProbeIsWell(t *testing.T) {
	w := failingTasks(t)
	w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/"})
	wantAnswersFailing(t, w, "wait") // a register proves nothing
	if len(w.Wakeups.Take()) == 0 {
		t.Fatal("nobody finds out")
	}
	w.DrainOnce()
	v := w.Verdict()
	if v.Status != workspace.StatusOnline || !strings.Contains(fmt.Sprint(v.Evidence), "invalid x-api-key") {
		t.Fatalf("%+v", v)
	}
	pushes := len(w.PushedURLs)
	alive(w, time.Hour, time.Minute)
	if v := w.Verdict(); v.Status != workspace.StatusOnline || len(w.PushedURLs) != pushes {
		t.Fatalf("%+v, and %d more probes", v, len(w.PushedURLs)-pushes)
	}
	w.Send("m4")
	w.DrainOnce()
	wantAnswersFailing(t, w, "inspect")
	w.Agent = always(delivery.PushResult{})
	w.Send("m5")
	w.DrainOnce()
	if v, f := w.Verdict(), w.Facts(); v.Status != workspace.StatusOnline || f.AnswerFailures != 0 {
		t.Fatalf("%+v", v)
	}
}

// A new boot that can't be reached, or fails the task of a probe too, is not well.
func TestANewBootThatTakesNoProbeIsNotWell(t *testing.T) {
	for name, c := range map[string]struct {
		answer delivery.PushResult
		action string
	}{
		"nothing listens":  {refused, "wait"},
		"it hangs":         {timedOut, "wait"},
		"it is busy":       {delivery.PushResult{Handover: delivery.Busy}, "wait"},
		"it fails its key": {badKey, "inspect"},
	} {
		t.Run(name, func(t *testing.T) {
			w := failingTasks(t)
			w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/"})
			w.Agent = always(c.answer)
			w.Now = w.Now.Add(time.Second)
			w.DrainOnce()
			wantAnswersFailing(t, w, c.action)
			w.Agent = always(delivery.PushResult{})
			alive(w, 2*time.Minute, time.Second)
			if ended := w.Verdict().Status == workspace.StatusOnline; ended != (c.action == "wait") {
				t.Fatalf("%+v", w.Verdict())
			}
		})
	}
}

// A new boot that fetches its mail by itself is not slandered for what was pushed to the one
// before.
func TestANewBootThatPollsIsWell(t *testing.T) {
	w := failingTasks(t)
	w.Register(registry.Registration{Mode: workspace.Poll})
	wantAnswersFailing(t, w, "wait")
	w.PollAfter("")
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v", v)
	}
}
