package workspace

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Refusal is one refused attempt.
type Refusal struct {
	Kind   SignalKind // or SignalRegister
	From   string
	Hash   token.Hash // of the credential presented; zero: none
	Issued Issued     // to whom the credential was issued
	Token  Presented  // what is wrong with the enrolment token that a register brought; "": it brought none
	// Damage is what is wrong with the text that was presented, and Inner is of the credential in it; zero: there is none.
	Damage token.Damage
	Inner  token.Hash
	// Brought is the enrolment token that came in place of a credential, and Good is that a register with it in its body
	// would be accepted.
	Brought string
	Good    bool
}

// Presenting is the refusal of a call of a kind that came from an address with a text as its credential.
func Presenting(kind SignalKind, from, text string) Refusal {
	damage, inner := token.DamageOf(text)
	return presenting(kind, from, text, damage, inner)
}

// Misplacing is the refusal of a call whose header Authorization has another form than Bearer CREDENTIAL.
func Misplacing(kind SignalKind, from, header string) Refusal {
	damage, inner := token.DamageOfHeader(header)
	return presenting(kind, from, header, damage, inner)
}

// presenting is the refusal of a text with a damage. That something else is in it than a credential goes first: without
// the damage it would be refused all the same.
func presenting(kind SignalKind, from, text string, damage token.Damage, inner string) Refusal {
	r := Refusal{Kind: kind, From: from, Hash: token.Digest(text), Damage: damage, Inner: token.Digest(inner)}
	sent := cmp.Or(inner, text)
	if other := token.OtherKind(sent); other != token.Whole {
		r.Damage = other
	}
	if r.Damage == token.OfEnrolment {
		r.Brought = sent
	}
	return r
}

// Issued is to whom a credential was issued.
type Issued string

// The answers.
const (
	IssuedUnknown   Issued = ""          // nobody knows it, or nobody was asked
	IssuedHere      Issued = "here"      // to this workspace, once
	IssuedBefore    Issued = "before"    // to this workspace, in a former life of it
	IssuedElsewhere Issued = "elsewhere" // to another workspace
)

// SignalRegister is the kind of a refused register; the other kinds are those of signals.
const SignalRegister SignalKind = "register"

// Presented is which credential a refused attempt presented.
type Presented string

// The credentials that can be presented.
const (
	NoCredential      Presented = "" // none
	UnknownCredential Presented = "unknown"
	FormerCredential  Presented = "former" // it was valid for this workspace once
	OthersCredential  Presented = "others" // it is another workspace's
	// EarlierCredential was valid in a former life of this workspace. The word is short, as each lease has room for it.
	EarlierCredential Presented = "b"
	// What was presented damaged is the kind of damage, and whether the credential in it is good: see damagedAs.
)

// What is wrong with an enrolment token that was presented.
const (
	TokenExpired   Presented = "x"
	TokenUsedUp    Presented = "u"
	TokenOfAnother Presented = "o" // it is for another workspace
	TokenEnded     Presented = "e" // an operator has ended the credentials of the workspace that it is for, since
	TokenGone      Presented = "g" // nobody knows it, or not any more
	TokenTaken     Presented = "t" // it was used for this workspace, from another address
	TokenForNewIDs Presented = "n"
)

// tokenWords say what is wrong with an enrolment token.
var tokenWords = map[Presented]string{
	TokenExpired:   "that has expired",
	TokenUsedUp:    "that is used up",
	TokenOfAnother: "that is for another workspace",
	TokenEnded:     "that ended when an operator ended this workspace's credentials",
	TokenGone:      "that is unknown, withdrawn or long expired",
	TokenTaken:     "that was used from another address",
	TokenForNewIDs: "that is for new ids alone",
}

// byToken reports whether an enrolment token was presented that is not good.
func (p Presented) byToken() bool { return tokenWords[p] != "" }

// presented is what the attempt presented. An enrolment token goes before a credential that says nothing of who calls.
func (r Refusal) presented(f Facts) Presented {
	p := r.credential(f)
	if _, good := p.damage(); r.Token != "" && (p == NoCredential || p == UnknownCredential || p.damaged() && !good) {
		return r.Token
	}
	return p
}

