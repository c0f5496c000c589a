package registry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// changesOf are the verdicts of a workspace that were recorded, oldest first.
func changesOf(t *testing.T, r *registry.Registry, id string) (out []string) {
	t.Helper()
	changes, err := r.Leases.(statuslog.Store).Changes(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Workspace == id {
			out = append(out, fmt.Sprintf("%s/%s", c.To.Status, c.To.Reason))
		}
	}
	return out
}

// An operator's call that ends what hid that an agent is silent records it, as it would be judged amid its fleet; no
// sweep has to come first.
func TestAnOperationOnASilentAgentIsRecorded(t *testing.T) {
	hold := func(r *registry.Registry, h workspace.Hold, now time.Time) error {
		_, err := r.Hold(t.Context(), "w", h, operator, now)
		return err
	}
	refused := func(r *registry.Registry, now time.Time) error {
		for range 2 {
			_, err := r.Register(t.Context(), registry.Registration{ID: "w", From: address}, now)
			if fault.CodeOf(err) != fault.CredentialMissing {
				return err
			}
		}
		return nil
	}
	for name, c := range map[string]struct {
		beside int // how many others fall silent with it
		hidden func(r *registry.Registry, now time.Time) error
		ended  func(r *registry.Registry, now time.Time) error
		want   []string // after it was online
	}{
		"a pause and a resume": {
			0,
			func(r *registry.Registry, now time.Time) error { return hold(r, workspace.Paused, now) },
			func(r *registry.Registry, now time.Time) error { return hold(r, workspace.NoHold, now) },
			[]string{"paused/paused", "offline/lease_expired"},
		},
		"a resume amid a silent fleet": {
			9,
			func(r *registry.Registry, now time.Time) error { return hold(r, workspace.Paused, now) },
			func(r *registry.Registry, now time.Time) error { return hold(r, workspace.NoHold, now) },
			[]string{"paused/paused", "unknown/platform_suspect"},
		},
		"refused attempts that are dismissed": {
			0, refused,
			func(r *registry.Registry, now time.Time) error {
				_, err := r.Dismiss(t.Context(), "w", operator, now)
				return err
			},
			[]string{"degraded/credentials_rejected", "offline/lease_expired"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := working(t)
			for i := range c.beside {
				id := fmt.Sprintf("other%d", i)
				made, err := r.Create(t.Context(), registry.CreateInput{ID: id, By: operator}, t0)
				if err != nil {
					t.Fatal(err)
				}
				if code := (&agent{t: t, r: r, token: made.AuthToken}).heartbeat(id, t0); code != "" {
					t.Fatal(code)
				}
			}
			now := t0.Add(r.Policy.LeaseTTL + r.Policy.Grace + time.Second)
			for i, step := range []func(*registry.Registry, time.Time) error{c.hidden, c.ended} {
				if err := step(r, now.Add(time.Duration(i)*time.Second)); err != nil {
					t.Fatal(err)
				}
			}
			want := append([]string{"provisioning/never_registered", "online/healthy"}, c.want...)
			if got := changesOf(t, r, "w"); !slices.Equal(got, want) {
				t.Fatalf("recorded %v, want %v", got, want)
			}
		})
	}
}
