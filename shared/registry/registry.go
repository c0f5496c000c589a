// Package registry is what can be done to a workspace: register, signal,
// create, adopt, repair, hold, read. It decides with shared/workspace and
// stores through the ports below; shared/dynamo and shared/proof/memory implement
// them, shared/proof/storetest holds them to one contract.
package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Leases is the table of facts. Errors: workspace_unknown, conflict,
// platform_unavailable.
type Leases interface {
	// Get reads one workspace's facts, strongly consistent.
	Get(ctx context.Context, id string) (workspace.Facts, error)
	// Renew applies a signal in ONE conditional write that is the
	// authentication too, and returns the facts after it. When the credential is
	// not the one in use it writes nothing and returns a *Refused.
	Renew(ctx context.Context, id string, credential token.Hash, s workspace.Signal, now time.Time) (workspace.Facts, error)
	// Save writes what differs between old and next, and what goes with it,
	// together, if old.Version is still stored (a zero old: if nothing is). A
	// credential that next has and old had not can be found by Owners from then on.
	// Errors: enrolment_unknown when the enrolment is not to be had any more.
	Save(ctx context.Context, old, next workspace.Facts, with SaveExtras) error
	// NoteRefusal writes what workspace.Refuse made of old, if old's version and
	// refusals are still stored: of many refused at once, one is noted.
	NoteRefusal(ctx context.Context, old, next workspace.Facts) error
	// Page lists facts in no order, from a cursor ("": the start), strongly
	// consistent enough for a human; next is "" at the end.
	Page(ctx context.Context, cursor string, limit int) (facts []workspace.Facts, next string, err error)
}

// Profiles is what no heartbeat needs. A workspace without one has the zero
// Profile.
type Profiles interface {
	Profile(ctx context.Context, id string) (workspace.Profile, error)
	// Profiles reads many at once; unknown ones are left out.
	Profiles(ctx context.Context, ids ...string) (map[string]workspace.Profile, error)
	// Describe changes a profile.
	Describe(ctx context.Context, id string, c workspace.ProfileChange) error
}

// Owners finds the workspace a credential was issued to. What it says is a hint
// where to look: only the lease tells whether the credential is still good.
type Owners interface {
	// Owner is "" when the credential was issued to nobody.
	Owner(ctx context.Context, credential token.Hash) (id string, err error)
}

// SaveExtras is what a change of facts brings with it, written together with it or
// not at all.
type SaveExtras struct {
	Profile   *workspace.ProfileChange // nil: none
	Enrolment *Enrolment               // one use of it is taken
	Audit     *Entry                   // nil: not worth a line
}

// By is who asks for something, and from which network address.
type By struct{ Who, From string }

// Entry is a line of a workspace's audit trail: an operator's action or what
// became of a credential.
type Entry struct {
	By
	Action  string // "repair", "credential_issued", …
	Summary string
	At      time.Time
}

// FleetStore keeps what the sweeper knows of the platform itself.
type FleetStore interface {
	// Fleet is the last sweep and the last gap between sweeps.
	Fleet(ctx context.Context) (workspace.Fleet, error)
	// NoteSweep notes them.
	NoteSweep(ctx context.Context, fl workspace.Fleet) error
	// NoteSweepCursor notes where the next sweep begins.
	NoteSweepCursor(ctx context.Context, next string) error
}

// Refused is Leases.Renew's "not with this credential", with the facts as they
// stand.
type Refused struct{ Facts workspace.Facts }

// Error implements error.
func (r *Refused) Error() string { return "credential refused" }

// Wakeups rings the drain of a workspace. A ring may be lost or doubled without
// harm: the sweeper rings again.
type Wakeups interface {
	Send(ctx context.Context, id, cause string, after time.Duration) error
}

// URLGuard says whether policy allows pushes to a URL. Error: url_forbidden.
type URLGuard interface {
	Check(rawURL string) error
}

// Registry is the use cases over their ports.
type Registry struct {
	Leases     Leases
	Profiles   Profiles
	Owners     Owners
	Enrolments Enrolments
	Fleets     FleetStore
	Wakeups    Wakeups
	Guard      URLGuard
	Policy     workspace.Policy

	fleet fleetCache
}

// Registration is a register call.
type Registration struct {
	ID         string
	Credential string // as presented
	Enrolment  string // an operator's enrolment token, "" for none
	From       string // network address
	Mode       workspace.Mode
	URL        string
	Name       string
	Runtime    string
	Card       []byte
}

