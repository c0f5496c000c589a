package workspace_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// reasonsInSource reads the constants of type Reason from the package's source, so that a reason that is added is
// among them.
func reasonsInSource(t *testing.T) []workspace.Reason {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []workspace.Reason
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
				return true
			}
			kind, typed := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if !typed || kind.Name != "Reason" || !literal {
				t.Fatalf("%s is not declared as the other reasons are", spec.Names[0].Name)
			}
			text, err := strconv.Unquote(value.Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, workspace.Reason(text))
			return true
		})
	}
	return reasons
}

// Every verdict has its words, and those of a fault name the hop and the step.
func TestExplain(t *testing.T) {
	p, now := workspace.DefaultPolicy(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	live := workspace.Facts{
		Identity:    workspace.Identity{ID: "w", CreatedAt: now.Add(-time.Hour), RegisteredAt: now.Add(-time.Hour)},
		Credentials: workspace.Credentials{Credential: [32]byte{1}},
		Liveness:    workspace.Liveness{HeartbeatAt: now, LeaseUntil: now.Add(p.LeaseTTL), SeenFrom: "a"},
	}
	with := func(change func(*workspace.Facts)) workspace.Facts { f := live; change(&f); return f }
	cases := map[workspace.Reason]struct {
		f    workspace.Facts
		hop  workspace.Hop
		says string
	}{
		workspace.ReasonRemoved: {with(func(f *workspace.Facts) {
			f.Hold, f.HoldSince = workspace.Removed, now
		}), workspace.HopOperator, "removed"},
		workspace.ReasonPaused: {with(func(f *workspace.Facts) {
			f.Hold, f.HoldSince = workspace.Paused, now
		}), workspace.HopOperator, "rollcall resume w"},
		workspace.ReasonNeverRegistered: {created(now), workspace.HopAgent, "no call of its agent was accepted yet"},
		workspace.ReasonCredentialsRejected: {with(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 3, now, now
		}), workspace.HopCredential, "rollcall repair w"},
		workspace.ReasonLeaseExpired: {with(func(f *workspace.Facts) {
			f.LeaseUntil = now.Add(-time.Hour)
		}), workspace.HopAgent, "silent"},
		workspace.ReasonPlatformSuspect: {with(func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil = now.Add(-3*time.Minute), now.Add(-time.Minute)
		}), workspace.HopPlatform, "check whether the platform works"},
		workspace.ReasonDuplicateHost: {with(func(f *workspace.Facts) {
			f.Takeovers, f.TakeoversSince, f.TakenOverAt, f.PreviousInstances = 2, now, now, "b"
		}), workspace.HopAgent, "two agents"},
		workspace.ReasonRuntimeWedged: {with(func(f *workspace.Facts) {
			f.WedgedSince = now
		}), workspace.HopAgent, "stuck"},
		workspace.ReasonInboxUnattended: {with(func(f *workspace.Facts) {
			f.Open, f.OldestOpen = 1, now.Add(-time.Hour)
		}), workspace.HopAgent, "doesn't fetch"},
		workspace.ReasonPushFailing: {with(func(f *workspace.Facts) {
			f.Pushable, f.PushFailures, f.PushError = true, 4, "refused"
		}), workspace.HopNetwork, "refused"},
		workspace.ReasonBacklogStalled: {with(func(f *workspace.Facts) {
			f.Pushable, f.Open, f.OldestOpen, f.TriedAt = true, 1, now.Add(-time.Hour), now.Add(-time.Minute)
		}), workspace.HopQueue, "rollcall receipts w"},
		workspace.ReasonAnswersFailing: {with(func(f *workspace.Facts) {
			f.Pushable, f.AnswerFailures, f.AnswerError = true, 3, "invalid x-api-key"
			f.AnswersFailingSince = now
		}), workspace.HopAgent, "invalid x-api-key"},
		workspace.ReasonRestartLoop: {with(func(f *workspace.Facts) {
			f.PolledAt, f.QuickRegisters, f.QuickSince, f.RegisteredAt = now, 8, now.Add(-time.Minute), now.Add(-time.Second)
			f.StartSigns = 40
		}), workspace.HopAgent, "the agent registered 9 times"},
		workspace.ReasonInboxFull: {with(func(f *workspace.Facts) {
			f.PolledAt, f.Open, f.OldestOpen, f.FullSince, f.FullAt, f.FullBy = now, 500, now, now, now, "flooder"
		}), workspace.HopQueue, "more from flooder than from any other sender: stop that sender"},
		workspace.ReasonErrorRate: {with(func(f *workspace.Facts) {
			f.ErrorsSince, f.SampleError, f.PolledAt = now, "boom", now
		}), workspace.HopAgent, "boom"},
		workspace.ReasonBusy: {with(func(f *workspace.Facts) {
			f.ActiveTasks, f.ActiveAt = 1, now
		}), workspace.HopNone, "when it is free"},
		workspace.ReasonHealthy: {with(func(f *workspace.Facts) {
			f.PolledAt = now
		}), workspace.HopNone, "next poll"},
	}
	reasons := reasonsInSource(t)
	if len(reasons) != len(cases) {
		t.Errorf("%d reasons, %d cases", len(reasons), len(cases))
	}
	for _, reason := range reasons {
		c, ok := cases[reason]
		if !ok {
			t.Errorf("%s: no case shows its words", reason)
			continue
		}
		e := workspace.Fleet{SampledAt: now, StoreFailed: reason == workspace.ReasonPlatformSuspect}.Explain(c.f, p, now)
		if e.Reason != reason || e.Hop != c.hop || e.Summary == "" || len(e.Evidence) == 0 ||
			!strings.Contains(e.Text(), c.says) {
			t.Errorf("%s: %+v\n%s", reason, e, e.Text())
		}
		if c.hop != workspace.HopNone && e.Next == "" {
			t.Errorf("%s: no next step", reason)
		}
	}
	e := workspace.Fleet{}.Explain(live, p, now)
	if e.Hop != workspace.HopAgent || e.Next == "" ||
		!strings.Contains(e.Text(), "isn't polling for its mail (it has never polled for its mail)") {
		t.Errorf("one that beats and never polls: %+v\n%s", e, e.Text())
	}
}

