package activity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Actor is who asks for something, and from which network address.
type Actor struct {
	Who, From string
	// Line is the ids of a person's credential and of those that it descends from, with blanks between. It is kept where
	// a thing is good as long as these are, and in no line of the trail.
	Line string
}

// AuditEntry is a line of a workspace's audit trail: an operator's action or what
// became of a credential.
type AuditEntry struct {
	Actor
	Action  string // "repair", "credential_issued", …
	Summary string
	At      time.Time
}

// AuditRow is the entry as a row of the audit trail of a workspace, of an action in
// one of its lives.
func AuditRow(life workspace.Life, e AuditEntry) Row {
	return Row{
		ID: uuid.NewString(), Workspace: life.Workspace, Life: life.Number, Type: TypeAudit, Method: e.Action,
		SourceID: e.Who, From: e.From, Summary: e.Summary, Status: "ok", At: e.At,
	}
}

// Audit writes an entry of an action that moves mail and not facts. Callers write
// it before the action, so that no action is without its line.
func Audit(ctx context.Context, log Log, life workspace.Life, e AuditEntry) error {
	return log.AddRow(ctx, AuditRow(life, e))
}
