package registry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Enrolment is an operator's permission for agents to be given their first
// credential, where bootstrap is not open to all.
type Enrolment struct {
	ID        string     // its token's public id
	Hash      token.Hash // of the token
	Workspace string     // the only one it is good for; "" for any unused id
	Life      int64      // of Workspace: the number of the one it is good for
	Ended     int64      // how often the credentials of that life had been ended: it is good until the next time
	Uses      int        // that are left
	Until     time.Time
	CreatedBy string // as the audit trail has it
}

// AuditTrail is whose audit trail has what becomes of the enrolment.
func (e Enrolment) AuditTrail() workspace.Life {
	if e.Workspace == "" {
		return activity.Platform
	}
	return workspace.Life{Workspace: e.Workspace, Number: e.Life}
}

// Enrolments keeps them. Errors: enrolment_absent, platform_unavailable.
type Enrolments interface {
	Enrol(ctx context.Context, e Enrolment, by activity.AuditEntry) error
	// Enrolment reads one, strongly consistent. Leases.Save takes a use of it.
	Enrolment(ctx context.Context, id string) (Enrolment, error)
	// Withdraw ends one.
	Withdraw(ctx context.Context, id string, by activity.AuditEntry) error
	// AddRow writes a row of an audit trail (activity.Log). One with the same id and time is the same row.
	AddRow(ctx context.Context, r activity.Row) error
	// Person reads a person's credential, strongly consistent (people.Store). Error: token_unknown.
	Person(ctx context.Context, id string) (people.Person, error)
}

// Bounds of an enrolment.
const (
	EnrolmentUses = 10_000
	// EnrolmentFor is no longer than the store knows of a person's credential after its end: one that is not there when
	// an enrolment is looked at was revoked.
	EnrolmentFor = people.KeptFor
)

// Enrol makes an enrolment token. The workspace may exist already: then its
// agent may be given a new credential, and the old one stays good until the new
// one is used. Errors: invalid_request, invalid_workspace_id.
func (r *Registry) Enrol(
	ctx context.Context, id string, uses int, lasts time.Duration, by activity.Actor, now time.Time,
) (string, Enrolment, error) {
	if uses < 1 || uses > EnrolmentUses || lasts <= 0 || lasts > EnrolmentFor {
		return "", Enrolment{}, fault.New(fault.InvalidRequest,
			"uses must be from 1 to %d and expires_in_seconds from 1 to %d", EnrolmentUses, int(EnrolmentFor.Seconds()))
	}
	life, ended, err := r.lifeToEnrol(ctx, id)
	if err != nil {
		return "", Enrolment{}, err
	}
	text, hash := token.Mint(token.Enrolment)
	e := Enrolment{
		ID: token.PublicID(text), Hash: hash, Workspace: id, Life: life, Ended: ended, Uses: uses,
		Until: now.Add(lasts), CreatedBy: by.Who,
	}
	return text, e, r.Enrolments.Enrol(ctx, e, activity.AuditEntry{
		Actor: by, Action: "enrolment_issued", At: now,
		Summary: fmt.Sprintf("enrolment token %s issued, good for %s until %s",
			token.Name(text), usesWords(uses), e.Until.UTC().Format(time.RFC3339)),
	})
}

// lifeToEnrol is the number of the life that an enrolment made now is good for (of a
// removed workspace the next one), and how often its credentials have been ended.
// Errors: invalid_workspace_id, platform_unavailable.
func (r *Registry) lifeToEnrol(ctx context.Context, id string) (life, ended int64, err error) {
	if id == "" {
		return 0, 0, nil
	}
	f, exists, err := r.find(ctx, id)
	if err == nil && (!exists || f.Hold == workspace.Removed) {
		err = workspace.CheckNewID(id)
	}
	if f.Hold == workspace.Removed {
		return f.Lives + 1, 0, err
	}
	return f.Lives, f.CredentialsEnded, err
}

// wrongFor is what is wrong with an enrolment for a workspace, whatever is left of its uses; "": nothing. A good one is
// for any, or for the present life of this one, whose credentials no operator has ended since.
func (e Enrolment) wrongFor(id string, f workspace.Facts, now time.Time) workspace.Presented {
	switch {
	case !now.Before(e.Until):
		return workspace.TokenExpired
	case e.Workspace == "":
		return ""
	case e.Workspace != id:
		return workspace.TokenOfAnother
	case e.Life != f.Lives || e.Ended != f.CredentialsEnded:
		return workspace.TokenEnded
	}
	return ""
}

// goodEnrolment is the enrolment of a token, unless its maker may let nobody in any more: see letsInNoMore. f is zero
// for a workspace that is not there. Errors: enrolment_absent, platform_unavailable.
func (r *Registry) goodEnrolment(ctx context.Context, text string, f workspace.Facts) (Enrolment, error) {
	e, err := r.Enrolments.Enrolment(ctx, token.PublicID(text))
	if err == nil && !token.Digest(text).Matches(e.Hash) {
		err = EnrolmentAbsent()
	}
	if err != nil {
		return e, err
	}
	gone, err := r.letsInNoMore(ctx, people.IDOf(e.CreatedBy), f)
	if gone {
		err = EnrolmentAbsent()
	}
	return e, err
}

