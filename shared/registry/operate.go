package registry

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// CreateInput is what an operator creates or adopts a workspace with.
type CreateInput struct {
	ID               string
	Name             string
	Runtime          string
	Role             string
	Tier             int
	Mode             workspace.Mode
	MaxTasks         int
	Adopt            bool
	ResetCredentials bool
	Force            bool   // also when its agent works with the credential that a reset ends
	Team             string // "": that of the person who asks, or as it was
	OnlyTeam         string // of the person who asks: only a workspace of it is taken over; "": any
	By               activity.Actor
}

// onlyMoves reports whether an adoption names a team, and perhaps a name and a role, and no more. It puts the workspace
// into the team, and resets nothing.
func (in *CreateInput) onlyMoves() bool {
	resets := in.ResetCredentials || in.Mode != workspace.Undeclared || in.MaxTasks != 0 ||
		in.Runtime != "" || in.Tier != 0
	return in.Team != "" && !resets
}

// profile is what the input says of the workspace. The agent's address and card
// are the agent's to say; they stay until it says otherwise, or mail could not be
// pushed before its next boot.
func (in *CreateInput) profile() *workspace.ProfileChange {
	return &workspace.ProfileChange{
		Name: optional(in.Name), Role: optional(in.Role), Runtime: &in.Runtime, Tier: &in.Tier,
	}
}

// Created is the answer; AuthToken only when one was minted.
type Created struct {
	Facts     workspace.Facts
	Adopted   bool
	AuthToken string
}

// Create makes a workspace with its first credential; asked to adopt, it takes over
// one that exists. One that was removed is created again. Errors: workspace_exists,
// workspace_unknown, invalid_workspace_id (also of a new id that CheckNewID refuses), other_team, credential_in_use.
func (r *Registry) Create(ctx context.Context, in CreateInput, now time.Time) (out Created, err error) {
	if in.ID == "" {
		in.ID = uuid.NewString()
	}
	err = r.act(ctx, in.ID, func() error {
		old, exists, err := r.find(ctx, in.ID)
		switch {
		case err != nil:
			return err
		case !exists && in.Adopt:
			err = fault.New(fault.WorkspaceUnknown, "no workspace has this id, so there is none to adopt").
				WithHint("check that the id is right; to create it, send no adopt", "stop")
		case !exists:
			if err = workspace.CheckNewID(in.ID); err == nil {
				out, err = r.create(ctx, in, now)
			}
		case in.OnlyTeam != "" && old.Team != in.OnlyTeam:
			err = fault.New(fault.OtherTeam, "a workspace of another team has this id").
				WithHint("choose another id", "stop")
		case old.Hold == workspace.Removed:
			if err = workspace.CheckNewID(in.ID); err == nil {
				out, err = r.createAgain(ctx, old, in, now)
			}
		case in.Adopt && in.onlyMoves():
			out, err = r.move(ctx, old, in, now)
		case in.Adopt:
			out, err = r.adopt(ctx, old, in, now)
		default:
			err = fault.New(fault.WorkspaceExists, "a workspace with this id exists").WithHint(
				"rollcall adopt "+in.ID+" takes it over: mode, status facts, runtime and tier are reset, its mail is kept", "adopt")
		}
		return err
	})
	if err != nil {
		return Created{}, err
	}
	r.recordOperation(ctx, out.Facts, now)
	r.WakeIfDeliverable(ctx, out.Facts, "adopt", now)
	return out, nil
}

// create makes a workspace of an id that nobody has used. Error: conflict.
func (r *Registry) create(ctx context.Context, in CreateInput, now time.Time) (Created, error) {
	text, minted := token.Mint(token.Workspace)
	next := workspace.Create(in.ID, minted, in.Mode, in.MaxTasks, now)
	next = workspace.NoteStanding(workspace.Facts{}, next, r.Policy, now)
	next.Team = cmp.Or(in.Team, in.OnlyTeam)
	return Created{Facts: next, AuthToken: text}, r.Leases.Save(ctx, workspace.Facts{}, next, SaveExtras{
		Profile: in.profile(),
		Audit: []activity.AuditEntry{{
			Actor: in.By, Action: "create", At: now,
			Summary: fmt.Sprintf("created, and credential %s issued", token.Name(text)),
		}},
	})
}

