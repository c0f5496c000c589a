package delivery

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// OpenMessage is an open message as the ledger's index of open mail knows it.
type OpenMessage struct {
	ID         string
	Seq        int64
	Priority   chat.Priority
	Source     string
	WaitsSince time.Time // when it was accepted or redriven
	ExpiresAt  time.Time
}

// LostMessage is a message that is lost (chat.Message.Lost), as the ledger's index of them knows it.
type LostMessage struct {
	ID        string
	Seq       int64
	State     chat.State // as it is stored: open while nobody has told that it has expired
	SettledAt time.Time
}

// EndedMessage is what a count of ended messages needs of one.
type EndedMessage struct {
	State     chat.State
	SettledAt time.Time
}

// Tally is how far a sweep is that counts the ended messages of a mailbox, of more than it counts in one call.
type Tally struct {
	BeganAt time.Time          // zero: there is none
	Of      workspace.Counters // of the mailbox, when it began
	Open    workspace.Counters // the same with the open messages as the ledger had them
	After   string             // the id of the last message that was counted
	Before  chat.Ends          // of those, what had ended for certain when it began
	About   chat.Ends          // what ended at about that time, before or after
	Later   chat.Ends          // and what has ended since, by the clock of whoever ended it
	// Again says that a tally before this one found a difference, and Differs by how much: this one confirms it.
	Again   bool
	Differs workspace.Counters
}

// Host is whom a delivery is for: the agent that registered under an epoch, at
// the URL of a fingerprint. A later register raises the epoch.
type Host struct {
	Epoch          int64
	URLFingerprint string
	// Boot says that a later register at the same URL is another host too.
	Boot bool
}

// presentHost is to whom a workspace's messages may be delivered now.
func presentHost(f workspace.Facts) chat.Host { return chat.Host{Epoch: f.Epoch, URLSince: f.URLEpoch} }

// HostOf is the present host of a workspace.
func HostOf(f workspace.Facts) *Host { return &Host{Epoch: f.Epoch, URLFingerprint: f.URLFingerprint} }

// Current reports whether h is still the workspace's host: its URL has not ended,
// and nobody has registered since, or whoever did serves the same URL (the fingerprint
// outlives a register without a URL).
func (h Host) Current(f workspace.Facts) bool {
	sameBoot, sameURL := f.Epoch == h.Epoch, f.URLFingerprint == h.URLFingerprint
	return sameURL && (sameBoot || !h.Boot && f.Pushable && h.URLFingerprint != "")
}

// MailboxUpdate is what a write of messages does to their mailbox beside its
// counters, and on what condition.
type MailboxUpdate struct {
	// Host, when set, must still be current.
	Host *Host
	// RequireNoHold says that no operator may have paused or removed the
	// workspace.
	RequireNoHold bool
	// Team, when set, must still be the workspace's.
	Team *string
	// OldestOpen is since when the oldest message waits that is still open
	// afterwards; the zero time says that none is open. The write is refused
	// (conflict) when the mailbox disagrees. Nil leaves it as it is.
	OldestOpen *time.Time
	// ClaimedUntil, when set, is noted as the end of the claim; ClaimReleased says
	// that a delivery has ended.
	ClaimedUntil  time.Time
	ClaimReleased bool
	// PushBegins, when set, counts a push that begins, if it may. PushEnded is the counter that one is taken off.
	PushBegins *workspace.PushCount
	PushEnded  workspace.PushCounter
	// Probe, when set, begins or ends a probe that no message stands behind.
	Probe *ProbeClaim
	// DeliveredAt, when set, is noted as the last delivery.
	DeliveredAt time.Time
	// FetchedAt, when set, is when messages were handed out to a poll. The first such time since the last delivery stays.
	FetchedAt time.Time
	// AcksEpoch, when set, is the epoch of the host that acknowledges by number; 0: none does.
	AcksEpoch *int64
	// HandedAt, when set, is when a poll was handed mail, the first since its host registered and since the last delivery.
	// It counts one more host that was handed mail.
	HandedAt time.Time
	// Push is what a hand-over by push has shown; nil leaves it.
	Push *PushUpdate
	// Unacknowledged, when set, names the message that polls are handed again and again, in the words of
	// workspace.NoteUnacknowledged; "": none is. It takes the place of the tasks that failed.
	Unacknowledged *string
	// UndeliveredAt, when set, is when a message ended undelivered though its agent was there.
	UndeliveredAt time.Time
	// Lost adds to the mail that is told to be lost (redrives and dismissals take off it), and LostInVain to how many of
	// it are chat.Message.InVain; LostAt and LostWhy are of the last one.
	// ForgetLost begins anew: what was told before is too old.
	Lost       int64
	LostInVain int64
	LostAt     time.Time
	LostWhy    string
	ForgetLost bool
	// LostSeen, when set, must still be when the last of it was lost.
	LostSeen time.Time
	// BlameEnds says that the message ends that what pushes failed with names: see workspace.Blaming.
	BlameEnds bool
	// Outbox is what the ends among the messages leave to do.
	Outbox []OutboxItem
	// Standing, when set, is the verdict that the write brings about.
	Standing *workspace.Standing
	// Former says that the life is a former one: its mailbox is no more, and only messages and outbox are written.
	Former bool
}

