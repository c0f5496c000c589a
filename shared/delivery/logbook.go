package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

// Note is a row of a workspace's activity log that is no mail of its inbox: what
// it told its user, and what it reports of its own doings.
type Note struct {
	ID          string
	Workspace   string
	Type        string // activity_type of the wire contract: "notify", "a2a_send", …
	Method      string
	SourceID    string
	TargetID    string
	Summary     string
	Status      string
	ErrorDetail string
	From        string // network address, of what someone asked for
	DurationMS  *int
	Request     json.RawMessage
	Response    json.RawMessage
	At          time.Time
}

// Record is one row of the log: a message the workspace was sent, or a note.
type Record struct {
	Order   string // its place in the log; see LogOrder
	Message *chat.Message
	Note    *Note
}

// Size is how many bytes others wrote into it.
func (r Record) Size() int {
	if r.Message != nil {
		return r.Message.Size()
	}
	return len(r.Note.Request) + len(r.Note.Response)
}

// LogOrder is a place in the log: a time, and for rows of one time their number
// or id.
func LogOrder(at time.Time, tail string) string {
	return fmt.Sprintf("%016d#%s", max(0, at.UnixMicro()), tail)
}

// OrderOf is a message's place.
func OrderOf(m chat.Message) string { return LogOrder(m.AcceptedAt, fmt.Sprintf("%012d", m.Seq)) }

// Window is a part of the log: at or after Since, before Before (zero: no bound),
// and below Below, the place of the last row of the page before ("": from the
// newest). Limit is in rows.
type Window struct {
	Since, Before time.Time
	Below         string
	Limit         int
}

// Bounds are the places the window lies between: from first on, and below end.
func (w Window) Bounds() (first, end string) {
	first, end = LogOrder(w.Since, ""), "9" // sorts after every time
	if !w.Before.IsZero() {
		end = LogOrder(w.Before, "")
	}
	if w.Below != "" && w.Below < end {
		end = w.Below
	}
	return first, end
}

// PlaceOf is a note's place in the log.
func PlaceOf(n Note) string { return LogOrder(n.At, n.ID) }

// OnTrail tells whether a note belongs to the trail.
func (n Note) OnTrail() bool { return n.Type == TypeAudit || n.Type == TypeStatus }

// Delegation is a task that one workspace gave another. Its state is not stored:
// it is that of its message, and the peer's answer.
type Delegation struct {
	ID        string
	Source    string
	Target    string
	Summary   string // the task's beginning
	MessageID string
	At        time.Time
}

// Logbook keeps what was, for people and agents to read; nothing is decided by
// it. Rows live as long as receipts do.
type Logbook interface {
	Note(ctx context.Context, n Note) error
	// History lists rows but those of the trail, newest first, strongly
	// consistent.
	History(ctx context.Context, id string, w Window) ([]Record, error)
	// Trail lists a workspace's audit entries and changes of verdict, newest
	// first, below a place ("": from the newest). They outlive receipts.
	Trail(ctx context.Context, id, below string, limit int) ([]Note, error)
	Delegation(ctx context.Context, source, id string) (d Delegation, found bool, err error)
	SaveDelegation(ctx context.Context, d Delegation) error
	// Delegations lists all of a source, newest first.
	Delegations(ctx context.Context, source string) ([]Delegation, error)
}

// twinWindow is how long after a message the same text from the same workspace,
// delegated, is the same task: a client falls back from a message that was
// queued to delegating it within seconds (wire contract, section 6, point 12).
const twinWindow = 60 * time.Second

// twinsLooked bounds the search for a twin.
const twinsLooked = 50

var delegationSpace = uuid.MustParse("9f1c6a52-2f0e-4c3f-8d3e-6b7a0c1d2e3f") // any fixed one

// Delegated is the answer to a delegate call.
type Delegated struct {
	Delegation Delegation
	Hit        bool // the key was used before, and that one goes on
	Twin       bool // the task had been sent as a message just before; it is that message
}

