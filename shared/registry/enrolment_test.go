package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var (
	t0       = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	operator = activity.Actor{Who: "operator", From: "10.0.0.1"}
)

// deployed is a registry with the policy of a deployment: nobody gets a credential
// without an enrolment.
func deployed() *registry.Registry {
	p := workspace.DefaultPolicy()
	s := memory.NewStore(p)
	return &registry.Registry{
		Leases: s, Profiles: s, Owners: s, Enrolments: s, Fleets: s, Wakeups: &memory.Wakeups{},
		Guard: push.New(push.Public, push.Patience{}), Policy: p, StatusLog: &statuslog.Log{Store: s, Policy: p},
	}
}

// address is the network address of every agent.
const address = "10.0.0.7"

type agent struct {
	t     *testing.T
	r     *registry.Registry
	token string
}

// register registers, keeps the credential it is given, and returns the code of the
// error; "" for none.
func (a *agent) register(id, enrolment string, now time.Time) fault.Code {
	in := registry.Registration{ID: id, Credential: a.token, Enrolment: enrolment, From: address}
	out, err := a.r.Register(a.t.Context(), in, now)
	if out.AuthToken != "" {
		a.token = out.AuthToken
	}
	return fault.CodeOf(err)
}

func (a *agent) heartbeat(id string, now time.Time) fault.Code {
	signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: address}
	_, err := a.r.Signal(a.t.Context(), id, a.token, signal, now)
	return fault.CodeOf(err)
}

