package workspace_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestAdmit(t *testing.T) {
	open := p
	open.Bootstrap = workspace.Open
	secret, other := token.Digest("secret"), token.Digest("other")
	mint := workspace.Admission{Mint: true}
	for name, c := range map[string]struct {
		facts     workspace.Facts
		exists    bool
		presented token.Hash
		from      string
		policy    workspace.Policy
		want      workspace.Admission
		code      fault.Code
	}{
		"an unused id, open": {policy: open, want: mint},
		"an unused id with a credential, open": {
			policy: open, presented: other, want: workspace.Admission{Trust: true},
		},
		"an unused id, enrolled": {policy: p, code: fault.CredentialMissing},
		"the credential in use":  {facts: live(nil), exists: true, presented: secret, policy: p},
		"none, though there is one": {
			facts: live(nil), exists: true, policy: open, code: fault.CredentialMissing,
		},
		"another": {
			facts: live(nil), exists: true, presented: other, policy: open, code: fault.CredentialUnknown,
		},
		"removed, to its agent": {
			facts: removed(), exists: true, presented: secret, policy: p, code: fault.WorkspaceRemoved,
		},
		"removed, to a stranger": {
			facts: removed(), exists: true, presented: other, policy: p, code: fault.CredentialUnknown,
		},
		"removed, to anyone where bootstrap is open": {
			facts: removed(), exists: true, policy: open, code: fault.WorkspaceRemoved,
		},
		"none, in the window of a repair": {facts: repaired(), exists: true, policy: p, want: mint},
		"a revoked one, in the window": {
			facts: repaired(), exists: true, presented: secret, policy: p, want: mint,
		},
		"the issued one, used for the first time": {
			facts: issued(), exists: true, presented: other, policy: p, want: workspace.Admission{Promote: true},
		},
		"none again, as the reply was lost": {facts: issued(), exists: true, policy: p, want: mint},
		"none, once the issued one was used": {
			facts: workspace.Promote(issued(), at(600)), exists: true, policy: p, code: fault.CredentialMissing,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := workspace.Admit(c.facts, c.exists, c.presented, c.from, c.policy, at(600))
			if fault.CodeOf(err) != c.code || got != c.want {
				t.Fatalf("got %+v, %v", got, err)
			}
		})
	}
}

func repaired() workspace.Facts {
	f, _ := workspace.Repair(live(nil), "", p, at(590))
	return f
}

func issued() workspace.Facts {
	mint := workspace.Admission{Mint: true}
	return workspace.Register(repaired(), mint, workspace.Declaration{}, token.Hash{}, token.Digest("other"), p, at(595))
}

func TestTheWindowIsForOne(t *testing.T) {
	mint := func(f workspace.Facts, from string) (workspace.Facts, bool) {
		a, err := workspace.Admit(f, true, token.Hash{}, from, p, at(600))
		if err != nil {
			return f, false
		}
		minted := token.Digest("minted for " + from)
		return workspace.Register(f, a, workspace.Declaration{From: from}, token.Hash{}, minted, p, at(600)), true
	}
	for name, c := range map[string]struct {
		named string
		asks  []string
		got   []bool
	}{
		"the first that asks, and again":       {"", []string{"a", "a", "b", "a"}, []bool{true, true, false, true}},
		"the one that the operator has named":  {"b", []string{"a", "b", "a", "b"}, []bool{false, true, false, true}},
		"nobody else's asking locks it out":    {"", []string{"a", "b", "b", "b"}, []bool{true, false, false, false}},
		"a later repair opens it to all again": {"", []string{"a", "repair", "b"}, []bool{true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := workspace.Repair(live(nil), c.named, p, at(590))
			for i, from := range c.asks {
				var ok bool
				if from == "repair" {
					f, _ = workspace.Repair(f, c.named, p, at(595))
					continue
				}
				if f, ok = mint(f, from); ok != c.got[i] {
					t.Fatalf("ask %d, from %s: %v", i, from, ok)
				}
			}
		})
	}
}