// presentedAfter is presented, but for an attempt that tells less of the agent than the one that is noted. One without
// a credential that follows at once on a good one that was damaged is the same agent's: some register once more without
// it when it is refused. One that is damaged, with no good credential in it, can be anybody's at that address: another
// one that was noted since the credentials were ended stands.
func (r Refusal) presentedAfter(f Facts, atOnce, noted bool) Presented {
	p := r.presented(f)
	_, good := f.RefusedWith.damage()
	if good && atOnce && r.Hash.Zero() || noted && p.proof() == 0 && f.RefusedWith.proof() > 0 {
		return f.RefusedWith
	}
	return p
}

// credential is which credential the attempt presented.
func (r Refusal) credential(f Facts) Presented {
	switch {
	case r.Hash.Zero():
		return NoCredential
	case r.Issued == IssuedElsewhere:
		return OthersCredential
	case r.Issued == IssuedBefore:
		return EarlierCredential
	case r.Issued == IssuedHere || r.Hash.Matches(f.PastCredential):
		return FormerCredential
	case r.Damage != token.Whole:
		return damagedAs(r.Damage, r.Good || f.Accepts(r.Inner))
	}
	return UnknownCredential
}

// code is the code that the attempt was refused with.
func (p Presented) code() fault.Code {
	switch {
	case p.byToken():
		return fault.EnrolmentUnknown
	case p == NoCredential:
		return fault.CredentialMissing
	case p == OthersCredential:
		return fault.CredentialOfAnother
	}
	switch kind, _ := p.damage(); kind {
	case token.Misplaced:
		return fault.AuthorizationMalformed
	case token.OfPerson:
		return fault.CredentialOfAnother
	}
	return fault.CredentialUnknown
}

func (p Presented) words() string {
	if p.byToken() {
		return "with an enrolment token " + p.TokenWords()
	}
	if p.damaged() {
		return "with " + p.damageSent()
	}
	switch p {
	case NoCredential:
		return "without a credential"
	case FormerCredential:
		return "with a credential that was this agent's once"
	case OthersCredential:
		return "with a credential that is another workspace's"
	case EarlierCredential:
		return "with a credential from before this workspace was removed and created again"
	}
	return "with an unknown credential"
}

// TokenWords say what is wrong with an enrolment token; "": none was presented.
func (p Presented) TokenWords() string { return tokenWords[p] }

// RecentlyAccepted reports whether the agent was accepted so recently that no attempt from another address can be
// taken for its own.
func (f *Facts) RecentlyAccepted(p Policy, now time.Time) bool {
	at := f.LastSignal()
	if !f.PolledAt.IsZero() {
		at = latest(at, f.PolledAt.Add(p.PollNoted)) // as a poll since then may not have been written
	}
	return !at.IsZero() && now.Sub(at) < p.LeaseTTL/2
}

// attributable reports whether a refused attempt is this agent's: it comes from a network address from which this
// agent was accepted lately. Anyone can name an id, and a thief has a credential that was valid once, and that was
// ended for that: neither may change the status of a workspace that is not theirs.
func (f *Facts) attributable(r Refusal, now time.Time) bool {
	return r.Issued != IssuedElsewhere && r.Damage != token.OfPerson && f.AtHome(r.From, now)
}

// strangerEvery times RefusalWriteEvery is the least time between two notes of a stranger's attempt. It is so long
// that there is always room to note the agent's own refusals.
const strangerEvery = 2

// Refuse is the facts after a refused attempt; changed is false when the attempt is not worth a write. An attempt that
// is attributed to the agent counts against the workspace; any other is a stranger's and only warns. One with a
// credential that is known to be somebody else's is a stranger's, wherever it comes from.
func Refuse(f Facts, r Refusal, p Policy, now time.Time) (next Facts, changed bool) {
	next, changed = f.refuse(r, p, now)
	if changed {
		next = NoteStanding(f, next, p, now)
	}
	return next, changed
}

func (f Facts) refuse(r Refusal, p Policy, now time.Time) (next Facts, changed bool) {
	if f.attributable(r, now) {
		return f.countRefusal(r, p, now)
	}
	return f.noteStranger(r.From, r.presented(f), p, now)
}

