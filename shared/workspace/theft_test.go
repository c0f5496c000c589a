package workspace_test

import (
	"fmt"
	"strings"
	"testing"

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