// liveFacts are the facts of a live workspace in every combination of what bears on
// its mail and its credential.
func liveFacts(now time.Time) []workspace.Facts {
	live := created(now.Add(-time.Hour))
	live.RegisteredAt, live.HeartbeatAt, live.LeaseUntil = now.Add(-time.Hour), now, now.Add(p.LeaseTTL)
	live.Credential, live.SeenFrom, live.RefusedFrom = token.Digest("x"), "10.0.0.1", "10.0.0.1"
	live.Homes = workspace.NoteHome("", live.SeenFrom, now)
	all := []workspace.Facts{live}
	none := func(*workspace.Facts) {}
	for _, choices := range [][]func(*workspace.Facts){
		{none, func(f *workspace.Facts) { f.Pushable = true }},
		{none, func(f *workspace.Facts) { f.PolledAt = now.Add(-time.Second) }},
		{
			none, func(f *workspace.Facts) { f.Open, f.OldestOpen = 1, now.Add(-time.Second) },
			func(f *workspace.Facts) { f.Open, f.InFlight, f.OldestOpen = 1, 1, now.Add(-time.Second) },
		},
		{
			none, func(f *workspace.Facts) { f.PushFailures, f.PushFailingSince = 1, now },
			func(f *workspace.Facts) { f.PushFailures, f.PushFailingSince = 3, now },
		},
		{none, func(f *workspace.Facts) { f.ActiveTasks, f.ActiveAt = 1, now }},
		{none, func(f *workspace.Facts) { f.RestUntil = now.Add(time.Minute) }},
		{
			none, func(f *workspace.Facts) { f.RegisterRefused, f.RefusedSince, f.RefusedAt = 2, now, now },
			func(f *workspace.Facts) {
				f.BeatsRefused, f.RefusedSince, f.RefusedAt = 2, now.Add(time.Second), now.Add(time.Second)
			},
		},
		{none, func(f *workspace.Facts) { f.IssuedAt, f.NextCredential = now.Add(-time.Minute), token.Digest("y") }},
		{none, func(f *workspace.Facts) { f.RevokedAt = now }},
	} {
		var next []workspace.Facts
		for _, f := range all {
			for _, choose := range choices {
				g := f
				choose(&g)
				next = append(next, g)
			}
		}
		all = next
	}
	return all
}

