package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Registration is a register call.
type Registration struct {
	ID         string
	Credential string // as presented
	Enrolment  string // an operator's enrolment token, "" for none
	From       string // network address
	Mode       workspace.Mode
	URL        string
	Runtime    string
	CardName   string // the name in the card
	Card       []byte
}

// Registered is its answer; AuthToken only when newly minted.
type Registered struct {
	Facts     workspace.Facts
	AuthToken string
	// SigningSecret is what calls to the agent are signed with.
	SigningSecret string
}

// Register authenticates or bootstraps, records what the agent declares and
// opens the lease. Errors: those of workspace.Admit, invalid_request, url_forbidden, invalid_workspace_id of a new id,
// operator_first.
func (r *Registry) Register(ctx context.Context, in Registration, now time.Time) (out Registered, err error) {
	if in.URL, err = r.declared(&in); err != nil {
		return Registered{}, r.FailRegister(ctx, in, err, now)
	}
	err = retry.OnConflict(ctx, r.Clock, saveTries, func() error {
		out, err = r.register(ctx, in, now)
		return err
	})
	if err != nil {
		return Registered{}, err
	}
	r.StatusLog.RecordCall(ctx, out.Facts, now)
	r.WakeIfDeliverable(ctx, out.Facts, "register", now)
	return out, nil
}

// register tries once. Error: conflict.
func (r *Registry) register(ctx context.Context, in Registration, now time.Time) (Registered, error) {
	old, exists, err := r.find(ctx, in.ID)
	if err != nil {
		return Registered{}, err
	}
	admitted, err := r.admit(ctx, old, exists, in, now)
	if err != nil {
		return Registered{}, err
	}
	if !exists {
		if err := workspace.CheckNewID(in.ID); err != nil { // after the admission: a stranger learns nothing of the id
			return Registered{}, err
		}
	}
	if err := old.CheckPrecedence(now); err != nil {
		return Registered{}, err
	}
	was, err := r.Profiles.Profile(ctx, in.ID)
	if err != nil {
		return Registered{}, err
	}
	presented := token.Digest(in.Credential)
	var text string
	var minted token.Hash
	if admitted.Mint {
		text, minted = token.Mint(token.Workspace)
	}
	next := workspace.Register(old, admitted.Admission, workspace.Declaration{
		Mode: in.Mode, URL: in.URL, Pushable: workspace.CanServe(in.Runtime, in.URL), From: in.From,
	}, presented, minted, r.Policy, now)
	next.ID = in.ID
	if admitted.byEnrolment {
		next.EnrolledBy = token.Digest(in.Enrolment)
	}
	next = workspace.NoteStanding(old, next, r.Policy, now)
	// The URL is what the agent says now, even if that is none; what it doesn't
	// speak of stays as the operator gave it.
	profile := workspace.ProfileChange{URL: &in.URL, Runtime: optional(in.Runtime)}.WithCard(was, in.Card)
	if in.Card != nil {
		profile.CardName = &in.CardName
	}
	signing := was.Signing
	if signing.Secret == "" || admitted.Mint || admitted.Promote {
		signing = signing.Replace(token.SigningSecret(), now) // each credential brings a secret of its own
		profile.Signing = &signing
	}
	next, audit := r.bounded(next, now, append(lines(admitted.audit(old, in, text, now)),
		changes(in, cmp.Or(text, in.Credential), was, old, next, now)...)...)
	extras := SaveExtras{Profile: &profile, Enrolment: admitted.enrolment, Audit: audit}
	if admitted.Trust {
		extras.Brought = presented
	}
	err = r.Leases.Save(ctx, old, next, extras)
	if err != nil {
		return Registered{}, err
	}
	return Registered{Facts: next, AuthToken: text, SigningSecret: signing.Secret}, nil
}

// admitted is how a register passed.
type admitted struct {
	workspace.Admission
	byEnrolment bool
	enrolment   *Enrolment          // one use of it is taken with the register
	token       workspace.Presented // what is wrong with its enrolment token; "": nothing, or it brought none
	refused     *Enrolment          // that was issued once, and is good no more
}

// admit decides whether a register may pass: by its credential, else by its
// enrolment token. A refusal is noted.
func (r *Registry) admit(
	ctx context.Context, old workspace.Facts, exists bool, in Registration, now time.Time,
) (admitted, error) {
	presented := token.Digest(in.Credential)
	admission, err := workspace.Admit(old, exists, presented, in.From, r.Policy, now)
	if err == nil && old.Gives(presented, now) {
		var given workspace.Facts
		if given, err = r.withoutRevoked(ctx, old); err == nil {
			admission, err = workspace.Admit(given, exists, presented, in.From, r.Policy, now)
		}
	}
	if err == nil && admission.Trust {
		err = r.mayKeep(ctx, in, now)
	}
	out := admitted{Admission: admission}
	if err != nil && in.Enrolment != "" && fault.CodeOf(err) != fault.WorkspaceRemoved {
		out, err = r.admitByEnrolment(ctx, old, in, now)
	}
	if err != nil {
		asked := admission.Trust && !out.byEnrolment // whose the credential is
		err = r.refuseRegister(ctx, old, in, out, asked, err, now)
	}
	if out.refused != nil {
		err = errors.Join(err, r.noteRefusedToken(ctx, *out.refused, in, out.token, now))
	}
	return out, err
}

