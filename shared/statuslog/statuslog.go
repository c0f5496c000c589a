// Package statuslog keeps and announces changes of verdicts. A verdict itself is
// never stored: it is computed from facts when it is read. The log only says
// when it became another one, so that a canvas can follow and a person can look
// back.
package statuslog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// StatusReason is a verdict in two words.
type StatusReason struct {
	Status workspace.Status `json:"status"`
	Reason workspace.Reason `json:"reason"`
}

// Change is a change of a workspace's verdict: the event that goes out, a line
// of the workspace's history, and one of the fleet's log.
type Change struct {
	Seq          int64                `json:"seq"`           // in the fleet, from 1, without gaps
	WorkspaceSeq int64                `json:"workspace_seq"` // in the workspace, from 1, without gaps
	Workspace    string               `json:"workspace_id"`
	Life         int64                `json:"life"` // of the workspace, from 1
	At           time.Time            `json:"at"`   // when it was noticed
	From         *StatusReason        `json:"from"` // nil: it is the first
	To           StatusReason         `json:"to"`
	Since        time.Time            `json:"since"` // when it came to be, by the facts
	Hint         string               `json:"hint"`
	Action       string               `json:"action"`
	Evidence     []workspace.Evidence `json:"evidence"`
	LeftOut      int64                `json:"left_out,omitempty"` // changes before it that are not recorded
}

// PageSize is the most changes that are written together. Each takes a write of its workspace and one of its history;
// the page takes one of the fleet's log and one of its number. A transaction of DynamoDB has at most 100 writes.
const PageSize = 49

// Entry is a change that is to be written, with the facts of its workspace before and after it.
type Entry struct {
	Old, Next workspace.Facts
	Change    Change
	// Unheard is that it tells of silence: it is true only if no signal has renewed the lease since.
	Unheard bool
}

// CheckPage refuses entries that no store writes together: too many or none, two of one workspace, or numbers with a
// gap.
func CheckPage(entries []Entry) error {
	if len(entries) < 1 || len(entries) > PageSize {
		return fmt.Errorf("statuslog: a page of %d changes", len(entries))
	}
	seen := map[string]bool{}
	for i, e := range entries {
		if seen[e.Next.ID] || e.Change.Seq < 1 || e.Change.Seq != entries[0].Change.Seq+int64(i) {
			return fmt.Errorf("statuslog: change %d of %s does not fit into its page", e.Change.Seq, e.Next.ID)
		}
		seen[e.Next.ID] = true
	}
	return nil
}

// Lost is the error of a page that was not written, because others wrote meanwhile or some of it can't be written.
type Lost struct {
	// Entries are the places of those that are the reason: their workspaces have changed, or are being changed. Without
	// one, only the log has moved on.
	Entries []int
	// Cause is what keeps one of them from being written that has not changed; nil for none.
	Cause error
}

// Error implements error.
func (l *Lost) Error() string {
	return fmt.Sprintf("%d changes of a page: %v", len(l.Entries), l.Unwrap())
}

// Unwrap gives it the code of its cause, or of a conflict.
func (l *Lost) Unwrap() error {
	if l.Cause != nil {
		return l.Cause
	}
	return fault.New(fault.Conflict, "what was seen has changed")
}

// Right is what one caller of the whole fleet does at a time.
type Right string

// The rights.
const (
	Announcing Right = "announcing"
	Recording  Right = "recording"
)

// Announced is how far the log is announced: up to a number, and beyond it these.
type Announced struct {
	Last  int64
	Ahead []int64
}

// Store keeps changes. Errors: conflict, platform_unavailable.
type Store interface {
	// AddChanges writes a page all or nothing: each change as the next of its workspace (Next, if Old.Version is still
	// stored, and Old.LeaseUntil where nothing may have been heard since) and of its history, and all in the fleet's log,
	// if it ends just before the first. Error: *Lost.
	AddChanges(ctx context.Context, page []Entry) error
	// Changes lists the fleet's log after a number, in order.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)
	// LatestChange is the number of the newest change, 0 when there is none.
	LatestChange(ctx context.Context) (int64, error)
	// TakeRight takes a right until a time, unless somebody has it now.
	TakeRight(ctx context.Context, r Right, now, until time.Time) (taken bool, err error)
	// GiveBack gives a right back that was taken until a time, unless it is somebody else's by now.
	GiveBack(ctx context.Context, r Right, until time.Time) error
	// Announced is how far the log is announced.
	Announced(ctx context.Context) (Announced, error)
	// NoteAnnounced notes it for who has the right to announce until a time. Error: conflict, when it is somebody else's
	// by now.
	NoteAnnounced(ctx context.Context, until time.Time, a Announced) error
}

// Announcer tells the world of changes, of at most AnnounceAtOnce in one call. It returns those that were not taken,
// and why.
type Announcer interface {
	Announce(ctx context.Context, changes []Change) (refused []Change, err error)
}

// Row is a change as a row of its workspace's audit trail.
func (c Change) Row() (activity.Row, error) {
	raw, err := json.Marshal(c)
	was := "nothing"
	if c.From != nil {
		was = fmt.Sprintf("%s (%s)", c.From.Status, c.From.Reason)
	}
	leftOut := ""
	if c.LeftOut > 0 {
		leftOut = fmt.Sprintf("; %d changes before it are left out", c.LeftOut)
	}
	return activity.Row{
		ID: fmt.Sprintf("%012d", c.WorkspaceSeq), Workspace: c.Workspace, Life: c.Life - 1, Type: activity.TypeStatus,
		Method: "status_changed", SourceID: "rollcall", Status: "ok", At: c.At, Request: raw,
		Summary: fmt.Sprintf("from %s to %s (%s)%s", was, c.To.Status, c.To.Reason, leftOut),
	}, err
}

// Log records and announces changes.
type Log struct {
	Store
	Announcer Announcer
	Policy    workspace.Policy
	Clock     clock.Clock
	// Recorded is told that a call has recorded a change; nil: nobody is.
	Recorded func(ctx context.Context)
}
