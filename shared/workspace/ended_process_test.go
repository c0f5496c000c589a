package workspace_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// What met nothing of an agent before the agent registered says nothing of the present: no verdict over pushes says
// then that nothing listens, whatever else is known. Where a message is named at which the agent goes away, it stays.
func TestWhatMetNobodyBeforeARegisterSaysNothingOfNow(t *testing.T) {
	stopped := []workspace.PushFault{
		workspace.FaultRefused, workspace.FaultNoConnection, workspace.FaultDNS, workspace.FaultGateway,
	}
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.PushFailures = rapid.IntRange(1, 9).Draw(t, "failures")
		f.PushFault = rapid.SampledFrom(stopped).Draw(t, "fault")
		f.PushFailedAt = now.Add(-time.Duration(rapid.IntRange(2, 300).Draw(t, "failed, seconds ago")) * time.Second)
		f.PushFailingSince, f.PushDegradedAt = f.PushFailedAt, f.PushFailedAt
		f.PushError, f.BusyAnswers, f.BusySince, f.ProbePushedAt = "x", 0, time.Time{}, time.Time{}
		named := f.Open > 0 && rapid.Bool().Draw(t, "a message is named")
		if named {
			f.PushError = workspace.Blaming("m1", "x")
		}
		back := f.PushFailedAt.Add(time.Second)
		f.RegisteredAt, f.RestUntil = back, time.Time{}
		f.UndeliveredAt = time.Time{} // that a message has ended is told by a rule of its own
		v := workspace.Assess(f, p, now)
		first := slices.Contains([]string{"restart", "repair", "place_credential"}, v.Action)
		if v.Reason != workspace.ReasonPushFailing || first || strings.Contains(v.Hint, "may be the other one's") {
			return // another reason goes first, or the URL may be a copy's, or the next register is refused
		}
		cancel := "rollcall cancel " + f.ID + " m1"
		switch hint := stoppedHints[f.PushFault]; {
		case strings.Contains(v.Hint, hint):
			t.Fatalf("of an agent that registered since: %s", v.Hint)
		case named != strings.Contains(v.Hint, cancel), named != (v.Action == "inspect" && v.Command(f.ID) == cancel):
			if v.Command(f.ID) != "rollcall doctor "+f.ID { // it has not called for a while
				t.Fatalf("%q, %q: %s", v.Action, v.Command(f.ID), v.Hint)
			}
		}
		if named {
			seen["named"]++
		} else {
			seen["met nobody"]++
		}
	})
	if seen["named"] == 0 || seen["met nobody"] == 0 {
		t.Fatalf("only %v was seen", seen)
	}
}

// stoppedHints are parts of what is said of each fault when nothing is known since.
var stoppedHints = map[workspace.PushFault]string{
	workspace.FaultRefused:      "nothing listens",
	workspace.FaultNoConnection: "nothing answers at the host",
	workspace.FaultDNS:          "does not find the name",
	workspace.FaultGateway:      "can't reach it",
}