// An explanation promises no more, and denies no more, than a sender is told, and its
// command is a step that the verdict asks for.
func TestAnExplanationAgreesWithThePromise(t *testing.T) {
	now := at(600)
	commands := map[string]string{"repair": "rollcall repair ", "place_credential": "rollcall repair w --show"}
	seen := map[string]bool{}
	for _, f := range liveFacts(now) {
		v, e := workspace.Assess(f, p, now), workspace.Fleet{}.Explain(f, p, now)
		expected, _ := workspace.Expect(f, v, e.Delivery.Effective, p, now)
		seen[string(expected)], seen[v.Action] = true, true
		if strings.Contains(e.Summary, "reaches its agent") && expected != workspace.ExpectNow {
			t.Fatalf("%q, and a sender is told %s: %+v", e.Summary, expected, f)
		}
		if strings.Contains(e.Summary, "its messages go on") &&
			(expected == workspace.ExpectNobody || expected == workspace.ExpectRetrying) {
			t.Fatalf("%q, and a sender is told %s: %+v", e.Summary, expected, f)
		}
		if v.Status == workspace.StatusOffline && strings.Contains(e.Summary, "is there") {
			t.Fatalf("%q of an agent that is %s: %+v", e.Summary, v.Status, f)
		}
		if strings.Contains(e.Summary, "No message can reach it") == f.Deliverable(p, now) &&
			v.Reason == workspace.ReasonCredentialsRejected {
			t.Fatalf("%q, and mail is handed over: %t: %+v", e.Summary, f.Deliverable(p, now), f)
		}
		if want := commands[v.Action]; v.Reason == workspace.ReasonCredentialsRejected &&
			!strings.HasPrefix(e.Command, cmp.Or(want, "rollcall doctor w")) {
			t.Fatalf("asks to %s, with %q: %+v", v.Action, e.Command, f)
		}
		if v.Reason == workspace.ReasonCredentialsRejected && !strings.Contains(v.Hint, e.Command) {
			t.Fatalf("the hint %q has not the command %q", v.Hint, e.Command)
		}
	}
	for _, what := range []string{"now", "next_poll", "when_idle", "retrying", "repair", "place_credential", "restart"} {
		if !seen[what] {
			t.Errorf("no facts lead to %s", what)
		}
	}
}

// That an agent may have stopped is said when nothing of it answers at its URL and it has not called since. What it
// answers, or a call since, shows that it runs.
func TestAnAgentThatMayHaveStopped(t *testing.T) {
	for name, c := range map[string]struct {
		fault       workspace.PushFault
		heard, fail int
		stopped     bool
	}{
		"nothing listens, and no call since":     {workspace.FaultRefused, 560, 570, true},
		"its name is gone, and no call since":    {workspace.FaultDNS, 560, 570, true},
		"nothing listens, and it calls":          {workspace.FaultRefused, 590, 570, false},
		"it called since, and has fallen silent": {workspace.FaultRefused, 540, 530, true},
		"it answers errors":                      {workspace.FaultHTTP, 560, 570, false},
	} {
		f := live(func(f *workspace.Facts) {
			f.HeartbeatAt = at(c.heard)
			f.PushFailures, f.PushFault, f.PushFailingSince, f.PushFailedAt = 3, c.fault, at(c.fail), at(595)
		})
		e := (workspace.Fleet{}).Explain(f, p, at(600))
		said := strings.Contains(e.Summary, "may have stopped") &&
			strings.Contains(e.Next, "look whether its process runs") && e.Command == "rollcall doctor w"
		calls := strings.Contains(e.Summary, "Its agent calls")
		if said != c.stopped || calls == c.stopped {
			t.Errorf("%s: %s\n%s\n%s", name, e.Summary, e.Next, e.Command)
		}
	}
}

// No sentence claims that an agent is alive: only what it did is known.
func TestNoSentenceClaimsThatAnAgentIsAlive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyFleet(t).Explain(anyFacts(t), p, at(600))
		words := e.Text()
		for _, claim := range []string{"is alive", "is running", "Its agent is there"} {
			if strings.Contains(words, claim) {
				t.Fatalf("%q in %s", claim, words)
			}
		}
	})
}

// Whatever an agent's refused calls bring, also nothing at all, the first sentence of the verdict is true of it.
func TestOneSentenceIsTrueOfEachCredential(t *testing.T) {
	for _, with := range []string{"", "secret", "garbage"} {
		f := live(nil)
		for i := range 2 {
			f, _ = refuse(f, workspace.SignalRegister, "10.0.0.1", with, at(590+i))
		}
		e := workspace.Fleet{}.Explain(f, p, at(600))
		said := strings.Contains(e.Summary, "is missing, or isn't accepted")
		if e.Reason != workspace.ReasonCredentialsRejected || !said {
			t.Errorf("with %q: %s", with, e.Text())
		}
	}
}

