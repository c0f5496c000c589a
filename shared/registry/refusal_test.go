package registry_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The credential of two rotations ago is known as a former one. It may be stolen, and does not speak for the agent.
func TestAnyFormerCredentialIsKnown(t *testing.T) {
	r := deployed()
	made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	first := &agent{t: t, r: r, token: made.AuthToken}
	now := &agent{t: t, r: r, token: made.AuthToken}
	rotation := registry.RotateInput{ID: "w", To: workspace.ToOperator, By: operator}
	for range 2 {
		if _, now.token, err = r.Rotate(t.Context(), rotation, t0); err != nil {
			t.Fatal(err)
		}
		if code := now.heartbeat("w", t0); code != "" {
			t.Fatal(code)
		}
	}
	from := "10.0.0.99" // a backup is restored elsewhere while the agent is gone
	later := t0.Add(r.Policy.LeaseTTL)
	for range 2 {
		_, err = r.Signal(t.Context(), "w", first.token, workspace.Signal{Kind: workspace.SignalHeartbeat, From: from}, later)
		if fault.CodeOf(err) != fault.CredentialUnknown {
			t.Fatal(err)
		}
		later = later.Add(r.Policy.RefusalWriteEvery)
	}
	f, err := r.Read(t.Context(), "w")
	if err != nil || f.BeatsRefused != 0 || f.StrangerFrom != from || f.StrangerWith != workspace.FormerCredential {
		t.Fatalf("%+v, %v", f, err)
	}
	later = later.Add(r.Policy.Grace)
	if v := workspace.Assess(f, r.Policy, later); v.Reason != workspace.ReasonLeaseExpired {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
}

// An agent goes on after its workspace was removed and created again. That its credential is from before is a fact, and
// the verdict names a command that mends it. A credential of another workspace tells nobody whose it is.
func TestCallsOfAnAgentFromBeforeARemovalAreTold(t *testing.T) {
	r := deployed()
	create := func(id string) string {
		t.Helper()
		made, err := r.Create(t.Context(), registry.CreateInput{ID: id, By: operator}, t0)
		if err != nil {
			t.Fatal(err)
		}
		return made.AuthToken
	}
	before, other := create("w"), create("someone-else")
	if code := (&agent{t: t, r: r, token: before}).heartbeat("w", t0); code != "" {
		t.Fatal(code)
	}
	if _, err := r.Hold(t.Context(), "w", workspace.Removed, operator, t0); err != nil {
		t.Fatal(err)
	}
	create("w")
	for i, c := range []struct{ token, told string }{
		{before, "from before this workspace was removed"},
		{other, "with a credential that is another workspace's"},
		{"", "without a credential"},
		{"an-older-clients-guess", "an unknown credential"},
	} {
		now := t0.Add(time.Duration(i+1) * 2 * r.Policy.RefusalWriteEvery)
		(&agent{t: t, r: r, token: c.token}).heartbeat("w", now)
		f, err := r.Read(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		e := workspace.Fleet{}.Explain(f, r.Policy, now)
		if e.Reason != workspace.ReasonNeverRegistered || e.Command != "rollcall repair w --show" ||
			!strings.Contains(e.Next, c.told) || !strings.Contains(e.Summary, "are refused") ||
			strings.Contains(e.Text(), "never called") || strings.Contains(e.Text(), "someone-else") {
			t.Errorf("%s: %s", c.told, e.Text())
		}
	}
}

// A hundred strangers that are refused at once are noted as one refusal. A hundred
// refused boots of one agent are noted as at most two.
func TestManyRefusalsAtOnceAreNotedOnce(t *testing.T) {
	for name, from := range map[string]string{"strangers": "6.6.6.%d", "boots": "10.0.0.7"} {
		t.Run(name, func(t *testing.T) {
			r := deployed()
			made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
			if err != nil {
				t.Fatal(err)
			}
			a := &agent{t: t, r: r, token: made.AuthToken}
			if code := a.heartbeat("w", t0); code != "" {
				t.Fatal(code)
			}
			counted := &notes{Leases: r.Leases}
			r.Leases = counted
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					address := from
					if name == "strangers" {
						address = fmt.Sprintf(from, i)
					}
					_, err := r.Register(t.Context(), registry.Registration{ID: "w", From: address}, t0.Add(time.Second))
					if fault.CodeOf(err) != fault.CredentialMissing {
						t.Error(err)
					}
				})
			}
			all.Wait()
			// A second refused boot in a row is noted at once.
			if most := map[string]int{"strangers": 1, "boots": 2}[name]; counted.done > most {
				t.Fatalf("%d notes", counted.done)
			}
		})
	}
}

// notes counts the refusals that were noted.
type notes struct {
	registry.Leases
	mu   sync.Mutex
	done int
}

func (n *notes) NoteRefusal(ctx context.Context, old, next workspace.Facts) error {
	err := n.Leases.NoteRefusal(ctx, old, next)
	if err == nil {
		n.mu.Lock()
		n.done++
		n.mu.Unlock()
	}
	return err
}
