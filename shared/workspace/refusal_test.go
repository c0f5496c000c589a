package workspace_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var refusalKinds = []workspace.SignalKind{workspace.SignalRegister, workspace.SignalHeartbeat, workspace.SignalPoll}

func TestRefuseCountsOnlyWhatCanBeAttributed(t *testing.T) {
	stranger, changed := refuse(live(nil), workspace.SignalRegister, "6.6.6.6", "guess", at(600))
	status := workspace.Assess(stranger, p, at(600)).Status
	if !changed || stranger.RegisterRefused != 0 || status != workspace.StatusOnline {
		t.Fatalf("a stranger changed the status: %+v", stranger)
	}
	f, writes := live(nil), 0
	for i := range 100 {
		now := at(600).Add(time.Duration(i) * 100 * time.Millisecond)
		next, changed := refuse(f, workspace.SignalRegister, "10.0.0.1", "", now)
		if f = next; changed {
			writes++
		}
	}
	if writes != p.RefusalsToDegrade || workspace.Assess(f, p, at(610)).Reason != workspace.ReasonCredentialsRejected {
		t.Fatalf("%d writes, %s", writes, workspace.Assess(f, p, at(610)).Reason)
	}
}

// An agent whose calls go wrong in part: it beats with one credential and polls
// with another. Whatever is written, its status does not flap, and little is.
func TestAHalfRefusedAgentDoesNotFlap(t *testing.T) {
	f, writes, changes := live(func(f *workspace.Facts) { f.Declared, f.Pushable = workspace.Poll, false }), 0, 0
	f.PollAwaitedAt = at(600)
	was := workspace.Assess(f, p, at(600)).Reason
	for s := 600; s < 1200; s++ {
		now := at(s)
		if s%20 == 0 {
			f = beat(f, "10.0.0.1", now)
		}
		if s%5 == 1 {
			if next, changed := refuse(f, workspace.SignalPoll, "10.0.0.1", "stale", now); changed {
				f, writes = next, writes+1
			}
		}
		if is := workspace.Assess(f, p, now).Reason; is != was {
			was, changes = is, changes+1
		}
	}
	// The three more are the first refusal, and one for each of the first two times that they take turns.
	if was != workspace.ReasonCredentialsRejected || changes != 1 || writes > 600/30+3 {
		t.Fatalf("%s after %d changes and %d writes", was, changes, writes)
	}
}

// An agent that is refused, then accepted, and then loses its credential for good shows at the second refusal each
// time. A repair is named at once where a register or an unknown credential shows the loss, else once its next accepted
// call is overdue.
func TestEachLossShowsAtOnce(t *testing.T) {
	f := live(nil)
	for i, c := range []struct {
		kinds   []workspace.SignalKind
		brought string
		after   int // when a repair is named, in seconds after the last accepted call
	}{
		{[]workspace.SignalKind{workspace.SignalHeartbeat, workspace.SignalPoll}, "", 45},
		{[]workspace.SignalKind{workspace.SignalHeartbeat, workspace.SignalHeartbeat}, "", 45},
		{[]workspace.SignalKind{workspace.SignalHeartbeat, workspace.SignalHeartbeat}, "what was left", 6},
		{[]workspace.SignalKind{workspace.SignalPoll, workspace.SignalRegister, workspace.SignalRegister}, "", 6},
	} {
		accepted := 600 + 100*i
		f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p, at(accepted-30))
		f = beat(f, "10.0.0.1", at(accepted))
		for j, kind := range c.kinds {
			f, _ = refuse(f, kind, "10.0.0.1", c.brought, at(accepted+4+j))
		}
		for s := accepted + 6; s <= accepted+60; s++ {
			v := workspace.Assess(f, p, at(s))
			if v.Reason != workspace.ReasonCredentialsRejected {
				t.Fatalf("loss %d, %d s after an accepted call: %s (%s)", i, s-accepted, v.Status, v.Reason)
			}
			named := strings.HasPrefix(v.Command("w"), "rollcall repair w")
			if due := s >= accepted+c.after; named != due || workspace.AsksForRepair(f, p, at(s)) != due {
				t.Fatalf("loss %d, %d s after an accepted call: %s: %s", i, s-accepted, v.Command("w"), v.Hint)
			}
		}
	}
}

// Two agents at one address, one of them with an old credential: the other's
// beats pass, and once they have taken turns twice that is how it stays.
func TestTwoAtOneAddressDontFlap(t *testing.T) {
	f, changes := live(nil), 0
	was := workspace.Assess(f, p, at(600)).Reason
	for s := 600; s < 1800; s++ {
		if s%30 == 0 {
			f = beat(f, "10.0.0.1", at(s))
		}
		if s%7 == 1 {
			f, _ = refuse(f, workspace.SignalHeartbeat, "10.0.0.1", "old", at(s))
		}
		if is := workspace.Assess(f, p, at(s)).Reason; is != was {
			was, changes = is, changes+1
		}
	}
	if was != workspace.ReasonHealthy || changes > 4 {
		t.Fatalf("%s after %d changes", was, changes)
	}
}

