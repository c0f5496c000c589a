package workspace_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// happened is one thing that happened to a workspace, as it was and not as it was noted.
type happened struct {
	at       time.Time
	what     string // a kind of call, or an operator's act
	from     string
	accepted bool
	wedged   bool
	errors   float64 // of a heartbeat; 0: it said none
	tasks    *int    // active ones, of a heartbeat; nil: it said nothing of them
}

// A past is the history of a workspace, and the facts that came of it.
type past struct {
	t     *rapid.T
	f     workspace.Facts
	log   []happened
	now   time.Time
	given []string  // credentials, of which the last is the newest
	asked time.Time // for the verdict
}

const (
	aRegister = string(workspace.SignalRegister)
	aBeat     = string(workspace.SignalHeartbeat)
	aPoll     = string(workspace.SignalPoll)
	aCall     = string(workspace.SignalCall)
)

func (h *past) note(e happened) {
	e.at = h.now
	h.log = append(h.log, e)
}

// mint is a new credential.
func (h *past) mint() token.Hash {
	h.given = append(h.given, fmt.Sprint("credential ", len(h.given)))
	return token.Digest(h.given[len(h.given)-1])
}

// brings is a credential that was given once, or none.
func (h *past) brings() token.Hash {
	newest := len(h.given) - 1
	i := rapid.SampledFrom([]int{newest, newest, newest, newest - 1, -1}).Draw(h.t, "credential")
	if i < 0 {
		return token.Hash{}
	}
	return token.Digest(h.given[i])
}

// call is a call of the agent, or of a stranger.
func (h *past) call() {
	t := h.t
	kind := workspace.SignalKind(rapid.SampledFrom([]string{aBeat, aBeat, aPoll, aPoll, aCall, aRegister}).Draw(t, "kind"))
	from := rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.1", "10.0.0.2"}).Draw(t, "from")
	e := happened{what: string(kind), from: from}
	presented := h.brings()
	if kind == workspace.SignalRegister {
		h.register(e, presented)
		return
	}
	s := workspace.Signal{Kind: kind, From: e.from}
	if kind == workspace.SignalHeartbeat {
		e.wedged = rapid.IntRange(0, 5).Draw(t, "wedged") == 0
		e.errors = rapid.SampledFrom([]float64{0, 0.05, 0.3, 0.9}).Draw(t, "errors")
		s.Wedged = e.wedged
		if e.errors > 0 {
			s.ErrorRate = &e.errors
		}
		if tasks := rapid.IntRange(-1, 1).Draw(t, "tasks"); tasks >= 0 {
			e.tasks, s.ActiveTasks = &tasks, &tasks
		}
	}
	switch {
	case !h.f.Accepts(presented):
		h.f, _ = workspace.Refuse(h.f, workspace.Refusal{Kind: kind, From: e.from, Hash: presented}, p, h.now)
		h.note(e)
		return
	case presented.Matches(h.f.Credential):
	default:
		h.f = workspace.NoteStanding(h.f, workspace.Promote(h.f, h.now), p, h.now)
	}
	if !workspace.Noted(h.f, s, p, h.now) {
		h.f = workspace.Observe(h.f, s, p, h.now)
	}
	e.accepted = true
	h.note(e)
}

func (h *past) register(e happened, presented token.Hash) {
	a, err := workspace.Admit(h.f, true, presented, e.from, p, h.now)
	if err != nil {
		r := workspace.Refusal{Kind: workspace.SignalRegister, From: e.from, Hash: presented}
		h.f, _ = workspace.Refuse(h.f, r, p, h.now)
		h.note(e)
		return
	}
	d := workspace.Declaration{
		Mode: rapid.SampledFrom([]workspace.Mode{workspace.Poll, workspace.Push}).Draw(h.t, "mode"), From: e.from,
	}
	if d.Mode == workspace.Push {
		d.URL, d.Pushable = "http://"+e.from, true
	}
	if rapid.IntRange(0, 5).Draw(h.t, "fails") == 0 {
		h.f, _ = workspace.FailRegister(h.f, "its URL is wrong", "10.0.0.1", p, h.now)
		h.note(e)
		return
	}
	var minted token.Hash
	if a.Mint {
		minted = h.mint()
		if rapid.Bool().Draw(h.t, "it ignores the new one") {
			slices.Reverse(h.given[len(h.given)-2:])
		}
	}
	h.f = workspace.NoteStanding(h.f, workspace.Register(h.f, a, d, presented, minted, p, h.now), p, h.now)
	e.accepted = true
	h.note(e)
}

