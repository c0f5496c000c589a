// Package workspace holds what Rollcall knows of a workspace and what follows
// from it. It is pure: facts, a policy and the time go in; verdicts, modes and
// next facts come out. It imports no AWS, no network, no clock and no log, and
// every other package may import it.
package workspace

import (
	"regexp"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Mode is how chat reaches an agent.
type Mode string

// The delivery modes of the wire contract; "" is "not declared".
const (
	Undeclared Mode = ""
	Push       Mode = "push" // Rollcall calls the agent's URL
	Poll       Mode = "poll" // the agent asks for its mail
)

// ParseMode reads a mode from the wire. Error: invalid_request.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Undeclared, Push, Poll:
		return m, nil
	}
	return "", fault.New(fault.InvalidRequest, "delivery_mode must be push or poll, not %q", s)
}

// Hold is what an operator said of a workspace; it goes before every fact.
type Hold string

// The holds.
const (
	NoHold  Hold = ""
	Paused  Hold = "paused"
	Removed Hold = "removed"
)

// Facts is everything a heartbeat reads or writes and a verdict needs: one slim
// item a workspace. Nothing in it is a conclusion; there is no status here.
// Times are the server's; a zero time means "never".
//
// Its fields come in three groups with one writer each, so that a blind write
// of one can't undo another: identity (register and operate, under Version),
// liveness (every authenticated call), and mail (with the ledger's moves, in
// the same transaction).
type Facts struct {
	ID string

	// Identity.
	Version             int64 // of the identity group; each change raises it by one
	Epoch               int64 // raised by each accepted register and each repair: the incarnation that may ack
	Hold                Hold
	CreatedAt           time.Time
	HoldSince           time.Time  // since when Hold
	RegisteredAt        time.Time  // last accepted register
	Credential          token.Hash // in use
	NextCredential      token.Hash // issued, not used yet; its first use makes it Credential
	PastCredential      token.Hash // once valid here: an attempt with it is attributable
	RevokedAt           time.Time  // when an operator ended its credentials; zero once another is given or used
	BootstrapUntil      time.Time  // until then, a register without a valid credential is given one
	BootstrapFrom       string     // the only network address that is given one: the operator's choice, or the first that asked
	Declared            Mode       // by the last accepted register, or by the operator who created or adopted
	DeclaredBy          Declarer
	Pushable            bool // it gave a URL that policy allows and a runtime that serves one
	MaxTasks            int  // max_concurrent_tasks; 0 means 1
	QueueGeneration     int64
	EnrolledBy          token.Hash // the enrolment token NextCredential was issued for; zero: none
	RegisterRefused     int        // since the last accepted register
	BeatsRefused        int        // heartbeats, since the last accepted one
	CallsRefused        int        // polls and other calls, since the last accepted one
	RefusedSince        time.Time  // first of those
	RefusedAt           time.Time  // last of those
	RefusedFrom         string     // network address; all of those came from it
	AlternatingRefusals int        // times in a row that refused and accepted calls took turns, each within a TTL
	AlternatedAt        time.Time  // the last of those
	StrangerAt          time.Time  // last refused attempt that is not this agent's
	StrangerFrom        string
	StrangerWith        Presented

	// Liveness.
	LeaseUntil        time.Time
	HeartbeatAt       time.Time // last accepted heartbeat
	PolledAt          time.Time // last accepted poll
	CalledAt          time.Time // last accepted call of another kind
	RecoveredAt       time.Time // when an accepted signal last ended silence, a wedge or errors
	SeenFrom          string    // network address of the last accepted signal
	Instance          string    // what the running agent is told from a copy of it by; "" when it says nothing
	URLFingerprint    string    // what tells the URL of the last register from another; "" when it had none
	PreviousInstances string    // incarnations (or addresses, or URLs) before the present one, newest first, by spaces
	Takeovers         int       // times in a row that a former one came back within a TTL
	TakeoversSince    time.Time // first of those
	TakenOverAt       time.Time // last change from one to another
	ActiveTasks       int
	ActiveAt          time.Time // when ActiveTasks was reported
	ErrorsSince       time.Time // entered the error-rate band; zero: not in it
	SampleError       string    // while in the band
	WedgedSince       time.Time // zero: not wedged
	AnnouncedAs       string    // "status/reason" that was last announced; nothing decides from it
	AnnouncedAt       time.Time
	AnnouncedSeq      int64

	// Mail: the ledger's counters. Accepted = Open + the four ends + Missing.
	Accepted         int64 // also the last sequence number given
	Open             int64 // queued or in flight
	InFlight         int64
	OldestOpen       time.Time // when the oldest open message was accepted
	Delivered        int64
	Expired          int64
	Cancelled        int64
	Dead             int64
	Missing          int64     // accepted, and found neither open nor ended; see delivery.recount
	OutboxItems      int64     // ended messages with something left to do
	DeliveredAt      time.Time // last one
	ClaimedUntil     time.Time // until when the claim of the delivery under way holds; zero: none is known to be
	PushFailures     int       // failed pushes in a row
	PushFailingSince time.Time // since the first of those
	PushError        string    // of the last
	ProbedAt         time.Time // when the last probe was accepted
	ProbeLostAt      time.Time // when a probe ended without being delivered; zero once something is
}

