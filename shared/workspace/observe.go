package workspace

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// SignalKind is what a signal is.
type SignalKind string

// The kinds of signal that renew a lease.
const (
	SignalHeartbeat SignalKind = "heartbeat"
	SignalPoll      SignalKind = "poll"
	SignalCall      SignalKind = "call" // any other authenticated call
)

// Signal is one authenticated call of an agent. A nil metric says nothing and
// changes nothing: two writers of one workspace may each know different ones.
type Signal struct {
	Kind        SignalKind
	From        string // network address
	Instance    Instance
	ActiveTasks *int
	ErrorRate   *float64
	SampleError string
	Wedged      bool // heartbeats only: its absence is the all-clear, as the runtime sends it only while wedged
}

// Observe is what an accepted signal makes of the facts. Stores do the same in
// one conditional write; their contract suite compares them with this.
func Observe(f Facts, s Signal, p Policy, now time.Time) Facts {
	if s.recovers(f, p, now) {
		f.RecoveredAt = now
	}
	if !SameInstance(f, s) {
		f = takeOver(f, s, p, now)
	}
	if f.Instance == "" {
		f.Instance = s.Instance.Name
	}
	f.LeaseUntil = now.Add(p.LeaseTTL)
	f.SeenFrom = s.From
	switch s.Kind {
	case SignalPoll:
		f.PolledAt, f.CallsRefused = now, 0
	case SignalCall:
		f.CalledAt, f.CallsRefused = now, 0
	case SignalHeartbeat:
		f.HeartbeatAt, f.BeatsRefused = now, 0
		switch {
		case !s.Wedged:
			f.WedgedSince = time.Time{}
		case f.WedgedSince.IsZero():
			f.WedgedSince = now
		}
	}
	if s.ActiveTasks != nil {
		f.ActiveTasks, f.ActiveAt = *s.ActiveTasks, now
	}
	switch {
	case s.EndsErrors(p):
		f.ErrorsSince, f.SampleError = time.Time{}, ""
	case s.ErrorRate != nil && *s.ErrorRate >= p.ErrorRateEnter:
		if f.ErrorsSince.IsZero() {
			f.ErrorsSince = now
		}
		f.SampleError = s.SampleError
	}
	return f
}

// EndsErrors tells whether the signal ends the error-rate band.
func (s Signal) EndsErrors(p Policy) bool {
	return s.ErrorRate != nil && *s.ErrorRate < p.ErrorRateLeave
}

func (s Signal) recovers(f Facts, p Policy, now time.Time) bool {
	return (!f.LeaseUntil.IsZero() && !f.Leased(p, now)) || (s.Kind == SignalHeartbeat && !s.Wedged && !f.WedgedSince.IsZero()) || (s.EndsErrors(p) && !f.ErrorsSince.IsZero())
}

// Refusal is one refused attempt.
type Refusal struct {
	Kind   SignalKind // or Registering
	From   string
	Hash   token.Hash // of what was presented; zero: nothing
	Former bool       // it was issued to this workspace once; PastCredential is known to be
}

// SignalRegister is a Refusal's kind beside the signals'.
const SignalRegister SignalKind = "register"

func (r Refusal) presented(f Facts) Presented {
	switch {
	case r.Hash.Zero():
		return NoCredential
	case r.Former || r.Hash.Matches(f.PastCredential):
		return FormerCredential
	}
	return UnknownCredential
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

// Declaration is what a register says.
type Declaration struct {
	Mode     Mode
	URL      string // "": none
	Pushable bool
	From     string
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

// MustRotate tells an agent that came with its old credential that a new one
// waits to be used. One that an enrolment token issued waits for another agent.
func (f Facts) MustRotate() bool {
	return !f.Credential.Zero() && !f.NextCredential.Zero() && f.EnrolledBy.Zero()
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
