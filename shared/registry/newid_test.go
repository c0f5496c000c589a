package registry_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// No entrance makes a workspace whose id is a word for a kind of sender, nor one with an id that can't be spelled. One
// that was made before that was refused goes on, and is gone when it is removed.
func TestNoEntranceMakesAWorkspaceThatIsCalledAsAKind(t *testing.T) {
	words := []string{"users", "user", "USERS", "Operator", "root", "platform", "person", "rollcall", "_rollcall", "_x"}
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.OneOf(rapid.SampledFrom(words), rapid.StringMatching(`[a-z][a-z0-9-]{0,8}`)).Draw(rt, "id")
		entrances := map[string]func(r *registry.Registry) error{
			"create": func(r *registry.Registry) error {
				_, err := r.Create(t.Context(), registry.CreateInput{ID: id, By: operator}, t0)
				return err
			},
			"a token for the id": func(r *registry.Registry) error {
				_, _, err := r.Enrol(t.Context(), id, 1, time.Hour, operator, t0)
				return err
			},
			"a token for any id": func(r *registry.Registry) error {
				text := enrol(t, r, "", 1)
				_, err := r.Register(t.Context(), registry.Registration{ID: id, Enrolment: text, From: "a"}, t0)
				return err
			},
			"open bootstrap": func(r *registry.Registry) error {
				r.Policy.Bootstrap = workspace.Open
				_, err := r.Register(t.Context(), registry.Registration{ID: id, From: "a"}, t0)
				return err
			},
			"adopt": func(r *registry.Registry) error {
				_, err := r.Create(t.Context(), registry.CreateInput{ID: id, Adopt: true, By: operator}, t0)
				if fault.CodeOf(err) == fault.WorkspaceUnknown && workspace.CheckNewID(id) == nil {
					return nil // it makes none
				}
				return err
			},
		}
		for name, enter := range entrances {
			r, want := deployed(), fault.CodeOf(workspace.CheckNewID(id))
			if name == "adopt" && workspace.CheckID(id) == nil && want != "" {
				want = fault.WorkspaceUnknown
			}
			if got := fault.CodeOf(enter(r)); got != want {
				rt.Fatalf("%s of %q: %q, want %q", name, id, got, want)
			}
			if _, err := r.Leases.Get(t.Context(), id); want != "" && fault.CodeOf(err) != fault.WorkspaceUnknown {
				rt.Fatalf("%s of %q: it is stored, or %v", name, id, err)
			}
		}
	})
	r := deployed()
	was := workspace.Create("users", [32]byte{1}, workspace.Poll, 1, t0)
	if err := r.Leases.Save(t.Context(), workspace.Facts{}, was, registry.SaveExtras{}); err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, r: r}
	if code := a.register("users", enrol(t, r, "users", 1), t0); code != "" || a.heartbeat("users", t0) != "" {
		t.Fatalf("one that exists does not go on: %s", code)
	}
	if _, err := r.Create(t.Context(), registry.CreateInput{ID: "users", Adopt: true, By: operator}, t0); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Hold(t.Context(), "users", workspace.Removed, operator, t0); err != nil {
		t.Fatal(err)
	}
	_, err := r.Create(t.Context(), registry.CreateInput{ID: "users", By: operator}, t0)
	_, _, enrolled := r.Enrol(t.Context(), "users", 1, time.Hour, activity.Actor{}, t0)
	if fault.CodeOf(err) != fault.InvalidWorkspaceID || fault.CodeOf(enrolled) != fault.InvalidWorkspaceID {
		t.Fatalf("it is made again: %v, %v", err, enrolled)
	}
}
