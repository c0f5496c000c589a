package workspace

import (
	"time"

	"github.com/rollcall/rollcall/shared/token"
)

// The URL of an agent is as good as the credential that it was registered with. Whoever had that credential may have
// been a thief, and an ended credential must bring nobody any mail. So the URL ends with it, and nothing is pushed
// until an agent registers with a credential that is good. The secret that signs calls to the agent is given in the
// answer to a register, and ends with the same credential.

// urlCredential is the credential that the workspace's URL was registered with: that in use, unless NextCredential was
// issued to the very register that said the URL. Zero: none is issued.
func (f *Facts) urlCredential() token.Hash {
	if f.URLOfNext || f.Credential.Zero() {
		return f.NextCredential
	}
	return f.Credential
}

// EndsURL reports whether the change from old to next, which is no register, ends the credential that the URL was
// registered with. The caller forgets the URL then.
func EndsURL(old, next Facts) bool {
	with := old.urlCredential()
	return !with.Zero() && !with.Matches(next.Credential) && !with.Matches(next.NextCredential)
}

// endURL is the facts, which were old before, without the URL if its credential ended. A delivery that is under way to
// it counts for nothing any more.
func (f Facts) endURL(old Facts, now time.Time) Facts {
	if EndsURL(old, f) {
		if f.Pushable || f.URLFingerprint != "" {
			f.URLEndedAt = now
		}
		f.Pushable, f.URLFingerprint = false, ""
	}
	return f
}

// awaitsRegister reports whether mail waits for the agent to register: its URL has ended, and it is none that polls.
func (f *Facts) awaitsRegister() bool {
	return !f.URLEndedAt.IsZero() && !f.Pushable && f.Declared != Poll && !f.PolledAt.After(f.RegisteredAt)
}

// MustRegister reports whether an agent that works is to be told to register: its URL has ended, and it has not said
// another one since, or the URL that is pushed to may be that of a copy which is silent now. A caller that tells
// nothing of itself may be the one whose URL it is, where another one's epoch alone says that the URL is not its own.
func (f *Facts) MustRegister(caller Instance, p Policy, now time.Time) bool {
	outlived := f.outlivedCopy(p, now) && (caller.Name != "" || f.calledInTurn(p))
	return f.Enrolled() && (!f.URLEndedAt.IsZero() || outlived)
}
