// Package workspace holds what Rollcall knows about a workspace and what follows from it. It is pure: facts, a policy
// and the time go in; verdicts, modes and the next facts come out. It imports no AWS, no network, no clock and no log,
// and every other package may import it.
package workspace

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Facts is everything that a heartbeat reads or writes and that a verdict needs: one small item per workspace.
// Nothing in it is a conclusion; there is no status here. Times are the server's; a zero time means "never".
//
// Each group says who writes it, and on what condition. A write names only the fields that it changes, so a signal, a
// delivery and an operator's change do not undo each other.
type Facts struct {
	Identity
	Credentials
	Refusals
	Stranger
	Liveness
	Copies
	Standing
	Announced
	Traces
	Mailbox
	PushTrouble
	AnswerTrouble
}

// Identity is who the workspace is and how it is set up. Register and the operator's calls write it, and a drain that
// replaces a lost queue (QueueGeneration), on condition that Version is still the one they read.
type Identity struct {
	ID      string
	Version int64 // raised by each write that depends on it; signals, refusals and mail leave it
	// Epoch is raised by each accepted register, repair, revocation (a removal is one) and adoption. Only the agent of
	// this epoch may acknowledge.
	Epoch        int64
	URLEpoch     int64 // the epoch of the first register with its present URL; 0: it never had another
	Hold         Hold
	CreatedAt    time.Time
	HoldSince    time.Time // when Hold was set
	ResumedAt    time.Time // when a pause last ended
	RegisteredAt time.Time // last accepted register
	Declared     Mode      // by the last accepted register, or by the operator who created or adopted it
	DeclaredBy   Declarer
	// QuickRegisters is how many registers in a row each came before the agent was heard for a while after the one before,
	// and QuickSince is when the first of all was accepted; zero: it was heard for a while. StartSigns is how much the
	// last of them show that the agent started anew each time: see Policy.startSignsToDegrade.
	QuickRegisters int
	QuickSince     time.Time
	StartSigns     int
	// RegisterFailedAt is when a register with a good credential was last refused, and RegisterFailedWhy is why, in
	// at most MaxWords bytes; an accepted one clears both. They are of another call if no refused register stands: see
	// FailedWhy.
	RegisterFailedAt  time.Time
	RegisterFailedWhy string
	Pushable          bool      // it gave a URL that policy allows, and a runtime that serves one
	URLEndedAt        time.Time // when the credential ended that its URL was registered with; a register clears it
	MaxTasks          int       // max_concurrent_tasks; 0 means 1
	Team              string    // that an operator put it in; "": none
	QueueGeneration   int64
	Lives             int64 // how often it was created again after a removal
	FinishedLives     int64 // how many of its former lives have no open mail left
	// CredentialsEnded is how often an operator ended its credentials in this life, by a repair, a revocation or an
	// adoption, or had one shown instead. An enrolment token for this workspace is good until the next time.
	CredentialsEnded int64
	// PrecedenceUntil is until when an operator's act comes first: see CheckPrecedence. An accepted register and any act
	// of an operator clear it.
	PrecedenceUntil time.Time
	// LivesToErase is how many of its lives, from the first, an operator wants erased; ErasedLives is how many are.
	LivesToErase, ErasedLives int64
}

// Life is one life of a workspace: from its creation to its removal. What is created again begins another, and
// inherits nothing: whatever is kept of a workspace, beside its audit trail, is kept under its life.
type Life struct {
	Workspace string
	Number    int64 // 0 is the first
}

// Life is the workspace's present life.
func (f Facts) Life() Life { return Life{f.ID, f.Lives} }

// FormerLives are the lives before the present one that may have open mail left.
func (f Facts) FormerLives() (former []Life) {
	for n := f.FinishedLives; n < f.Lives; n++ {
		former = append(former, Life{f.ID, n})
	}
	return former
}

// Key is a name that no other life of any workspace has: the id alone for the first. No id has a '#'.
func (l Life) Key() string {
	if l.Number == 0 {
		return l.Workspace
	}
	return fmt.Sprintf("%s#%d", l.Workspace, l.Number)
}

