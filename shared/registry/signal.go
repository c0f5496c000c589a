package registry

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Signal renews a lease: one write in the steady case, or none for a poll that says
// nothing new. Errors: workspace_unknown where bootstrap is open, workspace_removed,
// credential_missing, credential_unknown, credential_of_another.
func (r *Registry) Signal(
	ctx context.Context, id, credential string, s workspace.Signal, now time.Time,
) (f workspace.Facts, err error) {
	presented := token.Digest(credential)
	if s.Kind == workspace.SignalPoll {
		f, noted, err := r.noted(ctx, id, presented, s, now)
		if noted || err != nil {
			return f, err
		}
		if f.Superseded(s.Epoch) {
			s.Kind = workspace.SignalCall // it fetches nothing
		} else {
			s.PollsAgain = f.PollsAgain(r.Policy, now)
		}
	}
	refusal := func() workspace.Refusal { return workspace.Presenting(s.Kind, s.From, credential) }
	err = retry.OnConflict(ctx, r.Clock, saveTries, func() error {
		f, err = r.Leases.Renew(ctx, id, presented, s, now)
		if fault.CodeOf(err) == fault.WorkspaceUnknown {
			cause := workspace.UnregisteredError()
			if r.Policy.Bootstrap != workspace.Open {
				cause = workspace.UnauthorizedError(id, presented)
			}
			return r.refuseNobody(ctx, id, refusal(), cause, now)
		}
		refused, ok := errors.AsType[*Refused](err)
		begins, failed := r.begins(ctx, refused, presented, now)
		if failed != nil {
			return failed
		}
		if begins {
			if err := r.promote(ctx, refused.Facts, credential, s.From, now); err != nil {
				return err
			}
			f, err = r.Leases.Renew(ctx, id, presented, s, now)
			refused, ok = errors.AsType[*Refused](err)
		}
		if !ok {
			if err == nil {
				f = r.noteMove(ctx, f, credential, now)
				r.quoteSample(ctx, f, s, now)
				r.StatusLog.RecordCall(ctx, f, now)
			}
			return err
		}
		f = refused.Facts
		switch removed := f.Hold == workspace.Removed; {
		case removed && f.TellsRemoval(presented, r.Policy):
			_, err := r.ownedElsewhere(ctx, id, refusal(), now)
			return errors.Join(workspace.RemovedError(f), err)
		case removed:
			return r.refuseNobody(ctx, id, refusal(), workspace.UnauthorizedError(id, presented), now)
		}
		return r.refuse(ctx, f, refusal(), workspace.UnauthorizedError(id, presented), now)
	})
	return f, err
}

// quoteSample keeps in full the sample error of the heartbeat with which the errors began: once, and not with each
// heartbeat.
func (r *Registry) quoteSample(ctx context.Context, f workspace.Facts, s workspace.Signal, now time.Time) {
	if f.ErrorsSince.Equal(now.Truncate(time.Millisecond)) {
		r.Quote(ctx, f.ID, s.SampleWhole, func(said *workspace.Words) *string { return &said.SampleError })
	}
}

// noted reports whether the facts tell of a poll well enough, with an accepted
// credential: a read costs less than a write, and most polls say nothing new.
func (r *Registry) noted(
	ctx context.Context, id string, presented token.Hash, s workspace.Signal, now time.Time,
) (f workspace.Facts, noted bool, err error) {
	f, err = r.Leases.Get(ctx, id)
	switch {
	case fault.CodeOf(err) == fault.WorkspaceUnknown:
		return f, false, nil // the write says so
	case err != nil, !presented.Matches(f.Credential), f.Hold == workspace.Removed:
		return f, false, err
	}
	if noted = workspace.Noted(f, s, r.Policy, now); noted {
		r.StatusLog.RecordCall(ctx, f, now)
	}
	return f, noted, nil
}

