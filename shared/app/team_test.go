package app

import (
	"testing"

	"github.com/rollcall/rollcall/shared/registry"
)

// The functions read and write facts through the leases that keep to a team.
func TestLeasesKeepToATeam(t *testing.T) {
	if _, ok := newBench(t).Registry.Leases.(registry.OneTeam); !ok {
		t.Error("they don't")
	}
}