// refuseRegister refuses a register with cause, and notes that; old is zero where there is no workspace. asked is that
// it was asked whose the credential is. Errors: cause, credential_of_another, those of workspace.UnauthorizedError,
// platform_unavailable.
func (r *Registry) refuseRegister(
	ctx context.Context, old workspace.Facts, in Registration, out admitted, asked bool, cause error, now time.Time,
) error {
	refusal := workspace.Presenting(workspace.SignalRegister, in.From, in.Credential)
	switch code := fault.CodeOf(cause); {
	case code == fault.PlatformUnavailable:
		return cause
	case code == fault.WorkspaceRemoved:
		_, err := r.ownedElsewhere(ctx, in.ID, refusal, now)
		return errors.Join(cause, err)
	case old.ID != "" && old.Hold != workspace.Removed:
		refusal.Token = out.token
		return r.refuse(ctx, old, refusal, cause, now)
	case asked:
		return cause
	case !out.byEnrolment:
		cause = workspace.UnauthorizedError(in.ID, refusal.Hash)
	}
	return r.refuseNobody(ctx, in.ID, refusal, cause, now)
}

// mayKeep refuses to take what an agent brings to an unused id for its credential: another workspace's, and what can't
// be one. It reads once, for a first register only; that two registers at once don't bring the same is up to Save.
// Errors: credential_unknown, credential_of_another, platform_unavailable.
func (r *Registry) mayKeep(ctx context.Context, in Registration, now time.Time) error {
	const withoutHeader = "leave the header Authorization out: the answer to a first register has one (auth_token)"
	const hint = "where the agent has no credential yet, " + withoutHeader
	if !token.CanBeOwn(in.Credential) {
		return fault.New(fault.CredentialUnknown, "invalid workspace auth token: an agent's own has from %d to %d "+
			"characters, and is not one that Rollcall made for something else", token.MinOwn, token.MaxLen).
			WithHint(hint+"; an enrolment token goes into the body, as enrolment_token", "repair")
	}
	owner, err := r.Owners.Owner(ctx, token.Digest(in.Credential))
	if err == nil && owner.Workspace != "" && owner.Workspace != in.ID {
		another := workspace.OfAnotherError(owner.Workspace)
		err = errors.Join(another.WithHint(another.Hint+"; where the id is right and new, "+withoutHeader, "stop"),
			r.noteMisnamed(ctx, owner, workspace.Presenting(workspace.SignalRegister, in.From, in.Credential), now))
	}
	return err
}

// audit is the audit line of a register that did something to a credential; nil
// when it did nothing.
func (a admitted) audit(
	old workspace.Facts, in Registration, minted string, now time.Time,
) *activity.AuditEntry {
	e := activity.AuditEntry{Actor: activity.Actor{Who: "agent", From: in.From}, At: now}
	switch {
	case a.byEnrolment:
		e.Action = "credential_issued"
		e.Summary = fmt.Sprintf("credential %s issued for enrolment token %s", token.Name(minted), token.Name(in.Enrolment))
	case a.Mint:
		e.Action = "credential_issued"
		e.Summary = fmt.Sprintf(
			"credential %s issued to a register that brought none that is valid: bootstrap was open", token.Name(minted))
	case a.Trust:
		e.Action = "credential_kept"
		e.Summary = "the credential the agent brought was taken for its own: the id was unused, and bootstrap is open"
	case a.Promote, old.LastSignal().IsZero(): // the latter uses what create gave
		return credentialUsed(in.Credential, in.From, now)
	default:
		return nil
	}
	if in.Enrolment != "" && !a.byEnrolment && (a.Mint || a.Trust) {
		e.Summary += "; the enrolment token that it brought was not looked at, and no use of it was taken"
	}
	return &e
}

// credentialUsed is the audit line of a credential's first use.
func credentialUsed(credential, from string, now time.Time) *activity.AuditEntry {
	return &activity.AuditEntry{
		Actor: activity.Actor{Who: "agent", From: from}, Action: "credential_used", At: now,
		Summary: fmt.Sprintf(
			"credential %s used for the first time; the one before it, if any, is no longer valid", token.Name(credential)),
	}
}

// declared reads the mode and the URL that the agent declares. Errors:
// invalid_request, url_forbidden.
func (r *Registry) declared(in *Registration) (url string, err error) {
	if in.Mode, err = workspace.ParseMode(string(in.Mode)); err != nil {
		return "", err
	}
	return r.pushURL(in.Mode, in.URL)
}

