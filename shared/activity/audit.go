package activity

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Actor is who asks for something, and from which network address.
type Actor struct{ Who, From string }

// AuditEntry is a line of a workspace's audit trail: an operator's action or what
// became of a credential.
type AuditEntry struct {
	Actor
	Action  string // "repair", "credential_issued", …
	Summary string
	At      time.Time
}

// AuditRow is the entry as a row of the audit trail of id.
func AuditRow(id string, e AuditEntry) Row {
	return Row{
		ID: uuid.NewString(), Workspace: id, Type: TypeAudit, Method: e.Action, SourceID: e.Who, From: e.From,
		Summary: e.Summary, Status: "ok", At: e.At,
	}
}

// Audit writes an entry of an action that moves mail and not facts. Callers write
// it before the action, so that no action is without its line.
func Audit(ctx context.Context, log Log, id string, e AuditEntry) error {
	return log.AddRow(ctx, AuditRow(id, e))
}
