package workspace

import "time"

// Problem says whether an operator has something to do about a workspace because of its verdict, and with which others
// that is told. Beside it each remark of the workspace is a problem of its own.
type Problem string

// The problems. "" is none.
const (
	// ProblemOwn is told of the workspace by itself.
	ProblemOwn Problem = "own"
	// ProblemRefused is that calls are refused in the name of a workspace of which none was accepted yet. Several are
	// told together: whoever knows ids can make such calls.
	ProblemRefused Problem = "refused"
	// ProblemPlatform is that the platform may be what is wrong; it is told once for all.
	ProblemPlatform Problem = "platform"
	// ProblemSilent is that the agent has been silent for SilentLong; it is told once for all.
	ProblemSilent Problem = "silent"
)

// SilentLong is after how long silence is nothing new.
const SilentLong = 3 * 24 * time.Hour

// ProblemOf is the only place that decides whether a verdict over a workspace is a problem: the command line and the
// console read it from the API. open is how many messages wait for their delivery, or are being delivered. changes is
// when time alone makes it another problem; zero: never.
func ProblemOf(v Verdict, open int64, now time.Time) (_ Problem, changes time.Time) {
	silentFrom := v.Since.Add(SilentLong)
	switch {
	case v.Status == StatusRemoved:
		return "", time.Time{}
	case v.Reason == ReasonPlatformSuspect:
		return ProblemPlatform, time.Time{}
	case v.Status == StatusOffline && now.After(silentFrom):
		return ProblemSilent, time.Time{}
	case v.Status == StatusOffline:
		return ProblemOwn, silentFrom.Add(1)
	case v.Status == StatusDegraded:
		return ProblemOwn, time.Time{}
	case open > 0 && (v.Status == StatusPaused || v.Status == StatusProvisioning):
		return ProblemOwn, time.Time{}
	case v.Status == StatusProvisioning && v.Hop == HopAgent: // who has its credential is refused
		return ProblemOwn, time.Time{}
	case v.Status == StatusProvisioning && v.FaultyHop() == HopCredential:
		return ProblemRefused, time.Time{}
	}
	return "", time.Time{}
}

// NeedsHand reports whether a workspace with this problem and with so many remarks is one of those that the console's
// headline counts: what is told once for all is not.
func (p Problem) NeedsHand(remarks int) bool {
	return remarks > 0 || p != "" && p != ProblemPlatform && p != ProblemSilent
}

// Place orders workspaces of one severity for an operator: the lower, the sooner one is looked at. First comes one that
// never registered and in whose name calls are refused, then other problems of a workspace by itself, then what is told
// once for all, then what is no problem.
func (p Problem) Place(reason Reason, hop Hop, action string) int {
	inVain := reason == ReasonNeverRegistered && (hop == HopCredential || action == "inspect")
	switch {
	case p == "":
		return 3
	case inVain:
		return 0
	case p == ProblemPlatform, p == ProblemSilent:
		return 2
	}
	return 1
}