// Registered is its answer; AuthToken only when newly minted.
type Registered struct {
	Facts     workspace.Facts
	AuthToken string
}

const saveTries = 4

// optional is nil for what wasn't.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Register authenticates or bootstraps, records what the agent declares and
// opens the lease. Errors: those of workspace.Admit, url_forbidden.
func (r *Registry) Register(ctx context.Context, in Registration, now time.Time) (Registered, error) {
	url, err := r.pushURL(in.Mode, in.URL)
	if err != nil {
		return Registered{}, err
	}
	presented := token.Digest(in.Credential)
	for range saveTries {
		old, exists, err := r.get(ctx, in.ID)
		if err != nil {
			return Registered{}, err
		}
		with := SaveExtras{Profile: &workspace.ProfileChange{URL: &url, Name: optional(in.Name), Runtime: optional(in.Runtime), Card: in.Card}}
		admission, err := workspace.Admit(old, exists, presented, in.From, r.Policy, now)
		enrolled := err != nil && in.Enrolment != "" && old.Hold != workspace.Removed
		if enrolled {
			admission, with.Enrolment, err = r.admitByEnrolment(ctx, old, in, now)
		}
		if err != nil {
			if exists && old.Hold != workspace.Removed {
				err = errors.Join(err, r.noteRefusal(ctx, old, workspace.Refusal{Kind: workspace.SignalRegister, From: in.From, Hash: presented}, now))
			}
			return Registered{}, err
		}
		var text string
		var minted token.Hash
		if admission.Mint {
			text, minted = token.Mint(token.Workspace)
		}
		next := workspace.Register(old, admission, workspace.Declaration{
			Mode: in.Mode, URL: url, Pushable: workspace.CanServe(in.Runtime, url), From: in.From,
		}, presented, minted, r.Policy, now)
		next.ID = in.ID
		if enrolled {
			next.EnrolledBy = token.Digest(in.Enrolment)
		}
		with.Audit = admitted(admission, enrolled, in, text, now)
		// Its URL is what it says now, even if that is none; what it doesn't speak
		// of stays as the operator gave it.
		err = r.Leases.Save(ctx, old, next, with)
		if fault.CodeOf(err) == fault.Conflict {
			continue
		}
		if err != nil {
			return Registered{}, err
		}
		r.WakeIfDeliverable(ctx, next, "register", now)
		return Registered{Facts: next, AuthToken: text}, nil
	}
	return Registered{}, fault.Store("register", errors.New("the workspace kept changing"))
}

// admitted is the audit line of a register that did something to a credential.
func admitted(a workspace.Admission, enrolled bool, in Registration, minted string, now time.Time) *Entry {
	e := Entry{By: By{"agent", in.From}, At: now}
	switch {
	case enrolled:
		e.Action, e.Summary = "credential_issued", fmt.Sprintf("credential %s issued for enrolment token %s", token.Name(minted), token.Name(in.Enrolment))
	case a.Mint:
		e.Action, e.Summary = "credential_issued", fmt.Sprintf("credential %s issued to a register that brought none that is valid: bootstrap was open", token.Name(minted))
	case a.Trust:
		e.Action, e.Summary = "credential_kept", "the credential the agent brought was taken for its own: the id was unused, and bootstrap is open"
	case a.Promote:
		return credentialUsed(in.Credential, in.From, now)
	default:
		return nil
	}
	return &e
}

func credentialUsed(credential, from string, now time.Time) *Entry {
	return &Entry{By: By{"agent", from}, Action: "credential_used", At: now,
		Summary: fmt.Sprintf("credential %s used for the first time; the one before it, if any, is no longer valid", token.Name(credential))}
}

// pushURL is the URL to keep for pushes: "" when the agent can't be pushed to.
// Poll ignores the URL; anything but http(s) means "none", as clients behind a
// firewall send remote://.
func (r *Registry) pushURL(mode workspace.Mode, raw string) (string, error) {
	isHTTP := hasHTTPScheme(raw)
	switch {
	case !isHTTP && mode == workspace.Push:
		return "", fault.New(fault.URLForbidden, "push needs an http or https url").WithHint("register with the URL the agent serves, or with delivery_mode poll", "stop")
	case !isHTTP:
		return "", nil
	}
	if err := r.Guard.Check(raw); err != nil {
		if mode == workspace.Poll {
			return "", nil
		}
		return "", err
	}
	return raw, nil
}

