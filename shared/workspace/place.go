package workspace

import (
	"fmt"
	"time"
)

// Some agents fetch a new credential when they register, and keep it. Others take theirs from their environment or
// from a file, and never learn of one that a register issued: theirs has to be placed there by hand. What an agent has
// done so far says which of the two it is.

// goesOnWithAnother reports whether a credential was issued and never used, and the agent is refused since with another
// or with none.
func (f *Facts) goesOnWithAnother() bool {
	return !f.NextCredential.Zero() && !f.IssuedAt.IsZero() && f.RefusedAt.After(f.IssuedAt) &&
		f.BeatsRefused+f.CallsRefused > 0
}

// ignoresIssued reports whether the agent was given a credential in an answer, and goes on with another: it can't fetch
// one.
func (f *Facts) ignoresIssued() bool { return f.goesOnWithAnother() && f.IssuedTo != ToOperator }

// fetchesWords says what the agent has done so far, as an argument for letting it fetch a new credential or against it.
func (f *Facts) fetchesWords() string {
	show := fmt.Sprintf("rollcall repair %s --show shows a credential to place there", f.ID)
	switch {
	case f.ignoresIssued():
		return fmt.Sprintf("it was given a credential at %s and never used it, so it reads its credential from its "+
			"environment or a file: %s", stamp(f.IssuedAt), show)
	case f.TakenAs == ToAgent:
		return "it fetches its credentials itself: the answer to its register has the new one"
	case f.TakenAs == ToOperator:
		return "it uses a credential that was shown to an operator: if it reads it from its environment or a file, " + show
	}
	return "if it reads its credential from its environment or a file, " + show
}

// AfterShowing says what comes after a repair that showed a credential; f is the facts before it. It names a plain
// repair only where that is not refused.
func AfterShowing(f Facts, now time.Time) string {
	next := "place this credential in the agent's environment or file, and restart the agent; " +
		"it is shown once, and every other credential of the workspace is revoked"
	if _, err := f.WindowFor(now); err == nil && f.TakenAs == ToAgent && !f.ignoresIssued() {
		next += fmt.Sprintf("; this agent fetches its credential when it registers: rollcall repair %s and a restart are "+
			"enough for it", f.ID)
	}
	return next
}

// AfterAskingToFetch says what comes after an agent is asked to fetch a credential; f is the facts before it.
func AfterAskingToFetch(f Facts) string {
	next := "Its heartbeats are answered with the action rotate until it uses a new credential; the old one stays valid " +
		"until then"
	if f.Pushable {
		next += ", and mail waits from then on until it registers"
	}
	if f.TakenAs != ToAgent || f.ignoresIssued() {
		next += fmt.Sprintf(". It has not fetched one so far: if it reads its credential from its environment or a file, "+
			"rollcall rotate %s shows one to place there", f.ID)
	}
	return next + "."
}

// AfterRotation says what comes after a rotation, in at most two sentences; f is the facts before it.
func AfterRotation(f Facts) string {
	next := "Place this credential in the agent's environment or file, and restart the agent; "
	if !f.Enrolled() {
		return next + "no other one is valid."
	}
	next += "the old one stays valid until this one is used."
	if f.TakenAs == ToAgent && !f.ignoresIssued() {
		next += fmt.Sprintf(" This agent can fetch its credential itself: to end this one, and have it fetch another, run "+
			"rollcall rotate %s --fetch --force.", f.ID)
	}
	return next
}