// noteStranger notes an attempt that is not attributed to the agent.
func (f Facts) noteStranger(from string, with Presented, p Policy, now time.Time) (next Facts, changed bool) {
	noted := attempt{home: f.AtHome(f.StrangerFrom, now), with: f.StrangerWith}
	this := attempt{home: f.AtHome(from, now), with: with}
	age := now.Sub(f.StrangerAt)
	recent := age < strangerEvery*p.RefusalWriteEvery && !this.tellsMore(noted) ||
		age < p.RefusalDecay && noted.tellsMore(this) ||
		now.Sub(f.RefusedAt) < p.RefusalWriteEvery
	if recent && !f.firstInWindow(p, now) {
		return f, false
	}
	f.StrangerAt, f.StrangerFrom, f.StrangerWith = now, from, with
	return f, true
}

// attempt is a refused attempt that is not attributed to the agent: whether it came from an address of the agent's, and
// what it presented.
type attempt struct {
	home bool
	with Presented
}

// tellsMore reports whether an attempt tells more of the agent than another. One from the agent's own address goes
// first: who calls from elsewhere can't hide a neighbour's calls. Then one that shows the good credential, which only
// its holder can send. One that is damaged, with no good credential in it, goes last: anyone can send it, and the next
// step for the others mends that too.
func (a attempt) tellsMore(than attempt) bool {
	if a.home != than.home {
		return a.home
	}
	return a.with.proof() > than.with.proof()
}

// proof is how much it shows of who called.
func (p Presented) proof() int {
	switch kind, good := p.damage(); {
	case kind == token.Misnamed: // a call that names this workspace tells more of it
		return 1
	case good:
		return 3
	case p.damaged():
		return 0
	}
	return 2
}

// windowOpened is when the bootstrap window was opened; zero: none is on record.
func (f *Facts) windowOpened(p Policy) time.Time {
	if f.BootstrapUntil.IsZero() {
		return time.Time{}
	}
	return f.BootstrapUntil.Add(-p.BootstrapWindow)
}

// firstInWindow reports whether a bootstrap window is open and no refused attempt was noted since it opened. The first
// one is noted at once: the agent may have moved away from the address that the window is for.
func (f *Facts) firstInWindow(p Policy, now time.Time) bool {
	return now.Before(f.BootstrapUntil) && latest(f.RefusedAt, f.StrangerAt).Before(f.windowOpened(p))
}

// countRefusal counts a refused attempt of the agent itself, at most once in RefusalWriteEvery. Two kinds are counted
// at once, so that two refused boots in a row show: the first after an accepted call (unless refused and accepted
// calls take turns), and those that bring a count up to RefusalsToDegrade.
//
// The first at another address of the agent's is counted at once too: one of the two may be a thief's.
func (f Facts) countRefusal(r Refusal, p Policy, now time.Time) (next Facts, changed bool) {
	age := now.Sub(f.RefusedAt)
	recent := age < p.RefusalWriteEvery && !f.firstInWindow(p, now)
	// Only an accepted register resets the count of registers: accepted beats between them make none the first.
	counted := r.Kind == SignalRegister && f.RegisterRefused >= p.RefusalsToDegrade
	firstSinceAccepted := f.LastSignal().After(f.RefusedAt) && !f.alternating(p, now) && !counted
	home := f.AtHome(r.From, now)
	apart := !f.RefusedApart && home && r.From != f.RefusedFrom && f.AtHome(f.RefusedFrom, now)
	another := f.RefusedFrom != r.From && f.refusalCount() > 0 && !(home && f.AtHome(f.RefusedFrom, now))
	if another || f.refusalsDecayed(p, now) {
		if recent && !home {
			return f, false // several may hold an old credential: one at a time is noted
		}
		f.Refusals, recent = Refusals{RefusedApart: f.RefusedApart}, false
	}
	// Registers are rare, and only an accepted register resets their count.
	reachesLimit := f.refusalCount()+1 == p.RefusalsToDegrade ||
		(r.Kind == SignalRegister && f.RegisterRefused < p.RefusalsToDegrade)
	if recent && !firstSinceAccepted && !reachesLimit && !apart {
		return f, false
	}
	f.RefusedApart = f.RefusedApart || apart
	if f.refusalCount() == 0 {
		f.RefusedSince = now
	}
	if r.Kind != SignalRegister && !f.RefusedAt.IsZero() && f.LastSignal().After(f.RefusedAt) && age < p.LeaseTTL {
		f = f.noteAlternation(p, now)
	}
	switch r.Kind {
	case SignalRegister:
		f.RegisterRefused++
		f.RegisterRefusedAt = now
	case SignalPoll, SignalCall:
		f.CallsRefused++
	default:
		f.BeatsRefused++
	}
	goesOn := r.From == f.RefusedFrom && f.RevokedAt.Before(f.RefusedAt)
	atOnce, noted := goesOn && recent, goesOn && f.refusalCount() > 1
	f.RefusedAt, f.RefusedFrom = now, r.From
	if r.Kind == SignalRegister || f.RegisterRefused == 0 {
		f.RefusedWith = r.presentedAfter(f, atOnce, noted)
	}
	if f.RefusedEnoughAt.IsZero() && f.refusalCount() >= p.RefusalsToDegrade {
		f.RefusedEnoughAt = now
	}
	return f, true
}