// ParseLife is Key's inverse.
func ParseLife(key string) Life {
	id, number, _ := strings.Cut(key, "#")
	n, _ := strconv.ParseInt(number, 10, 64) // written by Key
	return Life{id, n}
}

// Hold is an operator's decision about a workspace; it overrides every other fact.
type Hold string

// The holds.
const (
	NoHold  Hold = ""
	Paused  Hold = "paused"
	Removed Hold = "removed"
)

// Credentials is which credentials are good. Register, the first use of an issued credential and the operator's calls
// write it, on condition that Version is still the one they read.
type Credentials struct {
	Credential     token.Hash // in use
	NextCredential token.Hash // issued and not used yet; its first use makes it Credential
	PastCredential token.Hash // once valid here: an attempt with it can be attributed to this agent
	IssuedAt       time.Time  // when NextCredential was issued
	IssuedTo       Recipient  // of NextCredential
	TakenAs        Recipient  // how the agent came to the last credential that it used; "": it used none that is known
	RevokedAt      time.Time  // when an operator ended its credentials; zero once another is given or used
	BootstrapUntil time.Time  // until then, a register without a valid credential is given one
	BootstrapFrom  string     // the only address that is given one: the operator's choice, or the first that asked
	EnrolledBy     token.Hash // the enrolment token that NextCredential was issued for; zero: none
	URLOfNext      bool       // its URL came with the register that NextCredential was issued to, beside Credential
	FetchAskedAt   time.Time  // when an operator asked the agent to fetch one; the first use of one issued since clears it
	// GivenBy is the public id of the person's credential with which the bootstrap window was opened, or NextCredential
	// was shown; "": that was the root's.
	GivenBy string
}

// Recipient is who was given a credential when it was issued.
type Recipient string

// The recipients.
const (
	ToAgent    Recipient = "agent"    // in the answer to its own call: it fetched the credential
	ToOperator Recipient = "operator" // who places it where the agent takes it from: its environment or a file
)

// Refusals counts the refused attempts that are attributed to this agent. Refuse writes it together with Stranger, on
// condition that Version and all fields of both groups are still those it read. An accepted signal clears
// CallsRefused or BeatsRefused, without a condition on them; an accepted register, the first use of an issued
// credential and an adoption clear the group, but for RefusedApart, which only an adoption and a dismissal clear.
type Refusals struct {
	RegisterRefused     int       // since the last accepted register
	BeatsRefused        int       // heartbeats, since the last accepted one
	CallsRefused        int       // polls and other calls, since the last accepted one
	RefusedSince        time.Time // first of those
	RefusedAt           time.Time // last of those
	RefusedFrom         string    // network address of the last; the others came from it or from another of the agent's
	AlternatingRefusals int       // times in a row that refused and accepted calls took turns, each within a lease
	AlternatedAt        time.Time // the last of those
	RefusedEnoughAt     time.Time // when there were as many as degrade a workspace
	RegisterRefusedAt   time.Time // last of the registers
	RefusedWith         Presented // what the last of the registers presented; without any, the last of the others
	// RefusedApart is that calls were refused at one address of the agent's, and refused or accepted at another one since.
	RefusedApart bool
}

// Stranger is the last refused attempt that cannot be attributed to this agent. Refuse writes it, on the condition
// that Refusals names; a register from the same address and an adoption clear it.
type Stranger struct {
	StrangerAt   time.Time
	StrangerFrom string // network address
	StrangerWith Presented
}

// Liveness is when the agent was last heard. Every accepted signal writes it, on condition that its credential is the
// one in use and that the workspace is not removed; so does an accepted register. An adoption of a removed workspace
// clears it.
type Liveness struct {
	LeaseUntil  time.Time
	HeartbeatAt time.Time // last accepted heartbeat
	PolledAt    time.Time // last accepted poll
	CalledAt    time.Time // last accepted call of another kind
	RecoveredAt time.Time // when an accepted signal last ended silence, a wedge or errors
	// PollAwaitedAt is when the agent could begin to poll: at the first register, end of silence or resume since its last
	// poll. One that registers again and again gets no more time. So is a poll of one that did not poll while mail waited:
	// see Facts.PollsAgain.
	PollAwaitedAt time.Time
	// SeldomCalls is how many silences in a row were each ended by a signal of the agent that fell silent right after it,
	// and SeldomGap is how many seconds the shortest of them lasted. An accepted register clears both.
	SeldomCalls, SeldomGap int
	SeenFrom               string    // network address of the last accepted signal; a revocation clears it
	Homes                  string    // addresses from which the agent was accepted lately, and when; see homes.go
	MovedAt                time.Time // when a call from an address that is new, or the first of all, was last noted
	Reported
}

