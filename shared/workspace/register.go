package workspace

import (
	"time"

	"github.com/rollcall/rollcall/shared/token"
)

// Declaration is what a register says.
type Declaration struct {
	Mode     Mode
	URL      string // "": none
	Pushable bool
	From     string // network address
}

// Register is the facts after an accepted register. Everything that was declared before is replaced, so a stale mode
// heals here. minted is the credential issued with it, if any.
func Register(f Facts, a Admission, d Declaration, presented, minted token.Hash, p Policy, now time.Time) Facts {
	if f.CreatedAt.IsZero() {
		f.CreatedAt = now
	}
	goesOn := a.Mint && f.ignoresIssued()
	homes := f.Homes
	if !f.RevokedAt.IsZero() || (a.Promote && f.operatorEnded()) {
		homes = "" // the credential that was accepted from there has ended: it may have been a thief's
	}
	switch {
	case a.Mint:
		// Until its first use, another may be issued in its place. One that goes on with another is known to, and the
		// first that it ignored says since when.
		f.NextCredential, f.IssuedTo = minted, ToAgent
		if !goesOn {
			f.IssuedAt = now
		}
		f.EnrolledBy = token.Hash{}
		f.BootstrapFrom = d.From
	case a.Trust:
		f.Credential, f.TakenAs = presented, ToOperator // somebody else than the platform gave it
	case a.Promote:
		f = f.promote()
	}
	f.URLOfNext = a.Mint && !f.Credential.Zero()
	f = f.endCopies(p, now)
	f = f.noteQuickRegister(d.URL, p, now)
	f.Version++
	f.Epoch++
	f = f.nameHost(p, now)
	f.RegisteredAt, f.RevokedAt = now, time.Time{}
	f = f.awaitPoll(now)
	f.LeaseUntil = now.Add(p.LeaseTTL)
	f = f.noteMove(d.From, now)
	f.SeenFrom, f.Homes = d.From, NoteHome(homes, d.From, now)
	was, ended := f.URLFingerprint, !f.URLEndedAt.IsZero()
	f = f.noteURL(d.URL, p, now)
	other := f.URLFingerprint != was
	f.URLNew = f.URLNew || other
	if ended || other && was != "" {
		f.URLEpoch = f.Epoch
	}
	f.URLEndedAt = time.Time{}
	f.Declared, f.DeclaredBy, f.Pushable = d.Mode, ByAgent, d.Pushable
	if f.StrangerFrom == d.From {
		f.Stranger = Stranger{} // it was this agent
	}
	f.Reported = Reported{} // a new boot has none of the old one's tasks
	f = f.endSeldom()
	f.RegisterFailedAt, f.RegisterFailedWhy = time.Time{}, ""
	f.PrecedenceUntil = time.Time{} // it is over, or the register would wait
	if !goesOn {
		f.Refusals = f.endRefusals(d.From)
	}
	if f.Takeovers > 0 && now.Sub(f.TakenOverAt) < p.LeaseTTL {
		f = f.endQuickRegisters() // two agents register in turn, and none starts anew
	}
	// A new boot is tried at once. That it takes mail, only a hand-over shows: what failed before still counts, and so do
	// the answers that it is busy.
	f.RestUntil = time.Time{}
	return f
}

// FailRegister is the facts after a register whose credential is good was refused for another reason; changed is false
// when the attempt is not worth a write. The credential is at fault no more: what was refused for it, at that address,
// is over.
func FailRegister(f Facts, why, from string, p Policy, now time.Time) (next Facts, changed bool) {
	blamed := f.refusalCount() > 0 || !f.StrangerAt.IsZero() && f.StrangerFrom == from
	if !blamed && f.RegisterFailedWhy == why && now.Sub(f.RegisterFailedAt) < p.RefusalWriteEvery {
		return f, false
	}
	was := f
	f.Refusals = f.endRefusals(from)
	if f.StrangerFrom == from {
		f.Stranger = Stranger{}
	}
	f.RegisterFailedAt, f.RegisterFailedWhy = now, why
	f.Version++
	return NoteStanding(was, f, p, now), true
}
