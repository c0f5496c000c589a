// Package chat is the life of a message. It is pure: every change of state is a function from a message, the time and
// what happened to the message after it. Stores compare-and-swap on Message.Version and change the mailbox's counters
// in the same transaction, by the Delta of the change.
package chat

import (
	"encoding/json"
	"strings"
	"time"
)

// State is where a message is in its life.
type State string

// The states. Each message ends in exactly one of the last four.
const (
	Queued    State = "queued"
	InFlight  State = "in_flight"
	Delivered State = "delivered"
	Expired   State = "expired"
	Cancelled State = "cancelled"
	Dead      State = "dead"
)

// Open reports whether a message in this state has not ended.
func (s State) Open() bool { return s == Queued || s == InFlight }

// Choices are the states.
func (State) Choices() []string {
	return []string{
		string(Queued), string(InFlight), string(Delivered), string(Expired), string(Cancelled), string(Dead),
	}
}

// Priority orders the mail of one workspace; higher first.
type Priority int

// The priorities of the wire contract (docs/wire-contract.md, section 5).
const (
	Critical Priority = 100
	Task     Priority = 50
	Info     Priority = 10
)

// Via is the path a message took to its agent.
type Via string

// The paths.
const (
	ByPush Via = "push"
	ByPoll Via = "poll"
)

// Outcome is how one attempt ended.
type Outcome string

// The outcomes. An attempt that failed, was lost or at which one more host went away uses up one of those a message
// has, one that failed alone all of them. No other uses up any.
const (
	Pending     Outcome = "pending"
	Succeeded   Outcome = "delivered"
	TaskFailed  Outcome = "task_failed" // the agent took it, and said that its task failed
	AgentBusy   Outcome = "busy"
	Failed      Outcome = "failed"      // the agent answered with an error
	Unreachable Outcome = "unreachable" // no answer of the agent came back
	// FailedAlone is that no answer came back once more, though the agent took something else since the attempt before.
	FailedAlone Outcome = "failed_alone"
	// HostGone is that no answer came back once more, and the hosts before went away without an answer to the message.
	HostGone   Outcome = "host_gone"
	Refused    Outcome = "refused"    // the agent can't take this message, however often it is tried
	Lost       Outcome = "lost"       // its deliverer never reported back
	Superseded Outcome = "superseded" // another host registered while it was being delivered
)

// outcomeWords are the outcomes in a person's words.
var outcomeWords = map[Outcome]string{
	Pending:     "under way",
	Succeeded:   "the agent took it",
	TaskFailed:  "the agent took it, and said that its task failed",
	AgentBusy:   "the agent was busy; this used up no attempt",
	Failed:      "the agent answered with an error",
	Unreachable: "the agent could not be reached; this used up no attempt",
	FailedAlone: "no answer came back once more, though the agent took something else since the try before; " +
		"this used up all attempts",
	HostGone:   "no answer came back once more, and the agent went away at each of the tries before",
	Refused:    "the agent can't take this message",
	Lost:       "it was not known in time whether the agent took it",
	Superseded: "another host registered while it was being delivered; this used up no attempt",
}

// Words is the outcome in a person's words.
func (o Outcome) Words() string { return outcomeWords[o] }

// Attempt is one try at delivery.
type Attempt struct {
	At      time.Time `json:"at"`
	Via     Via       `json:"via"`
	Outcome Outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"`
}

// unanswered are the outcomes of which no word is the agent's, in words for a sender. The error of such an attempt
// names what stands between, as a name that can't be resolved or a port at which nothing listens: it is for who may
// operate.
var unanswered = map[Outcome]string{
	Unreachable: "the agent could not be reached",
	FailedAlone: "no answer of the agent came back",
	HostGone:    "the agent went away before it answered",
}

// Words is how the attempt ended in a person's words. A poll hears no answer of its agent.
func (a Attempt) Words() string {
	if a.Via == ByPoll && a.Outcome == AgentBusy {
		return "handed out to a poll, and not acknowledged; this used up no attempt"
	}
	return a.Outcome.Words()
}

// ForSender is the attempt as who sent the message is told of it.
func (a Attempt) ForSender() Attempt {
	if words, ok := unanswered[a.Outcome]; ok {
		a.Error = words
	}
	return a
}

// answered reports whether the outcome is an answer of the agent.
func (o Outcome) answered() bool {
	return o == Succeeded || o == TaskFailed || o == AgentBusy || o == Failed || o == Refused
}

// counts reports whether the attempt uses up one of those the message has, or all.
func (a Attempt) counts() bool {
	return a.Outcome == Failed || a.Outcome == Lost || a.Outcome == FailedAlone || a.Outcome == HostGone
}

// failed reports whether the agent was handed the message, and took it not.
func (a Attempt) failed() bool { return a.counts() || a.Outcome == Unreachable }

// Dropped is how many attempts of a message are not kept any more, and how many of them failed.
type Dropped struct {
	Tries  int `json:",omitempty"`
	Failed int `json:",omitempty"`
}