func enrol(t *testing.T, r *registry.Registry, id string, uses int) string {
	t.Helper()
	text, _, err := r.Enrol(t.Context(), id, uses, time.Hour, operator, t0)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ends are the ways in which an operator ends the credentials of the workspace w, or has one shown to place instead.
var ends = map[string]func(context.Context, *registry.Registry) error{
	"revoke": func(ctx context.Context, r *registry.Registry) error {
		_, _, err := r.Revoke(ctx, "w", true, operator, t0)
		return err
	},
	"repair": func(ctx context.Context, r *registry.Registry) error {
		return repaired(ctx, r, registry.RepairInput{ID: "w", Force: true, By: operator})
	},
	"repair --from": func(ctx context.Context, r *registry.Registry) error {
		return repaired(ctx, r, registry.RepairInput{ID: "w", From: address, Force: true, By: operator})
	},
	"repair --show": func(ctx context.Context, r *registry.Registry) error {
		return repaired(ctx, r, registry.RepairInput{ID: "w", Show: true, Force: true, By: operator})
	},
	"rotate, shown": func(ctx context.Context, r *registry.Registry) error {
		_, _, err := r.Rotate(ctx, registry.RotateInput{ID: "w", To: workspace.ToOperator, By: operator}, t0)
		return err
	},
	"adopt --reset-credentials": func(ctx context.Context, r *registry.Registry) error {
		_, err := r.Create(ctx, registry.CreateInput{
			ID: "w", Adopt: true, ResetCredentials: true, Force: true, By: operator,
		}, t0)
		return err
	},
}

func repaired(ctx context.Context, r *registry.Registry, in registry.RepairInput) error {
	_, err := r.Repair(ctx, in, t0)
	return err
}

func TestEnrolment(t *testing.T) {
	want := func(t *testing.T, got, code fault.Code) {
		t.Helper()
		if got != code {
			t.Fatalf("got %q, want %q", got, code)
		}
	}
	t.Run("without a token nobody gets a credential", func(t *testing.T) {
		a := &agent{t: t, r: deployed()}
		want(t, a.register("w", "", t0), fault.CredentialMissing)
		a.token = "brought along"
		want(t, a.register("w", "", t0), fault.CredentialUnknown)
	})
	t.Run("a token can be used as often as it says", func(t *testing.T) {
		r := deployed()
		text := enrol(t, r, "", 2)
		for _, id := range []string{"a", "b"} {
			a := &agent{t: t, r: r}
			want(t, a.register(id, text, t0), "")
			want(t, a.heartbeat(id, t0), "")
			want(t, a.register(id, text, t0), "") // its next boot needs no further use
		}
		want(t, (&agent{t: t, r: r}).register("c", text, t0), fault.EnrolmentUnknown)
	})
	t.Run("a lost reply takes no second use, and locks no agent out", func(t *testing.T) {
		r := deployed()
		text := enrol(t, r, "", 1)
		want(t, (&agent{t: t, r: r}).register("w", text, t0), "")
		a := &agent{t: t, r: r}
		want(t, a.register("w", text, t0), "")
		want(t, a.heartbeat("w", t0), "")
		want(t, (&agent{t: t, r: r}).register("w", text, t0), fault.CredentialMissing) // the id is in use
	})
	t.Run("a token for new ids names the way to one that an operator created", func(t *testing.T) {
		r := deployed()
		if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
			t.Fatal(err)
		}
		_, err := r.Register(t.Context(), registry.Registration{
			ID: "w", Enrolment: enrol(t, r, "", 5), From: "10.0.0.1",
		}, t0)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Code != fault.EnrolmentUnknown || e.Action != "enrol" || !strings.Contains(e.Hint, "rollcall enrol w;") {
			t.Fatalf("%+v", err)
		}
		a := &agent{t: t, r: r}
		want(t, a.register("w", enrol(t, r, "w", 1), t0), "") // what the hint says
		want(t, a.heartbeat("w", t0), "")
		_, err = r.Register(t.Context(), registry.Registration{
			ID: "w", Enrolment: enrol(t, r, "", 5), From: "10.0.0.1",
		}, t0)
		want(t, fault.CodeOf(err), fault.CredentialMissing) // it has called: its credential is lost
	})
	t.Run("whoever only saw the token takes nobody's place", func(t *testing.T) {
		r := deployed()
		for id, bound := range map[string]string{"a": "", "b": "b"} {
			text := enrol(t, r, bound, 5)
			a := &agent{t: t, r: r}
			want(t, a.register(id, text, t0), "")
			first := a.token
			thief := registry.Registration{ID: id, Enrolment: text, From: "6.6.6.6"}
			_, err := r.Register(t.Context(), thief, t0)
			want(t, fault.CodeOf(err), fault.EnrolmentUnknown)
			moved := registry.Registration{ID: id, Enrolment: text, Credential: first, From: "10.0.0.8"}
			if _, err := r.Register(t.Context(), moved, t0); err != nil {
				t.Fatal(err) // it brings what it was given
			}
			want(t, a.heartbeat(id, t0), "")
		}
	})
	t.Run("a register can be the first use of a credential too", func(t *testing.T) {
		r := deployed()
		text := enrol(t, r, "", 1)
		a := &agent{t: t, r: r}
		want(t, a.register("w", text, t0), "")
		want(t, a.register("w", text, t0), "") // with the credential it was given
		want(t, (&agent{t: t, r: r}).register("w", text, t0), fault.CredentialMissing)
		want(t, a.heartbeat("w", t0), "")
	})
	t.Run("a token for any id takes over no workspace", func(t *testing.T) {
		r := deployed()
		if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
			t.Fatal(err)
		}
		want(t, (&agent{t: t, r: r}).register("w", enrol(t, r, "", 1), t0), fault.EnrolmentUnknown)
	})
	t.Run("a token for a workspace gives a second credential to it alone", func(t *testing.T) {
		r := deployed()
		made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
		if err != nil {
			t.Fatal(err)
		}
		old := &agent{t: t, r: r, token: made.AuthToken}
		want(t, old.heartbeat("w", t0), "")
		text := enrol(t, r, "w", 1)
		want(t, (&agent{t: t, r: r}).register("x", text, t0), fault.EnrolmentUnknown)
		fresh := &agent{t: t, r: r}
		want(t, fresh.register("w", text, t0), "")
		want(t, old.heartbeat("w", t0), "")
		want(t, fresh.heartbeat("w", t0), "")
		want(t, old.heartbeat("w", t0), fault.CredentialUnknown)
	})
	t.Run("a token that is expired, withdrawn or made up gives no credential", func(t *testing.T) {
		r := deployed()
		text := enrol(t, r, "", 1)
		want(t, (&agent{t: t, r: r}).register("w", text, t0.Add(time.Hour)), fault.EnrolmentUnknown)
		made, _ := token.Mint(token.Enrolment)
		want(t, (&agent{t: t, r: r}).register("w", made, t0), fault.EnrolmentUnknown)
		if err := r.Enrolments.Withdraw(t.Context(), token.PublicID(text), activity.AuditEntry{Actor: operator}); err != nil {
			t.Fatal(err)
		}
		want(t, (&agent{t: t, r: r}).register("w", text, t0), fault.EnrolmentUnknown)
	})
	t.Run("a token ends with the credential that it was made with, and with no other", func(t *testing.T) {
		for name, c := range map[string]struct {
			end  func(all *people.People, made people.Person) error
			at   time.Duration
			want fault.Code
		}{
			"nothing":                        {},
			"its maker's credential expires": {at: 2 * time.Hour},
			"its maker's credential is revoked": {
				end: func(all *people.People, made people.Person) error {
					_, _, err := all.Revoke(t.Context(), made.ID, operator, t0)
					return err
				}, want: fault.EnrolmentUnknown,
			},
			"its maker's credential was revoked, and all of it has ended": {
				end: func(all *people.People, made people.Person) error {
					_, _, err := all.Revoke(t.Context(), made.ID, operator, t0)
					return errors.Join(err, all.Forget(t.Context(), made.ID))
				}, want: fault.EnrolmentUnknown,
			},
			"another one's is revoked, whose name has the maker's": {
				end: func(all *people.People, made people.Person) error {
					other := made // of a time when a name could be any text
					other.ID, other.Name, other.Makers = "another", made.Actor(), nil
					if err := all.Store.AddPerson(t.Context(), other, activity.AuditEntry{At: t0}); err != nil {
						return err
					}
					_, _, err := all.Revoke(t.Context(), other.ID, operator, t0)
					return err
				},
			},
		} {
			r := deployed()
			store := r.Enrolments.(*memory.Store)
			all := &people.People{Store: store, Audit: store}
			grant := people.Grant{Name: "ana", Scope: people.Operate, Lasts: time.Hour}
			_, made, err := all.Create(t.Context(), grant, operator, t0)
			if err != nil {
				t.Fatal(err)
			}
			text, _, err := r.Enrol(t.Context(), "", 5, 24*time.Hour, activity.Actor{Who: made.Actor()}, t0)
			if err != nil {
				t.Fatal(err)
			}
			roots := enrol(t, r, "", 1)
			in, lost := &agent{t: t, r: r}, &agent{t: t, r: r}
			want(t, in.register("in", text, t0), "")
			want(t, lost.register("lost", text, t0), "")
			if c.end != nil {
				if err := c.end(all, made); err != nil {
					t.Fatal(name, err)
				}
			}
			now := t0.Add(c.at)
			for id, token := range map[string]string{"new": text, "lost": text, "for any id": "rce_x"} {
				wanted := c.want
				if token != text {
					wanted = fault.EnrolmentUnknown
				}
				got := (&agent{t: t, r: r}).register(strings.ReplaceAll(id, " ", "-"), token, now)
				if got != wanted {
					t.Errorf("%s: %s: %q, want %q", name, id, got, wanted)
				}
			}
			want(t, in.heartbeat("in", now), "") // it was let in before
			if c.at == 0 {
				want(t, (&agent{t: t, r: r}).register("roots", roots, now), "")
			}
		}
	})
	t.Run("a token for a workspace ends when an operator ends its credentials", func(t *testing.T) {
		for name, end := range ends {
			r := deployed()
			made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
			if err != nil {
				t.Fatal(err)
			}
			want(t, (&agent{t: t, r: r, token: made.AuthToken}).heartbeat("w", t0), "")
			stolen := enrol(t, r, "w", 5)
			if err := end(t.Context(), r); err != nil {
				t.Fatal(name, err)
			}
			thief := registry.Registration{ID: "w", Enrolment: stolen, From: "6.6.6.6"}
			if _, err := r.Register(t.Context(), thief, t0); fault.CodeOf(err) != fault.EnrolmentUnknown {
				t.Errorf("after %s: %v", name, err)
			}
			a := &agent{t: t, r: r}
			want(t, a.register("w", enrol(t, r, "w", 1), t0), "") // one that is made since
			want(t, a.heartbeat("w", t0), "")
			if _, err := r.Register(t.Context(), thief, t0); fault.CodeOf(err) == "" {
				t.Errorf("after %s, and once the agent is back: the token is good again", name)
			}
			want(t, a.heartbeat("w", t0), "")
		}
	})
	t.Run("a token that is made between two revocations ends with the second", func(t *testing.T) {
		r := deployed()
		if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
			t.Fatal(err)
		}
		want(t, fault.CodeOf(ends["revoke"](t.Context(), r)), "")
		text := enrol(t, r, "w", 1)
		want(t, fault.CodeOf(ends["revoke"](t.Context(), r)), "")
		want(t, (&agent{t: t, r: r}).register("w", text, t0), fault.EnrolmentUnknown)
	})
	t.Run("a removed workspace stays removed", func(t *testing.T) {
		r := deployed()
		if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Hold(t.Context(), "w", workspace.Removed, operator, t0); err != nil {
			t.Fatal(err)
		}
		want(t, (&agent{t: t, r: r}).register("w", enrol(t, r, "w", 1), t0), fault.EnrolmentUnknown)
	})
}

