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

// Signal renews a lease: one write in the steady case. Errors:
// workspace_unknown, workspace_removed, credential_missing, credential_unknown.
func (r *Registry) Signal(
	ctx context.Context, id, credential string, s workspace.Signal, now time.Time,
) (f workspace.Facts, err error) {
	presented := token.Digest(credential)
	err = retry.OnConflict(ctx, r.Clock, saveTries, func() error {
		f, err = r.Leases.Renew(ctx, id, presented, s, now)
		refused, ok := errors.AsType[*Refused](err)
		if ok && refused.Facts.Hold != workspace.Removed && presented.Matches(refused.Facts.NextCredential) {
			if err := r.promote(ctx, refused.Facts, credential, s.From, now); err != nil {
				return err
			}
			f, err = r.Leases.Renew(ctx, id, presented, s, now)
			refused, ok = errors.AsType[*Refused](err)
		}
		if !ok {
			if err == nil {
				r.StatusLog.RecordCall(ctx, f, now)
				r.noteMove(ctx, f, credential, now)
			}
			return err
		}
		f = refused.Facts
		if f.Hold == workspace.Removed {
			return workspace.RemovedError(f)
		}
		refusal := workspace.Refusal{Kind: s.Kind, From: s.From, Hash: presented}
		return errors.Join(workspace.UnauthorizedError(id, presented, s.From), r.noteRefusal(ctx, f, refusal, now))
	})
	return f, err
}

// promote writes that the issued credential was used for the first time. Error:
// conflict.
func (r *Registry) promote(ctx context.Context, old workspace.Facts, credential, from string, now time.Time) error {
	next := workspace.NoteStanding(old, workspace.Promote(old), r.Policy, now)
	next.Version++
	return r.Leases.Save(ctx, old, next, SaveExtras{Audit: lines(credentialUsed(credential, from, now))})
}

// noteMove writes a line of the audit trail when the accepted call came from an
// address that is new. It fails no call: what is lost when others write at the same
// time is a line, and the facts have the address.
func (r *Registry) noteMove(ctx context.Context, f workspace.Facts, credential string, now time.Time) {
	if !f.MovedNow(now) {
		return
	}
	next := f
	next.Version++
	_ = r.Leases.Save(ctx, f, next, SaveExtras{Audit: lines(moved(f, credential, now))})
}

// noteRefusal records a refused attempt as a fact. It never turns the refusal
// into anything else: a store fault here is for the log only, beside it. It asks
// whose the credential is only when the answer matters, so that a stream of
// attempts costs no reads either.
func (r *Registry) noteRefusal(
	ctx context.Context, f workspace.Facts, refusal workspace.Refusal, now time.Time,
) error {
	if refusal.Hash.Matches(r.Operator) {
		refusal.Issued = workspace.IssuedElsewhere
	}
	if workspace.OwnerMatters(f, refusal, r.Policy, now) {
		owner, err := r.Owners.Owner(ctx, refusal.Hash)
		if err != nil {
			return err
		}
		switch owner {
		case "":
		case f.ID:
			refusal.Issued = workspace.IssuedHere
		default:
			refusal.Issued = workspace.IssuedElsewhere
		}
	}
	next, changed := workspace.Refuse(f, refusal, r.Policy, now)
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
