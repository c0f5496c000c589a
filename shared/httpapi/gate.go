package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Gate lets a call pass whose caller may make it, by the operation's Access, and
// refuses every other one before its handler runs. For a refusal it reads no more
// than whose the credential is.
type Gate struct {
	Registry *registry.Registry
	People   *people.People
	Root     token.Hash // of the root credential, which is an admin's
	ViewOpen bool       // who looks needs no credential
	ChatOpen bool       // who brings no credential is the user
	// Count counts one of a metric; nil: nobody counts.
	Count func(ctx context.Context, metric string)
}

// Caller is who makes a call. The zero Caller brought no credential, where none is
// needed, or one that the use case checks itself (api.Operation.SelfChecked).
type Caller struct {
	Workspace string       // that calls; "" when none does
	Lives     int64        // the number of its present life
	Person    string       // what the audit trail calls the person who calls; "" when none does
	Line      string       // of the person (activity.Actor)
	Name      string       // of the person
	Scope     people.Scope // of the person
	ExpiresAt time.Time    // of the person's credential; zero: never
	Team      string       // the workspace's, or the only one of the person; "": none, or all
}

// Life is the present life of the workspace that calls.
func (c Caller) Life() workspace.Life { return workspace.Life{Workspace: c.Workspace, Number: c.Lives} }

// Operates reports whether a person calls who may operate.
func (c Caller) Operates() bool { return c.Scope.Includes(people.Operate) }

// scopes are the scopes of people by what they let through.
var scopes = map[api.Access]people.Scope{
	api.ByViewer: people.View, api.ByOperator: people.Operate, api.ByAdmin: people.Admin,
}

// ScopeOf is the scope that a person needs for one of the Access of people.
func ScopeOf(least api.Access) people.Scope { return scopes[least] }

// admit finds who calls, and whether they may. Errors: those of registry.Signal,
// authorization_malformed, credential_missing, credential_unknown, credential_expired,
// credential_of_another, caller_credential_unknown, caller_mismatch, operator_only,
// scope_too_small.
func (g Gate) admit(ctx context.Context, op *api.Operation, c Call) (Caller, error) {
	access, kind := op.Access, token.KindOf(c.Bearer())
	switch _, formed := c.authorization(); {
	case access.Allows(api.ByAnyone):
		return Caller{}, nil
	case !formed && !(access.Allows(api.WhereViewIsOpen) && g.ViewOpen): // a proxy's own may stand before an open page
		return Caller{}, errors.Join(fault.New(fault.AuthorizationMalformed,
			"the credential must stand in the header Authorization, as Bearer CREDENTIAL").
			WithHint(c.formHint()+"; nothing was decided about the credential", "stop"),
			g.noteMisplaced(ctx, op, c))
	case g.isRoot(c) || kind == token.Person || kind == token.Operator:
		return g.admitPerson(ctx, op, c)
	case access.OnlyForPeople():
		return Caller{}, g.refuseAll(ctx, c)
	case access.Allows(api.WhereViewIsOpen) && g.ViewOpen:
		return Caller{}, nil
	case g.readByNobody(op, c):
		return Caller{}, fault.New(fault.CredentialMissing, "this call needs a credential").
			WithHint("a person signs in with rollcall login; an agent sends its own credential as a bearer", "login")
	case op.SelfChecked:
		return Caller{}, nil
	case access.Allows(api.ByAnyWorkspace):
		return g.admitAnyWorkspace(ctx, op, c)
	case access.Allows(api.ByItself):
		f, err := g.Registry.AuthenticateCall(ctx, c.PathParameters["id"], c.Bearer(), c.From(), c.Now)
		return Caller{Workspace: f.ID, Lives: f.Lives, Team: f.Team}, err
	}
	return Caller{}, g.refuseAll(ctx, c)
}

// noteMisplaced notes, where an agent calls, that its credential stands in another form than it is read in, as a call
// with a credential that is not accepted is noted: its operator is to see why its calls are refused. A fault of the
// store here is for the log only, beside the refusal.
func (g Gate) noteMisplaced(ctx context.Context, op *api.Operation, c Call) error {
	_, forPeople := op.Access.ForPeople()
	header := cmp.Or(strings.TrimSpace(c.Header("authorization")), strings.TrimSpace(c.Header("x-api-key")))
	refusal := workspace.Misplacing(kindOfCall(op), c.From(), header)
	_, inner := token.DamageOfHeader(header)
	switch of := token.KindOf(inner); {
	case !forPeople || of == token.Workspace || of == token.Enrolment:
		return g.noteAgents(ctx, op, c, refusal)
	case of == "" && op.Access.Allows(api.ByItself|api.ByAnyWorkspace):
		return g.Registry.NoteRefusedOwner(ctx, refusal, c.Now)
	}
	return nil // a person may call
}