func TestAnAdoptionThatResetsIsNotOnlineUnused(t *testing.T) {
	adopted := workspace.Adopt(live(nil), workspace.Adoption{ResetCredentials: true, Minted: token.Digest("new")}, at(600))
	v := workspace.Assess(adopted, p, at(600))
	if v.Reason != workspace.ReasonCredentialsRejected || !v.Since.Equal(at(600)) {
		t.Fatalf("%+v", v)
	}
	used := beat(workspace.Promote(adopted, at(610)), "10.0.0.1", at(610))
	if v := workspace.Assess(used, p, at(610)); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v", v)
	}
}

func TestRotationIsTwoPhase(t *testing.T) {
	old, fresh := token.Digest("secret"), token.Digest("fresh")
	f := workspace.Rotate(live(nil), fresh, workspace.ToAgent, at(600))
	if !f.MustRotate() || f.Credential != old {
		t.Fatalf("%+v", f)
	}
	for _, h := range []token.Hash{old, fresh} {
		if _, err := workspace.Admit(f, true, h, "", p, at(600)); err != nil {
			t.Fatalf("both are good until the new one is used: %v", err)
		}
	}
	f = workspace.Promote(f, at(600))
	if _, err := workspace.Admit(f, true, old, "", p, at(600)); err == nil || f.MustRotate() || f.Credential != fresh {
		t.Fatalf("the old one is good after the new one was used: %+v", f)
	}
}

// Whoever asks for another credential, in whatever order, and whoever uses the last one that it was given: it is good,
// and so is the one in use until then. Nobody's credential ends because of what another asked for.
func TestNoRotationEndsAnothers(t *testing.T) {
	type holder struct{ credential string }
	rapid.Check(t, func(t *rapid.T) {
		f, now := live(nil), at(600)
		agent, operator := &holder{"secret"}, &holder{} // what each has kept last
		use := func(h *holder) {
			hash := token.Digest(h.credential)
			a, err := workspace.Admit(f, true, hash, "", p, now)
			if err != nil {
				t.Fatalf("%q is not good: %v", h.credential, err)
			}
			askedSince := f.FetchAskedAt.After(f.IssuedAt)
			if a.Promote {
				f = workspace.Promote(f, now)
			}
			f = beat(f, "10.0.0.1", now)
			if *agent, *operator = *h, (holder{}); a.Promote && f.MustRotate() && !askedSince {
				t.Fatalf("asked to rotate after the first use: %+v", f.Credentials)
			}
		}
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "later")) * time.Second)
			to, h := workspace.ToAgent, agent
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				use(agent)
				continue
			case 1:
				if operator.credential != "" {
					use(operator) // it is placed, and the agent restarted
				}
				continue
			case 2:
				if f.CheckRotate(workspace.ToAgent, p) == nil {
					f = workspace.AskToFetch(f, now)
				}
				continue
			case 3:
				to, h = workspace.ToOperator, operator
			}
			if err := f.CheckRotate(to, p); err != nil {
				if fault.CodeOf(err) != fault.CredentialPending {
					t.Fatal(err)
				}
				continue
			}
			h.credential = fmt.Sprintf("%s's %d", to, i)
			f = workspace.Rotate(f, token.Digest(h.credential), to, now)
		}
		use(agent)
	})
}

