package registry_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var (
	t0       = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	operator = activity.Actor{Who: "operator", From: "10.0.0.1"}
)

// deployed is a registry under a deployment's policy: nobody is let in unasked.
func deployed() *registry.Registry {
	p := workspace.DefaultPolicy()
	s := memory.NewStore(p)
	return &registry.Registry{Leases: s, Profiles: s, Owners: s, Enrolments: s, Fleets: s, Wakeups: &memory.Wakeups{}, Guard: push.New(push.Public, time.Second), Policy: p}
}

type agent struct {
	t     *testing.T
	r     *registry.Registry
	token string
}

// register registers, and keeps what it is given; it returns the refusal's code.
func (a *agent) register(id, enrolment string, now time.Time) fault.Code {
	out, err := a.r.Register(a.t.Context(), registry.Registration{ID: id, Credential: a.token, Enrolment: enrolment, From: "10.0.0.7"}, now)
	if out.AuthToken != "" {
		a.token = out.AuthToken
	}
	return fault.CodeOf(err)
}

func (a *agent) beat(id string, now time.Time) fault.Code {
	_, err := a.r.Signal(a.t.Context(), id, a.token, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.7"}, now)
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

func TestEnrolment(t *testing.T) {
	want := func(t *testing.T, got, code fault.Code) {
		t.Helper()
		if got != code {
			t.Fatalf("got %q, want %q", got, code)
		}
	}
	t.Run("without a token nobody is let in", func(t *testing.T) {
		a := &agent{t: t, r: deployed()}
		want(t, a.register("w", "", t0), fault.EnrolmentRequired)
		a.token = "brought along"
		want(t, a.register("w", "", t0), fault.EnrolmentRequired)
	})
	t.Run("a token lets in as many as it has uses", func(t *testing.T) {
		r := deployed()
		text := enrol(t, r, "", 2)
		for _, id := range []string{"a", "b"} {
			a := &agent{t: t, r: r}
			want(t, a.register(id, text, t0), "")
			want(t, a.beat(id, t0), "")
			want(t, a.register(id, text, t0), "") // its next boot needs no further use
		}
		want(t, (&agent{t: t, r: r}).register("c", text, t0), fault.EnrolmentUnknown)
	})
	t.Run("a lost reply takes no second use, and locks nobody out", func(t *testing.T) {
		r := deployed()
		text := enrol(t, r, "", 1)
		want(t, (&agent{t: t, r: r}).register("w", text, t0), "")
		a := &agent{t: t, r: r}
		want(t, a.register("w", text, t0), "")
		want(t, a.beat("w", t0), "")
		want(t, (&agent{t: t, r: r}).register("w", text, t0), fault.CredentialMissing) // it is burnt: the id is in use
	})
	t.Run("it is burnt too when a register is the first use", func(t *testing.T) {
		r := deployed()
		text := enrol(t, r, "", 1)
		a := &agent{t: t, r: r}
		want(t, a.register("w", text, t0), "")
		want(t, a.register("w", text, t0), "") // with the credential it was given
		want(t, (&agent{t: t, r: r}).register("w", text, t0), fault.CredentialMissing)
		want(t, a.beat("w", t0), "")
	})
	t.Run("one for any id takes over nobody's", func(t *testing.T) {
		r := deployed()
		if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
			t.Fatal(err)
		}
		want(t, (&agent{t: t, r: r}).register("w", enrol(t, r, "", 1), t0), fault.CredentialMissing)
	})
	t.Run("one for a workspace gives a second credential to it, and to it alone", func(t *testing.T) {
		r := deployed()
		made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
		if err != nil {
			t.Fatal(err)
		}
		old := &agent{t: t, r: r, token: made.AuthToken}
		want(t, old.beat("w", t0), "")
		text := enrol(t, r, "w", 1)
		want(t, (&agent{t: t, r: r}).register("x", text, t0), fault.EnrolmentUnknown)
		fresh := &agent{t: t, r: r}
		want(t, fresh.register("w", text, t0), "")
		want(t, old.beat("w", t0), "")
		want(t, fresh.beat("w", t0), "")
		want(t, old.beat("w", t0), fault.CredentialUnknown)
	})
	t.Run("one past its time, withdrawn, or made up lets nobody in", func(t *testing.T) {
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
	t.Run("a removed workspace stays removed", func(t *testing.T) {
		r := deployed()
		if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Hold(t.Context(), "w", workspace.Removed, operator, t0); err != nil {
			t.Fatal(err)
		}
		want(t, (&agent{t: t, r: r}).register("w", enrol(t, r, "w", 1), t0), fault.WorkspaceRemoved)
	})
}

// The window of a repair is burnt by the first use of what it issued, and by
// nothing else.
func TestARepairsWindow(t *testing.T) {
	r := deployed()
	made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	old := &agent{t: t, r: r, token: made.AuthToken}
	if code := old.beat("w", t0); code != "" {
		t.Fatal(code)
	}
	if _, revoked, err := r.Repair(t.Context(), "w", "", operator, t0); err != nil || revoked != 1 {
		t.Fatal(revoked, err)
	}
	if code := old.beat("w", t0); code != fault.CredentialUnknown {
		t.Fatal(code)
	}
	lost, fresh := &agent{t: t, r: r}, &agent{t: t, r: r}
	for _, a := range []*agent{lost, fresh} {
		if code := a.register("w", "", t0.Add(time.Minute)); code != "" {
			t.Fatal(code)
		}
	}
	if code := fresh.beat("w", t0.Add(time.Minute)); code != "" {
		t.Fatal(code)
	}
	if code := (&agent{t: t, r: r}).register("w", "", t0.Add(2*time.Minute)); code != fault.CredentialMissing {
		t.Fatalf("the window is open after the first use: %q", code)
	}
}