// endRefusals is the refusals after a call from an address showed that the agent has a good credential. That calls were
// refused at another address of the agent's is still known: the one with the good credential may be the thief.
func (f *Facts) endRefusals(from string) Refusals {
	return Refusals{RefusedApart: f.RefusedApart || f.RefusedFrom != "" && f.RefusedFrom != from}
}

// refusedApart are the addresses of the agent's, beside the one of its last accepted call, of which one was refused of
// late: each may be the agent's and each a thief's. There is none where all calls of late came from one address.
func (f *Facts) refusedApart(now time.Time) []string {
	elsewhere := f.RefusedFrom != f.SeenFrom && now.Sub(f.RefusedAt) < homeFor && f.AtHome(f.RefusedFrom, now)
	switch {
	case f.SeenFrom == "":
		return nil // no address is its own
	case elsewhere:
		return []string{f.RefusedFrom}
	case f.RefusedApart:
		return f.otherHomes(now)
	}
	return nil
}

// noteAlternation counts one more refused call right after an accepted one.
func (f Facts) noteAlternation(p Policy, now time.Time) Facts {
	if now.Sub(f.AlternatedAt) >= p.LeaseTTL {
		f.AlternatingRefusals = 0
	}
	f.AlternatingRefusals, f.AlternatedAt = f.AlternatingRefusals+1, now
	return f
}

// alternating reports whether refused and accepted calls take turns, as when two agents run at one address and one
// has an old credential.
func (f *Facts) alternating(p Policy, now time.Time) bool {
	return f.AlternatingRefusals >= 2 && now.Sub(f.AlternatedAt) < p.LeaseTTL
}

// refusalsDecayed reports whether the refusals on record are too old to count: everything else has been accepted for
// a while since, or a day has passed.
func (f *Facts) refusalsDecayed(p Policy, now time.Time) bool {
	age := now.Sub(f.RefusedAt)
	return age >= p.RefusalMemory || (age >= p.RefusalDecay && f.LastSignal().After(f.RefusedAt))
}

// refusedSinceHeard reports whether the last that is known from an address of the agent's is a refused call: it was its
// own as far as is known, or it came with another workspace's credential. An accepted poll after a refused call is
// always written (see Noted). What is refused elsewhere says nothing of the agent.
func (f *Facts) refusedSinceHeard(now time.Time) bool {
	own := f.refusalCount() > 0 && !f.LastSignal().After(f.RefusedAt) && f.AtHome(f.RefusedFrom, now)
	return own || f.othersSinceHeard(now)
}

// ofAnother reports whether it is known to be the credential of another workspace, or of a person.
func (p Presented) ofAnother() bool {
	kind, _ := p.damage()
	return p == OthersCredential || kind == token.OfPerson
}

// anothersWords say whose credential it is; see ofAnother.
func (p Presented) anothersWords() string {
	if p == OthersCredential {
		return "another workspace's credential"
	}
	return "a person's credential"
}

// othersSinceHeard reports whether the last that is known from an address of the agent's is a call that was refused, as
// it came with the credential of another workspace or of a person.
func (f *Facts) othersSinceHeard(now time.Time) bool {
	return f.StrangerWith.ofAnother() && !f.StrangerAt.IsZero() && !f.LastSignal().After(f.StrangerAt) &&
		f.AtHome(f.StrangerFrom, now)
}

