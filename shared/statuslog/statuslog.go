// Package statuslog keeps and announces changes of verdicts. A verdict itself is
// never stored: it is computed from facts when it is read. The log only says
// when it became another one, so that a canvas can follow and a person can look
// back.
package statuslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
}

// Store keeps changes. Errors: conflict, platform_unavailable.
type Store interface {
	// AddChange writes a change as the next of its workspace (next, if
	// old.Version is still stored), of its history and of the fleet's log, all or
	// nothing. It returns the change with its number in the fleet.
	AddChange(ctx context.Context, old, next workspace.Facts, c Change) (Change, error)
	// Changes lists the fleet's log after a number, in order.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)
	// LatestChange is the number of the newest change, 0 when there is none.
	LatestChange(ctx context.Context) (int64, error)
	// ClaimAnnouncing takes the right to announce until a time, unless somebody
	// has it now; last is the number of the last change that was announced.
	ClaimAnnouncing(ctx context.Context, now, until time.Time) (last int64, claimed bool, err error)
	// NoteAnnounced gives the right back and notes the number of the last change
	// that was announced.
	NoteAnnounced(ctx context.Context, last int64) error
}

// Announcer tells the world of a change.
type Announcer interface {
	Announce(ctx context.Context, c Change) error
}

// Row is a change as a row of its workspace's audit trail.
func (c Change) Row() (activity.Row, error) {
	raw, err := json.Marshal(c)
	was := "nothing"
	if c.From != nil {
		was = fmt.Sprintf("%s (%s)", c.From.Status, c.From.Reason)
	}
	return activity.Row{
		ID: fmt.Sprintf("%012d", c.WorkspaceSeq), Workspace: c.Workspace, Life: c.Life - 1, Type: activity.TypeStatus,
		Method: "status_changed", SourceID: "rollcall", Status: "ok", At: c.At, Request: raw,
		Summary: fmt.Sprintf("from %s to %s (%s)", was, c.To.Status, c.To.Reason),
	}, err
}

// Log records and announces changes.
type Log struct {
	Store
	Announcer Announcer
	Policy    workspace.Policy
	Clock     clock.Clock
}

// RecordCall records a change of the verdict that a call itself brought about, as
// the call is answered: what was seen and mended within a minute leaves its trace.
// Silence is no call's doing, and is judged by the sweep, which knows the fleet.
// A fault fails no call: the next sweep records what is missing.
func (l *Log) RecordCall(ctx context.Context, f workspace.Facts, now time.Time) {
	v := workspace.Assess(f, l.Policy, now)
	if v.Reason == workspace.ReasonLeaseExpired || v.Reason == workspace.ReasonPlatformSuspect {
		return
	}
	_, _ = l.record(ctx, f, v, now)
}

// Record writes the workspace's verdict down if it is another than the last one
// recorded, on condition that nobody else did: each change stands once.
func (l *Log) Record(
	ctx context.Context, f workspace.Facts, fl workspace.Fleet, now time.Time,
) (changed bool, err error) {
	return l.record(ctx, f, fl.Assess(f, l.Policy, now), now)
}

func (l *Log) record(
	ctx context.Context, f workspace.Facts, v workspace.Verdict, now time.Time,
) (changed bool, err error) {
	as := fmt.Sprintf("%s/%s", v.Status, v.Reason)
	if healthyWhenBusy(as) == healthyWhenBusy(f.AnnouncedAs) {
		return false, nil
	}
	next := f
	next.AnnouncedAs, next.AnnouncedAt, next.AnnouncedSeq = as, now, f.AnnouncedSeq+1
	next.Standing = workspace.Standing{StandsAs: as, StandsSince: v.Since}
	next.Version++
	c := Change{
		WorkspaceSeq: next.AnnouncedSeq, Workspace: f.ID, Life: f.Lives + 1, At: now, To: StatusReason{v.Status, v.Reason},
		Since: v.Since, Hint: v.Hint, Action: v.Action, Evidence: append([]workspace.Evidence{}, v.Evidence...),
	}
	if status, reason, ok := strings.Cut(f.AnnouncedAs, "/"); ok {
		c.From = &StatusReason{workspace.Status(status), workspace.Reason(reason)}
	}
	switch _, err := l.AddChange(ctx, f, next, c); fault.CodeOf(err) {
	case "":
		return true, nil
	case fault.Conflict:
		return false, nil // the facts changed meanwhile: the next sweep looks again
	default:
		return false, err
	}
}

// healthyWhenBusy treats busy as healthy: an agent at work is no change to tell.
func healthyWhenBusy(as string) string {
	if as == "online/"+string(workspace.ReasonBusy) {
		return "online/" + string(workspace.ReasonHealthy)
	}
	return as
}

// announceFor is how long one caller has the right to announce; announcePage is
// how many changes it reads at a time.
const (
	announceFor  = time.Minute
	announcePage = 25
)

// Announce sends out what was recorded and not announced, in order. A crash
// between an event and its note lets that event go out twice; none is lost.
func (l *Log) Announce(ctx context.Context) error {
	now := l.Clock.Now()
	last, claimed, err := l.ClaimAnnouncing(ctx, now, now.Add(announceFor))
	if err != nil || !claimed {
		return err
	}
	for l.Clock.Now().Before(now.Add(announceFor / 2)) {
		changes, err := l.Changes(ctx, last, announcePage)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := l.Announcer.Announce(ctx, c); err != nil {
				return errors.Join(err, l.NoteAnnounced(ctx, last))
			}
			last = c.Seq
		}
		if len(changes) < announcePage {
			break
		}
	}
	return l.NoteAnnounced(ctx, last)
}