// Reported is what the agent says of itself in its signals, which write it as the rest of Liveness. A register and an
// adoption clear it.
type Reported struct {
	ActiveTasks int
	ActiveAt    time.Time // when ActiveTasks was reported
	AtWorkSince time.Time // since when each report said that a task is active; zero: the last one said none
	FreeSince   time.Time // since when each report said that no task is active; zero: the last one said some are
	ErrorsSince time.Time // when it entered the error-rate band; zero: it is not in it
	SampleError string    // while in the band; at most MaxWords bytes
	WedgedSince time.Time // zero: not wedged
	BadMetric   string    // a metric of the last lease that could not be read, and was dropped; at most MaxWords bytes
	BadMetricAt time.Time
}

// Copies is what tells two agents that run under one id apart. Accepted signals write it as they write Liveness, and
// accepted registers, and polls of a host that was superseded, as they write Identity. A repair, a revocation and an
// adoption clear it.
type Copies struct {
	Instance          string    // name of the running agent; "" when it gives none
	URLFingerprint    string    // of the URL of the last register; "" when it had none
	PreviousInstances string    // the instances (or addresses, or URLs) before the present one, newest first
	Takeovers         int       // times in a row that a previous one came back within a lease
	TakeoversSince    time.Time // of the one that showed that two agents run
	TakenOverAt       time.Time // when a previous one last came back; without any, last change from one to another
}

// Standing is the verdict that stood after the last write that looked at it, and since when it did. Signals, registers,
// refusals, operators' calls, changes of messages and records of the status log write it, when it is another one. It
// says when a verdict began, and decides none.
type Standing struct {
	StandsAs      string // "status/reason"
	StandsSince   time.Time
	StandsChanges int64 // how many changes of it were noted since the last one that the status log has
}

// Announced is the last verdict that was recorded in the status log; its event may not have been sent yet. Nothing
// decides a status from it. A sweep writes it together with the change it records, on condition that Version and the
// fleet's last change are still those it read.
type Announced struct {
	AnnouncedAs  string // "status/reason"
	AnnouncedAt  time.Time
	AnnouncedSeq int64
}

// Traces is what bounds the lines that one workspace's calls leave; see traces.go. Whatever leaves such a line writes
// it with the line, on condition that Version is still the one it read. Nothing decides a status from it.
type Traces struct {
	ChangesUntil           time.Time // what the changes that calls recorded have used up
	LinesUntil             time.Time // what the lines about what the agent changed have used up
	LinesLeftOut           int64     // such lines that were not written, and that no line tells of yet
	CredentialLinesUntil   time.Time // the same of the lines about its credentials
	CredentialLinesLeftOut int64
}