// ProbeClaim replaces workspace.Mailbox.ProbedAt, on condition that it still is what was seen: of two drains that would
// push a probe, one does.
type ProbeClaim struct{ Seen, Next time.Time }

// CountsHostsAnew reports whether the hosts that were handed mail before are counted no more: some of the mail was
// delivered, or none is open.
func (u MailboxUpdate) CountsHostsAnew() bool {
	return !u.DeliveredAt.IsZero() || (u.OldestOpen != nil && u.OldestOpen.IsZero())
}

// PushUpdate is what a hand-over by push, of a message or of a probe, has shown.
type PushUpdate struct {
	TriedAt time.Time // when a message is handed over; zero leaves it
	// One of these is set, when the hand-over has ended.
	FailedAt  time.Time // it failed: one more in a row, with Error and Fault
	BusyAt    time.Time // the agent said that it is busy: one more in a row
	Succeeded bool      // all trouble is over
	// Degraded says that it is one of as many as degrade a workspace, or that it is busy for longer than is believed.
	Degraded bool
	// ProbePassed says of a probe that the agent took it, while mail waits: no trouble is over before that is taken. When
	// ProbePushedAt is set, a failure is that of a probe.
	ProbePushedAt time.Time
	ProbePassed   bool
	// RestUntil, when set, is until when the agent is left alone, and AsideUntil until when the message is set aside.
	RestUntil  time.Time
	AsideUntil time.Time
	Error      string
	Fault      workspace.PushFault
	// ReachedAt is when the agent took something, PassedAt when it took a message that was no probe and did not fail it.
	ReachedAt, PassedAt time.Time
	// AnswerFailedAt is when the agent said that the task failed, in its words of AnswerError; AnswerSucceeded ends the
	// count of such tasks. A probe that is answered so counts when tasks have failed.
	AnswerFailedAt  time.Time
	AnswerError     string
	AnswerSucceeded bool
}

// OutboxItem is what one end of a message leaves to do. Its message, version and kind are its key.
type OutboxItem struct {
	MessageID string
	Version   int64 // that the message ended with; of an answer that a call has left, what it had then
	Callback  bool  // the URL of the sender is called: it is in the part of the outbox that has the callbacks
	// Receiver is who is told: the workspace that sent the message, or the person, or a URL; "" when nobody is.
	Receiver string
	Dead     bool // the message died, and that is not announced yet
	EndedAt  time.Time
	// RestsUntil is when the next try is due, if one failed. Holds says that nothing else is told to its receiver before
	// that: its server let the call hang, or its inbox is full.
	RestsUntil time.Time
	RestsSince time.Time // when that try failed
	Holds      bool
}

