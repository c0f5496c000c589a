package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// working is a registry with the workspace w, whose agent was accepted at t0.
func working(t *testing.T) (*registry.Registry, *agent) {
	t.Helper()
	r := deployed()
	made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, r: r, token: made.AuthToken}
	if code := a.heartbeat("w", t0); code != "" {
		t.Fatal(code)
	}
	return r, a
}

// registerFrom registers without a credential from an address.
func registerFrom(t *testing.T, r *registry.Registry, from string, now time.Time) error {
	t.Helper()
	_, err := r.Register(t.Context(), registry.Registration{ID: "w", From: from}, now)
	return err
}

func TestWhomARepairLetsIn(t *testing.T) {
	for name, c := range map[string]struct {
		in   registry.RepairInput
		lets map[string]bool // address → is let in
	}{
		"the address of the last accepted call": {
			registry.RepairInput{}, map[string]bool{"6.6.6.6": false, address: true},
		},
		"the one that is named": {
			registry.RepairInput{From: "10.0.0.8"}, map[string]bool{"6.6.6.6": false, address: false, "10.0.0.8": true},
		},
		"anyone, where that is said": {registry.RepairInput{Anyone: true}, map[string]bool{"6.6.6.6": true}},
		"nobody, where one is shown": {registry.RepairInput{Show: true}, map[string]bool{"6.6.6.6": false, address: false}},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := working(t)
			c.in.ID, c.in.By = "w", operator
			now := t0.Add(r.Policy.LeaseTTL)
			if _, err := r.Repair(t.Context(), c.in, now); err != nil {
				t.Fatal(err)
			}
			for from, in := range c.lets {
				if err := registerFrom(t, r, from, now); (err == nil) != in {
					t.Errorf("%s: %v", from, err)
				}
			}
		})
	}
}

// A stranger is told the same whether or not a window is open.
func TestAStrangerSeesNoWindow(t *testing.T) {
	r, _ := working(t)
	now := t0.Add(r.Policy.LeaseTTL)
	before := registerFrom(t, r, "6.6.6.6", now)
	if _, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", By: operator}, now); err != nil {
		t.Fatal(err)
	}
	during := registerFrom(t, r, "6.6.6.6", now)
	if before.Error() != during.Error() || fault.CodeOf(during) != fault.CredentialMissing {
		t.Errorf("before: %v\nduring: %v", before, during)
	}
}

// An operator who names the agent's address says where the agent is. Whoever calls from another one that was accepted
// lately, a thief, gets into no window: neither by a repair of many, which says what the verdict says, nor by one that
// names no address; not while the window is open, and not when it has ended.
func TestANamedAddressIsTheOnlyOne(t *testing.T) {
	const owner, thief = "10.0.0.1", "10.0.0.2"
	r := deployed()
	created, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	for i, from := range []string{owner, thief} {
		beat := workspace.Signal{Kind: workspace.SignalHeartbeat, From: from}
		if _, err := r.Signal(t.Context(), "w", created.AuthToken, beat, t0.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	named := registry.RepairInput{ID: "w", From: owner, Force: true, By: operator}
	if _, err := r.Repair(t.Context(), named, t0.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	told := registry.RepairInput{ID: "w", From: thief, Told: true, By: operator}
	if _, err := r.Repair(t.Context(), told, t0.Add(3*time.Second)); fault.CodeOf(err) != fault.RepairAddressUnknown {
		t.Errorf("a repair of many moves the window: %v", err)
	}
	for _, now := range []time.Time{t0.Add(10 * time.Second), t0.Add(r.Policy.BootstrapWindow + time.Minute)} {
		if err := registerFrom(t, r, thief, now); fault.CodeOf(err) != fault.CredentialMissing {
			t.Errorf("the thief registers: %v", err)
		}
		f, err := r.Read(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		if e := (workspace.Fleet{}).Explain(f, r.Policy, now); strings.Contains(e.Command, thief) {
			t.Errorf("%q: %q", e.Command, e.Next)
		}
		out, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", By: operator}, now)
		if err != nil || out.Facts.BootstrapFrom != owner {
			t.Errorf("a repair without an address is for %q, %v", out.Facts.BootstrapFrom, err)
		}
	}
}

func TestARepairNeedsAnAddress(t *testing.T) {
	r := deployed()
	if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
		t.Fatal(err)
	}
	_, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", By: operator}, t0)
	if fault.CodeOf(err) != fault.RepairAddressUnknown {
		t.Fatal(err)
	}
	if f, err := r.Read(t.Context(), "w"); err != nil || !f.Enrolled() {
		t.Fatalf("%+v, %v", f, err)
	}
}

// A credential that is at work is ended only on purpose; one that the verdict doubts
// is not at work.
func TestACredentialInUse(t *testing.T) {
	repair := func(r *registry.Registry, force bool, now time.Time) error {
		_, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Force: force, By: operator}, now)
		return err
	}
	show := func(r *registry.Registry, force bool, now time.Time) error {
		_, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Show: true, Force: force, By: operator}, now)
		return err
	}
	revoke := func(r *registry.Registry, force bool, now time.Time) error {
		_, _, err := r.Revoke(t.Context(), "w", force, operator, now)
		return err
	}
	adopt := func(r *registry.Registry, force bool, now time.Time) error {
		_, err := r.Create(t.Context(), registry.CreateInput{
			ID: "w", Adopt: true, ResetCredentials: true, Force: force, By: operator,
		}, now)
		return err
	}
	ttl := workspace.DefaultPolicy().LeaseTTL
	for name, c := range map[string]struct {
		do      func(r *registry.Registry, force bool, now time.Time) error
		doubted bool
		force   bool
		after   time.Duration // after the last accepted call
		want    fault.Code
	}{
		"repair":                      {do: repair, want: fault.CredentialInUse},
		"repair, at the lease's end":  {do: repair, after: ttl - 1, want: fault.CredentialInUse},
		"repair, after the lease":     {do: repair, after: ttl},
		"repair, forced":              {do: repair, force: true},
		"repair, where it is advised": {do: repair, doubted: true},
		"show":                        {do: show, want: fault.CredentialInUse},
		"adopt":                       {do: adopt, want: fault.CredentialInUse},
		"adopt, after the lease":      {do: adopt, after: ttl},
		"adopt, forced":               {do: adopt, force: true},
		"adopt, where a repair is":    {do: adopt, doubted: true},
		"revoke":                      {do: revoke, want: fault.CredentialInUse},
		"revoke, forced":              {do: revoke, force: true},
		"revoke, where a repair is":   {do: revoke, doubted: true, want: fault.CredentialInUse},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := working(t)
			now := t0.Add(c.after)
			for c.doubted && !workspace.AsksForRepair(mustRead(t, r), r.Policy, now) {
				if err := registerFrom(t, r, address, now); err == nil {
					t.Fatal("it was let in")
				}
			}
			if code := fault.CodeOf(c.do(r, c.force, now)); code != c.want {
				t.Fatalf("got %q, want %q", code, c.want)
			}
			if code := a.heartbeat("w", now); (code == "") != (c.want != "") {
				t.Errorf("its next heartbeat: %q", code)
			}
		})
	}
}

