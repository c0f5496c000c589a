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
	switch {
	case a.Mint:
		// Until its first use, another may be issued in its place.
		f.NextCredential, f.EnrolledBy, f.RevokedAt = minted, token.Hash{}, time.Time{}
		f.BootstrapFrom = d.From
	case a.Trust:
		f.Credential = presented
	case a.Promote:
		f = Promote(f)
	}
	f.Version++
	f.Epoch++
	f.RegisteredAt = now
	f.LeaseUntil = now.Add(p.LeaseTTL)
	f.SeenFrom = d.From
	f = f.noteURL(d.URL, p, now)
	f.Declared, f.DeclaredBy, f.Pushable = d.Mode, ByAgent, d.Pushable
	if f.StrangerFrom == d.From {
		f.Stranger = Stranger{} // it was this agent
	}
	f.Reported = Reported{} // a new boot has none of the old one's tasks
	f.Refusals = Refusals{}
	// A new boot is tried at once. That it serves, only a hand-over shows: what failed before still counts.
	f.RestUntil, f.BusySince, f.BusyAnswers = time.Time{}, time.Time{}, 0
	return f
}
