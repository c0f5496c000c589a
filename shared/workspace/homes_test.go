package workspace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestHomesAreTheAddressesOfLate(t *testing.T) {
	text := ""
	for i := range 6 {
		text = workspace.NoteHome(text, fmt.Sprint("10.0.0.", i), at(i))
	}
	f := live(func(f *workspace.Facts) { f.Homes, f.SeenFrom = text, "10.0.0.5" })
	for address, home := range map[string]bool{
		"10.0.0.5": true, "10.0.0.3": true, "10.0.0.2": false, "10.0.0.1": false, "10.0.0.0": true,
		"10.0.0": false, "0.0.5": false, "": false,
	} {
		if f.AtHome(address, at(600)) != home {
			t.Errorf("%q at home: %v", address, !home)
		}
	}
	if f.AtHome("10.0.0.3", at(600).Add(25*time.Hour)) {
		t.Error("an address is the agent's for ever")
	}
	if workspace.NoteHome(text, "10.0.0.4", at(600)) != text {
		t.Error("a fresh note is written anew")
	}
	if workspace.NoteHome(text, "10.0.0.4", at(600).Add(7*time.Hour)) == text {
		t.Error("an old note is not written anew")
	}
}

// addresses look alike: the bytes of one begin or end those of another.
var addresses = []string{
	"10.0.0.1", "10.0.0.11", "2001:db8::1", "1.10.0.0.1", "somewhere", "a00:1:203::", "a00:1:203::a00:1",
	"::ffff:10.0.0.1", "::a00:1",
}

// Every address that is kept is the agent's for a day, to the hour.
func TestEachHomeIsKeptForADay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, noted := "", map[string]time.Time{}
		second := 0
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			second += rapid.IntRange(0, 40_000).Draw(t, "pause")
			from := rapid.SampledFrom(addresses[:4]).Draw(t, "from")
			text = workspace.NoteHome(text, from, at(second))
			noted[from] = at(second)
		}
		f := workspace.Facts{Liveness: workspace.Liveness{Homes: text}}
		for address, last := range noted {
			// A note that is fresh is not written again: it may be six hours old, and says the hour.
			switch age := at(second).Sub(last); {
			case age < 17*time.Hour && !f.AtHome(address, at(second)):
				t.Fatalf("%s called %s ago and is not in %q", address, age, text)
			case age >= 25*time.Hour && f.AtHome(address, at(second)):
				t.Fatalf("%s called %s ago and is still in %q", address, age, text)
			}
		}
	})
}

func TestAnAddressIsFoundByItsEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.SampledFrom(addresses)
		text := ""
		for range rapid.IntRange(0, 6).Draw(t, "calls") {
			from, before := address.Draw(t, "from"), text
			now := at(rapid.IntRange(0, 100000).Draw(t, "at"))
			text = workspace.NoteHome(text, from, now)
			f := workspace.Facts{Liveness: workspace.Liveness{Homes: text}}
			if !strings.Contains(text, workspace.HomeEntry(from)) || !f.AtHome(from, now) {
				t.Fatalf("%s is not in %q", from, text)
			}
			for _, other := range addresses {
				noted := strings.Contains(text, workspace.HomeEntry(other))
				if noted && other != from && !strings.Contains(before, workspace.HomeEntry(other)) {
					t.Fatalf("%s is found in %q, and never called", other, text)
				}
			}
		}
	})
}

// The incident behind two addresses: beats pass from both in turn, and boots are refused from both.
func TestBootsRefusedFromTwoAddressesShow(t *testing.T) {
	f := live(nil)
	for i := range 8 {
		from := fmt.Sprint("10.0.0.", 1+i%2)
		f = beat(f, from, at(600+20*i))
		f, _ = refuse(f, workspace.SignalRegister, fmt.Sprint("10.0.0.", 2-i%2), "", at(610+20*i))
		if i > 2 && workspace.Assess(f, p, at(611+20*i)).Reason != workspace.ReasonCredentialsRejected {
			t.Fatalf("after %d boots: %+v", i+1, f.Refusals)
		}
	}
}