// Ledger keeps messages, each under a life of its workspace. Of a mailbox it
// changes only that of the present life: for another one it is a conflict. Errors:
// message_unknown, conflict, message_id_taken, platform_unavailable.
type Ledger interface {
	// Count counts a message that is about to be stored, and gives it the next
	// number: facts.Accepted. It makes no condition of what other messages change,
	// so that no two senders race. counted is false, and nothing is written, when
	// the workspace is unknown (facts are zero then) or removed, or has maxOpen
	// open messages.
	Count(ctx context.Context, id string, at time.Time, probe bool, maxOpen int64) (
		facts workspace.Facts, counted bool, err error)
	// Uncount takes a count back; its number stays unused.
	Uncount(ctx context.Context, life workspace.Life) error
	// NoteFull notes that a message was refused for want of room.
	NoteFull(ctx context.Context, life workspace.Life, full workspace.Full) error
	// Put stores a counted message, a long body apart, so that a move of the message
	// does not write it again. The same id again returns the message that is
	// stored, and stores nothing.
	Put(ctx context.Context, m chat.Message) (stored chat.Message, err error)
	// OpenMail lists open messages in delivery order; limit 0 is all.
	OpenMail(ctx context.Context, life workspace.Life, limit int) ([]OpenMessage, error)
	// LostMail lists the messages that are lost, in the order of their acceptance. It reads nothing of any other.
	LostMail(ctx context.Context, life workspace.Life) ([]LostMessage, error)
	// Messages reads messages by id, in the order asked; unknown ones are left out.
	// Of one whose body or answer is apart it gives what Message.Split leaves; the
	// log of activity does the same.
	Messages(ctx context.Context, life workspace.Life, messageIDs ...string) ([]chat.Message, error)
	// Texts gives messages with those of their bodies and answers that are apart. A
	// text that is not kept any more, as its message is about to be removed, stays
	// away.
	Texts(ctx context.Context, which chat.Texts, ms []chat.Message) ([]chat.Message, error)
	// WriteMessages writes each To if its From's version is still stored, the
	// counters and the update, in one transaction: all or nothing. At most
	// MaxMoves; without any, the update alone is written.
	WriteMessages(ctx context.Context, life workspace.Life, moves []chat.Move, u MailboxUpdate) error
	// Outbox lists what ended messages leave to do, without the callbacks, and CallbackOutbox the callbacks, of which
	// there may be any number: neither reads anything of the other.
	Outbox(ctx context.Context, life workspace.Life) ([]OutboxItem, error)
	CallbackOutbox(ctx context.Context, life workspace.Life) ([]OutboxItem, error)
	// OutboxRests notes how an item stands, if it is still there.
	OutboxRests(ctx context.Context, life workspace.Life, item OutboxItem) error
	// OutboxDone strikes one item off, whoever else did it too. That of a former life stands in no mailbox.
	OutboxDone(ctx context.Context, life workspace.Life, item OutboxItem, former bool) error
	// Erase erases whatever is kept of a life, at most as much as a few seconds take;
	// left reports whether there is more.
	Erase(ctx context.Context, life workspace.Life) (left bool, err error)
	// EndedMail reads the next messages after the one with an id ("": from the first one), in the order of their ids: at
	// most limit, and no more than one call reads. ended are those of them that have ended; next is the id of the last one
	// that was read, "" when there are no more.
	EndedMail(ctx context.Context, life workspace.Life, after string, limit int) (
		ended []EndedMessage, next string, err error)
	// NoteTally notes how far a tally is, in place of what was noted before; Tally reads it: zero when there is none.
	NoteTally(ctx context.Context, life workspace.Life, r Tally) error
	Tally(ctx context.Context, life workspace.Life) (Tally, error)
	// NoteAudited notes the sum of counters that were found to be those of the ledger, or workspace.Tallying.
	NoteAudited(ctx context.Context, life workspace.Life, sum int64) error
	// CorrectCounters replaces the mailbox's counters, that of what is left to do among
	// them, if they are still those of seen.
	CorrectCounters(ctx context.Context, seen, next workspace.Facts) error
}

// MaxBytes bounds what one call moves, in bytes of bodies and answers: DynamoDB
// takes 4 MB in a transaction, with what stands beside them. What one call answers is
// bounded by chat.MaxReply.
const MaxBytes = 3 << 19

// maxWeight bounds what the messages of one transaction weigh in its request, see
// chat.Message.Weight, so that it fits however the 4 MB are measured.
const maxWeight = 3 << 20

// load is what the messages of one transaction take together.
type load struct{ bytes, weight int }

// exceeded adds a message, and reports whether the load is too much for one transaction.
// One message alone never is.
func (l *load) exceeded(m chat.Message) bool {
	l.bytes, l.weight = l.bytes+m.Size(), l.weight+m.Weight()
	return l.bytes > MaxBytes || l.weight > maxWeight
}

// MaxMoves is the most moves of one transaction: DynamoDB takes 100 items, and
// each move may leave an outbox item, beside the lease.
const MaxMoves = 49

