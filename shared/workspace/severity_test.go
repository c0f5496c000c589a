package workspace_test

import (
	"slices"
	"testing"

	"github.com/rollcall/rollcall/shared/workspace"
)

func TestSeverity(t *testing.T) {
	const lost, full = workspace.RemarkMailLost, workspace.RemarkInboxFull
	last := -1
	for _, row := range []struct {
		status  workspace.Status
		reason  workspace.Reason
		remarks []string
	}{
		{workspace.StatusDegraded, workspace.ReasonCredentialsRejected, nil},
		{workspace.StatusDegraded, workspace.ReasonErrorRate, []string{full, lost}},
		{workspace.StatusDegraded, workspace.ReasonPushFailing, []string{full}},
		{workspace.StatusDegraded, workspace.ReasonPushFailing, nil},
		{workspace.StatusDegraded, workspace.ReasonInboxUnattended, nil},
		{workspace.StatusDegraded, workspace.ReasonAnswersFailing, nil},
		{workspace.StatusDegraded, workspace.ReasonRuntimeWedged, nil},
		{workspace.StatusDegraded, workspace.ReasonBacklogStalled, nil},
		{workspace.StatusDegraded, workspace.ReasonRestartLoop, nil},
		{workspace.StatusDegraded, workspace.ReasonDuplicateHost, nil},
		{workspace.StatusDegraded, workspace.ReasonInboxFull, nil},
		{workspace.StatusDegraded, workspace.ReasonErrorRate, nil},
		{workspace.StatusOffline, workspace.ReasonLeaseExpired, []string{lost}},
		{workspace.StatusOffline, workspace.ReasonLeaseExpired, nil},
		{workspace.StatusUnknown, workspace.ReasonPlatformSuspect, nil},
		{workspace.StatusOnline, workspace.ReasonHealthy, []string{lost}},
		{workspace.StatusOnline, workspace.ReasonBusy, []string{full}},
		{workspace.StatusProvisioning, workspace.ReasonNeverRegistered, nil},
		{workspace.StatusOnline, workspace.ReasonHealthy, nil},
		{workspace.StatusPaused, workspace.ReasonPaused, []string{lost}},
		{workspace.StatusPaused, workspace.ReasonPaused, nil},
		{workspace.StatusRemoved, workspace.ReasonRemoved, nil},
	} {
		rank := workspace.Severity(row.status, row.reason, row.remarks...)
		if rank <= last {
			t.Errorf("%s (%s) with %v is no less urgent than the one before", row.status, row.reason, row.remarks)
		}
		last = rank
	}
}

// A row of the console does not move when its agent begins to work. All reasons of a degraded workspace have a place.
func TestEachReasonHasItsPlace(t *testing.T) {
	const online, degraded = workspace.StatusOnline, workspace.StatusDegraded
	if workspace.Severity(online, workspace.ReasonBusy) != workspace.Severity(online, workspace.ReasonHealthy) {
		t.Error("a workspace moves when its agent begins to work")
	}
	last := workspace.Severity(degraded, workspace.ReasonHealthy)
	ofOneStatus := []workspace.Reason{
		workspace.ReasonRemoved, workspace.ReasonPaused, workspace.ReasonNeverRegistered, workspace.ReasonPlatformSuspect,
		workspace.ReasonLeaseExpired, workspace.ReasonBusy, workspace.ReasonHealthy,
	}
	for _, reason := range workspace.Reasons() {
		if !slices.Contains(ofOneStatus, reason) && workspace.Severity(degraded, reason) >= last {
			t.Errorf("degraded (%s) has no place in the order", reason)
		}
	}
}
