package workspace

import "time"

// What an agent does, and what others do to it, leaves lines: changes of its verdict in the status log, and lines of
// the audit trail. Whoever makes calls could leave one with each. So of each kind a workspace's calls leave
// TracesAtOnce at once, and one more each TraceEvery. What is left out is counted, and told by the next sweep.

// LineKind is a kind of line of the audit trail that an agent's calls leave. Each kind has a bound of its own: no line
// about a credential is left out for many others.
type LineKind string

// The kinds.
const (
	LineOfAgent      LineKind = "agent"      // what it declares of itself: its URL, its name
	LineOfCredential LineKind = "credential" // what became of its credentials
)

// trace takes a place for one more line; until is what those before it have used up. ok is false when there is none.
func (p Policy) trace(until, now time.Time) (next time.Time, ok bool) {
	all := time.Duration(p.TracesAtOnce) * p.TraceEvery
	if left := until.Sub(now); left < 0 || left > all+MaxSkew { // the latter is a wrong clock's
		until = now
	}
	next = until.Add(p.TraceEvery)
	return next, next.Sub(now) <= all
}

// TraceChange takes a place for a change of verdict that a call brought about; ok is false when there is none.
func TraceChange(f Facts, p Policy, now time.Time) (next Facts, ok bool) {
	until, ok := p.trace(f.ChangesUntil, now)
	if ok {
		f.ChangesUntil = until
	}
	return f, ok
}

// TraceLine takes a place for a line of the audit trail that the agent's call leaves; ok is false when there is none,
// and the line is counted as left out.
func TraceLine(f Facts, kind LineKind, p Policy, now time.Time) (next Facts, ok bool) {
	used, leftOut := &f.LinesUntil, &f.LinesLeftOut
	if kind == LineOfCredential {
		used, leftOut = &f.CredentialLinesUntil, &f.CredentialLinesLeftOut
	}
	until, ok := p.trace(*used, now)
	if ok {
		*used = until
	} else {
		*leftOut++
	}
	return f, ok
}

// TellLeftOut is the facts when a line tells how many lines were left out.
func TellLeftOut(f Facts) Facts {
	f.LinesLeftOut, f.CredentialLinesLeftOut = 0, 0
	f.Version++
	return f
}

// LeftOut reports whether lines were left out that no line tells of yet.
func (f *Facts) LeftOut() bool { return f.LinesLeftOut > 0 || f.CredentialLinesLeftOut > 0 }

// ChangesLeftOut is how many changes of verdict before a change to as were noted, and are not in the status log.
func (f *Facts) ChangesLeftOut(as string) int64 {
	if f.StandsChanges > 0 && !IsChange(f.StandsAs, as) {
		return f.StandsChanges - 1 // the last one that was noted is this one
	}
	return f.StandsChanges
}

// IsChange reports whether a verdict after another one, each as status/reason, is a change to tell: an agent at work is
// none.
func IsChange(was, is string) bool { return healthyWhenBusy(was) != healthyWhenBusy(is) }

func healthyWhenBusy(as string) string {
	if as == string(StatusOnline)+"/"+string(ReasonBusy) {
		return string(StatusOnline) + "/" + string(ReasonHealthy)
	}
	return as
}
