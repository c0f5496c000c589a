// Package registry is what can be done to a workspace: register, signal, create,
// adopt, repair, hold, read. It decides with shared/workspace and stores through
// the ports of ports.go. shared/dynamo and shared/proof/memory implement them;
// shared/proof/storetest holds both to one contract.
package registry

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Registry is the use cases over their ports.
type Registry struct {
	Leases     Leases
	Profiles   Profiles
	Owners     Owners
	Enrolments Enrolments
	Fleets     FleetStore
	Wakeups    Wakeups
	Guard      URLGuard
	StatusLog  StatusLog
	Policy     workspace.Policy
	Clock      clock.Clock

	fleet   fleetCache
	refused refusedTokens
	size    fleetSize
}

// saveTries bounds how often a change is tried against facts that keep changing.
const saveTries = 4

// actTries bounds how often an operator's act is tried: with precedence, against the writes that were on their way.
const actTries = 12

// act runs an operator's change, which reads, decides and writes, until nothing comes between. At the first conflict it
// takes precedence over the agent: whoever holds a credential of the workspace must not be able to keep an operator off
// by writing more often. Errors: those of op.
func (r *Registry) act(ctx context.Context, id string, op func() error) error {
	var until time.Time
	return retry.OnConflict(ctx, r.Clock, actTries, func() error {
		err := op()
		if fault.CodeOf(err) != fault.Conflict || r.Clock.Now().Before(until) {
			return err
		}
		until = r.Clock.Now().Add(workspace.Precedence)
		if failed := r.Leases.Precede(ctx, id, until); failed != nil && fault.CodeOf(failed) != fault.WorkspaceUnknown {
			return failed
		}
		return err
	})
}

// optional returns nil for an empty text, so that an omitted field leaves the
// profile as it is.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
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

// shownReads is how often ShownProfile reads a profile whose card is another one at each read.
const shownReads = 5

// ShownProfile is a workspace's profile with its card, for who shows that. A card that is kept apart is read by itself,
// and may have been replaced since the profile was read: then the profile is read again, until the two belong together.
// Of a card that is replaced at each read none is shown, rather than one beside the name of another.
func (r *Registry) ShownProfile(ctx context.Context, id string) (p workspace.Profile, err error) {
	var card []byte
	for range shownReads {
		if p, err = r.Profiles.Profile(ctx, id); err != nil || p.CardApart == "" {
			return p, err
		}
		if p.CardApart != workspace.CardDigest(card) {
			if card, err = r.Profiles.Card(ctx, id); err != nil {
				return p, err
			}
		}
		if p.CardApart == workspace.CardDigest(card) {
			p.Card = card
			return p, nil
		}
	}
	return p, nil
}

// readsAtOnce is how many workspaces ReadEach reads at a time.
const readsAtOnce = 10

