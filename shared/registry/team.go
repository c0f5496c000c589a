package registry

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// admission is that a call was admitted because a workspace is of a team.
type admission struct{ workspace, team string }

type admissionKey struct{}

// KeepToTeam is the context of a call that was admitted because a workspace is of a team. Whatever reads, decides and
// writes in it finds the workspace of another team unknown (OneTeam, CheckTeam): an operator may adopt it into another
// team while the call is under way.
func KeepToTeam(ctx context.Context, id, team string) context.Context {
	return context.WithValue(ctx, admissionKey{}, admission{id, team})
}

// OfAnyTeam is the context of what a call may go on with, whichever team the workspace is of by now.
func OfAnyTeam(ctx context.Context) context.Context {
	return context.WithValue(ctx, admissionKey{}, admission{})
}

// TeamOf is the team that a workspace must be of for the call that ctx is of; bound is false when it may be of any.
func TeamOf(ctx context.Context, id string) (team string, bound bool) {
	a, _ := ctx.Value(admissionKey{}).(admission)
	return a.team, a.workspace != "" && a.workspace == id
}

// CheckTeam refuses facts of another team than the call was admitted for, as if the workspace were not there. Error:
// workspace_unknown.
func CheckTeam(ctx context.Context, f workspace.Facts) error {
	if team, bound := TeamOf(ctx, f.ID); bound && f.Team != team {
		return workspace.UnknownError()
	}
	return nil
}

// OneTeam is leases that keep to the team that a call was admitted for. What is decided on facts is saved on the
// version that they had, so an adoption that comes between is a conflict, and the facts are read again here.
type OneTeam struct{ Leases }

// Get implements Leases.
func (l OneTeam) Get(ctx context.Context, id string) (workspace.Facts, error) {
	f, err := l.Leases.Get(ctx, id)
	if err == nil {
		err = CheckTeam(ctx, f)
	}
	if err != nil {
		return workspace.Facts{}, err
	}
	return f, nil
}

// Precede implements Leases. It decides nothing by facts, so a call that keeps to a team reads them before.
func (l OneTeam) Precede(ctx context.Context, id string, until time.Time) error {
	if _, bound := TeamOf(ctx, id); bound {
		if _, err := l.Get(ctx, id); err != nil {
			return err
		}
	}
	return l.Leases.Precede(ctx, id, until)
}
