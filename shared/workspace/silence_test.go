package workspace_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/workspace"
)

// An agent that has fallen silent keeps what its URL answered last: it tells a stopped process from a lost network.
func TestASilentAgentKeepsTheLastErrorOfItsURL(t *testing.T) {
	for _, failures := range []int{0, 1, 3} {
		f := silentSince(100)
		f.PushFailures, f.PushError, f.PushFailedAt = failures, "connection refused", at(90)
		v := workspace.Fleet{SweptAt: at(900), SampledAt: at(900), LastSignalAt: at(900)}.Assess(f, p, at(900))
		kept := slices.ContainsFunc(v.Evidence, func(e workspace.Evidence) bool {
			return strings.Contains(e.Fact, "last of the deliveries that failed: “connection refused”")
		})
		if v.Status != workspace.StatusOffline || kept != (failures > 0) {
			t.Errorf("%d failures: %s (%s), %+v", failures, v.Status, v.Reason, v.Evidence)
		}
	}
}
