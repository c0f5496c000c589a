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

// Whatever ends a credential, in whatever order: what is pushed to is a URL that was registered with a credential that
// is good, and a register with a good one is pushed to at once.
func TestAURLIsAsGoodAsTheCredentialItWasRegisteredWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := live(nil), at(600)
		with := f.Credential // that the URL was registered with
		n := 0
		mint := func() token.Hash { n++; return token.Digest(fmt.Sprint("credential ", n)) }
		register := func(a workspace.Admission, presented, minted token.Hash) {
			url := rapid.SampledFrom([]string{"http://agent", "http://thief"}).Draw(t, "url")
			f = workspace.Register(f, a, workspace.Declaration{URL: url, Pushable: true, From: "10.0.0.1"}, presented, minted,
				p, now)
			if with = presented; a.Mint {
				with = minted
			}
			if got := workspace.EffectiveMode(f, p, now); got.Effective != workspace.Push || !f.Deliverable(p, now) {
				t.Fatalf("a good register is not pushed to: %+v of %+v", got, f)
			}
		}
		steps := map[string]func(){
			"repair":  func() { f, _ = workspace.Repair(f, "10.0.0.1", p, now) },
			"show":    func() { f, _ = workspace.RepairByHand(f, mint(), now) },
			"revoke":  func() { f, _ = workspace.Revoke(f, p, now) },
			"fetch":   func() { f = workspace.AskToFetch(f, now) },
			"fetched": func() { f = workspace.Rotate(f, mint(), workspace.ToAgent, now) },
			"shown":   func() { f = workspace.Rotate(f, mint(), workspace.ToOperator, now) },
			"adopt": func() {
				f = workspace.Adopt(f, workspace.Adoption{Pushable: f.Pushable, ResetCredentials: true, Minted: mint()}, now)
			},
			"adopt and keep": func() { f = workspace.Adopt(f, workspace.Adoption{Pushable: f.Pushable}, now) },
			"enrolment":      func() { register(workspace.Admission{Mint: true}, token.Hash{}, mint()) },
			"register": func() {
				if !f.Credential.Zero() {
					register(workspace.Admission{}, f.Credential, token.Hash{})
				}
			},
			"register with the next": func() {
				if !f.NextCredential.Zero() {
					register(workspace.Admission{Promote: true}, f.NextCredential, token.Hash{})
				}
			},
			"beat with the next": func() {
				if !f.NextCredential.Zero() {
					f = beat(workspace.Promote(f, now), "10.0.0.1", now)
				}
			},
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Second)
			old, name := f, rapid.SampledFrom([]string{
				"repair", "show", "revoke", "fetch", "fetched", "shown", "adopt", "adopt and keep", "enrolment", "register",
				"register with the next", "beat with the next",
			}).Draw(t, "step")
			steps[name]()
			good := with.Matches(f.Credential) || with.Matches(f.NextCredential)
			if f.Pushable != good {
				t.Fatalf("after %s: pushed to %v, and the credential of its URL is good %v: %+v", name, f.Pushable, good, f)
			}
			if f.MustRegister(workspace.Instance{}, p, now) && (good || !f.Enrolled()) {
				t.Fatalf("after %s: told to register: %+v", name, f)
			}
			if old.Pushable && !f.Pushable && !workspace.EndsURL(old, f) {
				t.Fatalf("%s ends the URL, and does not say so", name)
			}
		}
	})
}

// An agent that goes on by heartbeats with a credential that it was given anew is told to register, and its operator is
// told why no mail reaches it.
func TestAnAgentWhoseURLEndedIsToldToRegister(t *testing.T) {
	shown, _ := workspace.RepairByHand(live(nil), token.Digest("new"), at(600))
	rotated := workspace.Rotate(live(nil), token.Digest("new"), workspace.ToAgent, at(600))
	for name, f := range map[string]workspace.Facts{"repaired": shown, "rotated": rotated} {
		f = beat(workspace.Promote(f, at(700)), "10.0.0.1", at(700))
		mode := workspace.EffectiveMode(f, p, at(700))
		if !f.MustRegister(workspace.Instance{}, p, at(700)) || mode.Effective != workspace.Poll {
			t.Errorf("%s: %+v", name, f)
		}
		// One that has just begun to use what it fetched may be about to register.
		if v := workspace.Assess(f, p, at(701)); (v.Status == workspace.StatusOnline) != (name == "rotated") {
			t.Errorf("%s: %+v", name, v)
		}
		for _, now := range []time.Time{at(701), at(790), at(2000)} { // it is no agent that polls
			f := beat(f, "10.0.0.1", now)
			v, mode := workspace.Assess(f, p, now), workspace.EffectiveMode(f, p, now).Effective
			expected, _ := workspace.Expect(f, v, mode, p, now)
			waits := workspace.WaitsFor(f, v, mode, 1, at(9000), p, now)
			if expected != workspace.ExpectNobody || !strings.HasPrefix(waits, "it waits until the agent registers, or") {
				t.Errorf("%s, at %s: %s, %s", name, now, expected, waits)
			}
		}
		f = beat(f, "10.0.0.1", at(790))
		v := workspace.Assess(f, p, at(790))
		if v.Reason != workspace.ReasonInboxUnattended || v.Action != "restart" || v.Since.Before(f.URLEndedAt) {
			t.Errorf("%s, and did not: %+v", name, v)
		}
		f = register(f, workspace.Declaration{URL: "http://agent", Pushable: true, From: "10.0.0.1"}, at(800))
		v = workspace.Assess(f, p, at(800))
		if f.MustRegister(workspace.Instance{}, p, at(800)) || v.Status != workspace.StatusOnline || f.URLEpoch != f.Epoch {
			t.Errorf("%s, and registered: %+v of %+v", name, v, f)
		}
	}
}
