package workspace

import "testing"

func TestSeverity(t *testing.T) {
	last := -1
	for _, row := range []struct {
		status  Status
		reason  Reason
		remarks int
	}{
		{StatusDegraded, ReasonCredentialsRejected, 0},
		{StatusDegraded, ReasonPushFailing, 1},
		{StatusOffline, ReasonLeaseExpired, 0},
		{StatusUnknown, ReasonPlatformSuspect, 0},
		{StatusOnline, ReasonHealthy, 1},
		{StatusProvisioning, ReasonNeverRegistered, 0},
		{StatusOnline, ReasonHealthy, 0},
		{StatusPaused, ReasonPaused, 0},
		{StatusRemoved, ReasonRemoved, 1},
	} {
		rank := Severity(row.status, row.reason, row.remarks)
		if rank <= last {
			t.Errorf("%s (%s) with %d remarks is no less urgent than the one before", row.status, row.reason, row.remarks)
		}
		last = rank
	}
}
