package workspace

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Enrolled tells whether any credential was ever issued and not revoked.
func (f Facts) Enrolled() bool { return !f.Credential.Zero() || !f.NextCredential.Zero() }

// MustRotate tells an agent that came with its old credential that a new one
// waits to be used. One that an enrolment token issued waits for another agent.
func (f Facts) MustRotate() bool {
	return !f.Credential.Zero() && !f.NextCredential.Zero() && f.EnrolledBy.Zero()
}

// Admission is how a presented credential is met.
type Admission struct {
	Mint    bool // issue a new credential
	Trust   bool // take the presented one as the credential (first use of an unused id)
	Promote bool // the presented one is NextCredential, used for the first time
}

// Admit decides whether a register from a network address may pass. exists is
// false for an id nobody has used. Errors: workspace_removed,
// credential_missing, credential_unknown, enrolment_required.
func Admit(f Facts, exists bool, presented token.Hash, from string, p Policy, now time.Time) (Admission, error) {
	switch {
	case f.Hold == Removed:
		return Admission{}, RemovedError(f)
	case !exists && p.Bootstrap == Open:
		// An agent that brings a credential to an id nobody has used keeps it: a
		// client that reads its token only from its environment can't take another.
		return Admission{Mint: presented.Zero(), Trust: !presented.Zero()}, nil
	case !exists:
		return Admission{}, fault.New(fault.EnrolmentRequired, "this workspace is not enrolled here").
			WithHint("an operator enrols it with POST /workspaces and gives the agent the credential", "enrol")
	case presented.Matches(f.Credential):
		return Admission{}, nil
	case presented.Matches(f.NextCredential):
		return Admission{Promote: true}, nil
	case f.Credential.Zero() && (now.Before(f.BootstrapUntil) || (p.Bootstrap == Open && f.PastCredential.Zero() && presented.Zero())):
		// A window is open, or what was issued was never used: its reply may have
		// been lost, and a lost reply locks nobody out. But whoever came first, or
		// whom the operator named, is not put out by another who knows the id.
		if f.BootstrapFrom == "" || f.BootstrapFrom == from {
			return Admission{Mint: true}, nil
		}
		return Admission{}, UnauthorizedError(f.ID, presented).WithHint(fmt.Sprintf(
			"bootstrap is open to another network address than %s; if this is the agent, an operator lets it in with rollcall repair %s --from %s", from, f.ID, from), "repair")
	}
	return Admission{}, UnauthorizedError(f.ID, presented)
}

// Promote is the first use of an issued credential: it becomes the one in use,
// the one before it ends, and the bootstrap window that issued it closes. Only
// then, so that a lost reply locks nobody out.
func Promote(f Facts) Facts {
	if !f.Credential.Zero() {
		f.PastCredential = f.Credential
	}
	f.Credential, f.NextCredential = f.NextCredential, token.Hash{}
	f.BootstrapUntil, f.BootstrapFrom, f.RevokedAt = time.Time{}, "", time.Time{}
	f.EnrolledBy = token.Hash{}
	f.Refusals = Refusals{}
	return f
}

// Repair revokes every credential and opens one bootstrap window, to one network
// address if from names it, else to the first that registers; it returns how many
// were revoked. The refusals stay on record until the agent is accepted again:
// until then they are still the truth.
func Repair(f Facts, from string, p Policy, now time.Time) (Facts, int) {
	revoked := 0
	for _, h := range []token.Hash{f.NextCredential, f.Credential} {
		if !h.Zero() {
			f.PastCredential = h
			revoked++
		}
	}
	f.Credential, f.NextCredential, f.EnrolledBy = token.Hash{}, token.Hash{}, token.Hash{}
	f.BootstrapUntil, f.BootstrapFrom = now.Add(p.BootstrapWindow), from
	if revoked > 0 || f.RevokedAt.IsZero() {
		f.RevokedAt = now
	}
	f.Version++
	f.Epoch++
	f.Copies = Copies{}
	return f, revoked
}

// Revoke ends every credential and opens nothing: whoever holds one is out
// until a repair or an enrolment lets the agent in again.
func Revoke(f Facts, p Policy, now time.Time) (Facts, int) {
	f, revoked := Repair(f, "", p, now)
	f.BootstrapUntil = time.Time{}
	return f, revoked
}

// Rotate issues a second credential. Both are good until the new one is used
// for the first time (see Promote), so no moment is without one that works. A
// second one that was never used is replaced.
func Rotate(f Facts, minted token.Hash) Facts {
	if f.Credential.Zero() {
		f.Credential = f.NextCredential // its agent holds it, and has yet to call with it
	}
	f.NextCredential, f.EnrolledBy = minted, token.Hash{}
	f.Version++
	return f
}

// Adoption is what an operator gives for a row that exists already.
type Adoption struct {
	Mode             Mode
	Pushable         bool
	MaxTasks         int
	ResetCredentials bool
	Minted           token.Hash // with ResetCredentials
}

// Adopt resets everything an old installation left: mode, metrics, failures and
// refusals; with ResetCredentials the credentials too: the new one is in use from
// its first use, and until then the agent is known not to have it. Mail stays. Of
// one that was removed nothing is left but its mail and its history.
func Adopt(f Facts, a Adoption, now time.Time) Facts {
	f.Version++
	f.Epoch++
	if f.Hold == Removed {
		f.CreatedAt, f.RegisteredAt, f.Liveness = now, time.Time{}, Liveness{}
	}
	f.Hold, f.HoldSince = NoHold, time.Time{}
	f.Declared, f.DeclaredBy, f.Pushable = a.Mode, ByOperator, a.Pushable
	f.MaxTasks = a.MaxTasks
	f.Reported = Reported{}
	f.Stranger, f.PushTrouble, f.Copies = Stranger{}, PushTrouble{}, Copies{}
	f.ProbeLostAt = time.Time{}
	if a.ResetCredentials {
		for _, h := range []token.Hash{f.NextCredential, f.Credential} {
			if !h.Zero() {
				f.PastCredential = h
			}
		}
		f.Credential, f.NextCredential, f.EnrolledBy = token.Hash{}, a.Minted, token.Hash{}
		f.BootstrapUntil, f.BootstrapFrom, f.RevokedAt = time.Time{}, "", now
	}
	f.Refusals = Refusals{}
	return f
}
