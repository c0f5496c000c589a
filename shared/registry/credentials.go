package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// RepairInput is which workspace to repair, and how its agent comes to a new
// credential: by a register from one address (From, or the one of its last
// accepted call), by a register from Anyone, or by the hand of the operator, who
// is shown one (Show).
type RepairInput struct {
	ID     string
	From   string // network address; "": none is named
	Told   bool   // From is as the verdict says, and moves no window
	Anyone bool
	Show   bool
	Force  bool // also when the agent works with the credential that this ends
	By     activity.Actor
}

// Repaired is the answer; AuthToken only when one is shown.
type Repaired struct {
	Facts     workspace.Facts
	Before    workspace.Facts
	Revoked   int
	AuthToken string
}

// Repair revokes every credential, and opens a bootstrap window or issues a
// credential. Errors: those of Read, credential_in_use, repair_address_unknown.
func (r *Registry) Repair(ctx context.Context, asked RepairInput, now time.Time) (out Repaired, err error) {
	in := asked
	done, err := r.change(ctx, in.ID, now,
		func(f workspace.Facts) (next workspace.Facts, _ *activity.AuditEntry, err error) {
			out = Repaired{Before: f}
			if f, in, err = r.knownWindow(ctx, f, asked); err != nil {
				return f, nil, err
			}
			if !in.Force {
				if err := f.CheckDamaged(in.Show, r.Policy, now); err != nil {
					return f, nil, err
				}
			}
			if !in.Force && !workspace.AsksForRepair(f, r.Policy, now) {
				if err := f.CheckUnused("repair", r.Policy, now); err != nil {
					return f, nil, err
				}
			}
			e := &activity.AuditEntry{Actor: in.By, Action: "repair", At: now}
			if in.Show {
				text, minted := token.Mint(token.Workspace)
				next, out.Revoked = workspace.RepairByHand(f, minted, now)
				next.GivenBy, out.AuthToken = people.IDOf(in.By.Who), text
				e.Summary = fmt.Sprintf("%s; credential %s issued and shown", revokedWords(out.Revoked), token.Name(text))
				return next, e, nil
			}
			from, to := in.From, in.From
			switch {
			case in.Anyone:
				from, to = "", "whoever registers first"
			case from == "":
				if from, err = f.WindowFor(now); err != nil {
					return f, nil, err
				}
				to = from + ", the address of its last accepted call"
				if from != f.SeenFrom {
					to = from + ", as the window before"
				}
			case in.Told:
				if err = f.CheckWindow(from, now); err != nil {
					return f, nil, err
				}
			}
			next, out.Revoked = workspace.Repair(f, from, r.Policy, now)
			next.GivenBy = people.IDOf(in.By.Who)
			if in.From != "" && !in.Told {
				next = workspace.TrustOnly(next, in.From, now)
			}
			e.Summary = fmt.Sprintf("%s; bootstrap open until %s, to %s",
				revokedWords(out.Revoked), next.BootstrapUntil.UTC().Format(time.RFC3339), to)
			return next, e, nil
		})
	out.Facts = done.Facts
	return out, err
}

// knownWindow is a repair, and the facts that it is for, without the window of a person whose credential was revoked
// since: of that, and of its address, the verdict did not know. Error: platform_unavailable.
func (r *Registry) knownWindow(
	ctx context.Context, f workspace.Facts, in RepairInput,
) (workspace.Facts, RepairInput, error) {
	if f.BootstrapUntil.IsZero() {
		return f, in, nil
	}
	f, err := r.withoutRevoked(ctx, f)
	if f.BootstrapUntil.IsZero() && in.Told {
		in.From = ""
	}
	return f, in, err
}

// Revoke ends every credential at once and opens nothing. Errors: those of Read,
// credential_in_use unless forced.
func (r *Registry) Revoke(
	ctx context.Context, id string, force bool, by activity.Actor, now time.Time,
) (out Done, revoked int, err error) {
	out, err = r.change(ctx, id, now, func(f workspace.Facts) (workspace.Facts, *activity.AuditEntry, error) {
		if !force {
			if err := f.CheckUnused("revoke", r.Policy, now); err != nil {
				return f, nil, err
			}
		}
		f, revoked = workspace.Revoke(f, r.Policy, now)
		return f, &activity.AuditEntry{
			Actor: by, Action: "revoke", Summary: revokedWords(revoked), At: now,
		}, nil
	})
	return out, revoked, err
}

// RotateInput is which workspace is to have another credential, and who gets it. An operator may have the agent asked
// to fetch one (Fetch), or end one that waits for its first use at somebody else's (Force).
type RotateInput struct {
	ID           string
	To           workspace.Recipient
	Own          Own // of a workspace that rotates its own credential: To is workspace.ToAgent
	Fetch, Force bool
	By           activity.Actor
}

