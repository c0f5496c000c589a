package workspace

import (
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Enrolled reports whether a credential is issued that has not been revoked.
func (f *Facts) Enrolled() bool { return !f.Credential.Zero() || !f.NextCredential.Zero() }

// Accepts reports whether a call with this credential is accepted.
func (f *Facts) Accepts(presented token.Hash) bool {
	return f.Hold != Removed && (presented.Matches(f.Credential) || presented.Matches(f.NextCredential))
}

// revoked reports whether an operator ended the credentials, and no call was accepted since.
func (f *Facts) revoked() bool { return !f.RevokedAt.IsZero() && !f.LastSignal().After(f.RevokedAt) }

// MustRotate reports whether an agent that uses its old credential is to be told to fetch a new one: an operator asks
// for it, or the one that it was given waits to be used. One that waits for another is not the agent's to replace.
func (f *Facts) MustRotate() bool {
	given := !f.NextCredential.Zero()
	return !f.Credential.Zero() && (given || !f.FetchAskedAt.IsZero()) && !f.waitsForAnother()
}

// waitsForAnother reports whether a credential waits for its first use that was not given to the agent that calls now:
// an operator was shown it, to place it, or it was issued for an enrolment token.
func (f *Facts) waitsForAnother() bool {
	return !f.Credential.Zero() && !f.NextCredential.Zero() && (f.IssuedTo == ToOperator || !f.EnrolledBy.Zero())
}

// CheckRotate refuses to issue a credential in place of one that was issued to somebody else and waits for its first
// use: it would end without a word to the one who has it. One that the agent was given has had its time when the agent
// was accepted with the old one for a lease's time since. Error: credential_pending.
func (f *Facts) CheckRotate(to Recipient, p Policy) error {
	given := !f.Credential.Zero() && !f.NextCredential.Zero() && f.IssuedTo == ToAgent
	switch {
	case to == ToAgent && f.waitsForAnother():
		return fault.New(fault.CredentialPending, "a credential that was issued to somebody else at %s is not used yet",
			stamp(f.IssuedAt)).WithHint("go on with your credential: it is accepted until the other one is used", "wait")
	case to == ToOperator && given && f.LastSignal().Sub(f.IssuedAt) < p.LeaseTTL:
		return fault.New(fault.CredentialPending, "the agent was given a credential at %s, and has not used it yet",
			stamp(f.IssuedAt)).
			WithHint("its next call uses it: try again after that. To go on now ends the one that it was given, "+
				"and its calls with it are refused: say that with force (--force)", "wait")
	}
	return nil
}

// Admission is what a register does with the credential it presents.
type Admission struct {
	Mint    bool // issue a new credential
	Trust   bool // take the presented one as the credential (first use of an unused id)
	Promote bool // the presented one is NextCredential, used for the first time
}

// Admit decides whether a register from a network address may pass. exists is false for an id that nobody has used.
// Errors: workspace_removed, credential_missing, credential_unknown.
func Admit(f Facts, exists bool, presented token.Hash, from string, p Policy, now time.Time) (Admission, error) {
	switch {
	case f.Hold == Removed && f.TellsRemoval(presented, p):
		return Admission{}, RemovedError(f)
	case f.Hold == Removed:
		return Admission{}, UnauthorizedError(f.ID, presented)
	case !exists && p.Bootstrap == Open:
		// An agent that brings a credential to an unused id keeps it: a client that reads its token only from its
		// environment cannot take another.
		return Admission{Mint: presented.Zero(), Trust: !presented.Zero()}, nil
	case !exists:
		return Admission{}, UnauthorizedError(f.ID, presented)
	case presented.Matches(f.Credential):
		return Admission{}, nil
	case presented.Matches(f.NextCredential):
		return Admission{Promote: true}, nil
	case f.bootstraps(presented, p, now):
		return f.bootstrap(presented, from)
	}
	return Admission{}, UnauthorizedError(f.ID, presented)
}

// TellsRemoval reports whether a caller is told that the workspace is removed: who brings the credential that was its
// last, and anyone where bootstrap is open, as anyone may use an id there.
func (f *Facts) TellsRemoval(presented token.Hash, p Policy) bool {
	return p.Bootstrap == Open || presented.Matches(f.PastCredential)
}

// bootstraps reports whether a register without a valid credential can be given one: the bootstrap window is open, or
// the policy is open, nothing is presented and what was issued has never been used. The reply that brought it may have
// been lost, and a lost reply must lock nobody out.
func (f *Facts) bootstraps(presented token.Hash, p Policy, now time.Time) bool {
	if !f.Credential.Zero() {
		return false
	}
	neverUsed := f.PastCredential.Zero() && presented.Zero()
	return now.Before(f.BootstrapUntil) || (p.Bootstrap == Open && neverUsed)
}

// bootstrap admits only the address that the window is for, or the first caller where it is for anyone: knowing the id
// is not enough.
func (f *Facts) bootstrap(presented token.Hash, from string) (Admission, error) {
	if f.BootstrapFrom == "" || f.BootstrapFrom == from {
		return Admission{Mint: true}, nil
	}
	return Admission{}, UnauthorizedError(f.ID, presented) // it learns nothing of the window
}

// Gives reports whether a call with this credential gets in by what a person gave: the bootstrap window, or a
// credential that the person was shown and that nobody has used. It is good as long as the person's own is not revoked.
func (f *Facts) Gives(presented token.Hash, now time.Time) bool {
	if presented.Matches(f.NextCredential) {
		return f.GivenBy != "" && f.IssuedTo == ToOperator
	}
	return f.GivenBy != "" && f.Credential.Zero() && now.Before(f.BootstrapUntil)
}

// TakeBack is the facts without what was given by a person whose credential was revoked, and without the address that
// the window was for: the person may have named it.
func TakeBack(f Facts) Facts {
	if f.IssuedTo == ToOperator {
		f.NextCredential = token.Hash{}
	}
	if !f.BootstrapUntil.IsZero() {
		f.BootstrapUntil, f.SeenFrom, f.Homes = time.Time{}, "", ""
	}
	return f
}

// Promote is the first use of an issued credential: it becomes the one in use, the one before it ends, and the
// bootstrap window that issued it closes. None of this happens before the first use, so that a lost reply locks nobody
// out.
//
// Who uses it registers, or the URL that was registered with the one before ends: see EndsURL.
func Promote(f Facts, now time.Time) Facts {
	next := f.promote().endURL(f, now)
	if f.operatorEnded() {
		next.SeenFrom, next.Homes = "", "" // an address is trusted with the credential that was accepted from there
	}
	if EndsURL(f, next) {
		next.PollAwaitedAt = now // until it registers again, it is to poll
	}
	return next
}

// operatorEnded reports whether it is an operator's doing that the first use of NextCredential leaves no other: the
// credentials were revoked, or the operator was shown this one, to place it. Only then the addresses of late are
// forgotten. Whoever calls with a good credential can rotate it: a thief must not make the agent a stranger.
func (f *Facts) operatorEnded() bool {
	return !f.RevokedAt.IsZero() || (!f.Credential.Zero() && f.IssuedTo == ToOperator)
}

// promote is Promote for a register, which says its URL itself.
func (f Facts) promote() Facts {
	if !f.Credential.Zero() {
		f.PastCredential = f.Credential
	}
	asked := f.FetchAskedAt
	if !f.IssuedAt.Before(asked) {
		asked = time.Time{} // this is the one that was asked for, or a later one
	}
	f.Credentials = Credentials{
		Credential: f.NextCredential, PastCredential: f.PastCredential, TakenAs: f.IssuedTo, FetchAskedAt: asked,
	}
	f.Refusals = f.endRefusals(f.SeenFrom)
	return f
}

// Repair revokes every credential and opens one bootstrap window: to the network address from, or to the first that
// registers if from is "". It returns how many credentials were revoked. The refusals stay until the agent is accepted
// again, because they are still true until then.
func Repair(f Facts, from string, p Policy, now time.Time) (Facts, int) {
	f, revoked := f.dropCredentials(now)
	f.BootstrapUntil, f.BootstrapFrom = now.Add(p.BootstrapWindow), from
	if revoked > 0 || f.RevokedAt.IsZero() {
		f.RevokedAt = now
	}
	f.Version++
	f.Epoch++
	f.Copies = Copies{}
	return f, revoked
}

// RepairByHand revokes every credential and issues one to the operator, who places it where the agent takes its
// credential from. No bootstrap window opens. It returns how many credentials were revoked.
func RepairByHand(f Facts, minted token.Hash, now time.Time) (Facts, int) {
	f, revoked := f.dropCredentials(now)
	f.Credentials = f.issueToOperator(minted, now)
	f.Version++
	f.Epoch++
	f.Copies = Copies{}
	return f, revoked
}

// issueToOperator is the credentials when there is none but one that an operator is shown. It is in use from its first
// use on, and until then the agent is known not to have it.
func (f *Facts) issueToOperator(minted token.Hash, now time.Time) Credentials {
	return Credentials{
		NextCredential: minted, IssuedAt: now, IssuedTo: ToOperator, PastCredential: f.PastCredential, RevokedAt: now,
		TakenAs: f.TakenAs,
	}
}

// dropCredentials ends every credential, and with them the URL and the enrolment tokens for this workspace. It keeps
// the one in use (or else the one issued) as PastCredential, and returns how many credentials there were.
func (f Facts) dropCredentials(now time.Time) (next Facts, dropped int) {
	old := f
	f.CredentialsEnded++
	for _, h := range []token.Hash{f.NextCredential, f.Credential} {
		if !h.Zero() {
			f.PastCredential = h
			dropped++
		}
	}
	f.Credential, f.NextCredential, f.EnrolledBy = token.Hash{}, token.Hash{}, token.Hash{}
	f.IssuedAt, f.IssuedTo, f.FetchAskedAt, f.URLOfNext, f.GivenBy = time.Time{}, "", time.Time{}, false, ""
	return f.endURL(old, now), dropped
}

// windowAddress is the address that an open bootstrap window is for; "": none is open, or it is for anyone.
func (f *Facts) windowAddress(now time.Time) string {
	if !now.Before(f.BootstrapUntil) {
		return ""
	}
	return f.BootstrapFrom
}

// CheckWindow refuses to move an open bootstrap window to the address from, which nobody named for this workspace: it
// was read from a verdict. An operator may have opened the window since.
// Without one, it refuses what WindowFor does while
// calls of late came from two addresses. Error: repair_address_unknown.
func (f *Facts) CheckWindow(from string, now time.Time) error {
	open := f.windowAddress(now)
	if open == "" && len(f.refusedApart(now)) > 0 {
		_, err := f.WindowFor(now)
		return err
	}
	if open == "" || open == from {
		return nil
	}
	return fault.New(fault.RepairAddressUnknown, "a bootstrap window is open until %s, to an agent at %s: it is not "+
		"moved to %s", stamp(f.BootstrapUntil), open, from).
		WithHint("restart the agent at the address that the window is for; only if you know that the agent is elsewhere, "+
			"name its address for this workspace (from, --from ADDR)", "repair")
}

// WindowFor is the address that a repair opens its window to when the operator says no other: that of an open window,
// or else that of the last accepted call, wherever a stranger's attempts have been refused since. There is none after a
// revocation, none when not all of its addresses of late are known, and none when the agent's attempts are refused at
// another address of its own: one of the two may be a thief's. Error: repair_address_unknown.
func (f *Facts) WindowFor(now time.Time) (string, error) {
	if open := f.windowAddress(now); open != "" {
		return open, nil
	}
	if f.distrusted() {
		return "", fault.New(fault.RepairAddressUnknown, "its credentials were revoked: "+
			"the address of its last accepted call may be a thief's").WithHint("have a credential shown and place it "+
			"(show, --show), or name the address that its agent calls from (from, --from ADDR)"+f.seenLatelyWords(now), "repair")
	}
	if f.SeenFrom == "" {
		return "", fault.New(fault.RepairAddressUnknown, "no call of this workspace was ever accepted: "+
			"its agent's network address is not known").WithHint("name the address that it calls from (from, --from ADDR), "+
			"or have a credential shown and place it (show, --show), or let in whoever registers first (anyone, --anyone)",
			"repair")
	}
	if f.homesIncomplete(now) {
		return "", fault.New(fault.RepairAddressUnknown, "calls were accepted from more than %d addresses within a day: "+
			"some of them may be a thief's", homesKept).WithHint("name the address that its agent calls from (from, --from "+
			"ADDR), or have a credential shown and place it (show, --show)"+f.seenLatelyWords(now), "repair")
	}
	if apart := f.refusedApart(now); len(apart) > 0 {
		return "", fault.New(fault.RepairAddressUnknown, "its last accepted call came from %s, and calls from %s are "+
			"refused: each of the two may be its agent", f.SeenFrom, strings.Join(apart, ", ")).
			WithHint("say which of them is its agent's "+
				"(from, --from ADDR), or have a credential shown and place it (show, --show)", "repair")
	}
	return f.SeenFrom, nil
}

// CheckUnused refuses to end a credential that was accepted within the lease's time: its agent works with it. verb is
// what was asked. Error: credential_in_use.
func (f *Facts) CheckUnused(verb string, p Policy, now time.Time) error {
	at := f.LastSignal()
	if f.Credential.Zero() || f.revoked() || at.IsZero() || now.Sub(at) >= p.LeaseTTL {
		return nil
	}
	e := fault.New(fault.CredentialInUse, "its credential was accepted %s ago: to %s it cuts its agent off",
		now.Sub(at).Round(time.Second), verb).
		WithHint("check that the id is right. If it is, its agent's calls are refused until it has another "+
			"credential: say that this is right with force (--force)", "force")
	e.Details.LastAcceptedAt = at.UTC()
	return e
}

// Revoke ends every credential and opens no bootstrap window: nobody gets in until a repair or an enrolment. A thief
// may have made the last accepted call, so no address is the agent's until a call is accepted again.
func Revoke(f Facts, p Policy, now time.Time) (Facts, int) {
	f, revoked := Repair(f, "", p, now)
	f.BootstrapUntil, f.SeenFrom = time.Time{}, ""
	return f, revoked
}

// Rotate issues a second credential. Both are good until the new one is used for the first time (see Promote), so one
// of them works at every moment. A second credential that was never used is replaced; see CheckRotate.
func Rotate(f Facts, minted token.Hash, to Recipient, now time.Time) Facts {
	old := f
	if f.Credential.Zero() {
		f.Credential = f.NextCredential // its agent has it, and has not called with it yet
	}
	f.NextCredential, f.IssuedAt, f.IssuedTo, f.EnrolledBy, f.URLOfNext = minted, now, to, token.Hash{}, false
	f.GivenBy = ""
	if to == ToOperator {
		f.CredentialsEnded++ // no enrolment token from before may end what an operator has in hand
	}
	f.Version++
	return f.endURL(old, now)
}

// AskToFetch has the agent asked to fetch a second credential itself. One that an operator was shown, and that was
// never used, ends: see CheckRotate for ToAgent.
func AskToFetch(f Facts, now time.Time) Facts {
	old := f
	if f.waitsForAnother() {
		f.NextCredential, f.IssuedAt, f.IssuedTo, f.EnrolledBy = token.Hash{}, time.Time{}, "", token.Hash{}
		f.URLOfNext, f.GivenBy = false, ""
	}
	f.FetchAskedAt = now
	f.Version++
	return f.endURL(old, now)
}

// Adoption is what an operator says of a workspace that exists already.
type Adoption struct {
	Mode             Mode
	Pushable         bool
	MaxTasks         int
	ResetCredentials bool
	Minted           token.Hash // with ResetCredentials
}

// Adopt resets what an old installation left: mode, metrics, failures and refusals. With ResetCredentials it resets
// the credentials too: the new one is in use from its first use, and until then the agent is known not to have it. The
// epoch is raised only then: an agent that keeps its credential goes on. Mail stays. A removed workspace is not adopted
// but created again.
func Adopt(f Facts, a Adoption, now time.Time) Facts {
	f.Version++
	f.Hold, f.HoldSince = NoHold, time.Time{}
	f.Declared, f.DeclaredBy, f.Pushable = a.Mode, ByOperator, a.Pushable
	f.MaxTasks = a.MaxTasks
	f.Reported, f.UndeliveredAt = Reported{}, time.Time{}
	f = f.awaitPoll(now)
	f.Refusals, f.Stranger, f.Copies = Refusals{}, Stranger{}, Copies{}
	f.PushTrouble, f.AnswerTrouble = PushTrouble{}, AnswerTrouble{}
	if a.ResetCredentials {
		f, _ = f.dropCredentials(now)
		f.Credentials = f.issueToOperator(a.Minted, now)
		f.Epoch++
	}
	return f
}

// Move puts a workspace into a team, and changes nothing else: its agent notices nothing.
func Move(f Facts, team string) Facts {
	f.Version++
	f.Team = team
	return f
}