// createAgain makes a workspace of the id of one that was removed: a new life, of
// which the profile is what this call says. Error: conflict.
func (r *Registry) createAgain(
	ctx context.Context, old workspace.Facts, in CreateInput, now time.Time,
) (Created, error) {
	text, minted := token.Mint(token.Workspace)
	next := workspace.CreateAgain(old, minted, in.Mode, in.MaxTasks, now)
	next = workspace.NoteStanding(workspace.Facts{}, next, r.Policy, now)
	next.Team = cmp.Or(in.Team, in.OnlyTeam)
	profile := workspace.Replace(workspace.Profile{
		Name: in.Name, Role: in.Role, Runtime: in.Runtime, Tier: in.Tier,
		Signing: workspace.Signing{EndedAt: now}, // of the lives before
	})
	return Created{Facts: next, AuthToken: text}, r.Leases.Save(ctx, old, next, SaveExtras{
		Profile: &profile,
		Audit: []activity.AuditEntry{{
			Actor: in.By, Action: "create", At: now,
			Summary: fmt.Sprintf("created again (life %d), and credential %s issued", next.Lives+1, token.Name(text)),
		}},
	})
}

// adopt takes over an existing workspace. Errors: conflict; credential_in_use, as
// Repair has it, when the credentials are to be reset.
func (r *Registry) adopt(ctx context.Context, old workspace.Facts, in CreateInput, now time.Time) (Created, error) {
	if in.ResetCredentials && !in.Force {
		if err := old.CheckDamaged(true, r.Policy, now); err != nil {
			return Created{}, err
		}
	}
	if in.ResetCredentials && !in.Force && !workspace.AsksForRepair(old, r.Policy, now) {
		if err := old.CheckUnused("adopt and reset", r.Policy, now); err != nil {
			return Created{}, err
		}
	}
	was, err := r.Profiles.Profile(ctx, in.ID)
	if err != nil {
		return Created{}, err
	}
	adoption := workspace.Adoption{
		Mode: in.Mode, MaxTasks: in.MaxTasks, Pushable: workspace.CanServe(in.Runtime, was.URL),
		ResetCredentials: in.ResetCredentials,
	}
	audit := activity.AuditEntry{
		Actor: in.By, Action: "adopt", At: now,
		Summary: "adopted: mode, metrics, runtime and tier reset; credentials kept",
	}
	var text string
	if adoption.ResetCredentials {
		text, adoption.Minted = token.Mint(token.Workspace)
		audit.Summary = fmt.Sprintf(
			"adopted: mode, metrics, runtime and tier reset; credentials revoked, and credential %s issued", token.Name(text))
	}
	next := r.acted(old, workspace.Adopt(old, adoption, now), now)
	next.Team = cmp.Or(in.Team, old.Team)
	if adoption.ResetCredentials {
		next.GivenBy = people.IDOf(in.By.Who)
	}
	audit.Summary += adoptionChanges(in, was, old.Team, next.Team)
	err = r.save(ctx, old, next, SaveExtras{Profile: in.profile(), Audit: []activity.AuditEntry{audit}}, now)
	return Created{Facts: next, Adopted: true, AuthToken: text}, err
}

// move puts a workspace into a team, under the name and with the role that are said. Error: conflict.
func (r *Registry) move(ctx context.Context, old workspace.Facts, in CreateInput, now time.Time) (Created, error) {
	was, err := r.Profiles.Profile(ctx, in.ID)
	if err != nil {
		return Created{}, err
	}
	next := r.acted(old, workspace.Move(old, in.Team), now)
	return Created{Facts: next, Adopted: true}, r.save(ctx, old, next, SaveExtras{
		Profile: &workspace.ProfileChange{Name: optional(in.Name), Role: optional(in.Role)},
		Audit: []activity.AuditEntry{{
			Actor: in.By, Action: "adopt", At: now,
			Summary: "adopted into a team: nothing reset" + adoptionChanges(in, was, old.Team, next.Team),
		}},
	}, now)
}

// adoptionChanges says which of name, role and team an adoption changes: each with
// what it is now and what it was.
func adoptionChanges(in CreateInput, was workspace.Profile, oldTeam, team string) (said string) {
	for _, c := range []struct{ what, old, now string }{
		{"name", was.Name, cmp.Or(in.Name, was.Name)},
		{"role", was.Role, cmp.Or(in.Role, was.Role)},
		{"team", oldTeam, team},
	} {
		if c.old != c.now {
			said += fmt.Sprintf("; its %s is %s now, and was %s", c.what, quoted(c.now), quoted(c.old))
		}
	}
	return said
}

// lines are the entries that there are.
func lines(entries ...*activity.AuditEntry) (out []activity.AuditEntry) {
	for _, e := range entries {
		if e != nil {
			out = append(out, *e)
		}
	}
	return out
}

// Done is what became of an operator's act.
type Done struct {
	Facts     workspace.Facts
	Unchanged bool // it was so before: nothing is written, and the act has no line in the audit trail
}

// change makes one change of a workspace's facts, with its audit line. What changes
// nothing is not written, and leaves no line. Errors: those of Read, and of the change.
func (r *Registry) change(
	ctx context.Context, id string, now time.Time,
	to func(workspace.Facts) (workspace.Facts, *activity.AuditEntry, error),
) (out Done, err error) {
	return r.changeIn(ctx, func(op func() error) error { return r.act(ctx, id, op) }, id, now, to)
}