// ReadEach is the facts of those of the workspaces that are there, in the order of their ids. Error:
// invalid_workspace_id.
func (r *Registry) ReadEach(ctx context.Context, ids []string) ([]workspace.Facts, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	read := make([]workspace.Facts, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i, id := range ids {
		g.Go(fault.Contained(func() (err error) {
			read[i], _, err = r.find(ctx, id)
			return err
		}))
	}
	err := g.Wait()
	return slices.DeleteFunc(read, func(f workspace.Facts) bool { return f.ID == "" }), err
}

// find is a workspace's facts; exists is false for an id nobody has used. Error:
// invalid_workspace_id.
func (r *Registry) find(ctx context.Context, id string) (f workspace.Facts, exists bool, err error) {
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

// AuthenticateCall authenticates a workspace's call of any kind but a heartbeat
// or a poll, and renews its lease: any accepted call proves that the agent lives.
// Errors: those of Signal, invalid_workspace_id.
func (r *Registry) AuthenticateCall(
	ctx context.Context, id, credential, from string, now time.Time,
) (workspace.Facts, error) {
	if err := workspace.CheckID(id); err != nil {
		return workspace.Facts{}, err
	}
	return r.Signal(ctx, id, credential, workspace.Signal{Kind: workspace.SignalCall, From: from}, now)
}

// UnknownCaller is who calls a route of another workspace, as the call says.
type UnknownCaller struct {
	Claimed string // in a header; "": nothing. It must be the credential's
	// Path names who calls, where the route does; "": it names another one. It is for the note of a refusal alone.
	Path string
}

// IdentifyCaller finds which workspace calls, by its credential, and renews its lease. A refused call is noted at the
// workspace that calls, as far as that is known. Errors: caller_credential_unknown, caller_mismatch,
// invalid_workspace_id of what it claims, platform_unavailable.
func (r *Registry) IdentifyCaller(
	ctx context.Context, who UnknownCaller, credential, from string, now time.Time,
) (workspace.Facts, error) {
	claimed := who.Claimed
	id := claimed
	if id != "" {
		if err := workspace.CheckID(id); err != nil {
			return workspace.Facts{}, err
		}
	}
	if id == "" {
		owner, err := r.Owners.Owner(ctx, token.Digest(credential))
		if err != nil {
			return workspace.Facts{}, err
		}
		if id = owner.Workspace; id == "" {
			return workspace.Facts{}, errors.Join(unknownCaller(), r.noteUnknown(ctx, who, credential, from, now))
		}
	}
	f, err := r.AuthenticateCall(ctx, id, credential, from, now)
	code := fault.CodeOf(err)
	if code == fault.WorkspaceUnknown || code == fault.WorkspaceRemoved { // whose the credential is was not asked
		if err = r.refuseNobody(ctx, id, workspace.Presenting(workspace.SignalCall, from, credential), err, now); err != nil {
			code = fault.CodeOf(err)
		}
	}
	switch {
	case code == fault.CredentialOfAnother && claimed != "":
		return f, fault.New(fault.CallerMismatch, "the headers name %s, and the credential is another workspace's", claimed).
			WithHint("leave X-Workspace-ID and X-Source-Workspace-Id out, or name the one whose credential this is", "stop")
	case err != nil && code != fault.PlatformUnavailable:
		return f, unknownCaller()
	}
	return f, err
}

func unknownCaller() error {
	return fault.New(fault.CallerCredentialUnknown, "invalid caller auth token").
		WithHint("send the sending workspace's own credential; X-Workspace-ID, if sent, must name that workspace", "repair")
}

// noteUnknown notes a refused call with a credential that was issued to nobody: at the workspace that the path says
// calls, or at that of the credential in the damaged text. A fault of the store here is for the log only.
func (r *Registry) noteUnknown(
	ctx context.Context, who UnknownCaller, credential, from string, now time.Time,
) error {
	refusal := workspace.Presenting(workspace.SignalCall, from, credential)
	if workspace.CheckID(who.Path) == nil {
		return r.NoteRefused(ctx, who.Path, refusal, now)
	}
	return r.NoteRefusedOwner(ctx, refusal, now)
}

// AmongPeers is CheckPeer, and the context of what is done to the peer: it keeps to the team. Errors: those of Read.
func (r *Registry) AmongPeers(ctx context.Context, team, id string) (context.Context, error) {
	if err := r.CheckPeer(ctx, team, id); err != nil || r.Policy.Peers != workspace.PeersTeam {
		return ctx, err
	}
	return KeepToTeam(ctx, id, team), nil
}

// CheckPeer refuses a workspace that is no peer of one of a team, as if it were not
// there. Where the whole fleet are peers it asks nothing. Errors: those of Read.
func (r *Registry) CheckPeer(ctx context.Context, team, id string) error {
	if r.Policy.Peers != workspace.PeersTeam {
		return nil
	}
	f, err := r.Read(ctx, id) // of a removed one too, the facts are known
	if f.ID != "" && !r.Policy.ArePeers(team, f.Team) {
		return workspace.UnknownError()
	}
	return err
}

// recoverySpread is how long the drains are spread over of agents that come back
// after a silence: of a thousand, a hundred begin each second.
const recoverySpread = 10 * time.Second

// WakeIfDeliverable wakes the drain when it would do something now: deliver mail,
// or find out whether an agent that failed is back.
func (r *Registry) WakeIfDeliverable(ctx context.Context, f workspace.Facts, cause string, now time.Time) {
	if !f.WantsDrain(r.Policy, now) {
		return
	}
	after := time.Duration(0)
	// This call ended a silence: of many that were silent together, the drains begin one by one.
	if !f.RecoveredAt.Before(now.Truncate(time.Millisecond)) {
		after = time.Duration(r.Clock.Random() * float64(recoverySpread))
	}
	// A lost wake-up costs the wait for a sweep and nothing else, so it fails no
	// call.
	_ = r.Wakeups.Send(ctx, f.ID, cause, after)
}