// Ticket is the right to deliver one message of a workspace. Tickets are
// interchangeable: the ledger says which message is next.
type Ticket struct {
	MessageID string `json:"message_id"`
	Seq       int64  `json:"seq"`
	Host      int64  `json:"host,omitempty"` // that of the queue it was put into
	// Dedup is unique to one attempt at the message, so that the queue drops a
	// repeated send and keeps a retry.
	Dedup string `json:"-"`
}

// ReceivedTicket is a ticket under its visibility timeout.
type ReceivedTicket struct {
	Ticket
	Receipt string
}

// ChatQueue names a workspace's chat queue. A queue that was deleted comes back
// under the next generation.
type ChatQueue struct {
	Life       workspace.Life
	Generation int64
	// Host is the epoch since which the agent has its URL. A ticket that is put in for one host, and is received, is no
	// lock for another.
	Host int64
}

// ErrQueueDeletedRecently is returned when the queue's name can't be used yet:
// SQS refuses the name of a deleted queue for 60 seconds.
var ErrQueueDeletedRecently = fault.New(fault.Conflict, "the chat queue was deleted just now").
	WithRetryAfter(time.Minute)

// Queues are the chat queues. A queue is created when it is first sent to.
// Errors: ErrQueueDeletedRecently, platform_unavailable.
type Queues interface {
	Send(ctx context.Context, q ChatQueue, slots int, tickets []Ticket) error
	// Receive takes one ticket; nil when none is visible.
	Receive(ctx context.Context, q ChatQueue, visibility, wait time.Duration) (*ReceivedTicket, error)
	Delete(ctx context.Context, q ChatQueue, t ReceivedTicket) error
	Release(ctx context.Context, q ChatQueue, t ReceivedTicket) error
	SendToDeadLetter(ctx context.Context, q ChatQueue, t Ticket, reason string) error
	// Name is what a queue is called.
	Name(q ChatQueue) string
	// Workspace is the id of the workspace whose queue has the name, "" when the name
	// doesn't tell.
	Workspace(name string) string
	// List is a slice of the names of the queues there are, and where the next slice
	// begins; "" is the start, and the end.
	List(ctx context.Context, cursor string) (names []string, next string, err error)
	Remove(ctx context.Context, name string) error
}

// Handover is how a push ended.
type Handover string

// The ends of a push.
const (
	Taken       Handover = "taken"       // the agent answered in the protocol; its task may have failed
	Busy        Handover = "busy"        // the agent said that it is busy
	Refused     Handover = "refused"     // the agent can't take this message, however often it is tried
	AgentError  Handover = "agent_error" // the agent answered with an error
	Unreachable Handover = "unreachable" // no answer of the agent came back
)

// PushResult is how a push ended, and what came back.
type PushResult struct {
	Handover   Handover
	Answer     json.RawMessage     // Taken: the agent's answer; nil when it gave none
	Cut        string              // Taken: why the streamed answer has not all of its events; "" when it has
	TaskError  string              // Taken: the agent's words, when it said that its task failed
	RetryAfter time.Duration       // Busy: how long it asked for; 0: it didn't say
	RPCError   json.RawMessage     // Refused, AgentError: the answer, when it is an error or a result of JSON-RPC
	NoSuchCall bool                // Refused: it knows no such method
	Why        string              // Refused, AgentError, Unreachable: what came back, in words
	Fault      workspace.PushFault // AgentError, Unreachable
	Blamed     string              // the id of the message at which the agent goes away; "": none is known
}

// Target is what is called: a URL, and the secrets that sign the call, of which
// the one who answers there knows one.
type Target struct {
	URL     string
	Secrets []string // none: the call is not signed
	At      time.Time
}

// Agents pushes a message to an agent's URL.
type Agents interface {
	Push(ctx context.Context, to Target, m chat.Message) PushResult
}

// UnreachedError is why no answer came back from a URL.
type UnreachedError struct{ Why string }

// Error implements error.
func (e *UnreachedError) Error() string { return e.Why }

// Callbacks tell a sender's URL that its message has ended. Error: UnreachedError when
// no answer came back.
type Callbacks interface {
	Tell(ctx context.Context, to Target, m chat.Message) error
}

// DeadAnnouncer tells the world of a message whose attempts were used up.
type DeadAnnouncer interface {
	AnnounceDead(ctx context.Context, m chat.Message) error
}
