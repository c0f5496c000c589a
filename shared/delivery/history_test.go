package delivery_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// history is what happens to one workspace, looked at each second.
type history struct {
	*world.World
	t      *rapid.T
	agent  string // how it answers
	active int    // the tasks that its heartbeats say are active
	sent   int
	cursor string    // the last message that it polled
	seen   time.Time // when somebody looked last
	last   workspace.Verdict
	noted  workspace.Standing // what the facts said then of its beginning
	log    []string           // what happened, for a failure
}

// answersOfAgents are the answers that an agent may give to everything for a while.
var answersOfAgents = map[string]delivery.PushResult{
	"takes":   {},
	"refuses": refused, "hangs": timedOut, "fails": noQuota,
	"busy":        {Handover: delivery.Busy},
	"busy longer": {Handover: delivery.Busy, RetryAfter: 3 * time.Minute},
	"malformed":   {Handover: delivery.Refused, Why: "error -32602"},
	"fails tasks": {Handover: delivery.Taken, Answer: []byte(`{}`), TaskError: "no key"},
}

// No look at any history finds a verdict that contradicts an earlier look, an agent at
// work that is to be restarted, or a promise that contradicts the verdict.
func TestNoLookFindsALie(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]workspace.Mode{"", workspace.Push, workspace.Poll}).Draw(rt, "mode")
		url := "http://agent/"
		if mode == "" && rapid.Bool().Draw(rt, "no URL") {
			url = ""
		}
		h := &history{World: world.New(t, mode, url), t: rt, agent: "takes"}
		h.Agent = func(m chat.Message) delivery.PushResult {
			h.look()
			if r := answersOfAgents[h.agent]; !m.Probe || (r.Handover != delivery.AgentError && r.Handover != delivery.Refused) {
				return r
			}
			return delivery.PushResult{} // any answer to a probe shows that it is there
		}
		h.Heartbeat(0)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			h.step(mode, url)
		}
	})
}

// step is one thing that happens, and the time until the next.
func (h *history) step(mode workspace.Mode, url string) {
	h.look()
	what := rapid.SampledFrom([]string{
		"send", "send", "send briefly", "answer", "answer", "live", "live", "live", "work", "poll", "poll and live",
		"silence", "register", "register often", "pause", "resume", "sweep", "refused boot", "wedge", "errors",
		"redrive",
	}).Draw(h.t, "what")
	h.log = append(h.log, fmt.Sprintf("%s %s", h.Now.Format("15:04:05"), what))
	seconds := rapid.SampledFrom([]int{1, 5, 20, 70, 130}).Draw(h.t, "seconds")
	switch what {
	case "send":
		h.send(24 * time.Hour)
	case "send briefly":
		h.send(time.Duration(seconds) * time.Second)
	case "answer":
		h.agent = rapid.SampledFrom([]string{
			"takes", "refuses", "hangs", "fails", "busy", "busy longer", "malformed", "fails tasks",
		}).Draw(h.t, "it")
		h.log[len(h.log)-1] += " " + h.agent
	case "live":
		h.active = 0
		h.pass(seconds, true, false)
	case "work":
		h.active = 1
		h.pass(seconds, true, false)
	case "poll":
		h.poll()
	case "poll and live":
		h.pass(seconds, true, true)
	case "silence":
		h.pass(seconds, false, false)
	case "register":
		h.Register(registry.Registration{Mode: mode, URL: url})
	case "register often":
		for range 5 {
			h.Register(registry.Registration{Mode: mode, URL: url})
			h.pass(4, false, false)
		}
	case "wedge":
		h.report(workspace.Signal{Wedged: true})
		h.pass(seconds, false, false)
	case "errors":
		high := 0.9
		h.report(workspace.Signal{ErrorRate: &high})
		h.pass(seconds, true, false)
		low := 0.0
		h.report(workspace.Signal{ErrorRate: &low})
	case "pause", "resume":
		hold := map[string]workspace.Hold{"pause": workspace.Paused, "resume": workspace.NoHold}[what]
		_, err := h.Registry.Hold(h.T.Context(), world.ID, hold, activity.Actor{Who: "operator"}, h.Now)
		h.NoError(err)
	case "sweep":
		h.sweep()
	case "redrive":
		_, _, err := h.RedriveAll(h.T.Context(), world.ID, world.Asked(new(int)), h.Now)
		h.NoError(err)
	case "refused boot":
		_, err := h.Registry.Register(h.T.Context(), registry.Registration{ID: world.ID, From: world.Home}, h.Now)
		if err == nil {
			h.t.Fatal("a boot without a credential passes")
		}
	}
	h.pass(1, false, false)
}

