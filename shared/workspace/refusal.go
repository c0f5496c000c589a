package workspace

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Refusal is one refused attempt.
type Refusal struct {
	Kind   SignalKind // or Registering
	From   string
	Hash   token.Hash // of what was presented; zero: nothing
	Former bool       // it was issued to this workspace once; PastCredential is known to be
}

// SignalRegister is a Refusal's kind beside the signals'.
const SignalRegister SignalKind = "register"

// Presented is what a refused attempt brought.
type Presented string

// What can be brought.
const (
	NoCredential      Presented = "" // none
	UnknownCredential Presented = "unknown"
	FormerCredential  Presented = "former" // it was valid for this workspace once
)

func (r Refusal) presented(f Facts) Presented {
	switch {
	case r.Hash.Zero():
		return NoCredential
	case r.Former || r.Hash.Matches(f.PastCredential):
		return FormerCredential
	}
	return UnknownCredential
}

func (p Presented) words() string {
	switch p {
	case NoCredential:
		return "without a credential"
	case FormerCredential:
		return "with a credential that was this agent's once"
	}
	return "with an unknown credential"
}

// RecentlyAccepted tells whether the agent was accepted so lately that nobody at another
// address can speak for it.
func (f Facts) RecentlyAccepted(p Policy, now time.Time) bool {
	at := f.LastSignal()
	return !at.IsZero() && now.Sub(at) < p.LeaseTTL/2
}

// attributable tells whether a refused attempt is this agent's: it comes from
// the network address of the last accepted signal; or it brings a credential that
// was valid here once, while nothing is heard, accepted or refused, from that
// address. Anyone can name an id, and who stole a credential has one that was
// valid: no one may change another's status by it.
func (f Facts) attributable(r Refusal, p Policy, now time.Time) bool {
	if f.SeenFrom != "" && r.From == f.SeenFrom {
		return true
	}
	refusedAtHome := f.RefusedFrom == f.SeenFrom && !f.RefusedAt.IsZero() && now.Sub(f.RefusedAt) < p.LeaseTTL
	return r.presented(f) == FormerCredential && !f.RecentlyAccepted(p, now) && !refusedAtHome
}

// strangerEvery times RefusalWriteEvery is how often a stranger's attempt is
// noted: so seldom that the agent's own always finds room.
const strangerEvery = 2

// Refuse is what a refused attempt makes of the facts; changed is false when it
// is not worth a write. What counts against the workspace is noted at most once
// in RefusalWriteEvery, but for the first after a call that was accepted (unless
// refused and accepted calls take turns) and those that make RefusalsToDegrade of
// it, which are noted at once: two refused boots in a row must show. A stranger's
// is noted half as often, and never right after one that counts.
func Refuse(f Facts, r Refusal, p Policy, now time.Time) (next Facts, changed bool) {
	since := func(t time.Time) time.Duration { return now.Sub(t) }
	if !f.attributable(r, p, now) {
		if since(f.StrangerAt) < strangerEvery*p.RefusalWriteEvery || since(f.RefusedAt) < p.RefusalWriteEvery {
			return f, false
		}
		f.StrangerAt, f.StrangerFrom, f.StrangerWith = now, r.From, r.presented(f)
		return f, true
	}
	recent := since(f.RefusedAt) < p.RefusalWriteEvery
	news := f.LastSignal().After(f.RefusedAt) && !f.alternating(p, now) // after a call that was accepted
	if another := f.RefusedFrom != r.From && f.refusalCount() > 0; another || since(f.RefusedAt) >= p.RefusalMemory {
		if recent && r.From != f.SeenFrom {
			return f, false // of several that hold an old credential, one is listened to at a time
		}
		f.Refusals, recent = Refusals{}, false
	}
	// Registers are few, and only an accepted one makes them count anew.
	tells := f.refusalCount()+1 == p.RefusalsToDegrade || (r.Kind == SignalRegister && f.RegisterRefused < p.RefusalsToDegrade)
	if recent && !news && !tells {
		return f, false
	}
	n := &f.BeatsRefused
	switch r.Kind {
	case SignalRegister:
		n = &f.RegisterRefused
	case SignalPoll, SignalCall:
		n = &f.CallsRefused
	}
	if f.refusalCount() == 0 {
		f.RefusedSince = now
	}
	if r.Kind != SignalRegister && !f.RefusedAt.IsZero() && f.LastSignal().After(f.RefusedAt) && since(f.RefusedAt) < p.LeaseTTL {
		if since(f.AlternatedAt) >= p.LeaseTTL {
			f.AlternatingRefusals = 0
		}
		f.AlternatingRefusals, f.AlternatedAt = f.AlternatingRefusals+1, now
	}
	*n++
	f.RefusedAt, f.RefusedFrom = now, r.From
	return f, true
}

// alternating tells whether refused and accepted calls take turns, as of two agents at
// one address of which one has an old credential.
func (f Facts) alternating(p Policy, now time.Time) bool {
	return f.AlternatingRefusals >= 2 && now.Sub(f.AlternatedAt) < p.LeaseTTL
}

func (f Facts) refusalCount() int { return f.RegisterRefused + f.BeatsRefused + f.CallsRefused }

// UnauthorizedError is the refusal of a missing or unknown credential; its texts are
// the wire contract's.
func UnauthorizedError(id string, presented token.Hash) *fault.Error {
	hint := fmt.Sprintf("an operator repairs it with POST /workspaces/%s/repair; then register again", id)
	if presented.Zero() {
		return fault.New(fault.CredentialMissing, "missing workspace auth token").WithHint(hint, "repair")
	}
	return fault.New(fault.CredentialUnknown, "invalid workspace auth token").WithHint(hint, "repair")
}

// RemovedError is the answer of a removed workspace; its members are the wire
// contract's (section 2.6).
func RemovedError(f Facts) error {
	e := fault.New(fault.WorkspaceRemoved, "workspace removed").WithHint("an operator can create "+f.ID+" again", "stop")
	e.Details = map[string]any{"id": f.ID, "removed_at": f.HoldSince}
	return e
}

// UnknownError is the answer for an id nobody has used.
func UnknownError(id string) error {
	return fault.New(fault.WorkspaceUnknown, "no workspace has this id").
		WithHint("register it, or have an operator create it with POST /workspaces", "register")
}

// OwnerMatters reports whether it matters to whom the refused credential was
// issued: the attempt would be noted as a stranger's, with an unknown credential.
// The caller then looks the owner up and says so in Refusal.Former.
func OwnerMatters(f Facts, r Refusal, p Policy, now time.Time) bool {
	next, changed := Refuse(f, r, p, now)
	return changed && next.StrangerAt.Equal(now) && next.StrangerWith == UnknownCredential
}
