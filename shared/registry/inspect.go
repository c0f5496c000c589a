package registry

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// InspectCredential is the workspace that a credential is good for, and whether it is in use: one that was issued and
// not used yet is good too. It only reads: no lease is renewed, no use begins, and no refusal is noted. Errors:
// credential_missing, credential_unknown, workspace_removed.
func (r *Registry) InspectCredential(
	ctx context.Context, credential string, now time.Time,
) (f workspace.Facts, inUse bool, err error) {
	presented := token.Digest(credential)
	if presented.Zero() {
		return f, false, fault.New(fault.CredentialMissing, "this call inspects a workspace's credential").
			WithHint("send it as a bearer", "stop")
	}
	owner, err := r.Owners.Owner(ctx, presented)
	if err != nil {
		return f, false, err
	}
	if owner.Workspace == "" {
		return f, false, fault.New(fault.CredentialUnknown, "this credential was issued to no workspace here").
			WithHint("check that it is complete, and that it is one of this platform", "repair")
	}
	f, err = r.Leases.Get(ctx, owner.Workspace)
	switch {
	case err != nil:
		return f, false, err
	case f.Life() == owner && f.Hold == workspace.Removed:
		return f, false, workspace.RemovedError(f)
	case f.Life() == owner && presented.Matches(f.Credential):
		return f, true, nil
	}
	if good, err := r.begins(ctx, &Refused{f}, presented, now); err != nil || good && f.Life() == owner {
		return f, false, err
	}
	ended := fault.New(fault.CredentialUnknown, "this credential of %s is no longer accepted", owner.Workspace).
		WithHint(workspace.UnauthorizedError(owner.Workspace, presented).Hint, "repair")
	ended.Details.ID = owner.Workspace
	return f, false, ended
}
