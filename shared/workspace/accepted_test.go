package workspace_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Until an agent's next accepted call is overdue, and while none of its registers is refused, its credential is good,
// whatever other calls from where it runs are refused for, of whatever kind and with whatever credential: a neighbour
// may make them. No command of the verdict or of a remark ends it, no repair is asked for, and a repair is refused.
func TestNoRepairIsNamedWhileCallsPass(t *testing.T) {
	told := 0
	kinds := []workspace.SignalKind{workspace.SignalPoll, workspace.SignalCall, workspace.SignalHeartbeat}
	rapid.Check(t, func(rt *rapid.T) {
		f, now := live(func(f *workspace.Facts) {
			f.PastCredential = token.Digest("past")
			if rapid.Bool().Draw(rt, "polls") {
				f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(590)
			}
		}), at(600)
		passed := at(590) // the last accepted call
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(rt, "pause")) * time.Second)
			kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				f, passed = workspace.Observe(f, workspace.Signal{Kind: kind, From: "10.0.0.1"}, p, now), now
			default:
				from := rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.1", "6.6.6.6"}).Draw(rt, "from")
				brought := rapid.SampledFrom([]string{
					"", "past", `"secret"`, `"past"`, "$TOKEN", "theirs", // an unknown one shows an agent that lost its own
				}).Draw(rt, "brought")
				r := workspace.Presenting(kind, from, brought)
				if brought == "theirs" {
					r.Issued = workspace.IssuedElsewhere
				}
				f, _ = workspace.Refuse(f, r, p, now)
			}
			if now.Sub(passed) >= p.LeaseTTL/2 {
				continue
			}
			v := workspace.Assess(f, p, now)
			if v.Reason == workspace.ReasonCredentialsRejected {
				told++
			}
			named := []string{v.Command("w")}
			for _, r := range v.Remarks {
				named = append(named, r.Command)
			}
			for _, command := range named {
				if strings.HasPrefix(command, "rollcall repair") {
					rt.Fatalf("a call passed %v ago, and %s is named: %s (%s) %s", now.Sub(passed), command, v.Status, v.Reason,
						v.Hint)
				}
			}
			if strings.Contains(v.Hint, "rollcall repair") {
				rt.Fatalf("a call passed %v ago, and the hint names a repair: %s", now.Sub(passed), v.Hint)
			}
			used := !workspace.AsksForRepair(f, p, now) && f.CheckUnused("repair", p, now) != nil
			for _, show := range []bool{false, true} {
				if !used && f.CheckDamaged(show, p, now) == nil {
					rt.Fatalf("a call passed %v ago, and a repair needs no force: %s", now.Sub(passed), v.Hint)
				}
			}
		}
	})
	if told == 0 {
		t.Error("no call was told as refused")
	}
}

// Where mail goes by push, refused polls and other calls keep nothing from the agent while its own calls pass: whoever
// makes them, as often as they come and with whatever credential, they are a remark and not the status.
func TestRefusedCallsThatFetchNothingAreARemark(t *testing.T) {
	for _, declared := range []workspace.Mode{workspace.Push, workspace.Undeclared} {
		for _, kind := range []workspace.SignalKind{workspace.SignalPoll, workspace.SignalCall} {
			for _, brought := range []string{"", "past", "guess", `"secret"`, "$TOKEN", "theirs"} {
				f := live(func(f *workspace.Facts) { f.Declared, f.PastCredential = declared, token.Digest("past") })
				for s := 600; s < 900; s++ {
					if s%20 == 0 {
						f = beat(f, "10.0.0.1", at(s))
					}
					if s%4 == 3 && s < 800 {
						r := workspace.Presenting(kind, "10.0.0.1", brought)
						if brought == "theirs" {
							r.Issued = workspace.IssuedElsewhere
						}
						f, _ = workspace.Refuse(f, r, p, at(s))
					}
					v := workspace.Assess(f, p, at(s))
					if v.Status != workspace.StatusOnline || s > 604 && told(v) == "" {
						t.Fatalf("%s, a %s with %q, at %d: %s (%s), told %q", declared, kind, brought, s, v.Status, v.Reason, told(v))
					}
				}
			}
		}
	}
}

// An agent that fetches its mail, whose heartbeats pass and whose polls are all refused: that is its status, and no
// command of it ends the good credential, with whatever the polls come.
func TestRefusedPollsBesideHeartbeatsNameNoRepair(t *testing.T) {
	for _, brought := range []string{"", "past", "guess", `"secret"`, `"past"`, "$TOKEN"} {
		f := live(func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PastCredential = workspace.Poll, false, token.Digest("past")
		})
		for s := 600; s < 700; s++ {
			if s%20 == 0 {
				f = beat(f, "10.0.0.1", at(s))
			}
			if s%5 == 3 {
				f, _ = workspace.Refuse(f, workspace.Presenting(workspace.SignalPoll, "10.0.0.1", brought), p, at(s))
			}
		}
		v := workspace.Assess(f, p, at(700))
		if v.Reason != workspace.ReasonCredentialsRejected || v.Command("w") != "rollcall doctor w" ||
			strings.Contains(v.Hint, "rollcall repair") || workspace.AsksForRepair(f, p, at(700)) {
			t.Errorf("%q: %s (%s), %s: %s", brought, v.Status, v.Reason, v.Command("w"), v.Hint)
		}
	}
}

// An agent whose registers are refused while its other calls pass has a good credential. Of one that was placed by hand
// no printed command ends it before another is used, and what is told names each of the two that may register so.
func TestRefusedRegistersBesideAcceptedCalls(t *testing.T) {
	for name, c := range map[string]struct {
		declared workspace.Mode
		takenAs  workspace.Recipient
		command  string
	}{
		"pushed, fetched": {workspace.Push, workspace.ToAgent, "rollcall repair w --from 10.0.0.1"},
		"polled, fetched": {workspace.Poll, workspace.ToAgent, "rollcall repair w --from 10.0.0.1"},
		"pushed, placed":  {workspace.Push, workspace.ToOperator, "rollcall rotate w"},
		"polled, placed":  {workspace.Poll, workspace.ToOperator, "rollcall rotate w"},
	} {
		for _, brought := range []string{"", "guess"} {
			f := live(func(f *workspace.Facts) {
				f.Declared, f.Pushable, f.TakenAs = c.declared, c.declared == workspace.Push, c.takenAs
			})
			for s := 600; s < 1200; s++ {
				switch {
				case s%20 == 0:
					f = beat(f, "10.0.0.1", at(s))
				case s%5 == 0 && c.declared == workspace.Poll:
					f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p, at(s))
				case s == 601, s == 602:
					f, _ = refuse(f, workspace.SignalRegister, "10.0.0.1", brought, at(s))
				}
				if s < 621 {
					continue // a loss is told at once, until a call is accepted
				}
				v := workspace.Assess(f, p, at(s))
				if v.Reason != workspace.ReasonCredentialsRejected || v.Command("w") != c.command ||
					!strings.Contains(v.Hint, c.command) || !strings.Contains(v.Hint, "rollcall dismiss w") ||
					!strings.Contains(v.Sentence, "accepted") {
					t.Fatalf("%s, %q, at %d: %s (%s), %s: %s %s", name, brought, s, v.Status, v.Reason, v.Command("w"),
						v.Sentence, v.Hint)
				}
				if c.takenAs == workspace.ToOperator && strings.Contains(v.Hint, "rollcall repair") {
					t.Fatalf("%s, %q: the hint names a repair: %s", name, brought, v.Hint)
				}
			}
		}
	}
}