// begins reports whether a call whose credential is not the one in use is the first use of one that was issued. Error:
// platform_unavailable.
func (r *Registry) begins(ctx context.Context, refused *Refused, presented token.Hash, now time.Time) (bool, error) {
	if refused == nil || refused.Facts.Hold == workspace.Removed || !presented.Matches(refused.Facts.NextCredential) {
		return false, nil
	}
	if !refused.Facts.Gives(presented, now) {
		return true, nil
	}
	given, err := r.withoutRevoked(ctx, refused.Facts)
	return presented.Matches(given.NextCredential), err
}

// promote writes that the issued credential was used for the first time. Error:
// conflict.
func (r *Registry) promote(ctx context.Context, old workspace.Facts, credential, from string, now time.Time) error {
	next := workspace.NoteStanding(old, workspace.Promote(old, now), r.Policy, now)
	next.Version++
	var extras SaveExtras
	ended, err := r.forgetURL(ctx, old, next, &extras, now)
	if err != nil {
		return err
	}
	next, extras.Audit = r.bounded(next, now, append(lines(credentialUsed(credential, from, now)), ended...)...)
	return r.Leases.Save(ctx, old, next, extras)
}

// noteMove writes a line of the audit trail when the accepted call is the first one
// with the credential that create gave, or came from an address that is new. It fails
// no call, and returns the facts as they are then.
func (r *Registry) noteMove(
	ctx context.Context, f workspace.Facts, credential string, now time.Time,
) workspace.Facts {
	if !f.MovedNow(now) {
		return f
	}
	line := moved(f, credential, now)
	if f.FirstCallNow(now) {
		line = credentialUsed(credential, f.SeenFrom, now)
	}
	_ = retry.OnConflict(ctx, r.Clock, saveTries, func() error {
		next := f
		next.Version++
		err := r.Leases.Save(ctx, f, next, SaveExtras{Audit: lines(line)})
		if err == nil {
			f = next
		} else if again, readErr := r.Read(ctx, f.ID); readErr == nil {
			f = again
		}
		return err
	})
	return f
}

// refuseNobody refuses a call about a workspace that is not there with cause, as
// refuse does one about a workspace that is: a caller whose credential isn't accepted
// learns no ids. Errors: cause, credential_of_another, platform_unavailable.
func (r *Registry) refuseNobody(
	ctx context.Context, id string, refusal workspace.Refusal, cause error, now time.Time,
) error {
	switch owner, err := r.ownedElsewhere(ctx, id, refusal, now); {
	case owner != "":
		return errors.Join(workspace.OfAnotherError(owner), err)
	case err != nil:
		return err
	}
	return cause
}

// ownedElsewhere is the other workspace whose the credential is of a call about a workspace that is not there, and
// notes the call there; "": it is no other's. Error: platform_unavailable; where it could not be noted, with the owner.
func (r *Registry) ownedElsewhere(
	ctx context.Context, id string, refusal workspace.Refusal, now time.Time,
) (string, error) {
	if refusal.Hash.Zero() {
		return "", nil
	}
	owner, err := r.Owners.Owner(ctx, refusal.Hash)
	if err != nil || owner.Workspace == "" || owner.Workspace == id {
		return "", err
	}
	return owner.Workspace, r.noteMisnamed(ctx, owner, refusal, now)
}

// noteMisnamed notes at a workspace that a call with its credential named another. A call that says nothing of who the
// agent is costs nothing.
func (r *Registry) noteMisnamed(
	ctx context.Context, owner workspace.Life, refusal workspace.Refusal, now time.Time,
) error {
	if !refusal.Kind.SaysWho() {
		return nil
	}
	f, exists, err := r.find(ctx, owner.Workspace)
	if err != nil || !exists || f.Life() != owner {
		return err
	}
	next, changed := workspace.NoteMisnamed(f, refusal, r.Policy, now)
	return r.writeRefusal(ctx, f, next, changed, now)
}