// notePersons is noteMisplaced where an agent sends a person's credential as its own.
func (g Gate) notePersons(ctx context.Context, op *api.Operation, c Call) error {
	refusal := workspace.Presenting(kindOfCall(op), c.From(), c.Bearer())
	refusal.Damage = token.OfPerson // the root's may have any form
	return g.noteAgents(ctx, op, c, refusal)
}

// noteAgents notes a refused call at the workspace that calls: which one, the call says, or the credential in it does.
func (g Gate) noteAgents(ctx context.Context, op *api.Operation, c Call, refusal workspace.Refusal) error {
	id := c.saysItIs(op)
	switch {
	case op == api.InspectCredential.Operation: // it promises to count nothing
		return nil
	case workspace.CheckID(id) == nil:
		return g.Registry.NoteRefused(ctx, id, refusal, c.Now)
	case op.Access.Allows(api.ByAnyWorkspace):
		return g.Registry.NoteRefusedOwner(ctx, refusal, c.Now)
	}
	return nil
}

// failedKinds are the calls of an agent whose refusal is noted when it is for what they send: see workspace.FailCall. A
// register notes its own.
var failedKinds = map[*api.Operation]workspace.SignalKind{
	api.GetActivity.Operation: workspace.FailedPoll, api.Ack.Operation: workspace.FailedAck,
	api.Heartbeat.Operation: workspace.FailedHeartbeat,
}

// noteFailed notes at the workspace that calls that its call was refused with err for what it sends. A fault of the
// store here is for the log only, beside the refusal.
func (g Gate) noteFailed(ctx context.Context, op *api.Operation, c Call, err error) error {
	kind, ok := failedKinds[op]
	if !ok || c.Caller.Person != "" || c.Bearer() == "" || workspace.CheckID(c.saysItIs(op)) != nil {
		return err
	}
	switch statuses[fault.CodeOf(err)] {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusUnprocessableEntity:
		if e := g.Registry.NoteFailedCall(ctx, c.saysItIs(op), c.Bearer(), kind, err, c.Now); e != nil {
			return errors.Join(err, e)
		}
	}
	return err
}

// kindOfCall is what kind of call of an agent an operation is.
func kindOfCall(op *api.Operation) workspace.SignalKind {
	switch op {
	case api.Register.Operation:
		return workspace.SignalRegister
	case api.Heartbeat.Operation:
		return workspace.SignalHeartbeat
	case api.GetActivity.Operation:
		return workspace.SignalPoll
	}
	return workspace.SignalCall
}

// saysItIs is the workspace that calls, as the call says: in a header where it calls another one, else in its path, or
// in its body. "": it does not say so.
func (c Call) saysItIs(op *api.Operation) string {
	switch {
	case op.Access.Allows(api.ByAnyWorkspace) && !op.SelfChecked:
		claimed, source := c.Header("x-workspace-id"), c.Header("x-source-workspace-id")
		if claimed != "" && source != "" && claimed != source {
			return ""
		}
		return cmp.Or(claimed, source, c.delegates(op))
	case !op.Access.Allows(api.ByItself):
		return ""
	case op == api.Register.Operation: // it reads no other member
		return c.member("id")
	}
	return cmp.Or(c.PathParameters["id"], c.member("workspace_id"), c.member("id"))
}

// delegates is the workspace that the path of a delegation names; "": it may be the one that the task is for.
func (c Call) delegates(op *api.Operation) string {
	if op != api.Delegate.Operation || c.member("target_id") == "" {
		return ""
	}
	return c.PathParameters["id"]
}

// member is a text at the top of the call's body; "": there is none, or the body can't be read.
func (c Call) member(name string) string {
	raw, err := c.Raw()
	var members map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &members) != nil {
		return ""
	}
	var text string
	_ = json.Unmarshal(members[name], &text) // what is no text names nothing
	return text
}

