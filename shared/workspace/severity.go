package workspace

import "slices"

// worstFirst are the statuses in the order in which an operator wants to see them: first what needs a hand, then what
// waits for an agent, then what is well or is as an operator wants it.
var worstFirst = []Status{
	StatusDegraded, StatusOffline, StatusUnknown, StatusProvisioning, StatusOnline, StatusPaused, StatusRemoved,
}

// Severity orders workspaces for an operator: the lower, the sooner one is looked at. A refused credential comes before
// all other statuses; a workspace that is online with a remark comes before those of which there is nothing to say.
func Severity(status Status, reason Reason, remarks int) int {
	rank := 2 * (slices.Index(worstFirst, status) + 1)
	switch {
	case reason == ReasonCredentialsRejected:
		return 0
	case remarks > 0 && status == StatusOnline:
		return 2*(slices.Index(worstFirst, StatusUnknown)+1) + 1
	}
	return rank
}