// The bootstrap window of a repair ends with the first use of a credential that it
// issued, and with nothing else.
func TestTheBootstrapWindowOfARepair(t *testing.T) {
	r := deployed()
	made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	old := &agent{t: t, r: r, token: made.AuthToken}
	if code := old.heartbeat("w", t0); code != "" {
		t.Fatal(code)
	}
	repair := registry.RepairInput{ID: "w", Force: true, By: operator}
	if out, err := r.Repair(t.Context(), repair, t0); err != nil || out.Revoked != 1 {
		t.Fatal(out, err)
	}
	if code := old.heartbeat("w", t0); code != fault.CredentialUnknown {
		t.Fatal(code)
	}
	lost, fresh := &agent{t: t, r: r}, &agent{t: t, r: r}
	for _, a := range []*agent{lost, fresh} {
		if code := a.register("w", "", t0.Add(time.Minute)); code != "" {
			t.Fatal(code)
		}
	}
	if code := fresh.heartbeat("w", t0.Add(time.Minute)); code != "" {
		t.Fatal(code)
	}
	if code := (&agent{t: t, r: r}).register("w", "", t0.Add(2*time.Minute)); code != fault.CredentialMissing {
		t.Fatalf("the window is open after the first use: %q", code)
	}
}

// Whoever brings a credential of its own, or none, and a false enrolment token is answered alike about a workspace that
// is there, one that was removed, and one that never was.
func TestAFalseEnrolmentTellsNoIDs(t *testing.T) {
	r := deployed()
	create := func(id string) string {
		made, err := r.Create(t.Context(), registry.CreateInput{ID: id, By: operator}, t0)
		if err != nil {
			t.Fatal(err)
		}
		return made.AuthToken
	}
	create("live")
	create("removed")
	if _, err := r.Hold(t.Context(), "removed", workspace.Removed, operator, t0); err != nil {
		t.Fatal(err)
	}
	caller := &agent{t: t, r: r, token: create("caller")}
	former := caller.token
	var err error
	if _, caller.token, err = r.Rotate(t.Context(), registry.RotateInput{
		ID: "caller", To: workspace.ToOperator, By: operator,
	}, t0); err != nil || caller.heartbeat("caller", t0) != "" {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token string
		want  fault.Code
	}{
		"the caller's credential": {caller.token, fault.CredentialOfAnother},
		"the caller's former one": {former, fault.CredentialOfAnother},
		"none":                    {"", fault.EnrolmentUnknown},
		"an unknown one":          {"guess", fault.EnrolmentUnknown},
	} {
		for _, id := range []string{"live", "removed", "unknown"} {
			for _, enrolment := range []string{"rce_no_such", "no token at all"} {
				a := &agent{t: t, r: r, token: c.token}
				if got := a.register(id, enrolment, t0); got != c.want {
					t.Errorf("%s, %s, %s: %s, not %s", name, id, enrolment, got, c.want)
				}
			}
		}
	}
}