// Mailbox is what a verdict and a drain need to know of the workspace's mail. It is written by the count that comes
// before each new message is stored (on condition that the workspace takes it), and in the transaction that changes
// messages (on condition that each is still the one that was read). Each outbox item that is done lowers OutboxItems.
type Mailbox struct {
	Counters
	OldestOpen   time.Time // when the oldest open message was accepted or redriven
	CountedAt    time.Time // when a message was last counted; it is stored a moment later
	OutboxItems  int64     // ended messages with something left to do
	DeliveredAt  time.Time // last delivery
	FetchedSince time.Time // when mail was first handed out to a poll since then; zero: none was
	AcksEpoch    int64     // of the host that last acknowledged mail by its number, and not by a cursor; 0: none did
	HandedAt     time.Time // when a poll of the present host was first handed mail since the last delivery
	// FetchedHosts is how many hosts were handed mail, one after another, since the last delivery and since mail waits.
	FetchedHosts int64
	ClaimedUntil time.Time // when the claim of the delivery under way ends; zero: none is known
	// PushesEven and PushesOdd are how many pushes of messages have not ended, to whatever URL, and whatever has become of
	// their messages since: see pushes.go. The claim of a push counts it, and whoever pushed takes it off.
	PushesEven int64
	PushesOdd  int64
	// PriorityHadTurn is that the last push went by priority: the next one is of what has waited.
	PriorityHadTurn bool
	TriedAt         time.Time // when a message was last handed to a push
	PassedAt        time.Time // when the agent last took a message that was no probe, and did not fail its task
	ReachedAt       time.Time // when the agent last took a pushed message or probe
	// ProbedAt is when the last message that is a probe was accepted. While a probe is under way that no message stands
	// behind, it lies ahead: that one has ended by then.
	ProbedAt   time.Time
	AsideUntil time.Time // until when a message is set aside that has used up its attempts; zero: none was
	// UndeliveredAt is when a message ended undelivered though its agent was there; only a later delivery or poll shows
	// that it is over. An adoption clears it.
	UndeliveredAt time.Time
	// Audited is the sum of the counters that a sweep last compared with the ledger message by message, and found right;
	// 0: it has not yet. While a tally is under way it is Tallying.
	Audited int64
	Lost
	Full
}

// Full is that the inbox refused a message for want of room. The refusal writes it, at most once a while.
type Full struct {
	FullSince time.Time // first of the refusals that follow each other
	FullAt    time.Time // last one that was noted
	FullBy    string    // the sender that fills it; "" is the user
	FullOpen  int64     // with how many open messages that one is refused; with fewer there is room
}

// Lost is the mail that died or expired undelivered, to be told for a day. The end of each such message adds to it, in
// the transaction of the end; a redrive and a dismissal take off it.
type Lost struct {
	LostMessages int64
	LostInVain   int64     // of these, how many a redrive alone does not help; see chat.Message.InVain
	LostAt       time.Time // last one
	LostWhy      string    // why that one ended; at most MaxWords bytes, but for the time of one that expired
}

// Counters counts messages by what became of them. Accepting and changing messages add to it, as Mailbox says. The
// sweep's reconciliation replaces it, together with OldestOpen, on condition that all counters are still those it read.
type Counters struct {
	Accepted  int64 // the last sequence number given
	Open      int64 // queued or in flight
	InFlight  int64
	Delivered int64
	Expired   int64
	Cancelled int64
	Dead      int64
	Missing   int64 // accepted, and found neither open nor ended when the counters were reconciled
	Unused    int64 // numbers given to what was not accepted then: a repeat, or a call that was cut off
}

// Conserved reports whether the counters agree: every number given is that of a message that is open, has ended or is
// known to be missing, or was not used; and no more are in flight than are open.
func (c Counters) Conserved() bool {
	ended := c.Delivered + c.Expired + c.Cancelled + c.Dead
	return c.Accepted == c.Open+ended+c.Missing+c.Unused && c.InFlight >= 0 && c.InFlight <= c.Open
}

// Tallying is what Mailbox.Audited is while sweeps count the mailbox's messages, some in each.
const Tallying = -1

// Sum is a number that other counters hardly ever have, and never 0.
func (c Counters) Sum() int64 {
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%+v", c) // it takes all
	return int64(h.Sum32()) + 1
}

// PushTrouble is what hand-overs by push have failed with since the last one that succeeded. A delivery writes it
// in the transaction that changes the message, or after a probe. A register ends the rest, and proves nothing of
// the failures and the busy answers: only a hand-over that succeeds, or an adoption, clears them. One at a URL that is
// new notes that, for as long as nothing has reached it. A probe that is
// taken succeeds when no mail waits; while some does, only a message shows that mail is taken.
type PushTrouble struct {
	PushFailures     int       // in a row
	PushFailingSince time.Time // first of those
	PushDegradedAt   time.Time // when there were as many as degrade a workspace
	PushFailedAt     time.Time // last of those
	PushError        string    // of the last, in words, or what names a message: see KeepsBlame; at most MaxWords bytes
	PushFault        PushFault // of the last: what came back
	ProbePushedAt    time.Time // when a probe was last pushed since a message last failed; zero: none was
	ProbePassed      bool      // the agent took that probe: it is its mail that fails
	RestUntil        time.Time // until then no message is handed over
	BusySince        time.Time // first of the answers in a row that the agent is busy
	BusyAnswers      int
	URLNew           bool // nothing that was pushed to the present URL has reached the agent yet
}

