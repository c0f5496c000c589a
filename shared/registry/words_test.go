package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Of a sample error the lease has the beginning, and the profile the whole, which is written when the errors begin and
// not with each heartbeat.
func TestASampleErrorIsKeptInFull(t *testing.T) {
	for _, url := range []string{"", "http://agent.example/"} {
		w := world.New(t, "", url)
		beat := func(rate float64, whole string) workspace.Facts {
			t.Helper()
			w.Now = w.Now.Add(time.Second)
			f, err := w.Registry.Signal(t.Context(), world.ID, w.Token, workspace.Signal{
				Kind: workspace.SignalHeartbeat, From: world.Home, ErrorRate: &rate,
				SampleError: registry.Beginning(whole), SampleWhole: whole,
			}, w.Now)
			w.NoError(err)
			return f
		}
		first, second := "the first: "+strings.Repeat("x", 1000), "the second: "+strings.Repeat("x", 200)
		f, whole := beat(1, first), w.Profile().Words.SampleError
		if len(whole) < 290 || len(whole) > registry.MaxWhole || registry.Beginning(whole) != f.SampleError ||
			len(f.SampleError) > workspace.MaxWords {
			t.Fatalf("%q, and %q in full", f.SampleError, whole)
		}
		beat(1, second)
		if kept := w.Profile().Words.SampleError; kept != whole {
			t.Errorf("a later one is written too: %q", kept)
		}
		beat(0, "")
		beat(1, second)
		if kept := w.Profile().Words.SampleError; kept != second {
			t.Errorf("the errors began again, and what is kept is %q", kept)
		}
		beat(0, "")
		beat(1, "short")
		if kept := w.Profile().Words.SampleError; kept != second {
			t.Errorf("what the lease has whole is written: %q", kept)
		}
	}
}