// refuse refuses an attempt with cause, and records it as a fact. One with a
// credential that is another workspace's is refused as that, and is never counted
// against the agent: it leaves a warning. A store fault here is for the log only,
// beside the refusal.
func (r *Registry) refuse(
	ctx context.Context, f workspace.Facts, refusal workspace.Refusal, cause error, now time.Time,
) error {
	if workspace.OwnerMatters(f, refusal) {
		owner, err := r.Owners.Owner(ctx, refusal.Hash)
		switch {
		case err != nil:
			return errors.Join(cause, err)
		case owner == f.Life():
			refusal.Issued = workspace.IssuedHere
		case owner.Workspace == f.ID:
			refusal.Issued = workspace.IssuedBefore
		case owner.Workspace != "":
			refusal.Issued, cause = workspace.IssuedElsewhere, workspace.OfAnotherError(owner.Workspace)
			cause = errors.Join(cause, r.noteMisnamed(ctx, owner, refusal, now))
		}
	}
	return errors.Join(cause, r.noteRefusal(ctx, f, refusal, now))
}

// NoteRefused notes a call that was refused for what it came with, before the workspace was looked at. It is one read,
// and a write as seldom as for any refused call.
func (r *Registry) NoteRefused(ctx context.Context, id string, refusal workspace.Refusal, now time.Time) error {
	f, exists, err := r.find(ctx, id)
	if err != nil || !exists || f.Hold == workspace.Removed {
		return err
	}
	return r.noteRefusal(ctx, f, refusal, now)
}

// NoteRefusedOwner is NoteRefused for a call that does not say which workspace calls: it is noted at the one that the
// credential in the damaged text was issued to, in its present life. Only who has that credential can bring it about.
// Without one it costs nothing.
func (r *Registry) NoteRefusedOwner(ctx context.Context, refusal workspace.Refusal, now time.Time) error {
	if refusal.Inner.Zero() {
		return nil
	}
	owner, err := r.Owners.Owner(ctx, refusal.Inner)
	if err != nil || owner.Workspace == "" {
		return err
	}
	f, exists, err := r.find(ctx, owner.Workspace)
	if err != nil || !exists || f.Hold == workspace.Removed || f.Life() != owner {
		return err
	}
	return r.noteRefusal(ctx, f, refusal, now)
}

func (r *Registry) noteRefusal(
	ctx context.Context, f workspace.Facts, refusal workspace.Refusal, now time.Time,
) error {
	next, changed := workspace.Refuse(f, refusal, r.Policy, now)
	if changed && refusal.Brought != "" {
		in := Registration{ID: f.ID, Enrolment: refusal.Brought, From: refusal.From}
		_, err := r.admitByEnrolment(ctx, f, in, now)
		if fault.CodeOf(err) == fault.PlatformUnavailable {
			return err
		}
		refusal.Good = err == nil
		next, changed = workspace.Refuse(f, refusal, r.Policy, now)
	}
	return r.writeRefusal(ctx, f, next, changed, now)
}

// writeRefusal writes the facts after a refused call, where that changed them.
func (r *Registry) writeRefusal(ctx context.Context, f, next workspace.Facts, changed bool, now time.Time) error {
	if !changed {
		return nil
	}
	switch err := r.Leases.NoteRefusal(ctx, f, next); fault.CodeOf(err) {
	case "":
		r.StatusLog.RecordCall(ctx, next, now)
	case fault.Conflict: // another one was noted
	default:
		return err
	}
	return nil
}

// NoteEpoch notes what a poll or an acknowledgement that told its epoch shows of two hosts. It fails no call: the next
// such call notes what is missing.
func (r *Registry) NoteEpoch(
	ctx context.Context, f workspace.Facts, kind workspace.SignalKind, epoch int64, now time.Time,
) {
	_ = retry.OnConflict(ctx, r.Clock, saveTries, func() error {
		next, changed := workspace.NoteEpoch(f, kind, epoch, r.Policy, now)
		if !changed || f.CheckPrecedence(now) != nil {
			return nil
		}
		err := r.Leases.Save(ctx, f, next, SaveExtras{})
		if err == nil {
			r.StatusLog.RecordCall(ctx, next, now)
		} else if again, readErr := r.Read(ctx, f.ID); readErr == nil {
			f = again
		}
		return err
	})
}