// An agent is told to fetch a credential when it is asked to, or lost the answer that brought one; never to replace one
// that waits for another hand.
func TestWhenAnAgentIsToldToRotate(t *testing.T) {
	fresh := token.Digest("fresh")
	shown := workspace.Rotate(live(nil), fresh, workspace.ToOperator, at(600))
	enrolled := workspace.Rotate(live(nil), fresh, workspace.ToAgent, at(600))
	enrolled.EnrolledBy = token.Digest("enrolment")
	asked := workspace.AskToFetch(live(nil), at(600))
	askedUnused := workspace.AskToFetch(issued(), at(700))
	given := workspace.Rotate(asked, fresh, workspace.ToAgent, at(601))
	shownThen := workspace.Rotate(asked, fresh, workspace.ToOperator, at(610))
	for name, c := range map[string]struct {
		facts             workspace.Facts
		told, agent, oper bool // may they have another one issued?
	}{
		"nothing waits":                      {live(nil), false, true, true},
		"an operator was shown one":          {shown, false, false, true},
		"one was issued for an enrolment":    {enrolled, false, false, false},
		"an operator asked":                  {asked, true, true, true},
		"the agent was given one":            {given, true, true, false},
		"and goes on with the old one":       {beat(given, "10.0.0.1", at(601).Add(p.LeaseTTL)), true, true, true},
		"asked before the first use":         {workspace.Promote(askedUnused, at(700)), true, true, true},
		"and has used it":                    {workspace.Promote(given, at(602)), false, true, true},
		"asked, and what was shown ends":     {workspace.AskToFetch(shown, at(610)), true, true, true},
		"asked, and then one was shown":      {shownThen, false, false, true},
		"of a repair, and never used at all": {issued(), false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.facts.MustRotate() != c.told {
				t.Errorf("told: %v", c.facts.MustRotate())
			}
			for to, may := range map[workspace.Recipient]bool{workspace.ToAgent: c.agent, workspace.ToOperator: c.oper} {
				if err := c.facts.CheckRotate(to, p); (err == nil) != may {
					t.Errorf("to the %s: %v", to, err)
				}
			}
		})
	}
}

