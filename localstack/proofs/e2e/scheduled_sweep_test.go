package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// The scheduled sweep runs: it announces the verdict of a workspace that nobody calls, and
// the lease says which verdict it announced.
func TestScheduledSweepRuns(t *testing.T) {
	env := wired(t)
	id := uuid.NewString()
	call(t, 201, "POST", "/workspaces", on(t).OperatorToken, map[string]any{"id": id})
	if err := client.Until(t.Context(), 150*time.Second, func() error {
		f, err := env.Registry.Leases.Get(t.Context(), id)
		if err == nil && f.AnnouncedAs != "provisioning/never_registered" {
			err = fmt.Errorf("announced as %q", f.AnnouncedAs)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