// A credential that is known to be somebody else's is never this agent's refusal. It is shown, at a limited rate.
func TestSomebodyElsesCredentialIsNoRefusal(t *testing.T) {
	f := live(nil)
	noted := 0
	for i := range 5 {
		next, changed := workspace.Refuse(f, workspace.Refusal{
			Kind: workspace.SignalCall, From: f.SeenFrom, Hash: token.Digest("a peer's"), Issued: workspace.IssuedElsewhere,
		}, p, at(600+20*i))
		if changed {
			noted++
		}
		if f = next; f.Refusals != (workspace.Refusals{}) {
			t.Fatalf("%+v", f.Refusals)
		}
	}
	v := workspace.Assess(beat(f, f.SeenFrom, at(680)), p, at(681))
	shown := strings.Contains(v.Evidence[len(v.Evidence)-1].Fact, "with a credential that is another workspace's")
	if noted != 2 || v.Status != workspace.StatusOnline || !shown {
		t.Fatalf("%d notes: %+v", noted, v)
	}
}

// Refusals that can't be told from the agent's decay while everything else is accepted, or an operator dismisses them.
func TestRefusalsOfANeighbourAreForgotten(t *testing.T) {
	f := live(nil)
	for i := range 2 {
		f, _ = refuse(f, workspace.SignalRegister, "10.0.0.1", "", at(600+i))
	}
	reason := func(f workspace.Facts, now time.Time) workspace.Reason {
		return workspace.Assess(beat(f, "10.0.0.1", now.Add(-time.Second)), p, now).Reason
	}
	if got := reason(f, at(700)); got != workspace.ReasonCredentialsRejected {
		t.Fatalf("two refused boots: %s", got)
	}
	if got := reason(workspace.Dismiss(f), at(700)); got != workspace.ReasonHealthy {
		t.Fatalf("dismissed: %s", got)
	}
	later := at(602).Add(p.RefusalDecay)
	if got := reason(f, later); got != workspace.ReasonHealthy {
		t.Fatalf("after %s of accepted calls: %s", p.RefusalDecay, got)
	}
	f, _ = refuse(beat(f, "10.0.0.1", later), workspace.SignalRegister, "10.0.0.1", "", later.Add(time.Second))
	if got := reason(f, later.Add(3*time.Second)); got != workspace.ReasonHealthy {
		t.Fatalf("one more after it: %s", got)
	}
}

// A repair that goes in a circle is seen: the agent was given a credential, and goes on with the old one.
func TestACredentialThatIsIgnoredIsSeen(t *testing.T) {
	f, _ := workspace.Repair(live(nil), "", p, at(600))
	a, err := workspace.Admit(f, true, token.Digest("secret"), "10.0.0.1", p, at(610))
	if err != nil || !a.Mint {
		t.Fatalf("%+v, %v", a, err)
	}
	d := workspace.Declaration{From: "10.0.0.1"}
	f = workspace.Register(f, a, d, token.Digest("secret"), token.Digest("new"), p, at(610))
	f, _ = refuse(f, workspace.SignalHeartbeat, "10.0.0.1", "secret", at(612))
	v := workspace.Assess(f, p, at(613))
	if v.Reason != workspace.ReasonCredentialsRejected || v.Action != "place_credential" ||
		!strings.Contains(v.Hint, "rollcall repair w --show") {
		t.Fatalf("%+v", v)
	}
	used := workspace.Promote(f, at(900))
	if v := workspace.Assess(beat(used, "10.0.0.1", at(620)), p, at(621)); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v", v)
	}
}

// An agent that registers in an open window again and again, and calls with its old credential in between, has one
// verdict from the first refused call on.
func TestAnIgnoredCredentialHasOneVerdict(t *testing.T) {
	f, _ := workspace.Repair(beat(live(nil), "10.0.0.1", at(599)), "10.0.0.1", p, at(600))
	old := token.Digest("secret")
	for second := 610; second < 900; second += 5 {
		if (second-610)%20 == 0 {
			a, err := workspace.Admit(f, true, old, "10.0.0.1", p, at(second))
			if err != nil {
				t.Fatal(err)
			}
			next := workspace.Register(f, a, workspace.Declaration{From: "10.0.0.1"}, old, token.Digest("new"), p, at(second))
			f = workspace.NoteStanding(f, next, p, at(second))
		} else {
			f, _ = refuse(f, workspace.SignalPoll, "10.0.0.1", "secret", at(second))
		}
		v := workspace.Assess(f, p, at(second))
		if second > 610 && (v.Action != "place_credential" || !v.Since.Equal(at(615))) {
			t.Fatalf("at %d: %s, %s since %s", second, v.Status, v.Action, v.Since)
		}
	}
	used := beat(workspace.Promote(f, at(901)), "10.0.0.1", at(901))
	if v := workspace.Assess(used, p, at(902)); v.Reason == workspace.ReasonCredentialsRejected {
		t.Fatalf("once it is used: %+v", v)
	}
}

