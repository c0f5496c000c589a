package workspace_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Of a silent agent at whose URL nothing of it answered since, the verdict says so, and that it has most likely
// stopped. It does so for no other fault, and for none from before the agent was last heard.
func TestASilentAgentThatIsGoneFromItsURL(t *testing.T) {
	stopped := map[workspace.PushFault]string{
		workspace.FaultRefused: "nothing listens at", workspace.FaultNoConnection: "nothing answers at",
		workspace.FaultDNS: "nothing answers at", workspace.FaultGateway: "nothing answers at",
		workspace.FaultNetwork: "nothing answers at",
	}
	for _, fault := range workspace.PushFaults() {
		for failedAt, since := range map[int]bool{290: false, 310: true} {
			f := silentSince(300)
			f.PushFailures, f.PushFault, f.PushError, f.PushFailedAt = 1, fault, "the words", at(failedAt)
			v := workspace.Assess(f, p, at(600))
			want := ""
			if since {
				want = stopped[fault]
			}
			if v.Reason != workspace.ReasonLeaseExpired || v.Action != "restart" {
				t.Fatalf("%s: %+v", fault, v)
			}
			hint := v.At("http://agent:1/").Hint
			at := want + " the agent's URL “http://agent:1/” (“the words”, at 2026-11-24T12:05:10Z)"
			told := strings.Contains(hint, at) &&
				strings.Contains(v.Summary(), want+" its URL")
			if told != (want != "") {
				t.Errorf("%s at %d: %s / %s", fault, failedAt, v.Summary(), hint)
			}
		}
	}
}