// Presented is what a refused attempt brought.
type Presented string

// What can be brought.
const (
	NoCredential      Presented = "" // none
	UnknownCredential Presented = "unknown"
	FormerCredential  Presented = "former" // it was valid for this workspace once
)

// Declarer tells who declared the mode.
type Declarer string

// The declarers.
const (
	ByAgent    Declarer = "agent"
	ByOperator Declarer = "operator"
)

// maxSkew is how far the clocks of two functions may differ.
const maxSkew = time.Minute

// Slots is how many deliveries the agent takes at a time, at least 1.
func (f Facts) Slots() int { return max(1, f.MaxTasks) }

// Busy is how many of its task slots the agent says are taken. A report older
// than the last delivery, or than the lease, is no evidence: the task it
// counted may be the one that has ended since. Nor is one from the future: it was
// noted by a clock that was wrong, and would hold mail back for as long.
func (f Facts) Busy(p Policy, now time.Time) int {
	if f.ActiveAt.IsZero() || f.ActiveAt.Before(f.DeliveredAt) || now.Sub(f.ActiveAt) >= p.LeaseTTL || f.ActiveAt.Sub(now) > maxSkew {
		return 0
	}
	return f.ActiveTasks
}

// Delivering tells whether deliveries are under way in all task slots: a drain is
// at work, and will go on with what else waits. It may have died; a claim holds no
// longer than one delivery may take, whatever clock it was made by.
func (f Facts) Delivering(p Policy, now time.Time) bool {
	left := f.ClaimedUntil.Sub(now)
	return f.InFlight >= int64(f.Slots()) && left > 0 && left <= p.DeliveryPatience+maxSkew
}

// Leased tells whether the lease, and the grace after it, still run.
func (f Facts) Leased(p Policy, now time.Time) bool {
	return !f.LeaseUntil.IsZero() && now.Before(f.LeaseUntil.Add(p.Grace))
}

// LastSignal is the last accepted call of any kind.
func (f Facts) LastSignal() time.Time {
	return latest(f.HeartbeatAt, f.PolledAt, f.CalledAt, f.RegisteredAt)
}

// Enrolled tells whether any credential was ever issued and not revoked.
func (f Facts) Enrolled() bool { return !f.Credential.Zero() || !f.NextCredential.Zero() }

func latest(ts ...time.Time) time.Time {
	var out time.Time
	for _, t := range ts {
		if t.After(out) {
			out = t
		}
	}
	return out
}

// Profile is what a workspace says of itself and no heartbeat needs.
type Profile struct {
	Name    string
	URL     string // where pushes go; "" when it has none
	Runtime string
	Tier    int
	Role    string // in a few words, for its peers
	Card    []byte // the agent card, JSON as given
}

// ProfileChange is what a call changes of a profile; nil leaves a field as it is.
type ProfileChange struct {
	Name, URL, Runtime, Role *string
	Tier                     *int
	Card                     []byte
}

// Apply makes the change.
func (c ProfileChange) Apply(p Profile) Profile {
	for from, to := range map[*string]*string{c.Name: &p.Name, c.URL: &p.URL, c.Runtime: &p.Runtime, c.Role: &p.Role} {
		if from != nil {
			*to = *from
		}
	}
	if c.Tier != nil {
		p.Tier = *c.Tier
	}
	if c.Card != nil {
		p.Card = c.Card
	}
	return p
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckID refuses an id that could not be a key, a path segment and part of a
// queue's name everywhere. Error: invalid_workspace_id.
func CheckID(id string) error {
	if !idPattern.MatchString(id) {
		return fault.New(fault.InvalidWorkspaceID, "a workspace id has 1 to 64 letters, digits, '.', '_' or '-' and begins with a letter or digit").
			WithHint("send the id the workspace was created with, usually a UUID", "stop")
	}
	return nil
}
