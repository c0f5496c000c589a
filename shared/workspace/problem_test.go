package workspace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

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