func hasHTTPScheme(raw string) bool {
	return len(raw) > 8 && (raw[:7] == "http://" || raw[:8] == "https://")
}

// Signal renews a lease: one write in the steady case. Errors:
// workspace_unknown, workspace_removed, credential_missing, credential_unknown.
func (r *Registry) Signal(ctx context.Context, id, credential string, s workspace.Signal, now time.Time) (workspace.Facts, error) {
	presented := token.Digest(credential)
	for range saveTries {
		f, err := r.Leases.Renew(ctx, id, presented, s, now)
		refused, ok := errors.AsType[*Refused](err)
		if !ok {
			return f, err
		}
		old := refused.Facts
		switch {
		case old.Hold == workspace.Removed:
			return old, workspace.RemovedError(old)
		case presented.Matches(old.NextCredential): // its first use
			next := workspace.Promote(old)
			next.Version++
			if err := r.Leases.Save(ctx, old, next, SaveExtras{Audit: credentialUsed(credential, s.From, now)}); err != nil && fault.CodeOf(err) != fault.Conflict {
				return old, err
			}
			continue
		}
		err = workspace.UnauthorizedError(id, presented)
		return old, errors.Join(err, r.noteRefusal(ctx, old, workspace.Refusal{Kind: s.Kind, From: s.From, Hash: presented}, now))
	}
	return workspace.Facts{}, fault.Store("renew", errors.New("the workspace kept changing"))
}

// noteRefusal records a refused attempt as a fact. It never turns the refusal
// into anything else: a store fault here is for the log only, beside it. It asks
// whose the credential was only when something would be noted, so that a stream
// of attempts costs no reads either.
func (r *Registry) noteRefusal(ctx context.Context, f workspace.Facts, what workspace.Refusal, now time.Time) error {
	next, changed := workspace.Refuse(f, what, r.Policy, now)
	if !changed {
		return nil
	}
	if next.StrangerAt.Equal(now) && next.StrangerWith == workspace.UnknownCredential {
		owner, err := r.Owners.Owner(ctx, what.Hash)
		if err != nil {
			return err
		}
		if what.Former = owner == f.ID; what.Former {
			if next, changed = workspace.Refuse(f, what, r.Policy, now); !changed {
				return nil
			}
		}
	}
	if err := r.Leases.NoteRefusal(ctx, f, next); err != nil && fault.CodeOf(err) != fault.Conflict {
		return err
	}
	return nil
}

// WakeIfDeliverable rings the drain when mail waits and can be pushed now.
func (r *Registry) WakeIfDeliverable(ctx context.Context, f workspace.Facts, cause string, now time.Time) {
	if f.Open == 0 || f.Busy(r.Policy, now) >= f.Slots() ||
		workspace.EffectiveMode(f, r.Policy, now).Effective != workspace.Push || !workspace.Assess(f, r.Policy, now).Reachable() {
		return
	}
	after := time.Duration(0)
	if f.RecoveredAt.Equal(f.LastSignal()) { // of many that were silent together, the drains begin one by one
		after = rand.N(recoverySpread)
	}
	// A lost ring costs a sweep's wait and nothing else, so it fails no call.
	_ = r.Wakeups.Send(ctx, f.ID, cause, after)
}

// recoverySpread is how long the drains are spread over of agents that come back
// after a silence: of a thousand, a hundred begin each second.
const recoverySpread = 10 * time.Second

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
	By               By
}

// Created is the answer; AuthToken only when one was minted.
type Created struct {
	Facts     workspace.Facts
	Adopted   bool
	AuthToken string
}

