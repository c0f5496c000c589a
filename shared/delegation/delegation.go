// Package delegation is tasks that one workspace gives another: each is a message
// to the other one, and its state is that of the message and of the answer.
package delegation

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Delegation is a task that one workspace gave another. Its state is not stored:
// it is that of its message, and the peer's answer.
type Delegation struct {
	ID     string
	Source string
	Target string
	// SourceLife and TargetLife are the numbers of the lives that it was made in.
	SourceLife, TargetLife int64
	Summary                string // the task's beginning
	Digest                 string // of the whole task: a key stands for one task
	MessageID              string // of the message that carries the task; no other delegation has it
	At                     time.Time
}

// Store keeps delegations as long as receipts are kept. Error:
// platform_unavailable.
type Store interface {
	Delegation(ctx context.Context, source workspace.Life, id string) (d Delegation, found bool, err error)
	SaveDelegation(ctx context.Context, d Delegation) error
	// ClaimMessage makes a message that was sent without a delegation that of d; claimed is false when another
	// delegation has it.
	ClaimMessage(ctx context.Context, d Delegation) (claimed bool, err error)
	// Delegations lists the newest of a source, newest first and at most limit. It reads no more the more there are.
	Delegations(ctx context.Context, source workspace.Life, limit int) ([]Delegation, error)
}

// From is the life of the workspace that gave the task.
func (d Delegation) From() workspace.Life {
	return workspace.Life{Workspace: d.Source, Number: d.SourceLife}
}

// To is the life of the workspace that the task was given to.
func (d Delegation) To() workspace.Life {
	return workspace.Life{Workspace: d.Target, Number: d.TargetLife}
}

// Service is the use cases.
type Service struct {
	Store    Store
	Activity activity.Log
	Delivery *delivery.Delivery
}

// sameTaskWithin is how long after a message the same text from the same
// workspace, delegated, is the same task: a client falls back from a message
// that was queued to delegating it within seconds (docs/wire-contract.md, section
// 6, point 12). messagesSearched bounds the search for that message, and bytesSearched how much of the bodies is read.
const (
	sameTaskWithin   = 60 * time.Second
	messagesSearched = 50
	bytesSearched    = 1 << 20
)

// A body that carries a text is at least as long as the text. Each of its bytes is escaped as six at most, and the rest
// of the body, what names the message and its parts, is hardly longer than bodyBeside.
const (
	longestEscape = 6
	bodyBeside    = 16 << 10
)

// summaryBytes is how much of a task its delegation keeps.
const summaryBytes = 200

// idSpace is the namespace of ids that are made from idempotency keys; any fixed
// UUID serves.
var idSpace = uuid.MustParse("9f1c6a52-2f0e-4c3f-8d3e-6b7a0c1d2e3f")

// Delegated is the answer to a delegate call.
type Delegated struct {
	Delegation Delegation
	Repeated   bool // the key was used before, and that delegation goes on
	SameTask   bool // the task had been sent as a message just before; it is that message
}

// Delegate gives a task to another workspace. The same key gives the same
// delegation, unless that one failed: then it is tried anew. The same key with
// another task is refused. Nothing is answered before the message is accepted for
// the target. Errors: those of Delivery.EnqueueTo.
func (s *Service) Delegate(
	ctx context.Context, source workspace.Life, target, task, key string, now time.Time,
) (Delegated, error) {
	f, err := s.Delivery.Registry.Leases.Get(ctx, target)
	if err != nil {
		return Delegated{}, err
	}
	out := Delegated{Delegation: Delegation{
		ID: uuid.NewString(), Source: source.Workspace, SourceLife: source.Number, Target: target, TargetLife: f.Lives,
		Summary: chat.Clip(task, summaryBytes), Digest: digest(task), At: now,
	}}
	d := &out.Delegation
	if key != "" {
		d.ID = uuid.NewSHA1(idSpace, []byte(source.Key()+"\n"+f.Life().Key()+"\n"+key)).String()
		was, repeated, err := s.earlier(ctx, d)
		if err != nil {
			return out, err
		}
		if repeated {
			return Delegated{Delegation: was, Repeated: true}, nil
		}
	}
	if d.MessageID == "" && f.Hold != workspace.Removed { // of one that is removed, the send says so
		var err error
		if out.SameTask, err = s.sameTask(ctx, d, task); err != nil {
			return out, err
		}
	}
	if d.MessageID == "" {
		d.MessageID = chat.OwnID(d.ID)
	}
	if !out.SameTask {
		if err := s.send(ctx, d, task); err != nil {
			return out, err
		}
	}
	return out, s.Store.SaveDelegation(ctx, *d)
}

