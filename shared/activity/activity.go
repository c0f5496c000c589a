// Package activity is the activity log and the audit trail of a workspace. The
// log is its messages and, as rows, what its agent told its user and reports of
// its own work. The trail, which is kept apart, is also made of rows: changes of
// its verdict, what operators did and what became of its credentials. Nothing is
// decided by either.
package activity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The activity types that form a workspace's audit trail: changes of its
// verdict, and what operators did and credentials went through.
const (
	TypeStatus = "status"
	TypeAudit  = "audit"
)

// PlatformID is whose audit trail has what concerns no single workspace. It
// can't be a workspace's id.
const PlatformID = "_platform"

// Platform is the life of what concerns no single workspace.
var Platform = workspace.Life{Workspace: PlatformID}

// Row is a row of a workspace's activity log that is no message, or a row of its
// audit trail (see InAuditTrail).
type Row struct {
	ID          string
	Workspace   string
	Life        int64  // of its workspace: the number of the one it belongs to
	Type        string // activity_type of the wire contract (docs/wire-contract.md): "notify", "a2a_send", …
	Method      string
	SourceID    string
	TargetID    string
	Summary     string
	Status      string
	ErrorDetail string
	From        string // network address of who asked, in the audit trail
	DurationMS  *int
	Request     json.RawMessage
	Response    json.RawMessage
	At          time.Time
}

// OrderKey is the row's place in the log.
func (r Row) OrderKey() string { return orderKey(r.At, r.ID) }

// InAuditTrail reports whether the row belongs to the audit trail.
func (r Row) InAuditTrail() bool { return r.Type == TypeAudit || r.Type == TypeStatus }

// Item is one entry of the activity log: a message that the workspace was sent,
// or a row. Exactly one of Message and Row is set.
type Item struct {
	OrderKey string
	Message  *chat.Message
	Row      *Row
}

// Size is how many bytes senders and agents wrote into it.
func (i Item) Size() int {
	if i.Message != nil {
		return i.Message.Size()
	}
	return len(i.Row.Request) + len(i.Row.Response)
}

// orderKey sorts by time, and within one time by tail.
func orderKey(at time.Time, tail string) string {
	return fmt.Sprintf("%016d#%s", max(0, at.UnixMicro()), tail)
}

// MessageOrderKey is a message's place in the log.
func MessageOrderKey(m chat.Message) string {
	return orderKey(m.AcceptedAt, fmt.Sprintf("%012d", m.Seq))
}

// Range is a part of the log: at or after Since, before Before (zero: no bound),
// and below Below, the order key of the last item of the page before ("": from
// the newest). Limit is in items.
type Range struct {
	Since, Before time.Time
	Below         string
	Limit         int
}

// afterEveryKey sorts after every order key.
const afterEveryKey = "9"

// Bounds are the order keys that the range lies between: from first on, and
// below end.
func (r Range) Bounds() (first, end string) {
	first, end = orderKey(r.Since, ""), afterEveryKey
	if !r.Before.IsZero() {
		end = orderKey(r.Before, "")
	}
	if r.Below != "" && r.Below < end {
		end = r.Below
	}
	return first, end
}

// Log keeps activity. Rows live as long as receipts do, those of the audit trail
// longer. Error: platform_unavailable.
type Log interface {
	AddRow(ctx context.Context, r Row) error
	// ActivityLog lists a life's messages and rows but those of the audit trail,
	// newest first, strongly consistent.
	ActivityLog(ctx context.Context, life workspace.Life, r Range) ([]Item, error)
	// AuditTrail lists the audit entries of all lives of a workspace and the changes
	// of verdict of this one, newest first, below an order key ("": from the newest).
	AuditTrail(ctx context.Context, life workspace.Life, below string, limit int) ([]Row, error)
}