// Whoever is refused, from wherever, with whatever, and however the agent itself
// fares: what is noted is bounded.
func TestRefusalsCostFewWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := live(func(f *workspace.Facts) { f.PastCredential = token.Digest("past") })
		var noted []int
		for s := 600; s < 900; s++ {
			now := at(s)
			if rapid.IntRange(0, 20).Draw(t, "beats") == 0 {
				f = beat(f, "10.0.0.1", now)
			}
			r := workspace.Refusal{
				Kind: rapid.SampledFrom(refusalKinds).Draw(t, "kind"),
				From: rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}).Draw(t, "from"),
				Hash: token.Digest(rapid.SampledFrom([]string{"", "past", "guess"}).Draw(t, "brought")),
			}
			if next, changed := workspace.Refuse(f, r, p, now); changed {
				f, noted = next, append(noted, s)
			}
		}
		// One a half minute for the agent's own and one a minute for strangers', and
		// one more each time that a count reaches two, or home is heard after another.
		if len(noted) > 300/30+300/60+300/30 {
			t.Fatalf("%d writes in 300 s: %v", len(noted), noted)
		}
	})
}

func TestNoOneSpeaksForAnother(t *testing.T) {
	refuse := func(f workspace.Facts, from, brought string, s int) workspace.Facts {
		f, _ = refuse(f, workspace.SignalRegister, from, brought, at(s))
		return f
	}
	start := live(func(f *workspace.Facts) { f.PastCredential = token.Digest("past") })
	reason := func(f workspace.Facts, s int) workspace.Reason { return workspace.Assess(f, p, at(s)).Reason }

	// A thief can't hide that the agent's own registers are refused,
	hidden := refuse(refuse(start, "10.0.0.1", "", 600), "10.0.0.1", "", 601)
	if hidden = refuse(hidden, "6.6.6.6", "past", 640); reason(hidden, 641) != workspace.ReasonCredentialsRejected {
		t.Errorf("hidden: %+v", hidden)
	}
	// nor make it seem so an hour later, by what he did while it was silent.
	planted := refuse(refuse(start, "6.6.6.6", "past", 640), "6.6.6.6", "past", 641)
	planted = beat(planted, "10.0.0.1", at(650))
	if got := reason(planted, 650); got != workspace.ReasonHealthy {
		t.Errorf("planted: %s", got)
	}
	if got := reason(planted, 710); got != workspace.ReasonHealthy { // one beat is missed
		t.Errorf("planted, and a beat missed: %s", got)
	}
	// Nor does an old credential, which may be stolen, speak for an agent that is silent. A person is told of it.
	old := refuse(refuse(start, "6.6.6.6", "past", 840), "6.6.6.6", "past", 841)
	if v := workspace.Assess(old, p, at(841)); v.Reason != workspace.ReasonLeaseExpired ||
		strings.Contains(v.Command("w"), "repair") ||
		!strings.Contains(v.Hint, "6.6.6.6 with a credential that was this agent's once are being refused now, and it may") {
		t.Errorf("old: %+v", v)
	}
	// One that lost it at a new address can't be, but a person is told where to look.
	lost := refuse(start, "10.0.0.7", "", 800)
	const told = "10.0.0.7 without a credential are being refused now. Nothing shows that they are this agent's"
	v := workspace.Assess(lost, p, at(801))
	if v.Reason != workspace.ReasonLeaseExpired || !strings.Contains(v.Hint, told) {
		t.Errorf("lost: %+v", v)
	}
	back := register(lost, workspace.Declaration{From: "10.0.0.7"}, at(810))
	if !back.StrangerAt.IsZero() {
		t.Errorf("it was the agent, and is still a stranger: %+v", back)
	}
}

