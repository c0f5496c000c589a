package workspace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestProblemOf(t *testing.T) {
	now := at(0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const own, refused, silent = workspace.ProblemOwn, workspace.ProblemRefused, workspace.ProblemSilent
	for _, c := range []struct {
		status workspace.Status
		reason workspace.Reason
		since  time.Time
		hop    workspace.Hop
		open   int64
		want   workspace.Problem
	}{
		{workspace.StatusDegraded, workspace.ReasonPushFailing, now, "", 0, own},
		{workspace.StatusOffline, workspace.ReasonLeaseExpired, ago(workspace.SilentLong), "", 0, own},
		{workspace.StatusOffline, workspace.ReasonLeaseExpired, ago(workspace.SilentLong + 1), "", 3, silent},
		{workspace.StatusUnknown, workspace.ReasonPlatformSuspect, now, "", 1, workspace.ProblemPlatform},
		{workspace.StatusOnline, workspace.ReasonHealthy, now, "", 1, ""},
		{workspace.StatusPaused, workspace.ReasonPaused, now, "", 0, ""},
		{workspace.StatusPaused, workspace.ReasonPaused, now, "", 1, own},
		{workspace.StatusRemoved, workspace.ReasonRemoved, now, "", 1, ""},
		{workspace.StatusProvisioning, workspace.ReasonNeverRegistered, now, "", 0, ""},
		{workspace.StatusProvisioning, workspace.ReasonNeverRegistered, now, workspace.HopAgent, 0, own},
		{workspace.StatusProvisioning, workspace.ReasonNeverRegistered, now, workspace.HopCredential, 0, refused},
		{workspace.StatusProvisioning, workspace.ReasonNeverRegistered, now, workspace.HopCredential, 1, own},
	} {
		v := workspace.Verdict{Status: c.status, Reason: c.reason, Since: c.since, Hop: c.hop}
		if got, _ := workspace.ProblemOf(v, c.open, now); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// While a verdict stays, time alone makes it another problem at the moment that is told, and at no other.
func TestAProblemChangesWhenItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		v := anyFleet(t).Assess(f, p, now)
		was, changes := workspace.ProblemOf(v, f.Open, now)
		then := now.Add(time.Duration(rapid.IntRange(0, 5*24*3600).Draw(t, "later")) * time.Second)
		is, _ := workspace.ProblemOf(v, f.Open, then)
		if over := !changes.IsZero() && !then.Before(changes); (is != was) != over {
			t.Fatalf("%q is %q at %s, and to change at %s", was, is, then, changes)
		}
		if v.Status == workspace.StatusRemoved && (is != "" || len(v.Remarks) > 0) {
			t.Fatalf("a removed workspace has something to do: %q, %+v", is, v.Remarks)
		}
	})
}

// A workspace that never registered, and in whose name calls were refused lately, is a problem, whatever its credential
// is and whoever may register; and it comes before one that nothing has called.
func TestCallsRefusedBeforeAnyWasAcceptedAreAProblem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := created(at(0)), at(600)
		if rapid.Bool().Draw(t, "revoked") {
			f.Credential, f.RevokedAt = token.Hash{}, at(100)
		}
		if rapid.Bool().Draw(t, "window") {
			f.BootstrapUntil = at(rapid.SampledFrom([]int{500, 700}).Draw(t, "until"))
			f.BootstrapFrom = rapid.SampledFrom([]string{"", "10.0.0.1", "6.6.6.6"}).Draw(t, "for")
		}
		f.Open = int64(rapid.IntRange(0, 1).Draw(t, "mail"))
		silent := f
		f.StrangerFrom, f.StrangerAt = "6.6.6.6", at(rapid.IntRange(0, 600).Draw(t, "refused"))
		f.StrangerWith = rapid.SampledFrom([]workspace.Presented{
			workspace.NoCredential, workspace.OthersCredential, workspace.Presented(token.Misnamed) + "+",
			workspace.Presented(token.Enclosed) + "-", workspace.TokenExpired,
		}).Draw(t, "with")
		place := func(f workspace.Facts) (workspace.Problem, int) {
			v := workspace.Assess(f, p, now)
			problem, _ := workspace.ProblemOf(v, f.Open, now)
			return problem, problem.Place(v.Reason, v.FaultyHop(), v.Action)
		}
		problem, first := place(f)
		if _, then := place(silent); problem == "" || first != 0 || then <= first {
			t.Fatalf("%q comes at %d, and one that nothing has called at %d: %+v", problem, first, then, f)
		}
	})
}