// changeIn is change whose tries are those of a loop.
func (r *Registry) changeIn(
	ctx context.Context, tries func(op func() error) error, id string, now time.Time,
	to func(workspace.Facts) (workspace.Facts, *activity.AuditEntry, error),
) (out Done, err error) {
	err = tries(func() error {
		old, err := r.Read(ctx, id)
		if err != nil {
			return err
		}
		next, entry, err := to(old)
		if out.Unchanged = err == nil && workspace.Unchanged(old, next); err != nil || out.Unchanged {
			out.Facts = old
			return err
		}
		out.Facts = r.acted(old, next, now)
		return r.save(ctx, old, out.Facts, SaveExtras{Audit: lines(entry)}, now)
	})
	if err == nil {
		r.recordOperation(ctx, out.Facts, now)
	}
	return out, err
}

// acted is the facts after an act: with where the workspace stands then, and without the precedence that the act took.
func (r *Registry) acted(old, next workspace.Facts, now time.Time) workspace.Facts {
	next.PrecedenceUntil = time.Time{}
	return workspace.NoteStanding(old, next, r.Policy, now)
}

// save writes a change that an operator's call makes, with its audit lines. Errors: conflict, platform_unavailable.
func (r *Registry) save(ctx context.Context, old, next workspace.Facts, extras SaveExtras, now time.Time) error {
	line, err := r.forgetURL(ctx, old, next, &extras, now)
	if err != nil {
		return err
	}
	extras.Audit = append(extras.Audit, line...)
	return r.Leases.Save(ctx, old, next, extras)
}

// recordOperation records the change of verdict that an operator's call brought about.
// That the agent is silent may be among it: the call ended what stood before that. A
// fault fails no call: the next sweep records what is missing.
func (r *Registry) recordOperation(ctx context.Context, f workspace.Facts, now time.Time) {
	_, _ = r.StatusLog.Record(ctx, f, r.FleetContext(ctx, now, f), now)
}

// Hold pauses, resumes (NoHold) or removes a workspace. Removing revokes its
// credentials.
func (r *Registry) Hold(
	ctx context.Context, id string, h workspace.Hold, by activity.Actor, now time.Time,
) (Done, error) {
	return r.change(ctx, id, now, func(f workspace.Facts) (workspace.Facts, *activity.AuditEntry, error) {
		e := &activity.AuditEntry{Actor: by, At: now}
		switch h {
		case workspace.Removed:
			e.Action, e.Summary = "remove", "removed; its credentials are revoked and its open mail is cancelled"
		case workspace.Paused:
			e.Action, e.Summary = "pause", "paused; its mail waits"
		default:
			e.Action, e.Summary = "resume", "resumed"
		}
		return workspace.SetHold(f, h, r.Policy, now), e, nil
	})
}

// Purge has whatever is kept of a removed workspace erased, but for its audit trail:
// its profile now, the rest by the sweeps that follow. Errors: workspace_unknown,
// invalid_workspace_id, conflict.
func (r *Registry) Purge(
	ctx context.Context, id string, by activity.Actor, now time.Time,
) (out Done, err error) {
	nothing := workspace.Replace(workspace.Profile{Signing: workspace.Signing{EndedAt: now}})
	err = r.act(ctx, id, func() error {
		old, exists, err := r.find(ctx, id)
		switch {
		case err != nil:
			return err
		case !exists:
			return workspace.UnknownError()
		case old.Hold != workspace.Removed:
			return retry.Final(fault.New(fault.Conflict, "the workspace was created again meanwhile"))
		}
		out.Facts = workspace.Erase(old)
		out.Facts.PrecedenceUntil = time.Time{}
		if out.Unchanged = workspace.Unchanged(old, out.Facts); out.Unchanged {
			return nil
		}
		return r.Leases.Save(ctx, old, out.Facts, SaveExtras{Profile: &nothing, Audit: []activity.AuditEntry{{
			Actor: by, Action: "purge", At: now,
			Summary: "purged: its profile is erased, and its mail, log and history are by the next sweeps",
		}}})
	})
	return out, err
}

// Dismiss forgets the refused calls on record: they are not the agent's.
func (r *Registry) Dismiss(
	ctx context.Context, id string, by activity.Actor, now time.Time,
) (Done, error) {
	return r.change(ctx, id, now, func(f workspace.Facts) (workspace.Facts, *activity.AuditEntry, error) {
		return workspace.Dismiss(f), &activity.AuditEntry{
			Actor: by, Action: "dismiss", At: now, Summary: workspace.Dismissed(f),
		}, nil
	})
}