// Whoever is refused, from wherever and as often as it likes: no command and no hint that an operator may follow opens
// a window to an address from which the agent was not accepted lately, but for the one that a window is open to
// already.
func TestNoCommandNamesAStrangersAddress(t *testing.T) {
	named := regexp.MustCompile(`rollcall repair \S+ --from ([\w:.]*\w)`)
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		address := rapid.SampledFrom([]string{"", "10.0.0.1", "10.0.0.2", "6.6.6.6"})
		f.StrangerFrom, f.BootstrapFrom = address.Draw(t, "stranger"), address.Draw(t, "window for")
		f.StrangerWith = rapid.SampledFrom([]workspace.Presented{
			workspace.NoCredential, workspace.UnknownCredential, workspace.FormerCredential, workspace.OthersCredential,
		}).Draw(t, "with")
		f.SeenFrom = rapid.SampledFrom([]string{"", "10.0.0.1"}).Draw(t, "seen from")
		if rapid.Bool().Draw(t, "another home") {
			f.Homes = workspace.NoteHome(f.Homes, "10.0.0.2", at(rapid.SampledFrom([]int{-90_000, 500}).Draw(t, "home")))
		}
		v := workspace.Assess(f, p, now)
		said := []string{v.Command("w"), v.Hint}
		for _, remark := range v.Remarks {
			said = append(said, remark.Command, remark.Text)
		}
		for _, text := range said {
			for _, m := range named.FindAllStringSubmatch(text, -1) {
				inWindow := now.Before(f.BootstrapUntil) && m[1] == f.BootstrapFrom
				if !inWindow && !f.AtHome(m[1], now) {
					t.Fatalf("%q, of %+v", text, v)
				}
			}
		}
	})
}

// Adapters write the fields of Refusals, Stranger and Standing when a refusal is noted, and no others: whatever Refuse
// changes must be in one of the three groups.
func TestRefuseWritesItsGroupsOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		next, _ := workspace.Refuse(f, workspace.Refusal{
			Kind: rapid.SampledFrom(refusalKinds).Draw(t, "kind"),
			From: rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2"}).Draw(t, "from"),
			Hash: token.Digest(rapid.SampledFrom([]string{"", "x", "guess"}).Draw(t, "brought")),
		}, p, at(600))
		next.Refusals, next.Stranger, next.Standing = f.Refusals, f.Stranger, f.Standing
		if next != f {
			t.Fatalf("Refuse changed more than its groups:\n%+v\n%+v", f, next)
		}
	})
}

// A credential that an operator ended, because it was stolen, gives its thief no say, though calls of his were accepted
// before: no command names his address, whatever he and the agent do, and a silent agent is shown as silent.
func TestAThiefsAddressStandsInNoCommand(t *testing.T) {
	const thief, home = "6.6.6.6", "10.0.0.1"
	rapid.Check(t, func(t *rapid.T) {
		f, now := live(nil), 600
		f = beat(beat(f, thief, at(now)), home, at(now))
		if revokes := rapid.Bool().Draw(t, "revokes"); revokes {
			f, _ = workspace.Revoke(f, p, at(now))
		}
		f, _ = workspace.Repair(f, home, p, at(now))
		registers := rapid.IntRange(0, 3).Draw(t, "registers after")
		for i := range 6 {
			now += rapid.IntRange(1, 120).Draw(t, "seconds")
			if i == registers {
				f = workspace.Register(f, workspace.Admission{Mint: true}, workspace.Declaration{From: home}, token.Hash{},
					token.Digest("new"), p, at(now))
			}
			f, _ = workspace.Refuse(f, workspace.Refusal{
				Kind: rapid.SampledFrom(refusalKinds).Draw(t, "kind"), From: thief, Hash: token.Digest("secret"),
			}, p, at(now))
			v := workspace.Assess(f, p, at(now))
			if i >= registers && strings.Contains(v.Command("w"), thief) {
				t.Fatalf("%s (%s), %s: %+v", v.Status, v.Reason, v.Command("w"), f)
			}
			silent := !f.Leased(p, at(now))
			if i >= registers && silent && v.Reason != workspace.ReasonLeaseExpired {
				t.Fatalf("silent, and %s (%s): %+v", v.Status, v.Reason, f)
			}
		}
	})
}

// However often somebody calls from elsewhere, what was noted of a call from the agent's own address, with another
// workspace's credential, stays for as long as it may tell why the agent is silent.
func TestWhoCallsFromElsewhereHidesNothingOfTheAgents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f, now := live(nil), at(600)
		var noted time.Time // of the last call from the agent's own address
		for range 60 {
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "pause")) * time.Second)
			r := workspace.Refusal{Kind: rapid.SampledFrom(refusalKinds).Draw(rt, "kind"), From: "6.6.6.6"}
			home := rapid.IntRange(0, 5).Draw(rt, "home") == 0
			if home {
				r.From, r.Hash, r.Issued = "10.0.0.1", token.Digest("another's"), workspace.IssuedElsewhere
			}
			next, changed := workspace.Refuse(f, r, p, now)
			if f = next; changed && home {
				noted = now
			}
			if !noted.IsZero() && now.Sub(noted) < p.RefusalDecay && f.StrangerFrom != "10.0.0.1" {
				rt.Fatalf("%v after the agent's own call, that of %s is noted", now.Sub(noted), f.StrangerFrom)
			}
			if home && f.StrangerFrom != "10.0.0.1" {
				rt.Fatal("the agent's own call is not noted")
			}
		}
	})
}

