package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Standing is a verdict in two words.
type Standing struct {
	Status workspace.Status `json:"status"`
	Reason workspace.Reason `json:"reason"`
}

// Change is a change of a workspace's verdict: the event that goes out, a line
// of the workspace's history, and one of the fleet's log.
type Change struct {
	Seq          int64                `json:"seq"`           // in the fleet, from 1, without gaps
	WorkspaceSeq int64                `json:"workspace_seq"` // in the workspace, from 1, without gaps
	Workspace    string               `json:"workspace_id"`
	At           time.Time            `json:"at"`   // when it was noticed
	From         *Standing            `json:"from"` // nil: it is the first
	To           Standing             `json:"to"`
	Since        time.Time            `json:"since"` // when it came to be, by the facts
	Hint         string               `json:"hint"`
	Action       string               `json:"action"`
	Evidence     []workspace.Evidence `json:"evidence"`
}

// News keeps changes of verdicts. Errors: conflict, platform_unavailable.
type News interface {
	// Record writes a change as the next of its workspace (next, if old.Version
	// is still stored), of its history and of the fleet's log, all or nothing.
	Record(ctx context.Context, old, next workspace.Facts, c Change) (Change, error)
	// Changes lists the fleet's log after a number, in order.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)
	// Latest is the number of the newest change, 0 when there is none.
	Latest(ctx context.Context) (int64, error)
	// Announcing takes the right to announce until a time, if nobody has it now,
	// and tells the number of the last change that was announced.
	Announcing(ctx context.Context, now, until time.Time) (last int64, mine bool, err error)
	// Announced gives the right back and notes the number of the last one.
	Announced(ctx context.Context, last int64) error
}

// TypeStatus and TypeAudit are the activity types of a workspace's trail: its
// changes of verdict, and what operators did and credentials went through.
const (
	TypeStatus = "status"
	TypeAudit  = "audit"
)

// Platform is whose trail has what concerns no single workspace. It can't be a
// workspace's id.
const Platform = "_platform"

// AuditNote is an entry as a row of a trail.
func AuditNote(id string, e registry.Entry) Note {
	return Note{ID: uuid.NewString(), Workspace: id, Type: TypeAudit, Method: e.Action, SourceID: e.Who, From: e.From, Summary: e.Summary, Status: "ok", At: e.At}
}

// TrailOf is whose trail has what becomes of an enrolment.
func TrailOf(e registry.Enrolment) string {
	if e.Workspace == "" {
		return Platform
	}
	return e.Workspace
}

// StatusNote is a change as a row of its workspace's trail.
func StatusNote(c Change) (Note, error) {
	raw, err := json.Marshal(c)
	was := "nothing"
	if c.From != nil {
		was = fmt.Sprintf("%s (%s)", c.From.Status, c.From.Reason)
	}
	return Note{ID: fmt.Sprintf("%012d", c.WorkspaceSeq), Workspace: c.Workspace, Type: TypeStatus, Method: "status_changed", SourceID: "rollcall", Status: "ok", At: c.At, Request: raw,
		Summary: fmt.Sprintf("from %s to %s (%s)", was, c.To.Status, c.To.Reason)}, err
}

// Audited is an operator's action that moves mail and not facts: it is written
// down first, so that none is without its line.
func (d *Delivery) Audited(ctx context.Context, id string, e registry.Entry) error {
	return d.Logbook.Note(ctx, AuditNote(id, e))
}

// notice writes a changed verdict down, on condition that nobody else did, so
// that each change stands once.
func (d *Delivery) notice(ctx context.Context, f workspace.Facts, fl workspace.Fleet, now time.Time) (changed bool, err error) {
	v := fl.Assess(f, d.Registry.Policy, now)
	as := fmt.Sprintf("%s/%s", v.Status, v.Reason)
	if quiet(as) == quiet(f.AnnouncedAs) {
		return false, nil
	}
	next := f
	next.AnnouncedAs, next.AnnouncedAt, next.AnnouncedSeq = as, now, f.AnnouncedSeq+1
	next.Version++
	c := Change{WorkspaceSeq: next.AnnouncedSeq, Workspace: f.ID, At: now, To: Standing{v.Status, v.Reason}, Since: v.Since, Hint: v.Hint, Action: v.Action, Evidence: v.Evidence}
	if status, reason, ok := strings.Cut(f.AnnouncedAs, "/"); ok {
		c.From = &Standing{workspace.Status(status), workspace.Reason(reason)}
	}
	switch _, err := d.News.Record(ctx, f, next, c); fault.CodeOf(err) {
	case "":
		return true, nil
	case fault.Conflict:
		return false, nil // it changed under us; the next sweep looks again
	default:
		return false, err
	}
}

// quiet treats healthy and busy as one: an agent at work is no news.
func quiet(as string) string {
	if as == "online/"+string(workspace.ReasonBusy) {
		return "online/" + string(workspace.ReasonHealthy)
	}
	return as
}

// announceFor is how long one sweep has to announce; announcePage how many
// changes it announces before it notes how far it came.
const (
	announceFor  = time.Minute
	announcePage = 25
)

// announce sends out what was noticed and not announced, in order. A crash
// between an event and its note lets that event go out twice; none is lost.
func (d *Delivery) announce(ctx context.Context) error {
	now := d.Now()
	last, mine, err := d.News.Announcing(ctx, now, now.Add(announceFor))
	if err != nil || !mine {
		return err
	}
	for d.Now().Before(now.Add(announceFor / 2)) {
		changes, err := d.News.Changes(ctx, last, announcePage)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := d.Announcer.Announce(ctx, c); err != nil {
				return errors.Join(err, d.News.Announced(ctx, last))
			}
			last = c.Seq
		}
		if len(changes) < announcePage {
			break
		}
	}
	return d.News.Announced(ctx, last)
}

// Announcer tells the world of a changed verdict, and of a message that died.
type Announcer interface {
	Announce(ctx context.Context, c Change) error
	AnnounceDead(ctx context.Context, m chat.Message) error
}