// Nothing promises that a message sent now arrives when the agent was last heard longer ago than the slowest pace that
// any is asked to call at allows, and half of that: neither the first sentence, nor what a sender is told. The status
// waits for the end of the lease. While calls come at that pace, nothing calls one overdue.
func TestNoPromiseOutlastsTheAgentsPace(t *testing.T) {
	slowest := p.NextBeat(1<<30, false, 0.999)
	promises := []string{
		"reaches its agent", "gets a message sent now", "is delivered when", "is delivered after", "is pushed at once",
		"its messages go on", "It is well:", "It is well,", "Its agent is well",
	}
	seen := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		f, fleet, now := anyFacts(t), anyFleet(t), at(600)
		if rapid.SampledFrom([]bool{true, true, true, false}).Draw(t, "well") {
			f = live(func(f *workspace.Facts) {
				heard := at(rapid.OneOf(rapid.IntRange(480, 600), rapid.IntRange(480, 530)).Draw(t, "heard"))
				f.HeartbeatAt, f.LeaseUntil, f.RegisteredAt = heard, heard.Add(p.LeaseTTL), at(10)
				f.Pushable = rapid.Bool().Draw(t, "pushable")
				f.ActiveTasks, f.ActiveAt, f.AtWorkSince = rapid.IntRange(0, 1).Draw(t, "busy"), heard, heard
				if rapid.Bool().Draw(t, "polls") {
					f.PolledAt = at(rapid.IntRange(480, 600).Draw(t, "polled"))
				}
			})
		}
		e := fleet.Explain(f, p, now)
		expected, why := workspace.Expect(f, fleet.Assess(f, p, now), e.Delivery.Effective, p, now)
		polled := f.PolledAt
		if !polled.IsZero() {
			polled = polled.Add(p.PollNoted)
		}
		silent := time.Duration(1 << 62)
		for _, heard := range []time.Time{
			f.HeartbeatAt, f.CalledAt, f.RegisteredAt, polled, f.ReachedAt, f.DeliveredAt,
		} {
			if !heard.IsZero() {
				silent = min(silent, now.Sub(heard))
			}
		}
		overdue := strings.Contains(e.Summary+why, "call is overdue")
		if silent <= slowest && overdue {
			t.Fatalf("silent for %s: %s %s", silent, e.Summary, why)
		}
		if silent < slowest*3/2 {
			return
		}
		seen[e.Status == workspace.StatusOnline]++
		if expected != workspace.ExpectRetrying && expected != workspace.ExpectNobody {
			t.Fatalf("silent for %s, and a sender is told %s %q: %s", silent, expected, why, e.Text())
		}
		for _, promise := range promises {
			if strings.Contains(e.Summary, promise) {
				t.Fatalf("silent for %s: %s", silent, e.Text())
			}
		}
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("of overdue agents, online and not: %v", seen)
	}
}

// A hint is read in one go: no sentence of it has more than two clauses, and none begins with a command or in the lower
// case, but for the first. What others wrote is left as it is.
func TestAHintIsInShortSentences(t *testing.T) {
	long := 0
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		if rapid.Bool().Draw(t, "only its pushes fail") {
			f = live(func(f *workspace.Facts) { f.PushFailures, f.PushFailedAt, f.PushFault = 3, at(590), workspace.FaultRPC })
		}
		f.PushError = rapid.SampledFrom([]string{"", "a; b; c; d. e; f; rollcall doctor w", "HTTP 500"}).Draw(t, "error")
		v := anyFleet(t).Assess(f, p, at(600))
		if f.PushError != "" && strings.Contains(v.Hint, visible.Quoted(f.PushError)) {
			long++
		}
		bare := quoted.ReplaceAllString(v.Hint, "")
		for i, sentence := range strings.Split(bare, ". ") {
			if strings.Count(sentence, "; ") > 1 {
				t.Fatalf("of many clauses: %s\nin %s", sentence, v.Hint)
			}
			if i > 0 && (strings.HasPrefix(sentence, "rollcall ") || strings.ToLower(sentence[:1]) == sentence[:1]) {
				t.Fatalf("it begins so: %s\nin %s", sentence, v.Hint)
			}
		}
	})
	if long == 0 {
		t.Error("no hint quoted what came back")
	}
}
