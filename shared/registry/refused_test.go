package registry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// refused is a way in which each call of an agent is refused, and what everybody is told of it. A person's credential
// is refused before the registry is asked: see shared/httpapi.
type refused struct {
	sends func(*testing.T, *registry.Registry, *agent) (credential, enrolment string)
	// What the agent is told.
	code   fault.Code
	action fault.Action
	hint   string
	// What an operator is told when the lease has run out.
	reason   workspace.Reason
	evidence string
	command  string
	doctor   fault.Code // of the look at the credential that the agent has; "": it is a workspace's
}

func nothing(*testing.T, *registry.Registry, *agent) (string, string) { return "", "" }

func garbage(*testing.T, *registry.Registry, *agent) (string, string) { return "garbage", "" }

func another(t *testing.T, r *registry.Registry, _ *agent) (string, string) {
	t.Helper()
	made, err := r.Create(t.Context(), registry.CreateInput{ID: "other", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	return made.AuthToken, ""
}

func former(t *testing.T, r *registry.Registry, a *agent) (string, string) {
	t.Helper()
	old := a.token
	_, minted, err := r.Rotate(t.Context(), registry.RotateInput{ID: "w", To: workspace.ToOperator, By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	a.token = minted
	if code := a.heartbeat("w", t0); code != "" {
		t.Fatal(code)
	}
	return old, ""
}

func removed(t *testing.T, r *registry.Registry, a *agent) (string, string) {
	t.Helper()
	if _, err := r.Hold(t.Context(), "w", workspace.Removed, operator, t0); err != nil {
		t.Fatal(err)
	}
	return a.token, ""
}

// byToken is what is told of a register without a credential whose enrolment token is not good.
func byToken(sends func(*testing.T, *registry.Registry, *agent) (string, string), why string) refused {
	return refused{
		sends, fault.EnrolmentUnknown, fault.ActionEnrol, "rollcall enrol", workspace.ReasonCredentialsRejected,
		"it came with an enrolment token " + why, "rollcall enrol w", fault.CredentialMissing,
	}
}

// fetched is refused for an agent that has fetched its credential itself.
func fetched(c refused, command string) refused {
	c.command = command
	return c
}

func issued(t *testing.T, r *registry.Registry, id string, lasts time.Duration) (text string, e registry.Enrolment) {
	t.Helper()
	text, e, err := r.Enrol(t.Context(), id, 1, lasts, operator, t0)
	if err != nil {
		t.Fatal(err)
	}
	return text, e
}

func expired(t *testing.T, r *registry.Registry, _ *agent) (string, string) {
	t.Helper()
	text, _ := issued(t, r, "w", time.Second)
	return "", text
}

func usedUp(t *testing.T, r *registry.Registry, a *agent) (string, string) {
	t.Helper()
	text, _ := issued(t, r, "w", time.Hour)
	a.token = ""
	if code := a.register("w", text, t0) + a.heartbeat("w", t0); code != "" {
		t.Fatal(code)
	}
	return "", text
}

func withdrawn(t *testing.T, r *registry.Registry, _ *agent) (string, string) {
	t.Helper()
	text, e := issued(t, r, "w", time.Hour)
	err := r.Enrolments.Withdraw(t.Context(), e.ID, activity.AuditEntry{Actor: operator, Action: "withdraw", At: t0})
	if err != nil {
		t.Fatal(err)
	}
	return "", text
}

func forged(*testing.T, *registry.Registry, *agent) (string, string) {
	text, _ := token.Mint(token.Enrolment)
	return "", text
}

func forAnother(t *testing.T, r *registry.Registry, _ *agent) (string, string) {
	t.Helper()
	text, _ := issued(t, r, "other", time.Hour)
	return "", text
}

func ended(t *testing.T, r *registry.Registry, a *agent) (string, string) {
	t.Helper()
	text, _ := issued(t, r, "w", time.Hour)
	former(t, r, a) // an operator is shown another credential
	return "", text
}

// Whatever an agent is refused for: it is told what to do, an operator is told why and by which command it ends, and
// after that command the agent is accepted.
func TestEachRefusalIsToldAndMended(t *testing.T) {
	const rejected, repair, window = workspace.ReasonCredentialsRejected, "rollcall repair w --show",
		"rollcall repair w --from " + address
	const explain = "rollcall explain w"
	for name, c := range map[string]refused{
		"no credential": {
			nothing, fault.CredentialMissing, fault.ActionRepair, explain, rejected, "refused", repair, fault.CredentialMissing,
		},
		"garbage": {
			garbage, fault.CredentialUnknown, fault.ActionRepair, explain, rejected, "refused", repair, fault.CredentialUnknown,
		},
		"a former one": {
			former, fault.CredentialUnknown, fault.ActionRepair, explain, rejected, "once", repair, fault.CredentialUnknown,
		},
		"another workspace's": {
			another, fault.CredentialOfAnother, fault.ActionStop, "the workspace that the call names",
			rejected, "another workspace's", "rollcall doctor w", "",
		},
		"one of a removed workspace": {
			removed, fault.WorkspaceRemoved, fault.ActionStop, "create w again", workspace.ReasonRemoved, "removed by",
			"rollcall create w", fault.WorkspaceRemoved,
		},
		"an expired enrolment token":              byToken(expired, "that has expired"),
		"one that it fetched its credential with": fetched(byToken(usedUp, "that is used up"), window),
		"one that was withdrawn":                  byToken(withdrawn, "that is unknown, withdrawn or long expired"),
		"one that nobody issued":                  byToken(forged, "that is unknown, withdrawn or long expired"),
		"one that is for another":                 byToken(forAnother, "that is for another workspace"),
		"one from before its agent came":          byToken(ended, "that ended when an operator ended this"),
	} {
		t.Run(name, func(t *testing.T) {
			r, a := working(t)
			credential, enrolment := c.sends(t, r, a)
			now := c.checkTold(t, r, credential, enrolment)
			if _, _, err := r.InspectCredential(t.Context(), credential, t0); fault.CodeOf(err) != c.doctor {
				t.Errorf("doctor is told %v", err)
			}
			c.checkVerdict(t, r, now)
			if code := a.register("w", mend(t, r, a, c.command, now), now); code != "" {
				t.Fatalf("after %s its register is refused: %s", c.command, code)
			}
			f, err := r.Signal(t.Context(), "w", a.token, workspace.Signal{Kind: workspace.SignalPoll, From: address}, now)
			if v := workspace.Assess(f, r.Policy, now); err != nil || v.Status != workspace.StatusOnline {
				t.Errorf("after %s it is %s (%s), %v", c.command, v.Status, v.Reason, err)
			}
		})
	}
}

// checkTold has the agent call in each way, looks at what it is told, and returns when the lease has run out.
func (c refused) checkTold(t *testing.T, r *registry.Registry, credential, enrolment string) time.Time {
	t.Helper()
	now := t0.Add(r.Policy.LeaseTTL / 2)
	check := func(call string, err error, code fault.Code, hint string) {
		t.Helper()
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Code != code || !strings.Contains(e.Hint, hint) || code == c.code && e.Action != c.action {
			t.Errorf("its %s is told %+v", call, e)
		}
	}
	for range 2 {
		in := registry.Registration{ID: "w", Credential: credential, Enrolment: enrolment, From: address}
		_, err := r.Register(t.Context(), in, now)
		check("register", err, c.code, c.hint)
		now = now.Add(time.Second)
	}
	code, hint := c.code, c.hint
	if enrolment != "" {
		code, hint = fault.CredentialMissing, "rollcall explain w" // only a register brings an enrolment token
	}
	for _, kind := range []workspace.SignalKind{
		workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall,
	} {
		_, err := r.Signal(t.Context(), "w", credential, workspace.Signal{Kind: kind, From: address}, now)
		check(string(kind), err, code, hint)
	}
	return t0.Add(r.Policy.LeaseTTL + r.Policy.Grace + time.Minute)
}

// checkVerdict looks at what an operator is told.
func (c refused) checkVerdict(t *testing.T, r *registry.Registry, now time.Time) {
	t.Helper()
	f, err := r.Read(t.Context(), "w")
	if code := fault.CodeOf(err); err != nil && code != fault.WorkspaceRemoved {
		t.Fatal(err)
	}
	v := workspace.Assess(f, r.Policy, now)
	said := slices.ContainsFunc(v.Evidence, func(e workspace.Evidence) bool {
		return strings.Contains(e.Fact, c.evidence)
	})
	if v.Reason != c.reason || v.Command("w") != c.command || v.Hint == "" || !said {
		t.Errorf("an operator is told %s: %s\n%s\n%+v", v.Reason, v.Command("w"), v.Hint, v.Evidence)
	}
}

// mend does what a command of a verdict does, and returns the enrolment token that it made, if any. One that only looks
// finds that the agent has to send its own credential.
func mend(
	t *testing.T, r *registry.Registry, a *agent, command string, now time.Time,
) (enrolment string) {
	t.Helper()
	switch words := strings.Fields(command); words[1] {
	case "repair":
		in := registry.RepairInput{ID: "w", Show: words[3] == "--show", By: operator}
		if !in.Show {
			in.From = words[4]
		}
		out, err := r.Repair(t.Context(), in, now)
		if err != nil {
			t.Fatal(err)
		}
		a.token = out.AuthToken // "": it is lost
	case "enrol":
		text, _, err := r.Enrol(t.Context(), words[2], 1, time.Hour, operator, now)
		if err != nil {
			t.Fatal(err)
		}
		a.token, enrolment = "", text
	case "create":
		made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, now)
		if err != nil {
			t.Fatal(err)
		}
		a.token = made.AuthToken
	}
	return enrolment
}

// A register with an enrolment token that was good once is told though no call of its workspace was ever accepted, or
// no operator made one: in the status, if there is one, with the command that mends it, and in the audit trail, with
// one line a minute. A token that nobody issued leaves no line.
func TestARefusedTokenIsToldOfANewcomer(t *testing.T) {
	for name, c := range map[string]struct {
		created bool
		id      string // that the token is for
		sends   func(*testing.T, *registry.Registry, *agent) (string, string)
		why     string
		lines   int
	}{
		"expired":                        {true, "w", expired, "that has expired", 1},
		"for another":                    {true, "other", forAnother, "that is for another workspace", 1},
		"forged":                         {true, "", forged, "that is unknown, withdrawn or long expired", 0},
		"expired, of an id nobody made":  {false, "w", expired, "that has expired", 1},
		"forged, for an id nobody made":  {false, "", forged, "", 0},
		"expired, for any id":            {false, "", anyExpired, "that has expired", 1},
		"expired, for any id, and w is":  {true, "", anyExpired, "that has expired", 1},
		"used up, for any id":            {false, "", anyUsedUp, "that is used up", 1},
		"used up, for any id, and w is":  {true, "", anyUsedUp, "that is used up", 1},
		"good for new ids alone, w is":   {true, "", forNewIDs, "that is for new ids alone", 0},
		"it is for another, and none is": {false, "other", forAnother, "that is for another workspace", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := deployed()
			if c.created {
				if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
					t.Fatal(err)
				}
			}
			_, enrolment := c.sends(t, r, nil)
			now := t0.Add(10 * time.Second)
			for range 20 {
				now = now.Add(time.Second)
				in := registry.Registration{ID: "w", Enrolment: enrolment, From: address}
				if _, err := r.Register(t.Context(), in, now); fault.CodeOf(err) != fault.EnrolmentUnknown {
					t.Fatal(err)
				}
			}
			trail := workspace.Life{Workspace: c.id}
			if c.id == "" {
				trail = activity.Platform
			}
			rows, err := r.Enrolments.(*memory.Store).AuditTrail(t.Context(), trail, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			rows = slices.DeleteFunc(rows, func(row activity.Row) bool { return row.Method != "enrolment_refused" })
			if len(rows) != c.lines || c.lines > 0 && !strings.Contains(rows[0].Summary, c.why) {
				t.Errorf("the trail of %v has %+v", trail, rows)
			}
			if !c.created {
				return
			}
			f, err := r.Read(t.Context(), "w")
			v := workspace.Assess(f, r.Policy, now)
			if err != nil || v.Reason != workspace.ReasonNeverRegistered || v.Command("w") != "rollcall enrol w" ||
				!strings.Contains(v.Hint, "it came with an enrolment token "+c.why+" (enrolment_unknown)") ||
				!strings.Contains(v.Hint, address) || v.FaultyHop() != workspace.HopCredential {
				t.Errorf("an operator is told %s: %s\n%s, %v", v.Reason, v.Command("w"), v.Hint, err)
			}
		})
	}
}

func anyExpired(t *testing.T, r *registry.Registry, _ *agent) (string, string) {
	t.Helper()
	text, _ := issued(t, r, "", time.Second)
	return "", text
}

func anyUsedUp(t *testing.T, r *registry.Registry, _ *agent) (string, string) {
	t.Helper()
	text, _ := issued(t, r, "", time.Hour)
	in := registry.Registration{ID: "first", Enrolment: text, From: address}
	if _, err := r.Register(t.Context(), in, t0); err != nil {
		t.Fatal(err)
	}
	return "", text
}

func forNewIDs(t *testing.T, r *registry.Registry, _ *agent) (string, string) {
	t.Helper()
	text, _ := issued(t, r, "", time.Hour)
	return "", text
}