// admitByEnrolment admits a register by its enrolment token. The second register
// of one agent, whose first reply may have been lost, takes no second use; it comes
// from the address of the first. From another one the agent brings what it was
// given: whoever only saw the token must not take its place.
func (r *Registry) admitByEnrolment(
	ctx context.Context, f workspace.Facts, in Registration, now time.Time,
) (admitted, error) {
	hash := token.Digest(in.Enrolment)
	e, err := r.goodEnrolment(ctx, in.Enrolment, f)
	out := admitted{byEnrolment: true, token: e.wrongFor(in.ID, f, now)}
	switch {
	case fault.CodeOf(err) == fault.PlatformUnavailable:
		return out, err
	case err != nil:
		out.token = workspace.TokenGone
		return out, EnrolmentUnknown()
	case out.token != "":
		out.refused = &e
		return out, EnrolmentUnknown()
	case f.Hold == workspace.Removed:
		return out, EnrolmentUnknown()
	case hash.Matches(f.EnrolledBy) && in.From == f.BootstrapFrom: // issued for it before, and never used
		out.Mint = true
		return out, nil
	case hash.Matches(f.EnrolledBy):
		out.token = workspace.TokenTaken
		return out, EnrolmentUnknown()
	case f.ID != "" && e.Workspace == "" && !f.LastSignal().IsZero():
		// A token for any id must not take over one that is another's.
		return out, workspace.UnauthorizedError(in.ID, token.Digest(in.Credential))
	case f.ID != "" && e.Workspace == "" && e.Uses > 0:
		out.token = workspace.TokenForNewIDs
		return out, enrolmentForNewIDs(in.ID)
	case e.Uses < 1:
		out.token, out.refused = workspace.TokenUsedUp, &e
		return out, EnrolmentUnknown()
	}
	out.Mint, out.enrolment = true, &e
	return out, nil
}

// A trail has one line about enrolment tokens that were refused in so much time, of each process, and so many trails
// have one of it.
const (
	refusedTokensEvery  = time.Minute
	refusedTokensTrails = 16
)

// refusedTokens are the trails that have a line of this minute.
type refusedTokens struct {
	mu     sync.Mutex
	minute time.Time
	trails map[workspace.Life]bool
}

// first reports whether a trail is to have a line.
func (rt *refusedTokens) first(trail workspace.Life, now time.Time) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if minute := now.Truncate(refusedTokensEvery); !minute.Equal(rt.minute) {
		rt.minute, rt.trails = minute, map[workspace.Life]bool{}
	}
	if rt.trails[trail] || len(rt.trails) >= refusedTokensTrails {
		return false
	}
	rt.trails[trail] = true
	return true
}

// noteRefusedToken leaves a line in the audit trail of an enrolment that is good no more: a register brought its token.
// Of a token that nobody issued there is no line: anybody can write one.
func (r *Registry) noteRefusedToken(
	ctx context.Context, e Enrolment, in Registration, why workspace.Presented, now time.Time,
) error {
	trail := e.AuditTrail()
	if !r.refused.first(trail, now) {
		return nil
	}
	return r.Enrolments.AddRow(ctx, activity.AuditRow(trail, activity.AuditEntry{
		Actor: activity.Actor{Who: "agent", From: in.From}, Action: "enrolment_refused", At: now,
		Summary: fmt.Sprintf("a register of %s brought the enrolment token %s %s, and was refused; of all in this minute, "+
			"this is one", in.ID, token.Name(in.Enrolment), why.TokenWords()),
	}))
}

// enrolmentForNewIDs is the refusal of a token that is good, but only for ids that nobody has made yet.
func enrolmentForNewIDs(id string) error {
	return fault.New(fault.EnrolmentUnknown,
		"this enrolment token is for new ids, and an operator has created %s already", id).
		WithHint("an operator makes a token for this id: rollcall enrol "+id+
			"; or the agent sends the credential that rollcall create "+id+" showed", "enrol")
}

// EnrolmentAbsent is the error for an id that no enrolment has.
func EnrolmentAbsent() error {
	return fault.New(fault.EnrolmentAbsent, "no enrolment has this id: it never was, has expired, or was withdrawn").
		WithHint("check the id: rollcall enrol prints it", "stop")
}

// EnrolmentUnknown is the refusal of an enrolment token, whatever is wrong with
// it: a stranger learns nothing by trying.
func EnrolmentUnknown() error {
	return fault.New(fault.EnrolmentUnknown,
		"this enrolment token is unknown, used up, expired, ended, or for another workspace").
		WithHint("an operator makes one with rollcall enrol", "enrol")
}

// usesWords are how often a token may be used.
func usesWords(uses int) string {
	if uses == 1 {
		return "one use"
	}
	return fmt.Sprintf("%d uses", uses)
}