// Delegate gives a task to another workspace. The same key gives the same
// delegation, unless that one came to a bad end: then it is tried anew. Nothing
// is answered before the message is in the target's ledger. Errors: those of
// Enqueue.
func (d *Delivery) Delegate(ctx context.Context, source, target, task, key string, now time.Time) (Delegated, error) {
	out := Delegated{Delegation: Delegation{ID: uuid.NewString(), Source: source, Target: target, Summary: chat.Clip(task, 200), At: now}}
	del := &out.Delegation
	if key != "" {
		del.ID = uuid.NewSHA1(delegationSpace, []byte(source+"\n"+target+"\n"+key)).String()
		was, found, err := d.Logbook.Delegation(ctx, source, del.ID)
		if err != nil {
			return out, err
		}
		if found {
			m, err := d.Message(ctx, target, was.MessageID)
			switch {
			case err == nil && (m.State.Open() || m.State == chat.Delivered):
				out.Delegation, out.Hit = was, true
				return out, nil
			case err != nil && fault.CodeOf(err) != fault.MessageUnknown:
				return out, err
			}
			del.MessageID = uuid.NewSHA1(delegationSpace, []byte(was.MessageID)).String()
		}
	}
	if del.MessageID == "" {
		twin, err := d.twin(ctx, source, target, task, now)
		if err != nil {
			return out, err
		}
		del.MessageID, out.Twin = twin, twin != ""
	}
	if del.MessageID == "" {
		del.MessageID = del.ID
	}
	if !out.Twin {
		m := chat.Message{ID: del.MessageID, Workspace: target, Source: source, Method: "message/send", Priority: chat.Task, Body: chat.TextBody(del.MessageID, task)}
		if _, err := d.Enqueue(ctx, m, now); err != nil {
			return out, err
		}
	}
	return out, d.Logbook.SaveDelegation(ctx, *del)
}

// twin finds the message that carried the same task a moment ago; "" when none
// did.
func (d *Delivery) twin(ctx context.Context, source, target, task string, now time.Time) (string, error) {
	records, err := d.Logbook.History(ctx, target, Window{Since: now.Add(-twinWindow), Limit: twinsLooked})
	if err != nil {
		return "", err
	}
	for _, r := range records {
		if m := r.Message; m != nil && m.Source == source && chat.Text(m.Body) == task {
			return m.ID, nil
		}
	}
	return "", nil
}

// DelegationState is how far a delegation is, in the wire contract's words.
type DelegationState string

// The states; the last two are ends.
const (
	DelegationQueued     DelegationState = "queued"
	DelegationDispatched DelegationState = "dispatched" // handed to the peer, not answered yet
	DelegationCompleted  DelegationState = "completed"
	DelegationFailed     DelegationState = "failed"
)

// Progress is a delegation and how far it is.
type Progress struct {
	Delegation
	State  DelegationState
	Answer string
	Error  string
}

// answersLooked bounds how much of the log is read for answers.
const answersLooked = 200

// Delegations tells a workspace's newest delegations and how far they are. A
// peer that is pushed to answers in the delivery; one that polls answers with a
// message of its own: its messages to the source after the task was given are
// its answers, in order.
func (d *Delivery) Delegations(ctx context.Context, source string, limit int) ([]Progress, error) {
	all, err := d.Logbook.Delegations(ctx, source)
	if err != nil {
		return nil, err
	}
	all = all[:min(limit, len(all))]
	byTarget := map[string][]string{}
	for _, del := range all {
		byTarget[del.Target] = append(byTarget[del.Target], del.MessageID)
	}
	messages := map[string]chat.Message{}
	for target, ids := range byTarget {
		ms, err := d.Ledger.Messages(ctx, target, ids...)
		if err != nil {
			return nil, err
		}
		for _, m := range ms {
			messages[target+"/"+m.ID] = m
		}
	}
	out := make([]Progress, len(all))
	var unanswered []*Progress // oldest first
	for i := len(all) - 1; i >= 0; i-- {
		m, known := messages[all[i].Target+"/"+all[i].MessageID]
		out[i] = progress(all[i], m, known)
		if out[i].State == DelegationDispatched {
			unanswered = append(unanswered, &out[i])
		}
	}
	if len(unanswered) == 0 {
		return out, nil
	}
	records, err := d.Logbook.History(ctx, source, Window{Since: unanswered[0].At, Limit: answersLooked})
	if err != nil {
		return nil, err
	}
	slices.Reverse(records)
	used := map[string]bool{}
	for _, p := range unanswered {
		for _, r := range records {
			if m := r.Message; m != nil && m.Source == p.Target && !used[m.ID] && m.AcceptedAt.After(p.At) {
				used[m.ID] = true
				p.State, p.Answer = DelegationCompleted, chat.Text(m.Body)
				break
			}
		}
	}
	return out, nil
}

func progress(del Delegation, m chat.Message, known bool) Progress {
	p := Progress{Delegation: del}
	switch {
	case !known:
		p.State, p.Error = DelegationFailed, "its receipt is no longer kept"
	case m.State == chat.Queued:
		p.State = DelegationQueued
	case m.State == chat.InFlight, m.State == chat.Delivered && len(m.Answer) == 0:
		p.State = DelegationDispatched
	case m.State == chat.Delivered:
		p.State, p.Answer = DelegationCompleted, chat.Text(m.Answer)
	default:
		p.State, p.Error = DelegationFailed, string(m.State)+": "+m.Reason
	}
	return p
}