// stillAdmits refuses an admitted call whose credential has ended since. Errors: credential_unknown,
// credential_expired, platform_unavailable.
func (g Gate) stillAdmits(ctx context.Context, c Call) error {
	switch who := c.Caller; {
	case who.Person != "" && !g.isRoot(c):
		now := c.clock()
		if err := g.People.Still(ctx, c.Bearer(), now); err != nil {
			return err
		}
		_, err := g.People.Find(ctx, c.Bearer(), c.From(), now)
		return err
	case who.Workspace != "":
		f, err := g.Registry.Leases.Get(ctx, who.Workspace)
		presented := token.Digest(c.Bearer())
		if err == nil && (f.Lives != who.Lives || !f.Accepts(presented)) {
			err = workspace.UnauthorizedError(who.Workspace, presented)
		}
		return err
	}
	return nil
}

// readByNobody reports whether somebody without a credential looks at what people look at, where that needs one. It is
// nobody's agent that says so: nothing is noted of it.
func (g Gate) readByNobody(op *api.Operation, c Call) bool {
	_, forPeople := op.Access.ForPeople()
	return forPeople && strings.HasPrefix(op.Route, "GET ") && !op.SelfChecked && !g.open(op.Access) &&
		c.Bearer() == "" && c.Header("x-workspace-id") == "" && c.Header("x-source-workspace-id") == ""
}

// stillMay refuses the answer to an operator's act whose credential was revoked since it was found: a credential is
// taken for what it was for seconds, and what is made in them would be known to whom it was taken from. Errors: as
// stillAdmits.
func (g Gate) stillMay(ctx context.Context, op *api.Operation, c Call) error {
	looks := op.Function != "operate" || strings.HasPrefix(op.Route, "GET ")
	if looks || c.Caller.Person == "" || op == api.RevokeToken.Operation {
		return nil
	}
	return g.stillAdmits(ctx, c)
}

// isRoot reports whether the call comes with the root credential. One that can be
// guessed is nobody's, whatever digest the stack has.
func (g Gate) isRoot(c Call) bool {
	bearer := c.Bearer()
	return len(bearer) >= token.MinRoot && token.Digest(bearer).Matches(g.Root)
}

// open reports whether anyone may make the call here, without a credential.
func (g Gate) open(access api.Access) bool {
	return (g.ViewOpen && access.Allows(api.WhereViewIsOpen)) || (g.ChatOpen && access.Allows(api.WhereChatIsOpen))
}

// admitPerson admits a call with the root credential or with one that says it is a
// person's.
func (g Gate) admitPerson(ctx context.Context, op *api.Operation, c Call) (Caller, error) {
	needed, forPeople := op.Access.ForPeople()
	if !forPeople {
		return Caller{}, errors.Join(
			fault.New(fault.CredentialOfAnother, "this is a person's credential, and the call is a workspace's").
				WithHint("send the workspace's own credential: an agent never uses a person's", "stop"),
			g.notePersons(ctx, op, c))
	}
	if g.isRoot(c) {
		return Caller{Person: "operator " + token.Name(c.Bearer()), Name: "root", Scope: people.Admin}, nil
	}
	p, err := g.People.Find(ctx, c.Bearer(), c.From(), c.Now)
	if err != nil {
		return Caller{}, g.noteRefused(ctx, c, err)
	}
	if need := scopes[needed]; !p.Scope.Includes(need) && !g.open(op.Access) {
		return Caller{}, fault.New(fault.ScopeTooSmall, "this call needs the scope %s, and the credential of %s has %s",
			need, p.Name, p.Scope).
			WithHint("have an admin make one with rollcall token create --name "+p.Name+" --scope "+string(need), "stop")
	}
	who := Caller{
		Person: p.Actor(), Line: p.Line(), Name: p.Name, Scope: p.Scope, ExpiresAt: p.ExpiresAt, Team: p.Team,
	}
	return who, g.keepToTeam(ctx, op, c, p.Team)
}

// kept is the context of an admitted call: that of a person who is bound to a team keeps to it, however the facts
// change meanwhile.
func (g Gate) kept(ctx context.Context, op *api.Operation, c Call) context.Context {
	if id := g.teamsWorkspace(op, c); id != "" {
		return registry.KeepToTeam(ctx, id, c.Caller.Team)
	}
	return ctx
}

// teamsWorkspace is the workspace that a call is about which only its team's people may make, and a person of a team
// makes; "": there is none.
func (g Gate) teamsWorkspace(op *api.Operation, c Call) string {
	if c.Caller.Person == "" || c.Caller.Team == "" || op.InTeam {
		return ""
	}
	return c.PathParameters["id"]
}

