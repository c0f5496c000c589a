package workspace_test

import (
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

const (
	ownHome = "10.0.0.1"
	thiefAt = "6.6.6.6"
)

// A thief has the agent's credential replaced by the agent's own route, and is the only one that is accepted since. The
// agent's refused boots stay its own, and no repair guesses which of the two it is.
func TestAThiefsRotationMakesTheAgentNoStranger(t *testing.T) {
	old, next := token.Digest("secret"), token.Digest("next")
	for name, use := range map[string]func(workspace.Facts) workspace.Facts{
		"a heartbeat": func(f workspace.Facts) workspace.Facts { return workspace.Promote(f, at(601)) },
		"a register": func(f workspace.Facts) workspace.Facts {
			d := workspace.Declaration{From: thiefAt}
			return workspace.Register(f, workspace.Admission{Promote: true}, d, next, token.Hash{}, p, at(601))
		},
	} {
		f := use(workspace.Rotate(beat(live(nil), ownHome, at(590)), next, workspace.ToAgent, at(600)))
		f = beat(f, thiefAt, at(602))
		if _, err := workspace.Admit(f, true, old, ownHome, p, at(602)); err == nil {
			t.Fatalf("%s: the former credential is good", name)
		}
		for i := range 2 {
			f, _ = refuse(f, workspace.SignalRegister, ownHome, "secret", at(610+i))
		}
		if v := workspace.Assess(f, p, at(612)); v.Reason != workspace.ReasonCredentialsRejected {
			t.Errorf("%s: %s %s", name, v.Reason, v.Hint)
		}
		if from, err := f.WindowFor(at(612)); fault.CodeOf(err) != fault.RepairAddressUnknown {
			t.Errorf("%s: a repair is for %q: %v", name, from, err)
		}
	}
}

// A thief calls from one address after another. The address that is known longest stays, and while a list of addresses
// is incomplete, no repair guesses one.
func TestNoNumberOfAddressesPushesTheAgentsOut(t *testing.T) {
	f := beat(live(nil), ownHome, at(590))
	for i := range 9 {
		f = beat(f, fmt.Sprint("6.6.6.", i), at(600+i))
		from, err := f.WindowFor(at(600 + i))
		if full := i >= 3; full != (fault.CodeOf(err) == fault.RepairAddressUnknown) {
			t.Errorf("after %d addresses a repair is for %q: %v", i+2, from, err)
		}
		if !f.AtHome(ownHome, at(600+i)) || !f.AtHome(fmt.Sprint("6.6.6.", i), at(600+i)) {
			t.Errorf("after %d addresses: %q", i+2, f.Homes)
		}
	}
	revoked, _ := workspace.Revoke(f, p, at(620))
	if e := (workspace.Fleet{}).Explain(revoked, p, at(621)); !strings.Contains(e.Next, "the list is incomplete") {
		t.Errorf("%q", e.Next)
	}
	f.HeartbeatAt = at(600 + 26*3600)
	if from, err := f.WindowFor(at(600 + 26*3600)); err != nil {
		t.Errorf("a day later a repair is for %q: %v", from, err)
	}
}

// What comes after a credential is shown names a plain repair only where one is not refused.
func TestNoPlainRepairIsNamedThatIsRefused(t *testing.T) {
	const plain = "rollcall repair w and a restart"
	f := beat(live(func(f *workspace.Facts) { f.TakenAs = workspace.ToAgent }), ownHome, at(590))
	if next := workspace.AfterShowing(f, at(600)); !strings.Contains(next, plain) {
		t.Errorf("%q", next)
	}
	f, _ = workspace.Revoke(f, p, at(600))
	if next := workspace.AfterShowing(f, at(601)); strings.Contains(next, plain) {
		t.Errorf("after a revocation: %q", next)
	}
}

// Two call under one id from different addresses, in any order, and what one of them sends is refused for a while. No
// command names either address but that of the last accepted call, and only while it is the one that is refused.
func TestNoCommandChoosesBetweenTwoAddresses(t *testing.T) {
	address := regexp.MustCompile(`rollcall repair w --from (\S*[0-9])`)
	rapid.Check(t, func(t *rapid.T) {
		f := live(nil)
		now := at(600)
		var accepted string
		for range rapid.IntRange(2, 20).Draw(t, "calls") {
			from := rapid.SampledFrom([]string{ownHome, thiefAt}).Draw(t, "from")
			if rapid.Bool().Draw(t, "accepted") {
				f, accepted = beat(f, from, now), from
			} else {
				kind := rapid.SampledFrom([]workspace.SignalKind{
					workspace.SignalRegister, workspace.SignalHeartbeat, workspace.SignalPoll,
				}).Draw(t, "kind")
				f, _ = refuse(f, kind, from, rapid.SampledFrom([]string{"", "secret", "garbage"}).Draw(t, "with"), now)
			}
			now = now.Add(rapid.SampledFrom([]time.Duration{time.Second, 40 * time.Second, 3 * time.Minute}).Draw(t, "time"))
			e := workspace.Fleet{}.Explain(f, p, now)
			texts := e.Command + "\n" + e.Next
			for _, r := range e.Remarks {
				texts += "\n" + r.Command + "\n" + r.Text
			}
			for _, named := range address.FindAllStringSubmatch(texts, -1) {
				if named[1] != accepted && accepted != "" {
					t.Fatalf("%s, while the last accepted call came from %s:\n%s", named[0], accepted, texts)
				}
			}
		}
	})
}

// A thief has had the agent's credential replaced, and then the two call in any order, at any times and with anything.
// From the agent's first refused call on, no command names an address, no repair chooses one, and none that follows a
// verdict does; who is refused a repair is told both addresses.
func TestARefusedAgentsAddressIsNotForgotten(t *testing.T) {
	address := regexp.MustCompile(`rollcall repair w( --from \S*[0-9]|\x60|$|[.,;]| and| then)`)
	rapid.Check(t, func(t *rapid.T) {
		now := at(600)
		next := token.Digest("next")
		f := beat(beat(live(nil), ownHome, at(590)), thiefAt, now)
		f = workspace.Promote(workspace.Rotate(f, next, workspace.ToAgent, now), now)
		heard := false
		for range rapid.IntRange(1, 15).Draw(t, "calls") {
			now = now.Add(rapid.SampledFrom([]time.Duration{
				0, time.Second, 20 * time.Second, 31 * time.Second, 3 * time.Minute,
			}).Draw(t, "time"))
			kind := rapid.SampledFrom(refusalKinds).Draw(t, "kind")
			switch who := rapid.SampledFrom([]string{"agent", "thief", "thief's refused"}).Draw(t, "who"); {
			case who == "agent":
				f, _ = refuse(f, kind, ownHome, "secret", now)
				heard = true
			case who == "thief's refused":
				f, _ = refuse(f, kind, thiefAt, rapid.SampledFrom([]string{"", "secret", "x"}).Draw(t, "with"), now)
			case kind == workspace.SignalRegister:
				f = workspace.Register(f, workspace.Admission{}, workspace.Declaration{From: thiefAt}, next, token.Hash{}, p, now)
			default:
				f = workspace.Observe(f, workspace.Signal{Kind: kind, From: thiefAt}, p, now)
			}
			if !heard {
				continue
			}
			e := workspace.Fleet{}.Explain(f, p, now)
			said := []string{e.Command, e.Next}
			for _, r := range e.Remarks {
				said = append(said, r.Command, r.Text)
			}
			for _, text := range said {
				if address.MatchString(text) {
					t.Fatalf("%q, of %+v", text, f.Refusals)
				}
			}
			from, err := f.WindowFor(now)
			if fault.CodeOf(err) != fault.RepairAddressUnknown ||
				!strings.Contains(err.Error(), ownHome) || !strings.Contains(err.Error(), thiefAt) {
				t.Fatalf("a repair is for %q: %v, of %+v", from, err, f.Refusals)
			}
			if fault.CodeOf(f.CheckWindow(thiefAt, now)) != fault.RepairAddressUnknown {
				t.Fatal("a repair that follows a verdict chooses the thief's address")
			}
		}
	})
}

// An agent that calls from one address, or that an operator let in at another one, has its own command.
func TestAnAgentAloneHasItsCommand(t *testing.T) {
	f := beat(live(nil), ownHome, at(590))
	for i := range 2 {
		f, _ = refuse(f, workspace.SignalRegister, ownHome, "secret", at(600+i))
	}
	if e := (workspace.Fleet{}).Explain(f, p, at(602)); e.Command != "rollcall repair w --from "+ownHome {
		t.Errorf("%q", e.Command)
	}
	const moved = "10.0.0.9"
	f, _ = workspace.Repair(f, moved, p, at(603))
	f = workspace.Register(workspace.TrustOnly(f, moved, at(603)), workspace.Admission{Mint: true},
		workspace.Declaration{From: moved}, token.Hash{}, token.Digest("new"), p, at(604))
	f = beat(workspace.Promote(f, at(605)), moved, at(605))
	for i := range 2 {
		f, _ = refuse(f, workspace.SignalRegister, moved, "secret", at(800+i))
	}
	if e := (workspace.Fleet{}).Explain(f, p, at(802)); e.Command != "rollcall repair w --from "+moved {
		t.Errorf("after a move: %q", e.Command)
	}
}

// An agent has fetched its new credential, and a thief goes on with the one that ended. The verdict tells that there
// are two, its command lets in neither, and an operator who knows which is the agent has the other one forgotten.
func TestAThiefIsLetInByNoCommandAfterTheMending(t *testing.T) {
	f := beat(beat(live(nil), ownHome, at(580)), thiefAt, at(590))
	f = workspace.AskToFetch(f, at(595))
	next := token.Digest("next")
	f = workspace.Register(workspace.Rotate(f, next, workspace.ToAgent, at(600)), workspace.Admission{Promote: true},
		workspace.Declaration{From: ownHome, URL: "http://agent/", Pushable: true}, next, token.Hash{}, p, at(601))
	for i := range 2 {
		f, _ = refuse(f, workspace.SignalRegister, thiefAt, "secret", at(610+i))
	}
	f = beat(f, ownHome, at(620))
	e := workspace.Fleet{}.Explain(f, p, at(621))
	if e.Command != "rollcall repair w --show" || !strings.Contains(e.Summary, "calls from another one are accepted") ||
		!strings.Contains(e.Next, "rollcall dismiss w") {
		t.Errorf("%+v", e)
	}
	f = workspace.Dismiss(f)
	if f.AtHome(thiefAt, at(622)) || !f.AtHome(ownHome, at(622)) {
		t.Errorf("after a dismissal %q", f.Homes)
	}
	for i := range 4 {
		f, _ = refuse(f, workspace.SignalRegister, thiefAt, "secret", at(630+i*70))
		f = beat(f, ownHome, at(631+i*70))
	}
	if v := workspace.Assess(f, p, at(850)); v.Status != workspace.StatusOnline {
		t.Errorf("after a dismissal: %s (%s)", v.Status, v.Reason)
	}
}