// FailRegister refuses a register for what it declares (cause), and records that,
// so that an operator sees it. A credential that isn't accepted is refused first,
// and counts as it does in a register that declares nothing wrong. The caller
// refuses what it alone can read, such as a card that is none.
func (r *Registry) FailRegister(ctx context.Context, in Registration, cause error, now time.Time) error {
	f, exists, err := r.find(ctx, in.ID)
	if err != nil {
		return err
	}
	if _, err := r.admit(ctx, f, exists, in, now); err != nil {
		return err
	}
	return errors.Join(cause, r.noteFailedRegister(ctx, f, exists, in, cause, now))
}

// noteFailedRegister records that a register whose credential is good was refused
// for another reason. A store fault here is for the log only, beside the refusal.
func (r *Registry) noteFailedRegister(
	ctx context.Context, f workspace.Facts, exists bool, in Registration, cause error, now time.Time,
) error {
	presented := token.Digest(in.Credential)
	good := presented.Matches(f.Credential) || presented.Matches(f.NextCredential)
	if !exists || !good || f.CheckPrecedence(now) != nil {
		return nil
	}
	why := whyRefused(cause)
	next, changed := workspace.FailRegister(f, Beginning(why), in.From, r.Policy, now)
	if !changed {
		return nil
	}
	r.Quote(ctx, f.ID, why, func(said *workspace.Words) *string { return &said.RegisterFailedWhy })
	if err := r.Leases.Save(ctx, f, next, SaveExtras{}); err != nil && fault.CodeOf(err) != fault.Conflict {
		return err
	}
	return nil
}

// whyRefused is why a call was refused, as its caller was told.
func whyRefused(cause error) string {
	if e, ok := errors.AsType[*fault.Error](cause); ok {
		return fmt.Sprintf("%s (%s)", e.Message, e.Code)
	}
	return cause.Error()
}

// NoteFailedCall records that a call of an agent that is no register was refused for what it sends, if its credential
// is good. It is one read, and a write as seldom as for any refused call. A store fault here is for the log only.
func (r *Registry) NoteFailedCall(
	ctx context.Context, id, credential string, kind workspace.SignalKind, cause error, now time.Time,
) error {
	f, exists, err := r.find(ctx, id)
	if err != nil || !exists || !token.Digest(credential).Matches(f.Credential) || f.CheckPrecedence(now) != nil {
		return err
	}
	why := workspace.FailedWhy(kind, whyRefused(cause))
	next, changed := workspace.FailCall(f, kind, Beginning(why), r.Policy, now)
	if !changed {
		return nil
	}
	r.Quote(ctx, f.ID, why, func(said *workspace.Words) *string { return &said.RegisterFailedWhy })
	switch err := r.Leases.Save(ctx, f, next, SaveExtras{}); fault.CodeOf(err) {
	case "":
		r.StatusLog.RecordCall(ctx, next, now)
	case fault.Conflict: // another call was noted
	default:
		return err
	}
	return nil
}

// pushURL is the URL to keep for pushes: "" when the agent can't be pushed to.
// Poll ignores the URL. Clients behind a firewall say with remote:// that they have
// none; any other text that is no http(s) URL is a mistake, and who made it is told.
func (r *Registry) pushURL(mode workspace.Mode, raw string) (string, error) {
	isHTTP := hasHTTPScheme(raw)
	switch {
	case !isHTTP && mode == workspace.Push:
		return "", fault.New(fault.URLForbidden, "push needs an http or https url").
			WithHint("register with the URL the agent serves, or with delivery_mode poll", "stop")
	case raw == "", mode == workspace.Poll && !isHTTP, saysNone(raw):
		return "", nil
	case !isHTTP:
		return "", fault.New(fault.URLForbidden, "url must be an http or https URL, and this one is not").
			WithHint("register with the URL the agent serves, such as http://HOST:PORT/; or leave url out, to poll", "stop")
	}
	why := r.Guard.Objection(raw)
	switch {
	case why == "":
		return raw, nil
	case mode == workspace.Poll:
		return "", nil
	}
	return "", fault.New(fault.URLForbidden, "url can't be used: %s", why).WithHint(
		"register with the http(s) URL at which the platform reaches the agent, or with delivery_mode poll", "stop")
}

// hasHTTPScheme reports whether a text is an http or https URL with something
// behind the scheme, which may be written in any case.
func hasHTTPScheme(raw string) bool {
	scheme, rest, ok := strings.Cut(raw, "://")
	return ok && rest != "" && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// saysNone reports whether a URL is that of an agent that can't be called.
func saysNone(raw string) bool {
	scheme, _, ok := strings.Cut(raw, "://")
	return ok && strings.EqualFold(scheme, "remote")
}
