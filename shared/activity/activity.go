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

	Apart Apart `json:",omitzero"` // of a head: what is kept apart from it
}

// Apart is a row that is kept apart from its head.
type Apart struct {
	Bytes int // as it is stored; 0: the row is no head
	Row   int // at least as many as it takes in an answer
	// Own says that it stands alone. The long rows of a life, and the texts of its messages, stood together once.
	Own bool `json:",omitempty"`
}

// InlineRow is the longest row, in bytes as it is stored, that stands in the log whole. A longer one has its head there
// and is kept apart: an agent writes long rows into its log, and others read the log for what else is in it. A read of
// up to 4 KB costs the same.
const InlineRow = 3 << 10

// rowMembers is more than the names of a row's members take in an answer, beyond what they take in its record.
const rowMembers = 1 << 10

// Head is what stands in the log of a row that is kept apart as this record: what the log is filtered by.
func (r Row) Head(record []byte) Row {
	return Row{
		ID: r.ID, Workspace: r.Workspace, Life: r.Life, Type: r.Type, SourceID: r.SourceID, TargetID: r.TargetID, At: r.At,
		Apart: Apart{Bytes: len(record), Row: chat.EncodedSize(json.RawMessage(record)) + rowMembers, Own: true},
	}
}

// OrderKey is the row's place in the log.
func (r Row) OrderKey() string { return orderKey(r.At, r.ID) }

// InAuditTrail reports whether the row belongs to the audit trail.
func (r Row) InAuditTrail() bool { return r.Type == TypeAudit || r.Type == TypeStatus }

// Item is one entry of the activity log: a message that the workspace was sent,
// or a row, which may be a head. Of one that was not read, or has just gone, neither is set.
type Item struct {
	OrderKey string
	Message  *chat.Message
	Row      *Row
	Bytes    int // how many the store read for it
}

// MaxRead bounds, in bytes, what one call reads of a log to find what it shows: it begins no page after that. So one
// call may read this and a page.
const MaxRead = 2 << 20

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
// the newest). Limit is in items. With Messages, of the rows only the places are read.
type Range struct {
	Since, Before time.Time
	Below         string
	Limit         int
	Messages      bool
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
	// newest first, strongly consistent. Only the last page has fewer items than its limit.
	ActivityLog(ctx context.Context, life workspace.Life, r Range) ([]Item, error)
	// WholeRows gives rows of the log with those whole that are heads. One that is no longer kept stays a head.
	WholeRows(ctx context.Context, rows []Row) ([]Row, error)
	// AuditTrail lists the audit entries of all lives of a workspace and the changes
	// of verdict of this one, newest first, below an order key ("": from the newest).
	AuditTrail(ctx context.Context, life workspace.Life, below string, limit int) ([]Row, error)
}