// act is something that an operator does.
func (h *past) act() {
	what := rapid.SampledFrom([]string{
		"repair", "repair", "show", "revoke", "rotate", "dismiss", "pause", "resume",
	}).Draw(h.t, "act")
	old := h.f
	switch what {
	case "repair":
		h.f, _ = workspace.Repair(h.f, rapid.SampledFrom([]string{"", "10.0.0.1"}).Draw(h.t, "window for"), p, h.now)
	case "show":
		h.f, _ = workspace.RepairByHand(h.f, h.mint(), h.now)
	case "revoke":
		h.f, _ = workspace.Revoke(h.f, p, h.now)
	case "rotate":
		h.f = workspace.Rotate(h.f, h.mint(), workspace.ToOperator, h.now)
	case "dismiss":
		h.f = workspace.Dismiss(h.f)
	case "pause":
		h.f = workspace.SetHold(h.f, workspace.Paused, p, h.now)
	case "resume":
		h.f = workspace.SetHold(h.f, workspace.NoHold, p, h.now)
	}
	h.f = workspace.NoteStanding(old, h.f, p, h.now)
	h.note(happened{what: what})
}

// last is when something last happened; zero: never.
func (h *past) last(is func(happened) bool) time.Time {
	for _, e := range slices.Backward(h.log) {
		if is(e) {
			return e.at
		}
	}
	return time.Time{}
}

func acceptedCall(e happened) bool { return e.accepted }

// of reports whether something of one of these kinds happened.
func of(what ...string) func(happened) bool {
	return func(e happened) bool { return slices.Contains(what, e.what) }
}

func ok(kind string) func(happened) bool {
	return func(e happened) bool { return e.accepted && e.what == kind }
}

func refusedCall(e happened) bool {
	return !e.accepted && slices.Contains([]string{aRegister, aBeat, aPoll, aCall}, e.what)
}

func (h *past) is(at, want time.Time, what string) error {
	if !at.Equal(want) {
		return fmt.Errorf("%s: it was at %s", what, want)
	}
	return nil
}

// at reports whether something was so at a time.
func (h *past) at(at time.Time, is func(happened) bool) error {
	if !slices.ContainsFunc(h.log, func(e happened) bool { return e.at.Equal(at) && is(e) }) {
		return fmt.Errorf("nothing like it happened then")
	}
	return nil
}

// between reports whether something was so after one time, up to now.
func (h *past) since(at time.Time, is func(happened) bool) bool {
	return slices.ContainsFunc(h.log, func(e happened) bool { return e.at.After(at) && is(e) })
}