// send sends d's message. A delegation may be forgotten before the receipt of its message is: then the same key leads
// to a message that was sent before. One that failed is no try of now, so another one is sent.
func (s *Service) send(ctx context.Context, d *Delegation, task string) error {
	for {
		accepted, err := s.Delivery.EnqueueTo(ctx, d.To(), chat.Message{
			ID: d.MessageID, Workspace: d.Target, Source: d.Source, SourceLife: d.SourceLife,
			Method: "message/send", Priority: chat.Task,
			Body: chat.TextBody(d.MessageID, task), Delegation: d.ID,
		}, d.At)
		if err != nil || accepted.First || goesOn(accepted.Message, d.At) {
			return err
		}
		d.MessageID = nextTry(d.MessageID)
	}
}

// goesOn reports whether a delegation's message is under way, or done: it did not fail. One whose time is up has
// failed, though no sweep has written that down.
func goesOn(m chat.Message, now time.Time) bool {
	state := m.At(now).State
	return state.Open() || state == chat.Delivered
}

// nextTry is the id of the message of the try after one that failed.
func nextTry(messageID string) string {
	return chat.OwnID(uuid.NewSHA1(idSpace, []byte(messageID)).String())
}

// earlier finds the delegation that was made with the same key; repeated reports
// whether it goes on or is done. When it failed, d gets the message id of the
// next try.
func (s *Service) earlier(
	ctx context.Context, d *Delegation,
) (was Delegation, repeated bool, err error) {
	was, found, err := s.Store.Delegation(ctx, d.From(), d.ID)
	if err != nil || !found {
		return was, false, err
	}
	if was.Digest != d.Digest {
		return was, false, fault.New(fault.MessageIDTaken,
			"this idempotency_key was used before, for another task; this one is not accepted").
			WithHint("send it under a new idempotency_key", "stop")
	}
	ms, err := s.Delivery.Ledger.Messages(ctx, was.To(), was.MessageID)
	if err != nil {
		return was, false, err
	}
	if len(ms) > 0 && goesOn(ms[0], d.At) {
		return was, true, nil
	}
	d.MessageID = nextTry(was.MessageID)
	return was, false, nil
}

// sameTask finds the message that carried d's task a moment ago, and makes it that
// of d; same is false when there is none. It must have been sent as a message, and
// be no other delegation's: who delegates a task twice means it twice. It must not have
// ended: who delegates a task after that means it again.
func (s *Service) sameTask(ctx context.Context, d *Delegation, task string) (same bool, err error) {
	items, err := s.Activity.ActivityLog(ctx, d.To(), activity.Range{
		Since: d.At.Add(-sameTaskWithin), Limit: messagesSearched, Messages: true,
	})
	if err != nil {
		return false, err
	}
	left := bytesSearched
	sent, err := s.bodiesOf(ctx, items, func(m chat.Message) bool {
		size := m.Size()
		may := m.Delegation == "" && delivery.SenderOf(m) == d.From() && m.At(d.At).State.Open() &&
			size >= len(task) && size <= longestEscape*len(task)+bodyBeside
		if !may || size > left {
			return false
		}
		left -= size
		return true
	})
	if err != nil {
		return false, err
	}
	for _, m := range sent {
		if chat.Text(m.Body) != task {
			continue
		}
		claim := *d
		claim.MessageID = m.ID
		claimed, err := s.Store.ClaimMessage(ctx, claim)
		if err != nil {
			return false, err
		}
		if claimed {
			*d = claim
			return true, nil
		}
	}
	return false, nil
}

