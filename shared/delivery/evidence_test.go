package delivery_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// pushed is a push, and how the agent answered it.
type pushed struct {
	began  time.Time
	at     time.Time // when it was answered
	id     string
	probe  bool
	answer string // of pushAnswers
}

// pushAnswers are the ways in which an agent answers a push.
var pushAnswers = map[string]delivery.PushResult{
	"takes":      {},
	"fails task": {TaskError: "no quota"},
	"busy":       {Handover: delivery.Busy},
	"error":      {Handover: delivery.AgentError, Why: "HTTP 500"},
	"hangs":      timedOut,
	"no answer":  unanswered(workspace.FaultRefused, "connection refused"),
}

func (p pushed) took() bool   { return p.answer == "takes" || p.answer == "fails task" }
func (p pushed) failed() bool { return !p.took() && p.answer != "busy" }

// mailClaims are the sentences of evidence over mail, and what each claims of the pushes before, and of the messages
// that are open.
var mailClaims = []struct {
	sentence *regexp.Regexp
	holds    func(log []pushed, open []chat.Message, at time.Time, said string) bool
}{
	{
		regexp.MustCompile(`^the oldest of \d+ waiting messages? was accepted or redriven$`),
		func(_ []pushed, open []chat.Message, at time.Time, said string) bool {
			oldest := slices.MinFunc(open, func(a, b chat.Message) int { return a.WaitsSince().Compare(b.WaitsSince()) })
			return oldest.WaitsSince().Equal(at) && strings.Contains(said, fmt.Sprintf("of %d waiting", len(open)))
		},
	},
	{regexp.MustCompile(`^last delivery$`), func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
		return anyAt(log, at, pushed.took) && !anyAfter(log, at, func(p pushed) bool { return p.took() && !p.probe })
	}},
	{
		regexp.MustCompile(`^last of the deliveries that failed: `),
		func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
			return lastFailed(log, at)
		},
	},
	{
		regexp.MustCompile(`^first of the deliveries that failed$`),
		func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
			return anyAt(log, at, pushed.failed) && !anyAfter(log, at, func(p pushed) bool { return p.took() && !p.probe })
		},
	},
	{
		regexp.MustCompile(`^the agent (?:took a probe|did not take a probe either)$`),
		func(log []pushed, _ []chat.Message, at time.Time, said string) bool {
			took := said == "the agent took a probe"
			return anyAt(log, at, func(p pushed) bool { return p.probe && p.took() == took })
		},
	},
	{
		regexp.MustCompile(`^first of the tasks in a row that failed$`),
		func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
			passed := func(p pushed) bool { return p.answer == "takes" && !p.probe }
			return anyAt(log, at, func(p pushed) bool { return p.answer == "fails task" }) && !anyAfter(log, at, passed)
		},
	},
	{regexp.MustCompile(`^last of them: `), func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
		return lastOf(log, func(p pushed) bool { return p.answer == "fails task" }).Equal(at)
	}},
	{
		regexp.MustCompile(`^(?:first of \d+ answers? in a row that it is busy|the agent answered that it is busy)$`),
		func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
			return anyAt(log, at, func(p pushed) bool { return p.answer == "busy" }) &&
				!anyAfter(log, at, func(p pushed) bool { return p.took() && !p.probe })
		},
	},
	{
		regexp.MustCompile(`^the last delivery failed, and is tried again: `),
		func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
			return lastFailed(log, at)
		},
	},
	{
		regexp.MustCompile(`^last delivery that was tried$`),
		func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
			return len(log) > 0 && log[len(log)-1].began.Equal(at)
		},
	},
	{
		regexp.MustCompile(`^from then on a delivery was due, and none was tried$`),
		func(log []pushed, _ []chat.Message, at time.Time, _ string) bool {
			return len(log) > 0 && !log[len(log)-1].began.After(at)
		},
	},
}

// lastFailed reports whether a push failed at a time, and no message since. Of probes after a message that failed,
// other evidence tells.
func lastFailed(log []pushed, at time.Time) bool {
	return anyAt(log, at, pushed.failed) && !anyAfter(log, at, func(p pushed) bool { return p.failed() && !p.probe })
}

func lastOf(log []pushed, is func(pushed) bool) (at time.Time) {
	for _, p := range log {
		if is(p) {
			at = p.at
		}
	}
	return at
}

func anyAt(log []pushed, at time.Time, is func(pushed) bool) bool {
	return slices.ContainsFunc(log, func(p pushed) bool { return p.at.Equal(at) && is(p) })
}

func anyAfter(log []pushed, at time.Time, is func(pushed) bool) bool {
	return slices.ContainsFunc(log, func(p pushed) bool { return p.at.After(at) && is(p) })
}

// Whatever became of an agent's mail, each sentence of evidence over it is true: what it calls the first or the last
// was that. Histories are drawn until each sentence was said.
func TestEvidenceOverMailIsTrueOfWhatHappened(t *testing.T) {
	const mostDraws = 50
	said := map[string]bool{}
	for draws := 0; len(said) < len(mailClaims) && draws < mostDraws && !t.Failed(); draws++ {
		rapid.Check(t, func(rt *rapid.T) { checkMailHistory(t, rt, said) })
	}
	if len(said) < len(mailClaims) && !t.Failed() {
		t.Errorf("%d of %d sentences were said", len(said), len(mailClaims))
	}
}

// checkMailHistory draws a history, and checks after each step what evidence says of it.
func checkMailHistory(t *testing.T, rt *rapid.T, said map[string]bool) {
	w := world.New(t, workspace.Push, "http://agent/")
	var log []pushed
	answers := []string{"takes"}
	w.Agent = func(m chat.Message) delivery.PushResult {
		began := w.Now
		w.Now = w.Now.Add(10 * time.Millisecond)
		a := rapid.SampledFrom(answers).Draw(rt, "answer")
		log = append(log, pushed{began, w.Now, m.ID, m.Probe, a})
		return pushAnswers[a]
	}
	var sent []string
	for range rapid.IntRange(1, 30).Draw(rt, "steps") {
		w.Now = w.Now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 30, 70, 150}).Draw(rt, "later")) * time.Second)
		w.Heartbeat(0)
		switch rapid.SampledFrom([]string{"send", "drain", "drain", "changes"}).Draw(rt, "step") {
		case "send":
			id := fmt.Sprint("m", len(sent))
			w.Send(id)
			sent = append(sent, id)
		case "changes":
			answers = rapid.SampledFrom([][]string{
				{"takes"},
				{"fails task"},
				{"busy"},
				{"error"},
				{"no answer"},
				{"hangs"},
				{"takes", "error", "busy", "fails task", "no answer", "hangs"},
			}).Draw(rt, "it now")
		default:
			w.DrainOnce()
		}
		var open []chat.Message
		for _, id := range sent {
			if m := w.Receipt(id); m.State.Open() {
				open = append(open, m)
			}
		}
		v := w.Verdict()
		for _, e := range v.Evidence {
			for _, c := range mailClaims {
				if !c.sentence.MatchString(e.Fact) {
					continue
				}
				said[c.sentence.String()] = true
				if !c.holds(log, open, e.At, e.Fact) {
					rt.Fatalf("%s (%s) says %q of %s: %v", v.Status, v.Reason, e.Fact, e.At.Sub(w.Facts().CreatedAt), log)
				}
			}
		}
	}
}