// claims are the sentences of evidence over calls and operators' acts, and what each claims of the history.
var claims = []struct {
	sentence string
	holds    func(h *past, at time.Time, said []string) error
}{
	{`^created; no call accepted since$`, func(h *past, at time.Time, _ []string) error {
		if h.since(at.Add(-1), acceptedCall) {
			return fmt.Errorf("one was")
		}
		return nil
	}},
	{
		`^last accepted call(?:, with (?:an accepted credential|a credential that is revoked now)|, from \S+)?$`,
		func(h *past, at time.Time, said []string) error {
			return h.is(at, h.last(acceptedCall), said[0])
		},
	},
	{`^last accepted call that was noted, a poll(?:, .*)?$`, func(h *past, at time.Time, _ []string) error {
		if h.last(acceptedCall).Sub(at) >= p.PollNoted {
			return fmt.Errorf("one at %s would have been noted", h.last(acceptedCall))
		}
		return h.at(at, ok(aPoll))
	}},
	{`^last poll that was noted$`, func(h *past, at time.Time, _ []string) error {
		if h.last(ok(aPoll)).Sub(at) >= p.PollNoted {
			return fmt.Errorf("one at %s would have been noted", h.last(ok(aPoll)))
		}
		return h.at(at, ok(aPoll))
	}},
	{`^last heartbeat$`, func(h *past, at time.Time, said []string) error {
		return h.is(at, h.last(ok(aBeat)), said[0])
	}},
	{`^it has never polled for its mail$`, func(h *past, _ time.Time, _ []string) error {
		if !h.last(ok(aPoll)).IsZero() {
			return fmt.Errorf("it did")
		}
		return nil
	}},
	{`^its last poll that was noted was at (\S+)$`, func(h *past, _ time.Time, said []string) error {
		polled, err := time.Parse(time.RFC3339, said[1])
		if last := h.last(ok(aPoll)); err != nil || last.Sub(polled) >= p.PollNoted {
			return fmt.Errorf("one at %s would have been noted", last)
		}
		return h.at(polled, ok(aPoll))
	}},
	{`^from then on it could poll, and it has not$`, func(h *past, at time.Time, _ []string) error {
		if h.since(at, ok(aPoll)) {
			return fmt.Errorf("it did")
		}
		return nil
	}},
	{`^last accepted register(?:; |, the last of )`, func(h *past, at time.Time, said []string) error {
		return h.is(at, h.last(ok(aRegister)), said[0])
	}},
	{`^nothing was sent to the URL that it registered yet`, func(h *past, at time.Time, said []string) error {
		return h.is(at, h.last(ok(aRegister)), said[0])
	}},
	{`^first of the refused calls that count now$`, keptBeingRefused},
	{`^last refused call that was noted, from (\S+?)(?:; .*)?$`, func(h *past, at time.Time, said []string) error {
		return h.at(at, func(e happened) bool { return refusedCall(e) && e.from == said[1] })
	}},
	{`^since the last accepted one of each kind, at least (?:([1-9]\d*) registers?)?(?:, | and )?` +
		`(?:([1-9]\d*) heartbeats?)?(?:, | and )?(?:([1-9]\d*) other calls?)? (?:was|were) refused$`, notMoreThanRefused},
	{`^an operator ended its credentials$`, func(h *past, at time.Time, _ []string) error {
		return h.at(at, of("repair", "show", "revoke"))
	}},
	{`^a new credential was issued, and never used$`, func(h *past, at time.Time, _ []string) error {
		return h.at(at, of("show", "rotate", aRegister))
	}},
	{`^the bootstrap window (ends|ended); it (?:is|was) open to `, func(h *past, at time.Time, said []string) error {
		if over := !h.asked.Before(at); over != (said[1] == "ended") {
			return fmt.Errorf("over: %t", over)
		}
		return nil
	}},
	{`^(?:the lease (runs|ran) until then|lease ran out)$`, func(h *past, at time.Time, said []string) error {
		if over := !h.asked.Before(at); said[1] != "" && over != (said[1] == "ran") {
			return fmt.Errorf("over: %t", over)
		}
		last := h.last(acceptedCall)
		if at.Before(last) || at.After(last.Add(p.LeaseTTL+p.PollNoted)) {
			return fmt.Errorf("the last accepted call was at %s", last)
		}
		return nil
	}},
	{`^the last of (\d+) calls that each ended a silence of (\S+) or more$`, endedSilences},
	{`^paused by an operator$`, func(h *past, at time.Time, _ []string) error { return h.at(at, of("pause")) }},
	{`^an operator resumed it$`, func(h *past, at time.Time, _ []string) error { return h.at(at, of("resume")) }},
	{`^from then on its heartbeats say runtime_state=wedged$`, func(h *past, at time.Time, _ []string) error {
		if h.since(at, func(e happened) bool { return e.accepted && e.what == aBeat && !e.wedged }) {
			return fmt.Errorf("one did not")
		}
		return h.at(at, func(e happened) bool { return e.accepted && e.wedged })
	}},
	{`^error_rate reached 0.5 and has not fallen below 0.1 since$`, func(h *past, at time.Time, _ []string) error {
		if h.since(at, func(e happened) bool { return e.accepted && e.errors > 0 && e.errors < p.ErrorRateLeave }) {
			return fmt.Errorf("it has")
		}
		return h.at(at, func(e happened) bool { return e.accepted && e.errors >= p.ErrorRateEnter })
	}},
	{`^an agent that had called before came back after another one, `, func(h *past, at time.Time, _ []string) error {
		return h.at(at, acceptedCall)
	}},
	{
		`^a register(?: from (\S+))? was refused(?: at \S+)?, and none was accepted since: `,
		func(h *past, at time.Time, said []string) error {
			if h.since(at, ok(aRegister)) {
				return fmt.Errorf("one was")
			}
			return h.at(at, func(e happened) bool {
				return e.what == aRegister && !e.accepted && (said[1] == "" || said[1] == e.from)
			})
		},
	},
	{`^the agent reports (\d+) active tasks?; it takes 1 at a time$`, func(h *past, at time.Time, said []string) error {
		return h.at(at, func(e happened) bool { return e.accepted && e.tasks != nil && fmt.Sprint(*e.tasks) == said[1] })
	}},
	{`^the credential ended that its URL was registered with$`, func(h *past, at time.Time, _ []string) error {
		return h.at(at, func(e happened) bool { return e.accepted || of("repair", "show", "revoke", "rotate")(e) })
	}},
	{`^warning: a call from (\S+) .*it does not change the status$`, func(h *past, at time.Time, said []string) error {
		accepted := strings.Contains(said[0], "were accepted from there")
		if accepted && h.last(func(e happened) bool { return e.accepted && e.from == said[1] }).IsZero() {
			return fmt.Errorf("none was accepted from there")
		}
		return h.at(at, func(e happened) bool { return refusedCall(e) && e.from == said[1] })
	}},
}