// Create makes a workspace with its first credential; over an existing one it
// adopts, when asked to. Errors: workspace_exists, invalid_workspace_id.
func (r *Registry) Create(ctx context.Context, in CreateInput, now time.Time) (Created, error) {
	if in.ID == "" {
		in.ID = uuid.NewString()
	}
	if err := workspace.CheckID(in.ID); err != nil {
		return Created{}, err
	}
	for range saveTries {
		old, exists, err := r.get(ctx, in.ID)
		if err != nil {
			return Created{}, err
		}
		var next workspace.Facts
		var text string
		audit := &Entry{By: in.By, Action: "create", At: now}
		// The agent's address and card are the agent's to say; they stay until it
		// says otherwise, or mail could not be pushed before its next boot.
		profile := workspace.ProfileChange{Name: optional(in.Name), Role: optional(in.Role), Runtime: &in.Runtime, Tier: &in.Tier}
		switch {
		case exists && !in.Adopt && old.Hold != workspace.Removed:
			return Created{}, fault.New(fault.WorkspaceExists, "a workspace with this id exists").
				WithHint(`send "adopt": true to take it over: mode, status facts, runtime and tier are reset, its mail is kept`, "adopt")
		case exists:
			adoption := workspace.Adoption{Mode: in.Mode, MaxTasks: in.MaxTasks, ResetCredentials: in.ResetCredentials || old.Hold == workspace.Removed}
			if adoption.ResetCredentials {
				text, adoption.Minted = token.Mint(token.Workspace)
			}
			was, err := r.Profiles.Profile(ctx, in.ID)
			if err != nil {
				return Created{}, err
			}
			adoption.Pushable = workspace.CanServe(in.Runtime, was.URL)
			next = workspace.Adopt(old, adoption, now)
			audit.Action, audit.Summary = "adopt", "adopted: mode, metrics, runtime and tier reset; credentials kept"
			if text != "" {
				audit.Summary = fmt.Sprintf("adopted: mode, metrics, runtime and tier reset; credentials revoked, and credential %s issued", token.Name(text))
			}
		default:
			var minted token.Hash
			text, minted = token.Mint(token.Workspace)
			audit.Summary = fmt.Sprintf("created, and credential %s issued", token.Name(text))
			next = workspace.Facts{
				Identity: workspace.Identity{ID: in.ID, Version: 1, Epoch: 1, CreatedAt: now,
					Declared: in.Mode, DeclaredBy: workspace.ByOperator, MaxTasks: in.MaxTasks},
				Credentials: workspace.Credentials{Credential: minted},
			}
		}
		err = r.Leases.Save(ctx, old, next, SaveExtras{Profile: &profile, Audit: audit})
		if fault.CodeOf(err) == fault.Conflict {
			continue
		}
		if err != nil {
			return Created{}, err
		}
		r.WakeIfDeliverable(ctx, next, "adopt", now)
		return Created{Facts: next, Adopted: exists, AuthToken: text}, nil
	}
	return Created{}, fault.Store("create", errors.New("the workspace kept changing"))
}

// Repair revokes every credential and opens one bootstrap window, to the network
// address from if it is given. It returns how many were revoked.
func (r *Registry) Repair(ctx context.Context, id, from string, by By, now time.Time) (workspace.Facts, int, error) {
	var revoked int
	f, err := r.change(ctx, id, func(f workspace.Facts) (workspace.Facts, *Entry) {
		f, revoked = workspace.Repair(f, from, r.Policy, now)
		to := "whoever registers first"
		if from != "" {
			to = from
		}
		return f, &Entry{by, "repair", fmt.Sprintf("%d credentials revoked; bootstrap open until %s, to %s", revoked, f.BootstrapUntil.UTC().Format(time.RFC3339), to), now}
	})
	return f, revoked, err
}

// Revoke ends every credential at once and opens nothing.
func (r *Registry) Revoke(ctx context.Context, id string, by By, now time.Time) (workspace.Facts, int, error) {
	var revoked int
	f, err := r.change(ctx, id, func(f workspace.Facts) (workspace.Facts, *Entry) {
		f, revoked = workspace.Revoke(f, r.Policy, now)
		return f, &Entry{by, "revoke", fmt.Sprintf("%d credentials revoked", revoked), now}
	})
	return f, revoked, err
}

// Rotate issues a second credential and returns it; see workspace.Rotate.
func (r *Registry) Rotate(ctx context.Context, id string, by By, now time.Time) (workspace.Facts, string, error) {
	text, minted := token.Mint(token.Workspace)
	f, err := r.change(ctx, id, func(f workspace.Facts) (workspace.Facts, *Entry) {
		return workspace.Rotate(f, minted), &Entry{by, "rotate", fmt.Sprintf("credential %s issued; the one in use stays valid until its first use", token.Name(text)), now}
	})
	if err != nil {
		return f, "", err
	}
	return f, text, nil
}