// That an agent was asked to fetch a credential is told, until it has used one.
func TestAnAskedRotationIsTold(t *testing.T) {
	asked := workspace.AskToFetch(live(nil), at(600))
	given := workspace.Rotate(asked, token.Digest("fresh"), workspace.ToAgent, at(601))
	for name, c := range map[string]struct {
		facts workspace.Facts
		told  bool
	}{
		"nobody asked":          {live(nil), false},
		"an operator asked":     {asked, true},
		"it was given one":      {given, true},
		"it has used that":      {workspace.Promote(given, at(602)), false},
		"an operator took over": {workspace.Rotate(asked, token.Digest("x"), workspace.ToOperator, at(610)), false},
	} {
		text := workspace.Fleet{}.Explain(c.facts, p, at(611)).Text()
		if strings.Contains(text, "which the agent is to fetch") != c.told {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestARotationLocksOutNobody(t *testing.T) {
	held := issued() // by a repair; its agent has not called with it yet
	f := workspace.Rotate(held, token.Digest("second"), workspace.ToOperator, at(599))
	f = workspace.Rotate(f, token.Digest("third"), workspace.ToOperator, at(600))
	for credential, good := range map[string]bool{"other": true, "second": false, "third": true} {
		if _, err := workspace.Admit(f, true, token.Digest(credential), "", p, at(596)); (err == nil) != good {
			t.Errorf("%s: %v", credential, err)
		}
	}
}

// stolen is an agent at .1 whose credential a thief at .2 used last, revoked at 600.
func stolen() workspace.Facts {
	f := beat(beat(live(nil), "10.0.0.1", at(590)), "10.0.0.2", at(595))
	f, _ = workspace.Revoke(f, p, at(600))
	return f
}

// After a revocation no address is the agent's: a thief may have made the last accepted call, and may knock again.
func TestARevocationTrustsNoAddress(t *testing.T) {
	knocks := func(from string) func(workspace.Facts) workspace.Facts {
		return func(f workspace.Facts) workspace.Facts {
			for i := range 3 {
				f, _ = refuse(f, workspace.SignalRegister, from, "secret", at(610+i))
			}
			return f
		}
	}
	for name, after := range map[string]func(workspace.Facts) workspace.Facts{
		"nobody calls":      func(f workspace.Facts) workspace.Facts { return f },
		"the thief knocks":  knocks("10.0.0.2"),
		"the owner knocks":  knocks("10.0.0.1"),
		"a stranger knocks": knocks("10.0.0.9"),
		"a window has passed": func(f workspace.Facts) workspace.Facts {
			f, _ = workspace.Repair(f, "10.0.0.1", p, at(601))
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := after(stolen())
			now := at(620).Add(p.BootstrapWindow)
			_, err := f.WindowFor(now)
			refused, ok := errors.AsType[*fault.Error](err)
			if !ok || refused.Code != fault.RepairAddressUnknown {
				t.Fatal(err)
			}
			e := workspace.Fleet{}.Explain(f, p, now)
			if e.Command != "rollcall repair w --show" {
				t.Errorf("command %q", e.Command)
			}
			for _, text := range []string{refused.Hint, e.Next} {
				if !strings.Contains(text, "10.0.0.1 (") || !strings.Contains(text, "10.0.0.2 (") {
					t.Errorf("%q has not the addresses of late", text)
				}
			}
		})
	}
	rotated := workspace.Rotate(stolen(), token.Digest("new"), workspace.ToOperator, at(620))
	back := beat(workspace.Promote(rotated, at(621)),
		"10.0.0.1", at(630))
	if from, err := back.WindowFor(at(640)); err != nil || from != "10.0.0.1" {
		t.Errorf("once a call is accepted again: %q, %v", from, err)
	}
}

// A thief's call was the last that was accepted, and the agent is refused where it was accepted before. No repair
// guesses which of the two is the agent, and no command of the verdict does.
func TestARepairGuessesNoAddress(t *testing.T) {
	f := beat(beat(live(nil), "10.0.0.1", at(590)), "10.0.0.2", at(595))
	if from, err := f.WindowFor(at(596)); err != nil || from != "10.0.0.2" {
		t.Errorf("before any is refused: %q, %v", from, err)
	}
	f, _ = refuse(f, workspace.SignalRegister, "6.6.6.6", "", at(596))
	if from, err := f.WindowFor(at(597)); err != nil || from != "10.0.0.2" {
		t.Errorf("a stranger is refused: %q, %v", from, err)
	}
	for i := range 2 {
		f, _ = refuse(f, workspace.SignalRegister, "10.0.0.1", "", at(600+i))
	}
	f.HeartbeatAt, f.LeaseUntil = at(500), at(590)
	_, err := f.WindowFor(at(602))
	refused, ok := errors.AsType[*fault.Error](err)
	if !ok || refused.Code != fault.RepairAddressUnknown || !strings.Contains(refused.Message, "10.0.0.1") {
		t.Errorf("%v", err)
	}
	if v := workspace.Assess(f, p, at(602)); v.Command("w") != "rollcall repair w --show" {
		t.Errorf("%+v", v)
	}
}

// An address is trusted with the credential that was accepted from there. Once another is in use, the address that only
// the former one was accepted from stands in no command, whatever the call was that used the other first.
func TestAnAddressEndsWithItsCredential(t *testing.T) {
	owner, thief := "10.0.0.1", "10.0.0.2"
	shown := func(f workspace.Facts) workspace.Facts {
		f, _ = workspace.RepairByHand(f, token.Digest("new"), at(601))
		return f
	}
	for name, end := range map[string]func(workspace.Facts) workspace.Facts{
		"repair --show": shown,
		"revoke, and repair --show": func(f workspace.Facts) workspace.Facts {
			f, _ = workspace.Revoke(f, p, at(600))
			return shown(f)
		},
		"rotate": func(f workspace.Facts) workspace.Facts {
			return workspace.Rotate(f, token.Digest("new"), workspace.ToOperator, at(601))
		},
	} {
		for first, use := range map[string]func(workspace.Facts) workspace.Facts{
			"a heartbeat": func(f workspace.Facts) workspace.Facts {
				return beat(workspace.Promote(f, at(610)), owner, at(610))
			},
			"a register": func(f workspace.Facts) workspace.Facts {
				d := workspace.Declaration{From: owner}
				return workspace.Register(f, workspace.Admission{Promote: true}, d, token.Digest("new"), token.Hash{}, p, at(610))
			},
		} {
			f := use(end(beat(beat(live(nil), owner, at(590)), thief, at(595))))
			for i := range 2 {
				f, _ = refuse(f, workspace.SignalRegister, thief, "secret", at(620+i))
			}
			if f.AtHome(thief, at(622)) || !f.AtHome(owner, at(622)) {
				t.Errorf("%s, then %s: the addresses are %q", name, first, f.Homes)
			}
			if e := (workspace.Fleet{}).Explain(f, p, at(622)); strings.Contains(e.Command, thief) {
				t.Errorf("%s, then %s: %q", name, first, e.Command)
			}
		}
	}
}

// An agent that moved is refused once after a repair, and the hint names its address. No command does: it would move
// the window of the repair.
func TestARepairOfAMovedAgentEndsNoCircle(t *testing.T) {
	for name, c := range map[string]struct {
		homes   []string
		revoked bool
		want    string
	}{
		"to an address that is new":    {[]string{"10.0.0.1"}, false, "rollcall doctor w"},
		"to an address that it had":    {[]string{"10.0.0.3", "10.0.0.1"}, false, "rollcall doctor w"},
		"after a revocation, to a new": {[]string{"10.0.0.1"}, true, "rollcall doctor w"},
	} {
		t.Run(name, func(t *testing.T) {
			f := live(nil)
			for _, home := range c.homes {
				f = beat(f, home, at(590))
			}
			f, _ = refuse(f, workspace.SignalRegister, "10.0.0.3", "", at(600))
			if c.revoked {
				f, _ = workspace.Revoke(f, p, at(602))
			}
			f, _ = workspace.Repair(f, "10.0.0.1", p, at(603))
			if v := workspace.Assess(f, p, at(604)); v.Action != "restart" || v.Command("w") != "rollcall doctor w" {
				t.Errorf("before it is refused again: %s, %q", v.Action, v.Command("w"))
			}
			f, noted := refuse(f, workspace.SignalRegister, "10.0.0.3", "", at(605))
			v := workspace.Assess(f, p, at(606))
			if !noted || v.Command("w") != c.want || !strings.Contains(v.Hint, "calls from 10.0.0.3 are being refused") {
				t.Errorf("noted %t, command %q, hint %q", noted, v.Command("w"), v.Hint)
			}
			if _, again := refuse(f, workspace.SignalRegister, "10.0.0.3", "", at(607)); again && len(c.homes) == 1 {
				t.Error("each attempt is written")
			}
		})
	}
}

// A window that is open for an address stays there, whoever calls from wherever: no command, no hint and no repair that
// names no address moves it.
func TestAnOpenWindowStaysWhereItIs(t *testing.T) {
	const owner, thief = "10.0.0.1", "10.0.0.2"
	named := regexp.MustCompile(`rollcall repair \S+ --from ([\w:.]*\w)`)
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.BootstrapUntil, f.BootstrapFrom = at(700), owner
		f.SeenFrom = rapid.SampledFrom([]string{"", owner, thief}).Draw(t, "seen from")
		f.Homes = workspace.NoteHome(workspace.NoteHome("", owner, at(500)), thief, at(500))
		f.RefusedFrom = rapid.SampledFrom([]string{"", owner, thief}).Draw(t, "refused from")
		v := workspace.Assess(f, p, now)
		said := []string{v.Command("w"), v.Hint}
		for _, remark := range v.Remarks {
			said = append(said, remark.Command, remark.Text)
		}
		for _, text := range said {
			for _, m := range named.FindAllStringSubmatch(text, -1) {
				if m[1] != owner {
					t.Fatalf("%q, of %+v", text, v)
				}
			}
		}
		if from, err := f.WindowFor(now); err != nil || from != owner {
			t.Fatalf("a repair that names no address is for %q, %v", from, err)
		}
		if f.CheckWindow(owner, now) != nil || fault.CodeOf(f.CheckWindow(thief, now)) != fault.RepairAddressUnknown ||
			fault.CodeOf(f.CheckWindow(thief, at(700))) != apart(f, at(700)) {
			t.Fatal("a window that is open is for its address")
		}
	})
}

// apart is the code with which a repair is refused because calls of late came from two addresses; "" where it is not.
func apart(f workspace.Facts, now time.Time) fault.Code {
	if _, err := f.WindowFor(now); err != nil && strings.Contains(err.Error(), "each of the two may be its agent") {
		return fault.RepairAddressUnknown
	}
	return ""
}

func removed() workspace.Facts {
	return workspace.SetHold(live(nil), workspace.Removed, workspace.DefaultPolicy(), at(500))
}
