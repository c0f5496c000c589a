package registry_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// An agent is told its secret at each register. A new one comes with each new
// credential, and for a day both sign.
func TestASecretThatSigns(t *testing.T) {
	r, a := working(t)
	register := func(credential string, now time.Time) registry.Registered {
		t.Helper()
		out, err := r.Register(t.Context(), registry.Registration{ID: "w", Credential: credential, From: address}, now)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	signs := func(now time.Time) []string {
		t.Helper()
		p, err := r.Profiles.Profile(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		return p.Signing.Secrets(now)
	}
	if got := signs(t0); len(got) != 0 {
		t.Fatalf("before its first register: %d secrets", len(got))
	}
	first := register(a.token, t0).SigningSecret
	if again := register(a.token, t0).SigningSecret; again != first || !strings.HasPrefix(first, "whsec_") {
		t.Fatalf("%q, and at its next boot %q", first, again)
	}
	if _, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Force: true, By: operator}, t0); err != nil {
		t.Fatal(err)
	}
	later := t0.Add(10 * time.Minute)
	fresh := register("", later)
	if got := signs(later); fresh.SigningSecret == first || !slices.Equal(got, []string{fresh.SigningSecret}) {
		t.Fatalf("after a repair: %q", got)
	}
	promoted := register(fresh.AuthToken, later).SigningSecret
	if got := signs(later.Add(23 * time.Hour)); !slices.Equal(got, []string{promoted, fresh.SigningSecret}) {
		t.Fatalf("within a day: %q", got)
	}
	if got := signs(later.Add(24 * time.Hour)); !slices.Equal(got, []string{promoted}) {
		t.Fatalf("after a day: %q", got)
	}
}

// A secret ends with the credential that it was given with. Whoever had both may have been a thief: when an operator
// ends the credential, nothing is signed with the secret any more. When another credential is used in its place,
// another secret takes over, whatever the first call with it is; for a day the former one signs too.
func TestASecretEndsWithItsCredential(t *testing.T) {
	ends := map[string]func(r *registry.Registry) (string, error){
		"revoke": func(r *registry.Registry) (string, error) {
			_, _, err := r.Revoke(t.Context(), "w", true, operator, t0)
			return "", err
		},
		"remove": func(r *registry.Registry) (string, error) {
			_, err := r.Hold(t.Context(), "w", workspace.Removed, operator, t0)
			return "", err
		},
		"repair": func(r *registry.Registry) (string, error) {
			_, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Force: true, By: operator}, t0)
			return "", err
		},
		"repair --show": func(r *registry.Registry) (string, error) {
			out, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", Show: true, Force: true, By: operator}, t0)
			return out.AuthToken, err
		},
		"adopt, and reset": func(r *registry.Registry) (string, error) {
			out, err := r.Create(t.Context(), registry.CreateInput{
				ID: "w", Adopt: true, ResetCredentials: true, Force: true, By: operator,
			}, t0)
			return out.AuthToken, err
		},
		"rotate": func(r *registry.Registry) (string, error) {
			_, text, err := r.Rotate(t.Context(), registry.RotateInput{ID: "w", To: workspace.ToOperator, By: operator}, t0)
			return text, err
		},
	}
	for name, end := range ends {
		for _, kind := range []workspace.SignalKind{workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall} {
			r, a := working(t)
			first, err := r.Register(t.Context(), registry.Registration{ID: "w", Credential: a.token, From: address}, t0)
			if err != nil {
				t.Fatal(err)
			}
			placed, err := end(r)
			if err != nil {
				t.Fatal(name, err)
			}
			now := t0.Add(time.Minute)
			if placed != "" {
				if _, err := r.Signal(t.Context(), "w", placed, workspace.Signal{Kind: kind, From: address}, now); err != nil {
					t.Fatal(name, err)
				}
			}
			p, err := r.Profiles.Profile(t.Context(), "w")
			if err != nil {
				t.Fatal(err)
			}
			got, former := p.Signing.Secrets(now), name == "rotate"
			if slices.Contains(got, first.SigningSecret) != former || former && got[0] == first.SigningSecret {
				t.Errorf("%s, then a call of the kind %v: signed with %q, and was with %q", name, kind, got, first.SigningSecret)
			}
			if late := p.Signing.Secrets(now.Add(24 * time.Hour)); slices.Contains(late, first.SigningSecret) {
				t.Errorf("%s: a day later signed with %q", name, late)
			}
		}
	}
}