// Own is what a call of a workspace came with. What such a call writes is written only while that still holds: an
// operator may end the credential, or the life, while the call is under way.
type Own struct {
	Credential string
	Life       int64
}

// check refuses the write of a call whose credential, or whose life, has ended since it was admitted. Error:
// credential_unknown.
func (o Own) check(f workspace.Facts) error {
	presented := token.Digest(o.Credential)
	if f.Lives != o.Life || !f.Accepts(presented) {
		return workspace.UnauthorizedError(f.ID, presented)
	}
	return nil
}

// withHint gives a refusal of CheckRotate the operator's next step, where an operator asked to have a credential
// fetched. CheckRotate's own hint is for the agent.
func (in RotateInput) withHint(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && in.Fetch {
		return e.WithHint("place the credential that was shown. To have the agent fetch one ends that one, also where it is "+
			"placed by now: rollcall rotate "+
			in.ID+" --fetch --force", "stop")
	}
	return err
}

// Rotate issues a second credential to whom it is for, or has the agent asked to fetch
// one; it returns the credential, "" for none, and the facts before; see workspace.Rotate.
// Errors: those of Read, credential_pending; for an agent, credential_unknown and operator_first.
func (r *Registry) Rotate(
	ctx context.Context, in RotateInput, now time.Time,
) (before workspace.Facts, text string, err error) {
	to := in.To
	if in.Fetch {
		to = workspace.ToAgent
	}
	tries := func(op func() error) error { return r.act(ctx, in.ID, op) }
	if in.To == workspace.ToAgent {
		tries = func(op func() error) error { return retry.OnConflict(ctx, r.Clock, saveTries, op) }
	}
	_, err = r.changeIn(ctx, tries, in.ID, now,
		func(f workspace.Facts) (next workspace.Facts, _ *activity.AuditEntry, err error) {
			before, text = f, ""
			if in.To == workspace.ToAgent {
				if err := in.Own.check(f); err != nil {
					return f, nil, err
				}
				if err := f.CheckPrecedence(now); err != nil {
					return f, nil, err
				}
			}
			if !in.Force {
				if err := f.CheckRotate(to, r.Policy); err != nil {
					return f, nil, in.withHint(err)
				}
			}
			e := &activity.AuditEntry{Actor: in.By, Action: "rotate", At: now}
			if in.Fetch {
				e.Summary = "the agent is asked to fetch a new credential; the one in use stays valid until its first use"
				return workspace.AskToFetch(f, now), e, nil
			}
			var minted token.Hash
			text, minted = token.Mint(token.Workspace)
			e.Summary = fmt.Sprintf("credential %s issued; the one in use stays valid until its first use", token.Name(text))
			next = workspace.Rotate(f, minted, to, now)
			next.GivenBy = people.IDOf(in.By.Who)
			if to == workspace.ToAgent {
				var written []activity.AuditEntry
				if next, written = r.bounded(next, now, *e); len(written) == 0 {
					e = nil
				}
			}
			return next, e, nil
		})
	if err != nil {
		return before, "", err
	}
	return before, text, nil
}

// letsInNoMore reports whether what a person gave lets nobody into a workspace any more: the person's credential was
// revoked, or is bound to another team than the workspace is in now. id is the public id of that credential. One that
// is not there was revoked, as one that expired is there for people.KeptFor. Nobody's id is the root's, which no call
// revokes. f is zero for a workspace that is not there yet. Error: platform_unavailable.
func (r *Registry) letsInNoMore(ctx context.Context, id string, f workspace.Facts) (bool, error) {
	if id == "" {
		return false, nil
	}
	p, err := r.Enrolments.Person(ctx, id)
	switch {
	case fault.CodeOf(err) == fault.TokenUnknown:
		return true, nil
	case err != nil:
		return false, err
	}
	moved := f.ID != "" && p.Team != "" && p.Team != f.Team
	return moved || !p.EndedAt.IsZero(), nil
}

// withoutRevoked is the facts without what was given by a person who may give it no more: what lets in, and let nobody
// in so far, ends then. See letsInNoMore. Error: platform_unavailable.
func (r *Registry) withoutRevoked(ctx context.Context, f workspace.Facts) (workspace.Facts, error) {
	gone, err := r.letsInNoMore(ctx, f.GivenBy, f)
	if gone {
		f = workspace.TakeBack(f)
	}
	return f, err
}

// revokedWords say how many credentials were revoked.
func revokedWords(n int) string {
	if n == 1 {
		return "1 credential revoked"
	}
	return fmt.Sprintf("%d credentials revoked", n)
}