// However often somebody calls who has no credential of a workspace: what was noted of a call that tells more of its
// agent stays for as long as it may tell why the agent is not heard, and it is noted at once.
func TestWhoHasNoCredentialHidesNoCallThatTellsMore(t *testing.T) {
	const own = "rcw_own"
	tells := map[string]int{ // what a call brings, by how much that tells
		`"` + own + `"`: 2, "": 1, "garbage": 1, "rcw_cut": 0, "$TOKEN": 0,
	}
	texts := slices.Sorted(maps.Keys(tells))
	rapid.Check(t, func(rt *rapid.T) {
		f := created(at(0))
		f.Credential = token.Digest(own)
		now, noted := at(600), -1 // what the noted call tells
		for range 60 {
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "pause")) * time.Second)
			text := rapid.SampledFrom(texts).Draw(rt, "text")
			from := rapid.SampledFrom([]string{"6.6.6.6", "7.7.7.7"}).Draw(rt, "from")
			kind := rapid.SampledFrom(refusalKinds).Draw(rt, "kind")
			next, changed := workspace.Refuse(f, workspace.Presenting(kind, from, text), p, now)
			switch age := now.Sub(f.StrangerAt); {
			case tells[text] < noted && age < p.RefusalDecay && changed:
				rt.Fatalf("%q is noted %v after a call that tells more", text, age)
			case tells[text] > noted && !changed:
				rt.Fatalf("%q is not noted %v after a call that tells less", text, age)
			}
			if f = next; changed {
				noted = tells[text]
			}
		}
	})
}

// Whoever shares the agent's address, and sends what is damaged with no good credential in it, changes nothing of what
// is told of an agent that lost its credential: neither the next step, nor whether a repair is made. Damage that shows
// the good credential is told at once.
func TestANeighbourHidesNoLostCredential(t *testing.T) {
	lost := func(taken workspace.Recipient, sent ...string) (f workspace.Facts) {
		f = live(func(f *workspace.Facts) { f.TakenAs = taken })
		f = beat(f, "10.0.0.1", at(600))
		own := workspace.Presenting(workspace.SignalRegister, "10.0.0.1", "")
		own.Hash = token.Hash{}
		for s := 700; s < 1000; s++ {
			if s%20 == 0 {
				f, _ = workspace.Refuse(f, own, p, at(s))
				continue
			}
			for _, text := range sent {
				f, _ = workspace.Refuse(f, workspace.Presenting(workspace.SignalRegister, "10.0.0.1", text), p, at(s))
			}
		}
		return f
	}
	for _, taken := range []workspace.Recipient{workspace.ToAgent, workspace.ToOperator, ""} {
		alone := lost(taken)
		want := workspace.Assess(alone, p, at(1001)).Command("w")
		for _, sent := range []string{"$TOKEN", "rcw_cut", "<TOKEN>"} {
			f := lost(taken, sent)
			got, err := workspace.Assess(f, p, at(1001)).Command("w"), f.CheckDamaged(false, p, at(1001))
			if got != want || !strings.HasPrefix(got, "rollcall repair") || err != nil {
				t.Errorf("%q, %q: the command is %s in place of %s; %v", taken, sent, got, want, err)
			}
			good := workspace.Refusal{
				Kind: workspace.SignalRegister, From: "10.0.0.1", Hash: token.Digest("x"), Damage: token.Enclosed,
				Inner: f.Credential,
			}
			f, _ = workspace.Refuse(f, good, p, at(1100))
			if v := workspace.Assess(f, p, at(1101)); v.Command("w") != "rollcall doctor w" {
				t.Errorf("%q, %q: of a good credential that is damaged is told %s: %s", taken, sent, v.Command("w"), v.Hint)
			}
		}
	}
}

// A person's credential on an agent's call is no refusal of the agent's, by whatever call and from wherever it comes:
// an operator may call from where the agent runs. A remark tells of it, where that is so.
func TestAPersonsCredentialIsNoRefusalOfTheAgents(t *testing.T) {
	for _, kind := range refusalKinds {
		for _, from := range []string{"10.0.0.1", "6.6.6.6"} {
			f := live(nil)
			for s := 600; s < 700; s += 20 {
				f = beat(f, "10.0.0.1", at(s))
				r := workspace.Presenting(kind, from, "rcp_x")
				r.Damage = token.OfPerson
				f, _ = workspace.Refuse(f, r, p, at(s+1))
			}
			v := workspace.Assess(f, p, at(690))
			if f.RegisterRefused+f.BeatsRefused+f.CallsRefused > 0 || v.Status != workspace.StatusOnline ||
				f.StrangerAt.IsZero() {
				t.Errorf("%s from %s: %+v", kind, from, v)
			}
			if told := len(v.Remarks) > 0; told != (from == "10.0.0.1") {
				t.Errorf("%s from %s: remarks %+v", kind, from, v.Remarks)
			}
		}
	}
}
