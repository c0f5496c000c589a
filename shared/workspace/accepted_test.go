package workspace_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// While an agent's heartbeats are accepted, and none of its registers is refused, its credential is good, whatever
// other calls from where it runs are refused for: no command of the verdict or of a remark ends it, and no repair is
// asked for.
func TestNoRepairIsNamedWhileHeartbeatsPass(t *testing.T) {
	told := 0
	rapid.Check(t, func(rt *rapid.T) {
		f, now := live(func(f *workspace.Facts) { f.PastCredential = token.Digest("past") }), at(600)
		passed := at(590) // the last heartbeat that was accepted, if none was refused since
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(rt, "pause")) * time.Second)
			kind := rapid.SampledFrom([]workspace.SignalKind{
				workspace.SignalPoll, workspace.SignalCall, workspace.SignalPoll, workspace.SignalCall, workspace.SignalHeartbeat,
			}).Draw(rt, "kind")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				f, passed = beat(f, "10.0.0.1", now), now
			default:
				r := workspace.Refusal{
					Kind: kind, From: rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.1", "6.6.6.6"}).Draw(rt, "from"),
					Hash: token.Digest(rapid.SampledFrom([]string{"", "past", "guess"}).Draw(rt, "brought")),
				}
				f, _ = workspace.Refuse(f, r, p, now)
				if kind == workspace.SignalHeartbeat && r.From == "10.0.0.1" {
					passed = time.Time{}
				}
			}
			if passed.IsZero() || now.Sub(passed) >= p.LeaseTTL/2 {
				continue
			}
			v := workspace.Assess(f, p, now)
			if v.Reason == workspace.ReasonCredentialsRejected {
				told++
			}
			named := []string{v.Command("w")}
			for _, r := range v.Remarks {
				named = append(named, r.Command)
			}
			for _, command := range named {
				if strings.HasPrefix(command, "rollcall repair") {
					rt.Fatalf("a heartbeat passed %v ago, and %s is named: %s (%s) %s", now.Sub(passed), command, v.Status, v.Reason,
						v.Hint)
				}
			}
			if workspace.AsksForRepair(f, p, now) {
				rt.Fatalf("a heartbeat passed %v ago, and a repair is asked for: %s", now.Sub(passed), v.Hint)
			}
		}
	})
	if told == 0 {
		t.Error("no call was told as refused")
	}
}