// Where bootstrap is open, an enrolment token lets nobody in who would not come in without it, and no use of it is
// taken: a token for one agent is there for the next one too. The audit trail says so. Where it is not, each agent
// takes a use.
func TestAnEnrolmentIsNotUsedWhereBootstrapIsOpen(t *testing.T) {
	for _, open := range []bool{true, false} {
		r := deployed()
		if open {
			r.Policy.Bootstrap = workspace.Open
		}
		text := enrol(t, r, "", 1)
		first, second := agent{t: t, r: r}, agent{t: t, r: r}
		if code := first.register("w", text, t0); code != "" {
			t.Fatalf("open is %v: the first is refused: %s", open, code)
		}
		if code := second.register("second", text, t0); (code == "") != open {
			t.Errorf("open is %v: the second is answered %q", open, code)
		}
		e, err := r.Enrolments.Enrolment(t.Context(), token.PublicID(text))
		if uses := map[bool]int{true: 1, false: 0}[open]; err != nil || e.Uses != uses {
			t.Errorf("open is %v: %d uses are left, %v", open, e.Uses, err)
		}
		lines := trail(t, r)
		if len(lines) != 1 || strings.Contains(lines[0].Summary, "was not looked at") != open {
			t.Errorf("open is %v: %+v", open, lines)
		}
	}
}