// AnswerTrouble is the tasks that the agent took and said that it failed, in a row. The delivery of the answer
// writes it, and a probe that is answered so; a task that does not fail, and an adoption, clear it. A poll writes in
// its place which message it is handed again and again, and the end of that message clears it: see Unacknowledged.
type AnswerTrouble struct {
	AnswerFailures      int
	AnswersFailingSince time.Time // first of those
	AnswerFailedAt      time.Time // last of those
	AnswersDegradedAt   time.Time // when there were as many as degrade a workspace
	// AnswerError is of the last, in the agent's words, or with no such failure of NoteUnacknowledged; at most MaxWords
	// bytes.
	AnswerError string
}

// FieldsOf lists the names of the fields of Facts, or of one of its groups, with those of the groups inside it.
// Adapters derive what a write may touch from it, so that a field added to a group is stored with the rest.
func FieldsOf[Group any]() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Group]()) {
		if !field.Anonymous {
			names = append(names, field.Name)
		}
	}
	return names
}

// Slots is how many deliveries the agent takes at a time, at least 1.
func (f *Facts) Slots() int { return max(1, f.MaxTasks) }

// Busy is how many of its task slots the agent says are taken. A report older than the last delivery, or than the
// lease, is ignored: the task it counted may be the one that has ended since. So is one dated more than MaxSkew ahead:
// an agent's report noted by a clock that jumped must not hold mail back until real time catches up.
func (f *Facts) Busy(p Policy, now time.Time) int {
	switch {
	case f.ActiveAt.IsZero(), f.ActiveAt.Before(f.DeliveredAt):
		return 0
	case now.Sub(f.ActiveAt) >= p.LeaseTTL, f.ActiveAt.Sub(now) > MaxSkew:
		return 0
	}
	return f.ActiveTasks
}

// Delivering reports whether deliveries are under way in all task slots, so that a drain is at work and will go on
// with the mail that waits. The drain may have died: a claim that ends later than one delivery may take is ignored,
// whatever clock it was made by.
func (f *Facts) Delivering(p Policy, now time.Time) bool {
	left := f.ClaimedUntil.Sub(now)
	return f.InFlight >= int64(f.Slots()) && left > 0 && left <= p.DeliveryPatience+MaxSkew && !f.handedToAnother()
}

// handedToAnother reports whether what is under way was handed to a URL that has ended since, or to another one than
// the agent's present one: it is delivered again, and nobody waits for it.
func (f *Facts) handedToAnother() bool {
	ended := !f.URLEndedAt.IsZero() && !f.TriedAt.After(f.URLEndedAt)
	return ended || f.URLEpoch == f.Epoch && f.TriedAt.Before(f.RegisteredAt)
}

// Resting reports whether no mail is handed to the agent for a while, because hand-overs failed or it said that it is
// busy.
func (f *Facts) Resting(p Policy, now time.Time) bool {
	return f.askedToRest(p, now) && now.Before(f.RestEnds(p, now))
}

// askedToRest reports whether the rest still runs that the last hand-over gave the agent, whatever it has said since. A
// rest longer than any is a wrong clock's.
func (f *Facts) askedToRest(p Policy, now time.Time) bool {
	left := f.RestUntil.Sub(now)
	return left > 0 && left <= p.RestLimit+MaxSkew && !f.triedByFastClock(now)
}

// RestEnds is until when no mail is handed to the agent. When it answered that it is busy, and has said since that a
// slot is free, its newer words end the rest. When it goes on to say both, the pause between two tries grows.
func (f *Facts) RestEnds(p Policy, now time.Time) time.Time {
	early := f.TriedAt.Add(f.busyPause(p))
	if !f.saidFreeSinceBusy(now) || f.RestUntil.Before(early) {
		return f.RestUntil
	}
	return early
}

