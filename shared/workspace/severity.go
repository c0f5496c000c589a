package workspace

import "slices"

// worstFirst are the statuses in the order in which an operator wants to see them: first what needs a hand, then what
// waits for an agent, then what is well or is as an operator wants it.
var worstFirst = []Status{
	StatusDegraded, StatusOffline, StatusUnknown, StatusProvisioning, StatusOnline, StatusPaused, StatusRemoved,
}

// worstReasonFirst are the reasons, within one status, in the order in which an operator wants to see them: first those
// with which no message arrives, then those with which tasks fail, then the others. All that are not named are equal,
// so that no row moves when an agent begins to work or has done its work.
var worstReasonFirst = []Reason{
	ReasonPushFailing, ReasonInboxUnattended, ReasonAnswersFailing, ReasonRuntimeWedged, ReasonBacklogStalled,
	ReasonRestartLoop, ReasonDuplicateHost, ReasonInboxFull, ReasonErrorRate,
}

// Severity orders workspaces for an operator: the lower, the sooner one is looked at. A refused credential comes before
// all other statuses. Then the status counts; one that is online with a remark comes before all of which there is
// nothing to say. Within a status, one that lost mail comes first, then the reason counts, then whether there is a
// remark. remarks are the codes of its remarks. The console is built with a table of it.
func Severity(status Status, reason Reason, remarks ...string) int {
	if reason == ReasonCredentialsRejected {
		return 0
	}
	group := 2 * slices.Index(worstFirst, status)
	if len(remarks) > 0 && status == StatusOnline {
		group = 2*slices.Index(worstFirst, StatusUnknown) + 1
	}
	place := slices.Index(worstReasonFirst, reason)
	switch {
	case slices.Contains(remarks, RemarkMailLost):
		place = -1
	case place < 0:
		place = len(worstReasonFirst)
	}
	rank := 100*(group+1) + 2*(place+1)
	if len(remarks) == 0 {
		rank++
	}
	return rank
}