// Hold pauses, resumes (NoHold) or removes a workspace. Removing revokes its
// credentials.
func (r *Registry) Hold(ctx context.Context, id string, h workspace.Hold, by By, now time.Time) (workspace.Facts, error) {
	return r.change(ctx, id, func(f workspace.Facts) (workspace.Facts, *Entry) {
		e := &Entry{by, "resume", "resumed", now}
		switch h {
		case workspace.Removed:
			f, _ = workspace.Revoke(f, r.Policy, now)
			e.Action, e.Summary = "remove", "removed; its credentials are revoked and its open mail is cancelled"
		case workspace.Paused:
			e.Action, e.Summary = "pause", "paused; its mail waits"
			f.Version++
		default:
			f.Version++
		}
		f.Hold, f.HoldSince = h, now
		if h == workspace.NoHold {
			f.HoldSince = time.Time{}
		}
		return f, e
	})
}

func (r *Registry) change(ctx context.Context, id string, to func(workspace.Facts) (workspace.Facts, *Entry)) (workspace.Facts, error) {
	for range saveTries {
		old, err := r.Read(ctx, id)
		if err != nil {
			return workspace.Facts{}, err
		}
		next, entry := to(old)
		err = r.Leases.Save(ctx, old, next, SaveExtras{Audit: entry})
		if fault.CodeOf(err) != fault.Conflict {
			return next, err
		}
	}
	return workspace.Facts{}, fault.Store("change", errors.New("the workspace kept changing"))
}

// Read is a workspace's facts. Errors: workspace_unknown, workspace_removed,
// invalid_workspace_id.
func (r *Registry) Read(ctx context.Context, id string) (workspace.Facts, error) {
	if err := workspace.CheckID(id); err != nil {
		return workspace.Facts{}, err
	}
	f, err := r.Leases.Get(ctx, id)
	if err == nil && f.Hold == workspace.Removed {
		return f, workspace.RemovedError(f)
	}
	return f, err
}

// AuthenticateCall authenticates a workspace's call of any kind but a heartbeat or a poll,
// and renews its lease: whatever an agent calls, it proves that it lives.
// Errors: those of Signal, invalid_workspace_id.
func (r *Registry) AuthenticateCall(ctx context.Context, id, credential, from string, now time.Time) (workspace.Facts, error) {
	if err := workspace.CheckID(id); err != nil {
		return workspace.Facts{}, err
	}
	return r.Signal(ctx, id, credential, workspace.Signal{Kind: workspace.SignalCall, From: from}, now)
}

// IdentifyCaller tells which workspace calls, by its credential, and renews its lease. A
// workspace that the caller claims to be must be the credential's; claimed ""
// claims nothing. Errors: caller_credential_unknown, platform_unavailable.
func (r *Registry) IdentifyCaller(ctx context.Context, claimed, credential, from string, now time.Time) (workspace.Facts, error) {
	id := claimed
	if id == "" {
		var err error
		if id, err = r.Owners.Owner(ctx, token.Digest(credential)); err != nil {
			return workspace.Facts{}, err
		}
	}
	f, err := r.AuthenticateCall(ctx, id, credential, from, now)
	if err != nil && fault.CodeOf(err) != fault.PlatformUnavailable {
		return f, fault.New(fault.CallerCredentialUnknown, "invalid caller auth token").
			WithHint("send the sending workspace's own credential; X-Workspace-ID, if sent, must name that workspace", "repair")
	}
	return f, err
}

// SetCard replaces a workspace's agent card, on its own call. Errors: those of
// Called.
func (r *Registry) SetCard(ctx context.Context, id, credential, from, name string, card []byte, now time.Time) (workspace.Facts, error) {
	f, err := r.AuthenticateCall(ctx, id, credential, from, now)
	if err != nil {
		return f, err
	}
	return f, r.Profiles.Describe(ctx, id, workspace.ProfileChange{Name: optional(name), Card: card})
}

func (r *Registry) get(ctx context.Context, id string) (f workspace.Facts, exists bool, err error) {
	if err := workspace.CheckID(id); err != nil {
		return f, false, err
	}
	f, err = r.Leases.Get(ctx, id)
	switch fault.CodeOf(err) {
	case "":
		return f, true, nil
	case fault.WorkspaceUnknown:
		return workspace.Facts{}, false, nil
	}
	return f, false, err
}