// Claim is the right of one delivery to a message in flight: until it ends, nobody else may deliver the message; after
// it, the message is available again without any write.
type Claim struct {
	Token string
	Until time.Time
	Epoch int64
	After int64 // for a poll: the sequence number of the cursor it came with, if that was of the same epoch
}

// Message is one message and its receipt.
type Message struct {
	ID         string
	Workspace  string
	Life       int64  // of its workspace: the number of the one it was sent to
	Seq        int64  // order of acceptance in its workspace's life, from 1, without gaps
	Source     string // the sending workspace; "" is the user
	SourceLife int64  // of Source: the number of the one that sent it
	SentBy     string // what the audit trail calls the person who sent it; "": none did, or who is not known
	SentFrom   string // the address that the person sent it from
	Method     string
	Priority   Priority
	Body       json.RawMessage
	State      State
	Reason     string
	AcceptedAt time.Time
	RedrivenAt time.Time // last time; zero: never
	Redrives   int       // how often it was redriven
	Former     Former    // how it ended before
	ExpiresAt  time.Time
	NotBefore  time.Time // it is set aside until then: others go first
	AsideEpoch int64     // the host's that it failed at; a newer host gets it at once. -1: it is set aside for each host
	Unanswered Unanswered
	SettledAt  time.Time
	Attempts   []Attempt
	Dropped    Dropped
	Claim      Claim
	Answer     json.RawMessage
	// Of a body or an answer that is kept apart, what is known without reading it: see Split.
	BodyApart, AnswerApart Apart

	Callback string // URL that is told of its end; "" for none
	Told     Told   // what became of that
	// AwaitedUntil is until when its sender waits for its answer in the call that sends it; zero: it doesn't.
	AwaitedUntil time.Time
	AnswerTo     string // id of the message that it brings the answer to; "" for any other message
	Delegation   string // id of the delegation that it was made for; "": it was sent as a message
	Digest       string // of what its sender decides; see Digest
	// ByWish is that it ended undelivered by its sender's doing (little time, what it wrote, or it cancelled it), or that
	// an operator dismissed it since: nobody is told that it is lost.
	ByWish  bool
	Probe   bool // it has no content: its receipt shows whether mail reaches the agent
	Version int64
}

// MaxAnswer is how much of an agent's answer a receipt keeps, in bytes. Of one that is larger, or nests deeper than
// MaxDepth, it keeps the size.
const MaxAnswer = 64 << 10

// FullReason is the reason for who may operate: with the error of the last attempt, where the sender is told none.
func (m Message) FullReason() string { return fullReason(m.Reason, m.lastAttempt()) }

func fullReason(reason string, last Attempt) string {
	words, ok := unanswered[last.Outcome]
	if !ok || last.Error == "" {
		return reason
	}
	return strings.Replace(reason, words, words+" ("+last.Error+")", 1)
}

// TakenFromPush reports whether the agent took the message when it was pushed.
func (m Message) TakenFromPush() bool { return m.State == Delivered && m.lastAttempt().Via == ByPush }

// WaitsSince is since when the message waits: a redriven one waits from then on, and not from when it was accepted.
func (m Message) WaitsSince() time.Time {
	if m.RedrivenAt.After(m.AcceptedAt) {
		return m.RedrivenAt
	}
	return m.AcceptedAt
}

// Tries is how many attempts the message has had since it was accepted or redriven.
func (m Message) Tries() int { return m.Dropped.Tries + len(m.Attempts) }

// ForSender are the attempts as who sent the message is told of them.
func (m Message) ForSender() []Attempt {
	out := make([]Attempt, 0, len(m.Attempts))
	for _, a := range m.Attempts {
		out = append(out, a.ForSender())
	}
	return out
}

// AnswerText is what a person reads of the agent's answer.
func (m Message) AnswerText() string { return Text(m.Answer) }

// TaskState is the state of the task that the agent answered with, as far as its answer tells; "" without a task.
func (m Message) TaskState() TaskState { return StateOf(m.Answer) }

// Size is how many bytes of the message its sender and its agent wrote.
func (m Message) Size() int {
	return max(len(m.Body), m.BodyApart.Bytes) + max(len(m.Answer), m.AnswerApart.Bytes)
}

// weightBeside is more than the attributes of a message beside its body and its answer weigh.
const weightBeside = 56 << 10

// Weight is at least as many bytes as the message takes in a request of the store, which is JSON in ASCII at worst: a
// quote takes two, a control character and most letters beyond ASCII six.
func (m Message) Weight() int { return weightBeside + escapedSize(m.Body) + escapedSize(m.Answer) }

// escapedSize is how many bytes a text takes as a JSON string that escapes whatever may be escaped.
func escapedSize(raw []byte) (n int) {
	for _, r := range string(raw) {
		switch {
		case r == '"' || r == '\\':
			n += 2
		case r > 0xFFFF:
			n += 12 // a pair of escapes
		case r < ' ' || r > '~' || r == '<' || r == '>' || r == '&':
			n += 6
		default:
			n++
		}
	}
	return n
}

// OwnID is the id of a message that the platform makes, of a UUID. No sender can take it, as theirs begin with a letter
// or a digit: else who guesses it could keep the message out.
func OwnID(uuid string) string { return "_" + uuid }