// keptBeingRefused holds if at least one kind of call was refused at the time or later, and not accepted since.
func keptBeingRefused(h *past, at time.Time, _ []string) error {
	if err := h.at(at, refusedCall); err != nil {
		return err
	}
	refused := map[string]bool{}
	for _, e := range h.log {
		kind := map[string]string{aRegister: aRegister, aBeat: aBeat, aPoll: aCall, aCall: aCall}[e.what]
		if e.at.Before(at) || kind == "" {
			continue
		}
		if refused[kind] = !e.accepted; e.accepted {
			delete(refused, kind)
		}
		if len(refused) == 0 {
			return fmt.Errorf("at %s, none was", e.at)
		}
	}
	return nil
}

// endedSilences holds if at least so many pauses between accepted calls, up to the one that ended at the time, were as
// long.
func endedSilences(h *past, at time.Time, said []string) error {
	shortest, err := time.ParseDuration(said[2])
	n, last := 0, time.Time{}
	for _, e := range h.log {
		if !e.accepted || e.at.After(at) {
			continue
		}
		if !last.IsZero() && e.at.Sub(last) >= shortest {
			n++
		}
		last = e.at
	}
	if want, _ := strconv.Atoi(said[1]); err != nil || n < want {
		return fmt.Errorf("%d were", n)
	}
	return h.is(last, at, "the last call that was accepted by then")
}

// notMoreThanRefused holds if no more calls are counted of a kind than were refused since one of it was accepted.
func notMoreThanRefused(h *past, _ time.Time, said []string) error {
	for i, kinds := range [][]string{{aRegister}, {aBeat}, {aPoll, aCall}} {
		counted, _ := strconv.Atoi(said[i+1])
		since := h.last(func(e happened) bool { return e.accepted && slices.Contains(kinds, e.what) })
		refused := 0
		for _, e := range h.log {
			if !e.at.Before(since) && !e.accepted && slices.Contains(kinds, e.what) {
				refused++
			}
		}
		if counted > refused {
			return fmt.Errorf("%d of %v were refused", refused, kinds)
		}
	}
	return nil
}

// Whatever happened to a workspace, each sentence of evidence is true of it: what it calls the last was the last, and
// what it says has not been since has not been. Histories are drawn until each sentence was said.
func TestEvidenceIsTrueOfWhatHappened(t *testing.T) {
	const mostDraws = 50
	unsaid := map[string]bool{}
	for _, c := range claims {
		unsaid[c.sentence] = true
	}
	for draws := 0; len(unsaid) > 0 && draws < mostDraws && !t.Failed(); draws++ {
		rapid.Check(t, func(t *rapid.T) {
			h := &past{t: t, now: t0}
			h.f = workspace.Create("w", h.mint(), workspace.Poll, 1, t0)
			for range rapid.IntRange(1, 40).Draw(t, "steps") {
				later := rapid.SampledFrom([]int{1, 5, 10, 20, 40, 100, 300}).Draw(t, "later")
				h.now = h.now.Add(time.Duration(later) * time.Second)
				if rapid.IntRange(0, 9).Draw(t, "who") == 0 {
					h.act()
				} else {
					h.call()
				}
				for _, later := range []int{0, 50, 150} {
					h.asked = h.now.Add(time.Duration(later) * time.Second)
					h.check(workspace.Assess(h.f, p, h.asked), unsaid)
				}
			}
		})
	}
	if len(unsaid) > 0 && !t.Failed() && !testing.Short() { // a short test draws too few
		t.Errorf("no history leads to %v", slices.Collect(maps.Keys(unsaid)))
	}
}

// sentences are the claims' sentences, compiled.
var sentences = func() (out []*regexp.Regexp) {
	for _, c := range claims {
		out = append(out, regexp.MustCompile(c.sentence))
	}
	return out
}()

// check fails if a sentence of a verdict is not true of the history, and strikes those that are off unsaid.
func (h *past) check(v workspace.Verdict, unsaid map[string]bool) {
	for _, e := range v.Evidence {
		i := slices.IndexFunc(sentences, func(s *regexp.Regexp) bool { return s.MatchString(e.Fact) })
		if i < 0 {
			h.t.Fatalf("nobody checks what is claimed by %q", e.Fact)
		}
		if strings.Contains(e.Fact, e.At.UTC().Format(time.RFC3339)) {
			h.t.Fatalf("the time of %q stands before it already", e.Fact)
		}
		delete(unsaid, claims[i].sentence)
		if err := claims[i].holds(h, e.At, sentences[i].FindStringSubmatch(e.Fact)); err != nil {
			h.t.Fatalf("%s (%s) says %q of %s, and %v\n%s", v.Status, v.Reason, e.Fact, e.At.Format(time.TimeOnly), err, h)
		}
	}
}

func (h *past) String() string {
	var b strings.Builder
	for _, e := range h.log {
		fmt.Fprintf(&b, "%s %s from %s, accepted: %t\n", e.at.Format(time.TimeOnly), e.what, e.from, e.accepted)
	}
	return b.String()
}
