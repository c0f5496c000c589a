package registry_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/registry"
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
	if got := signs(later); fresh.SigningSecret == first || !slices.Equal(got, []string{fresh.SigningSecret, first}) {
		t.Fatalf("after a new credential: %q", got)
	}
	promoted := register(fresh.AuthToken, later).SigningSecret
	if got := signs(later.Add(23 * time.Hour)); !slices.Equal(got, []string{promoted, fresh.SigningSecret}) {
		t.Fatalf("within a day: %q", got)
	}
	if got := signs(later.Add(24 * time.Hour)); !slices.Equal(got, []string{promoted}) {
		t.Fatalf("after a day: %q", got)
	}
}