// pass lets seconds pass: in each the agent may beat and poll, due drains and sweeps
// run, and somebody looks before and after each.
func (h *history) pass(seconds int, beats, polls bool) {
	for i := range seconds {
		h.look()
		if beats && i%10 == 0 {
			h.Heartbeat(h.active)
			h.look()
		}
		if polls && i%5 == 0 {
			h.poll()
			h.look()
		}
		h.DrainOnce()
		h.look()
		if h.Now.Second() == 0 {
			h.sweep()
			h.look()
		}
		h.Now = h.Now.Add(time.Second)
	}
}

// sweep lets a sweep record what has changed. From then on, since is when a recorded change began, or a fact that the
// evidence names.
func (h *history) sweep() {
	h.SweepOnce()
	v := h.Verdict()
	changes, err := h.Store.Changes(h.T.Context(), 0, 10_000)
	h.NoError(err)
	code := func(status workspace.Status, reason workspace.Reason) string {
		return string(status) + "/" + string(reason)
	}
	recorded := func(c statuslog.Change) bool {
		same := !workspace.IsChange(code(c.To.Status, c.To.Reason), code(v.Status, v.Reason))
		return same && (c.Since.Equal(v.Since) || c.At.Equal(v.Since))
	}
	named := func(e workspace.Evidence) bool { return e.At.Equal(v.Since) }
	if !slices.ContainsFunc(changes, recorded) && !slices.ContainsFunc(v.Evidence, named) {
		h.lie(fmt.Sprintf("nothing tells of when it began: %v, %v", changes, v.Evidence))
	}
}

// report sends a heartbeat that says something.
func (h *history) report(s workspace.Signal) {
	s.Kind, s.From = workspace.SignalHeartbeat, world.Home
	_, err := h.Registry.Signal(h.T.Context(), world.ID, h.Token, s, h.Now)
	h.NoError(err)
}

func (h *history) poll() {
	if got := h.PollAfter(h.cursor); len(got) > 0 {
		h.cursor = got[len(got)-1]
	}
}

func (h *history) send(lifetime time.Duration) {
	h.sent++
	m := world.Message(fmt.Sprintf("m%d", h.sent))
	m.ExpiresAt = h.Now.Add(lifetime)
	out, err := h.Enqueue(h.T.Context(), m, h.Now)
	h.NoError(err)
	if out.Expected == workspace.ExpectNow && failing[out.Verdict.Reason] {
		h.lie("promised now")
	}
}

// failing are the reasons that say that deliveries fail or stall.
var failing = map[workspace.Reason]bool{
	workspace.ReasonPushFailing: true, workspace.ReasonBacklogStalled: true, workspace.ReasonInboxUnattended: true,
}

// look holds the verdict to what was seen before.
func (h *history) look() {
	v, f := h.Verdict(), h.Facts()
	same := v.Status == h.last.Status && v.Reason == h.last.Reason
	switch {
	case v.Since.After(h.Now):
		h.lie("it begins in the future")
	case !same && v.Since.Before(h.seen):
		h.lie("it was another one at " + h.seen.Format("15:04:05"))
	case same && !v.Since.Equal(h.last.Since) && !h.interrupted(v):
		h.lie("it is the same one, and its beginning moved")
	case v.Action == "restart" && f.Leased(h.Registry.Policy, h.Now) && f.Busy(h.Registry.Policy, h.Now) > 0:
		h.lie("a restart of an agent at work")
	}
	h.last, h.seen, h.noted = v, h.Now, f.Standing
}

// interrupted reports whether another verdict stood between two writes of this second, and was noted.
func (h *history) interrupted(v workspace.Verdict) bool {
	return v.Since.Equal(h.Now) && h.Facts().StandsChanges > h.noted.StandsChanges
}

func (h *history) lie(what string) {
	v := h.Verdict()
	h.t.Fatalf("%s: at %s %s (%s) since %s, %q: %s\nbefore: %s (%s) since %s\n%v\n%+v\n%+v\n%+v\n%+v\n%+v",
		what, h.Now.Format("15:04:05"), v.Status, v.Reason, v.Since.Format("15:04:05"), v.Action, v.Hint,
		h.last.Status, h.last.Reason, h.last.Since.Format("15:04:05"), h.log, h.Facts().Refusals, h.Facts().Liveness,
		h.Facts().Mailbox, h.Facts().PushTrouble, h.Facts().Standing)
}

// What has happened by now lies ahead of no moment before: mail that comes moves no beginning of a status that stands.
func TestMailMovesNoBeginning(t *testing.T) {
	for after := 2 * time.Second; after < 5*time.Minute; after += 13 * time.Second {
		w := world.New(t, workspace.Undeclared, "http://agent/")
		w.Heartbeat(0)
		w.PollAfter("")
		w.Now = w.Now.Add(after)
		before := w.Verdict()
		w.Send("m")
		if v := w.Verdict(); v.Reason == before.Reason && !v.Since.Equal(before.Since) {
			t.Errorf("after %s: %s since %s, and then since %s", after, before.Reason, before.Since, v.Since)
		}
	}
}