// A register whose credential is good ends the credential's blame, whatever was refused before at that address and why
// it was refused itself: what it was refused for is the first clause, and no credential is repaired or shown.
func TestAGoodCredentialThatIsRefusedEndsItsBlame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		created := workspace.Facts{}
		created.ID, created.CreatedAt, created.Credential = "w", at(1), token.Digest("good")
		f, now := created, 10
		for range rapid.IntRange(0, 4).Draw(t, "refused before") {
			r := workspace.Refusal{Kind: workspace.SignalRegister, From: "10.0.0.1"}
			if rapid.Bool().Draw(t, "with another credential") {
				r.Hash = token.Digest("another")
			}
			f, _ = workspace.Refuse(f, r, p, at(now))
			now += rapid.IntRange(1, 120).Draw(t, "seconds")
		}
		f, changed := workspace.FailRegister(f, "url must not be private (url_forbidden)", "10.0.0.1", p, at(now))
		v := workspace.Assess(f, p, at(now+rapid.IntRange(0, 60).Draw(t, "later")))
		if !changed || v.Reason != workspace.ReasonNeverRegistered || v.Hop == workspace.HopCredential ||
			strings.Contains(v.NextCommand+v.Hint, "--show") ||
			!strings.HasPrefix(v.Hint, "its last register came with a good credential and was refused at") ||
			strings.Count(v.Hint, "url_forbidden") != 1 {
			t.Fatalf("%+v", v)
		}
		if problem, _ := workspace.ProblemOf(v, 0, at(now)); problem != workspace.ProblemOwn {
			t.Fatalf("it is the problem %q: %+v", problem, v)
		}
		f, _ = workspace.Refuse(f, workspace.Refusal{Kind: workspace.SignalRegister, From: "10.0.0.1"}, p, at(now+200))
		if v := workspace.Assess(f, p, at(now+201)); v.Hop != workspace.HopCredential {
			t.Fatalf("the newest refusal was for the credential: %+v", v)
		}
	})
}

// A register that is refused for another reason than its credential is told.
func TestAFailedRegisterIsTold(t *testing.T) {
	const why = "its address is forbidden (url_forbidden)"
	f, changed := workspace.FailRegister(silentSince(100), why, "10.0.0.1", p, at(590))
	if v := workspace.Assess(f, p, at(600)); !changed || !strings.Contains(v.Hint, "url_forbidden") {
		t.Fatalf("%+v", v)
	}
	if _, again := workspace.FailRegister(f, f.RegisterFailedWhy, "10.0.0.1", p, at(595)); again {
		t.Fatal("the same is written twice in a few seconds")
	}
	f = register(f, workspace.Declaration{From: "10.0.0.1"}, at(610))
	if v := workspace.Assess(f, p, at(611)); strings.Contains(fmt.Sprint(v), "url_forbidden") {
		t.Fatalf("%+v", v)
	}
}

// A metric that can't be read is dropped and told; the lease is renewed.
func TestABadMetricIsEvidence(t *testing.T) {
	f := workspace.Observe(live(nil), workspace.Signal{
		Kind: workspace.SignalHeartbeat, From: "10.0.0.1", BadMetric: "error_rate must be from 0 to 1",
	}, p, at(600))
	v := workspace.Assess(f, p, at(601))
	if v.Status != workspace.StatusOnline || !strings.Contains(fmt.Sprint(v.Evidence), "error_rate must be") {
		t.Fatalf("%+v", v)
	}
}
