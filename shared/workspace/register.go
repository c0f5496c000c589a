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
	From     string
}

// Register is what an accepted register makes of the facts. Nothing declared
// before survives it: that is how a stale mode heals. minted is the credential
// issued with it, if any.
func Register(f Facts, a Admission, d Declaration, presented, minted token.Hash, p Policy, now time.Time) Facts {
	if f.CreatedAt.IsZero() {
		f.CreatedAt = now
	}
	switch {
	case a.Mint:
		f.NextCredential, f.EnrolledBy, f.RevokedAt = minted, token.Hash{}, time.Time{} // until its first use another may be issued
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
	if name := urlFingerprint(d.URL); name != "" {
		if f.URLFingerprint != "" && f.URLFingerprint != name {
			f = f.noteTakeover(f.URLFingerprint, p, now, name)
		}
		f.URLFingerprint = name
	}
	f.Declared, f.DeclaredBy = d.Mode, ByAgent
	f.Pushable = d.Pushable
	f.PushTrouble = PushTrouble{}
	if f.StrangerFrom == d.From {
		f.Stranger = Stranger{} // it was this agent
	}
	f.Reported = Reported{} // a new boot has none of the old one's tasks
	f.ProbeLostAt = time.Time{}
	f.Refusals = Refusals{}
	return f
}
