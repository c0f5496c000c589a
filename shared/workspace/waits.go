package workspace

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// WaitsFor says of a message that waits what ends its wait, when it expires if nothing does, and why it waits. v is the
// verdict over the same facts, in which it is counted, and mode the effective one; tries are those of the message. Its
// sender reads it: see Expect.
func WaitsFor(f Facts, v Verdict, mode Mode, tries int, expires time.Time, p Policy, now time.Time) string {
	f.Open = max(f.Open-1, f.InFlight) // it does not wait for itself
	expected, why := Expect(f, v, mode, p, now)
	ends := ""
	switch expected {
	case ExpectRetrying:
		ends = "it is tried again and again" + f.nextTry(p, now)
		switch tries {
		case 0: // others that wait with it were
			ends = "it waits for its first try"
		case 1:
			ends = "it is tried again" + f.nextTry(p, now)
		}
		ends += ", and expires at " + stamp(expires)
	case ExpectNow:
		ends = "its delivery is due now"
	case ExpectNextPoll:
		ends = "the agent gets it with its next poll, if it polls before " + stamp(expires)
	case ExpectWhenIdle:
		ends = "it is delivered when the agent is free"
		if f.queueBefore(p, now) > 0 {
			ends += ", after any message before it"
		}
		ends += ", or expires at " + stamp(expires)
	case ExpectNobody:
		ends = "it waits until " + f.somebodyComes(v.Reason) + ", or expires at " + stamp(expires)
	}
	if why == "" {
		return ends
	}
	if first, _ := utf8.DecodeRuneInString(why); unicode.IsUpper(first) {
		return ends + ". " + why // a sentence of its own
	}
	return ends + ": " + why
}

// nextTry is when the agent is tried next, of one that is left alone for a while.
func (f *Facts) nextTry(p Policy, now time.Time) string {
	if !f.Resting(p, now) {
		return ""
	}
	return ", next at " + stamp(f.RestEnds(p, now))
}

// somebodyComes is what ends the wait of mail that nobody takes, for the reason of the verdict.
func (f *Facts) somebodyComes(reason Reason) string {
	switch reason {
	case ReasonPaused:
		return "an operator resumes the workspace"
	case ReasonRemoved:
		return "the removal of the workspace cancels it"
	case ReasonNeverRegistered:
		return "the agent calls for the first time"
	case ReasonCredentialsRejected:
		return "the agent calls with a credential that is accepted"
	case ReasonLeaseExpired, ReasonPlatformSuspect:
		return "the agent is heard again"
	}
	if f.awaitsRegister() {
		return "the agent registers"
	}
	return "the agent fetches its mail"
}