// pollsRefused reports whether nothing shows that the agent's next poll is accepted: a call of it was refused, and it
// has not polled since, whatever else of it was accepted.
func (f *Facts) pollsRefused(now time.Time) bool {
	return f.refusedSinceHeard(now) || f.callFails(FailedPoll) || f.CallsRefused > 0 && f.AtHome(f.RefusedFrom, now)
}

func (f *Facts) refusalCount() int { return f.RegisterRefused + f.BeatsRefused + f.CallsRefused }

// UnauthorizedError refuses a missing or unknown credential; its texts are the wire contract's. The hint is the same
// whoever calls, from wherever, and whether or not a bootstrap window is open: a stranger learns nothing, and its
// address gets into no command. What repairs the workspace depends on its facts, which rollcall explain shows.
func UnauthorizedError(id string, presented token.Hash) *fault.Error {
	hint := fmt.Sprintf("an operator runs rollcall explain %s, which names the repair, or has a credential shown to "+
		"place (rollcall repair %[1]s --show); if the workspace is new, the operator makes it (rollcall create %[1]s), or "+
		"an enrolment token (rollcall enrol %[1]s), which a register has as enrolment_token in its body; then register "+
		"again", id)
	if presented.Zero() {
		return fault.New(fault.CredentialMissing, "missing workspace auth token").WithHint(hint, "repair")
	}
	return fault.New(fault.CredentialUnknown, "invalid workspace auth token").WithHint(hint, "repair")
}

// RemovedError refuses every call to a removed workspace; its members are the wire contract's (section 2.6).
func RemovedError(f Facts) error {
	e := fault.New(fault.WorkspaceRemoved, "workspace removed").
		WithHint("an operator can create "+f.ID+" again", "stop")
	e.Details.ID, e.Details.RemovedAt = f.ID, f.HoldSince
	return e
}

// UnknownError refuses an id that nobody has used. The caller asks for another workspace than its own: a register of
// the caller would not help.
func UnknownError() error {
	return fault.New(fault.WorkspaceUnknown, "no workspace has this id").
		WithHint("check the id; an operator creates a workspace with rollcall create ID", "stop")
}

// UnregisteredError refuses a call of an agent about its own id, which nobody has used.
func UnregisteredError() error {
	return fault.New(fault.WorkspaceUnknown, "no workspace has this id").
		WithHint("register it, or have an operator create it with rollcall create ID", "register")
}

// OwnerMatters reports whether it matters to whom the refused credential was issued: it is not known to have been this
// agent's. The caller then looks it up and says so in Refusal.Issued.
func OwnerMatters(f Facts, r Refusal) bool {
	p := r.credential(f)
	return p == UnknownCredential || p.damaged() && r.Damage != token.Misplaced && !r.Damage.IsOther()
}

// OfAnotherError refuses another workspace's credential. Whose it is, its holder may know: owner is that workspace.
func OfAnotherError(owner string) *fault.Error {
	return fault.New(fault.CredentialOfAnother, "this credential is another workspace's").
		WithHint("it is "+owner+"'s: correct the workspace id, or send the credential of the workspace that the call names; "+
			"rollcall doctor, run where the agent runs, says which it has", "stop")
}

// Dismissed says what a dismissal forgets; f is the facts before it.
func Dismissed(f Facts) string {
	var parts []string
	if f.refusalCount() > 0 {
		parts = append(parts, fmt.Sprintf("%d registers, %d heartbeats, %d others from %s",
			f.RegisterRefused, f.BeatsRefused, f.CallsRefused, f.RefusedFrom))
	}
	if !f.StrangerAt.IsZero() {
		parts = append(parts, fmt.Sprintf("a stranger's of %s from %s, %s",
			stamp(f.StrangerAt), f.StrangerFrom, f.StrangerWith.words()))
	}
	if len(parts) == 0 {
		return "no refused call was on record"
	}
	return "the refused calls on record are dismissed: " + strings.Join(parts, "; ")
}

// Dismiss forgets the refused calls: an operator says that they are not the agent's. So the address that they come from
// is the agent's no more, unless it is the one of its last accepted call.
func Dismiss(f Facts) Facts {
	if f.refusalCount() > 0 && f.RefusedFrom != f.SeenFrom {
		f.Homes = forgetHome(f.Homes, f.RefusedFrom)
	}
	f.Refusals, f.Stranger = Refusals{}, Stranger{}
	f.Version++
	return f
}