// bodiesOf are those messages of the log that are wanted, with their bodies, in the log's order.
func (s *Service) bodiesOf(
	ctx context.Context, items []activity.Item, wanted func(chat.Message) bool,
) (ms []chat.Message, err error) {
	for _, i := range items {
		if i.Message != nil && wanted(*i.Message) {
			ms = append(ms, *i.Message)
		}
	}
	return s.Delivery.Ledger.Texts(ctx, chat.Bodies, ms)
}

// digest is a task's.
func digest(task string) string {
	sum := sha256.Sum256([]byte(task))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// State is how far a delegation is, in the wire contract's words.
type State string

// The states; the last two are ends.
const (
	Queued     State = "queued"
	Dispatched State = "dispatched" // handed to the peer, not answered yet
	Completed  State = "completed"
	Failed     State = "failed"
)

// Progress is a delegation and how far it is.
type Progress struct {
	Delegation
	State     State
	TaskState chat.TaskState // of the task that the peer answered with
	Answer    string
	Error     string

	since time.Time // since when an answer may have come
}

// List is a workspace's newest delegations and how far they are. A peer that is
// pushed to answers in the delivery. One that polls answers with a message of its
// own that says what it answers (chat.References): the delegation, or the message
// that carried it.
func (s *Service) List(ctx context.Context, source workspace.Life, limit int) ([]Progress, error) {
	all, err := s.Store.Delegations(ctx, source, limit)
	if err != nil {
		return nil, err
	}
	messages, err := s.messages(ctx, all)
	if err != nil {
		return nil, err
	}
	out := make([]Progress, len(all))
	var unanswered []*Progress // oldest first
	for i := len(all) - 1; i >= 0; i-- {
		m, known := messages[messageKey{all[i].To(), all[i].MessageID}]
		out[i] = progress(all[i], m, known)
		if out[i].since = all[i].At; m.AcceptedAt.Before(out[i].since) { // it was sent as a message, and may be answered
			out[i].since = m.AcceptedAt
		}
		if out[i].State == Dispatched {
			unanswered = append(unanswered, &out[i])
		}
	}
	if len(unanswered) == 0 {
		return out, nil
	}
	return out, s.findAnswers(ctx, source, unanswered)
}

// messageKey names a message of a life.
type messageKey struct {
	life workspace.Life
	id   string
}

// messages reads the messages of delegations.
func (s *Service) messages(ctx context.Context, all []Delegation) (map[messageKey]chat.Message, error) {
	byTarget := map[workspace.Life][]string{}
	for _, d := range all {
		byTarget[d.To()] = append(byTarget[d.To()], d.MessageID)
	}
	out := map[messageKey]chat.Message{}
	for target, ids := range byTarget {
		ms, err := s.Delivery.Ledger.Messages(ctx, target, ids...)
		if err != nil {
			return nil, err
		}
		if ms, err = s.Delivery.Ledger.Texts(ctx, chat.Answers, ms); err != nil {
			return nil, err
		}
		for _, m := range ms {
			out[messageKey{target, m.ID}] = m
		}
	}
	return out, nil
}

// Answers are searched for in so many pages of the log, of so many items, and in so many bytes of messages of all the
// peers that owe one, of which each has the same share.
const (
	answerPages = 5
	answerPage  = 200
	answerBytes = 4 << 20
)

// shares are how much of each peer's messages is read: a peer that floods its asker hides its own answers alone. The
// next life of its id is another peer.
type shares map[workspace.Life]int

// sharesOf are those of the peers that owe an answer.
func sharesOf(unanswered []*Progress, maxBody int) shares {
	out := shares{}
	for _, p := range unanswered {
		out[p.To()] = 0
	}
	for peer := range out {
		out[peer] = max(answerBytes/len(out), maxBody)
	}
	return out
}

// takes reports whether a message is one of a peer that owes an answer, and fits in what is left of the peer's share.
func (s shares) takes(m chat.Message) bool {
	left, owes := s[delivery.SenderOf(m)]
	size := max(len(m.Body), m.BodyApart.Bytes)
	if !owes || size > left {
		return false
	}
	s[delivery.SenderOf(m)] = left - size
	return true
}

// findAnswers completes the delegations that a message of the peer says that it
// answers: the first such message of each. A message that refers to nothing answers
// nothing, nor does one of another life of the peer.
func (s *Service) findAnswers(ctx context.Context, source workspace.Life, unanswered []*Progress) error {
	r := activity.Range{Since: unanswered[0].since, Limit: answerPage, Messages: true}
	for _, p := range unanswered {
		if p.since.Before(r.Since) {
			r.Since = p.since
		}
	}
	left := sharesOf(unanswered, s.Delivery.Policy.MaxBody)
	for range answerPages {
		items, err := s.Activity.ActivityLog(ctx, source, r)
		if err != nil {
			return err
		}
		answers, err := s.bodiesOf(ctx, items, left.takes)
		if err != nil {
			return err
		}
		for _, m := range answers { // newest first: the oldest answer is the last to be noted
			noteAnswer(m, unanswered)
		}
		if len(items) > 0 {
			r.Below = items[len(items)-1].OrderKey
		}
		if len(items) < answerPage {
			break
		}
	}
	return nil
}

// noteAnswer ends the delegations that m says that it answers. A message that says that its task is under way answers
// none.
func noteAnswer(m chat.Message, unanswered []*Progress) {
	task := chat.ReportedState(m.Body)
	if task.Underway() {
		return
	}
	named := map[string]bool{} // of those that may be answered: a message may name thousands
	for id := range chat.References(m.Body) {
		if slices.ContainsFunc(unanswered, func(p *Progress) bool { return id == p.ID || id == p.MessageID }) {
			named[id] = true
		}
	}
	for _, p := range unanswered {
		if delivery.SenderOf(m) != p.To() || (!named[p.ID] && !named[p.MessageID]) {
			continue
		}
		p.State, p.TaskState, p.Answer, p.Error = Completed, task, chat.Text(m.Body), ""
		if task.Failed() {
			p.State, p.Error = Failed, cmp.Or(p.Answer, "its task is "+string(task))
		}
	}
}

// A task is searched for among the newest delegationsSearched, and of these in the newest tasksSearched to its agent.
const (
	delegationsSearched = 200
	tasksSearched       = 50
)

// NoteTask takes over how a task stands that a workspace delegated, from what its agent
// answered to a call about it: the life that was given the task, as the next one of its id
// knows nothing of it. It reads nothing while the task goes on. The answer is that of the
// call: what can't be noted now is noted at the next one. Error: platform_unavailable,
// conflict.
func (s *Service) NoteTask(ctx context.Context, source, target workspace.Life, answer json.RawMessage) error {
	id, state := chat.TaskID(answer), chat.StateOf(answer)
	if id == "" || state == "" || state.Underway() {
		return nil
	}
	all, err := s.Store.Delegations(ctx, source, delegationsSearched)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(d Delegation) bool { return d.To() != target })
	messages, err := s.messages(ctx, all[:min(tasksSearched, len(all))])
	if err != nil {
		return err
	}
	for key, m := range messages {
		if m.EndTask(answer).Version == m.Version {
			continue
		}
		_, err = s.Delivery.ChangeMessage(ctx, key.life, m.ID,
			func(was chat.Message) (chat.Message, delivery.MailboxUpdate, error) {
				was.Answer, was.AnswerApart = m.Answer, m.AnswerApart
				return was.EndTask(answer), delivery.MailboxUpdate{Former: true}, nil // its mailbox stays as it is
			})
		return err
	}
	return nil
}

func progress(d Delegation, m chat.Message, known bool) Progress {
	p := Progress{Delegation: d, TaskState: m.TaskState()}
	switch {
	case !known:
		p.State, p.Error = Failed, "its receipt is no longer kept"
	case m.State == chat.Queued:
		p.State = Queued
	case m.State == chat.Delivered && m.TaskError() != "":
		p.State, p.Error, p.Answer = Failed, m.TaskError(), m.AnswerText()
	case m.State == chat.Delivered && p.TaskState.Underway():
		p.State, p.Answer = Dispatched, m.AnswerText()
	case m.State == chat.InFlight, m.State == chat.Delivered && len(m.Answer) == 0:
		p.State = Dispatched
	case m.State == chat.Delivered:
		p.State, p.Answer = Completed, m.AnswerText()
	default:
		p.State, p.Error = Failed, string(m.State)+": "+m.Reason
	}
	return p
}
