package workspace

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// WaitsFor says of a message that waits what ends its wait, and why it waits. v is the verdict over the same facts, in
// which it is counted, and mode the effective one. Its sender reads it: see Expect.
func WaitsFor(f Facts, v Verdict, mode Mode, p Policy, now time.Time) string {
	f.Open = max(f.Open-1, f.InFlight) // it does not wait for itself
	expected, why := Expect(f, v, mode, p, now)
	ends := ""
	switch expected {
	case ExpectNow:
		ends = "its delivery is due now"
	case ExpectNextPoll:
		ends = "the agent gets it with its next poll"
	case ExpectWhenIdle:
		ends = "it is delivered when the agent is free"
		if f.queueBefore(p, now) > 0 {
			ends += ", after any message before it"
		}
	case ExpectRetrying:
		ends = "it is tried again and again until it expires"
	case ExpectNobody:
		ends = "it waits until " + somebodyComes(v.Reason)
	}
	if why == "" {
		return ends
	}
	if first, _ := utf8.DecodeRuneInString(why); unicode.IsUpper(first) {
		return ends + ". " + why // a sentence of its own
	}
	return ends + ": " + why
}

// somebodyComes is what ends the wait of mail that nobody takes, for the reason of the verdict.
func somebodyComes(reason Reason) string {
	switch reason {
	case ReasonPaused:
		return "an operator resumes the workspace"
	case ReasonRemoved:
		return "its time is up"
	case ReasonNeverRegistered:
		return "the agent calls for the first time"
	case ReasonCredentialsRejected:
		return "the agent calls with a credential that is accepted"
	case ReasonLeaseExpired, ReasonPlatformSuspect:
		return "the agent is heard again"
	}
	return "the agent fetches its mail"
}