func mustRead(t *testing.T, r *registry.Registry) workspace.Facts {
	t.Helper()
	f, err := r.Read(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The words of a repair and of a rotation say what the agent has done so far.
func TestWhatAnAgentNeeds(t *testing.T) {
	const places = "--show"
	fetched := func(t *testing.T, r *registry.Registry, a *agent, now time.Time) {
		if _, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Force: true, By: operator}, now); err != nil {
			t.Fatal(err)
		}
		a.token = ""
		if code := a.register("w", "", now); code != "" {
			t.Fatal(code)
		}
	}
	for name, c := range map[string]struct {
		did   func(t *testing.T, r *registry.Registry, a *agent, now time.Time)
		shows bool
		says  string
	}{
		"it used what was placed": {
			func(*testing.T, *registry.Registry, *agent, time.Time) {}, true, "that was shown to an operator",
		},
		"it used what it fetched": {func(t *testing.T, r *registry.Registry, a *agent, now time.Time) {
			fetched(t, r, a, now)
			if code := a.heartbeat("w", now); code != "" {
				t.Fatal(code)
			}
		}, false, "fetches its credentials itself"},
		"it never used what it fetched": {func(t *testing.T, r *registry.Registry, a *agent, now time.Time) {
			old := *a
			fetched(t, r, a, now)
			for i := range 2 {
				if code := old.heartbeat("w", now.Add(time.Duration(i+1)*time.Second)); code != fault.CredentialUnknown {
					t.Fatal(code)
				}
			}
		}, true, "and never used it"},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := working(t)
			c.did(t, r, a, t0)
			out, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Force: true, By: operator}, t0.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			next := workspace.AfterRepair(out.Before, out.Facts, r.Policy, t0.Add(time.Minute))
			if strings.Contains(next, places) != c.shows || !strings.Contains(next, c.says) {
				t.Errorf("%s", next)
			}
		})
	}
}

// A credential that is shown is good from its first use on, and the only one.
func TestACredentialThatIsShown(t *testing.T) {
	r, old := working(t)
	now := t0.Add(r.Policy.LeaseTTL)
	out, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Show: true, By: operator}, now)
	if err != nil || out.Revoked != 1 || !token.Digest(out.AuthToken).Matches(out.Facts.NextCredential) {
		t.Fatalf("%+v, %v", out, err)
	}
	if code := old.heartbeat("w", now); code != fault.CredentialUnknown {
		t.Fatal(code)
	}
	v := workspace.Assess(mustRead(t, r), r.Policy, now)
	if v.Reason != workspace.ReasonCredentialsRejected || !strings.Contains(v.Hint, "place it") {
		t.Fatalf("%+v", v)
	}
	placed := &agent{t: t, r: r, token: out.AuthToken}
	if code := placed.heartbeat("w", now); code != "" {
		t.Fatal(code)
	}
	if f := mustRead(t, r); f.TakenAs != workspace.ToOperator || !f.BootstrapUntil.IsZero() {
		t.Fatalf("%+v", f)
	}
}

// An operator who wants a credential fetched, while one that was shown waits to be placed, is told the operator's step.
func TestARefusedFetchIsToldToTheOperator(t *testing.T) {
	r := deployed()
	if _, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0); err != nil {
		t.Fatal(err)
	}
	in := registry.RotateInput{ID: "w", To: workspace.ToOperator, By: operator}
	if _, _, err := r.Rotate(t.Context(), in, t0); err != nil {
		t.Fatal(err)
	}
	in.Fetch = true
	_, _, err := r.Rotate(t.Context(), in, t0)
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Code != fault.CredentialPending || !strings.Contains(e.Hint, "rollcall rotate w --fetch --force") {
		t.Fatalf("%+v", err)
	}
	in.Force = true
	if _, _, err := r.Rotate(t.Context(), in, t0); err != nil {
		t.Fatal(err)
	}
}