// saidFreeSinceBusy reports whether the last hand-over was answered by "busy", and the agent has said after it that it
// has a free slot. A report that lies far ahead is a wrong clock's.
func (f *Facts) saidFreeSinceBusy(now time.Time) bool {
	lastWasBusy := f.BusyAnswers > 0 && f.PushFailedAt.Before(f.TriedAt)
	return lastWasBusy && f.ActiveTasks < f.Slots() && f.ActiveAt.After(latest(f.TriedAt, f.BusySince)) &&
		f.ActiveAt.Sub(now) <= MaxSkew
}

// busyPause is how long after its last try an agent is left alone that answers that it is busy, and reports that it is
// not: not at all after the first such answer.
func (f *Facts) busyPause(p Policy) time.Duration {
	n := f.BusyAnswers - 2
	if n < 0 {
		return 0
	}
	return min(p.BusyBelieved<<min(n, 8), p.RestLimit)
}

// triedByFastClock reports whether the last hand-over was noted by a clock that jumped: what it says of times to come
// must not hold mail back.
func (f *Facts) triedByFastClock(now time.Time) bool {
	return latest(f.TriedAt, f.PushFailedAt, f.BusySince).Sub(now) > MaxSkew
}

// setAside reports whether a message waits because it was set aside, while the agent takes others. It waits for
// a moment longer until it is tried again. A longer time than any is a wrong clock's.
func (f *Facts) setAside(p Policy, now time.Time) bool {
	left := f.AsideUntil.Sub(now)
	due := left <= 0 && left > -p.DeliveryObjective && f.TriedAt.Before(f.AsideUntil)
	return f.Open > 0 && f.PushFailures == 0 && !f.triedByFastClock(now) &&
		(due || left > 0 && left <= p.RestLimit+MaxSkew)
}

// Probing reports whether a probe is under way that no message stands behind. One that would end later than such a
// probe may is a wrong clock's.
func (f *Facts) Probing(p Policy, now time.Time) bool {
	left := f.ProbedAt.Sub(now)
	return left > 0 && left <= p.ProbePatience+MaxSkew
}

// Leased reports whether the lease, or the grace after it, still runs.
func (f *Facts) Leased(p Policy, now time.Time) bool {
	return !f.LeaseUntil.IsZero() && now.Before(f.LeaseUntil.Add(p.Grace))
}

// LastSignal is when the last call of any kind was accepted.
func (f *Facts) LastSignal() time.Time {
	return latest(f.HeartbeatAt, f.PolledAt, f.CalledAt, f.RegisteredAt)
}

// MaxSkew is how far the clocks of two functions may differ.
const MaxSkew = time.Minute

func latest(ts ...time.Time) time.Time {
	var out time.Time
	for _, t := range ts {
		if t.After(out) {
			out = t
		}
	}
	return out
}

// plainName is what ids and names of teams are spelled in. Their lengths are not in it: a counted repetition is
// compiled into as many copies at each start of a function.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

const (
	maxID   = 64 // bytes
	maxTeam = 40 // bytes
)

// CheckID refuses an id that cannot be used everywhere as a key, as a path segment and as part of a queue's name.
// Error: invalid_workspace_id.
func CheckID(id string) error {
	if id == Platform {
		return fault.New(fault.InvalidWorkspaceID, "%s is the platform: it is no workspace, and takes no message", id).
			WithHint("do not answer what the platform says", "stop")
	}
	if id == "" {
		return fault.New(fault.InvalidWorkspaceID, "no workspace is named").WithHint(idHint, "stop")
	}
	if len(id) > maxID || !plainName.MatchString(id) {
		return fault.New(fault.InvalidWorkspaceID, "a workspace id has 1 to 64 letters, digits, '.', '_' or '-' "+
			"and begins with a letter or digit").
			WithHint(idHint, "stop")
	}
	return nil
}

const idHint = "send the id under which the agent registers: an operator sees it in rollcall status"

// CheckNamed is CheckID of an id that stands in a member of a body, and says which one is missing. Error:
// invalid_workspace_id.
func CheckNamed(member, id string) error {
	if id == "" {
		return fault.New(fault.InvalidWorkspaceID, "%s is missing: it must name a workspace", member).WithHint(idHint, "stop")
	}
	return CheckID(id)
}