// stillOfTeam is what a call is answered with whose handler was done with err. When the workspace is another team's by
// then, it is not there for the person: an answer may tell what it is in the other team. Error: platform_unavailable.
func (g Gate) stillOfTeam(ctx context.Context, op *api.Operation, c Call, err error) error {
	id := g.teamsWorkspace(op, c)
	if id == "" {
		return err
	}
	_, left := g.Registry.Leases.Get(ctx, id) // ctx keeps to the team
	if left != nil && (err == nil || fault.CodeOf(left) == fault.WorkspaceUnknown) {
		return left
	}
	return err
}

// keepToTeam refuses a person who is bound to a team what is not about it: another
// team's workspace as if it were not there, and what is about the whole deployment.
func (g Gate) keepToTeam(ctx context.Context, op *api.Operation, c Call, team string) error {
	id, ofWorkspace := c.PathParameters["id"]
	switch {
	case team == "" || op.InTeam:
		return nil
	case !ofWorkspace:
		return fault.New(fault.OtherTeam, "this credential is for the team %s, and the call is about the whole deployment",
			team).WithHint("have an admin make one that is not bound to a team", "stop")
	}
	if err := workspace.CheckID(id); err != nil {
		return err
	}
	f, err := g.Registry.Leases.Get(ctx, id)
	if err == nil && f.Team != team {
		err = workspace.UnknownError()
	}
	return err
}

// noteRefused counts a refused credential that is no person's, and leaves a line
// in the audit trail. A fault of the store here is for the log only, beside the
// refusal.
func (g Gate) noteRefused(ctx context.Context, c Call, refusal error) error {
	if fault.CodeOf(refusal) == fault.PlatformUnavailable {
		return refusal
	}
	if g.Count != nil {
		g.Count(ctx, metrics.PeopleRefused)
	}
	return errors.Join(refusal, g.People.NoteRefused(ctx, c.Bearer(), c.From(), c.Now))
}

// refuseAll refuses a call that needs a person's credential and has none.
func (g Gate) refuseAll(ctx context.Context, c Call) error {
	const hint = "send a person's credential as a bearer: rollcall login keeps it"
	if c.Bearer() == "" {
		return fault.New(fault.CredentialMissing, "this call needs a person's credential").WithHint(hint, "login")
	}
	ofWorkspace := token.KindOf(c.Bearer()) == token.Workspace
	if !ofWorkspace { // older agents have credentials that don't say whose they are
		owner, err := g.Registry.Owners.Owner(ctx, token.Digest(c.Bearer()))
		if err != nil {
			return err
		}
		ofWorkspace = owner.Workspace != ""
	}
	if ofWorkspace {
		return fault.New(fault.OperatorOnly, "this is a workspace's credential, and the call needs a person's").
			WithHint(hint, "stop")
	}
	return g.noteRefused(ctx, c, people.UnknownCredential())
}

// admitAnyWorkspace finds which workspace calls; its lease is renewed by it.
// Identity is the credential's owner: X-Workspace-ID and X-Source-Workspace-Id,
// which some clients send, are claims that must agree with it
// (docs/wire-contract.md, section 6, point 6).
func (g Gate) admitAnyWorkspace(ctx context.Context, op *api.Operation, c Call) (Caller, error) {
	claimed, source := c.Header("x-workspace-id"), c.Header("x-source-workspace-id")
	if max(utf8.RuneCountInString(claimed), utf8.RuneCountInString(source)) > api.MaxText {
		return Caller{}, fault.New(fault.InvalidRequest,
			"X-Workspace-ID and X-Source-Workspace-Id have at most %d characters", api.MaxText)
	}
	if claimed != "" && source != "" && claimed != source {
		return Caller{}, fault.New(fault.CallerMismatch,
			"X-Workspace-ID and X-Source-Workspace-Id name different workspaces").
			WithHint("send one of them, naming the workspace whose credential this is", "stop")
	}
	if claimed == "" {
		claimed = source
	}
	if c.Bearer() == "" {
		if claimed == "" && g.open(op.Access) {
			return Caller{}, nil
		}
		missing := fault.New(fault.CredentialMissing, "missing caller auth token").
			WithHint("send the credential of the workspace that calls as a bearer", "stop")
		return Caller{}, errors.Join(missing, g.noteAgents(ctx, op, c, workspace.Presenting(kindOfCall(op), c.From(), "")))
	}
	caller := registry.UnknownCaller{Claimed: claimed, Path: c.delegates(op)}
	f, err := g.Registry.IdentifyCaller(ctx, caller, c.Bearer(), c.From(), c.Now)
	return Caller{Workspace: f.ID, Lives: f.Lives, Team: f.Team}, err
}
