package main

import (
	"context"
	"regexp"
	"time"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxPeers bounds the peers one workspace is shown.
const maxPeers = 200

// peers lists the other workspaces of the fleet: there is no hierarchy here, who
// is enrolled may talk to who is enrolled.
func peers(reg *registry.Registry) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if _, err := reg.AuthenticateCall(ctx, r.ID(), r.Bearer(), r.From(), r.Now); err != nil {
			return httpapi.Reply{}, err
		}
		out := []httpapi.Peer{}
		for cursor := ""; len(out) < maxPeers; {
			facts, next, err := reg.Leases.Page(ctx, cursor, 100)
			if err != nil {
				return httpapi.Reply{}, err
			}
			profiles, err := reg.Profiles.Profiles(ctx, idsOf(facts)...)
			if err != nil {
				return httpapi.Reply{}, err
			}
			view := httpapi.ViewerOf(ctx, reg, r.Now, facts...)
			for _, f := range facts {
				if f.ID != r.ID() && f.Hold != workspace.Removed && len(out) < maxPeers {
					out = append(out, view.Peer(f, profiles[f.ID]))
				}
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		return httpapi.OK(out)
	}
}

// discover is one peer.
func discover(reg *registry.Registry, callers httpapi.Callers) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		who, err := callers.Identify(ctx, r)
		if err == nil && who == (httpapi.Caller{}) {
			_, err = callers.IdentifyWorkspace(ctx, r)
		}
		if err != nil {
			return httpapi.Reply{}, err
		}
		f, err := reg.Read(ctx, r.ID())
		if fault.CodeOf(err) == fault.WorkspaceRemoved {
			err = workspace.UnknownError(r.ID())
		}
		if err != nil {
			return httpapi.Reply{}, err
		}
		p, err := reg.Profiles.Profile(ctx, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(httpapi.ViewerOf(ctx, reg, r.Now, f).Peer(f, p))
	}
}

// maxDelegations is how many a call lists (wire contract, section 2.6).
const maxDelegations = 50

type delegationRow struct {
	DelegationID    string           `json:"delegation_id"`
	SourceID        string           `json:"source_id"`
	TargetID        string           `json:"target_id"`
	Status          delegation.State `json:"status"`
	Summary         string           `json:"summary"`
	ResponsePreview string           `json:"response_preview"`
	Error           string           `json:"error"`
	ErrorDetail     string           `json:"error_detail"`
	MessageID       string           `json:"message_id"`
	CreatedAt       time.Time        `json:"created_at"`
}

func delegations(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if _, err := env.Registry.AuthenticateCall(ctx, r.ID(), r.Bearer(), r.From(), r.Now); err != nil {
			return httpapi.Reply{}, err
		}
		all, err := env.Delegations.List(ctx, r.ID(), maxDelegations)
		if err != nil {
			return httpapi.Reply{}, err
		}
		rows := make([]delegationRow, 0, len(all))
		for _, p := range all {
			rows = append(rows, delegationRow{
				DelegationID: p.ID, SourceID: p.Source, TargetID: p.Target, Status: p.State, Summary: p.Summary, ResponsePreview: p.Answer,
				Error: p.Error, ErrorDetail: p.Error, MessageID: p.MessageID, CreatedAt: p.At,
			})
		}
		return httpapi.OK(rows)
	}
}

// elsewhere are the calls of known clients that another service answers, if any:
// Rollcall keeps track of workspaces and delivers their chat.
var elsewhere = regexp.MustCompile(`^/workspaces/[^/]+/(secrets|plugins|memories|broadcast|chat/uploads|pending-uploads)(/|$)`)

// rest answers what no other route matches. The clients survive these 404s
// (wire contract, section 1).
func rest(_ context.Context, r httpapi.Request) (httpapi.Reply, error) {
	if m := elsewhere.FindStringSubmatch(r.RawPath); m != nil {
		return httpapi.Reply{}, fault.New(fault.NotServed, "%s are not served here", m[1]).
			WithHint("Rollcall keeps track of workspaces and delivers their chat; this call belongs to another service", "stop")
	}
	return httpapi.Reply{}, fault.New(fault.UnknownRoute, "no such route: %s %s", r.RequestContext.HTTP.Method, r.RawPath).
		WithHint("GET /openapi.json lists the routes", "stop")
}
