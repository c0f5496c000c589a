package httpapi

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
)

// Caller is who made a call. The zero Caller brought no credential: it is the
// user, where policy lets users chat without one.
type Caller struct {
	Workspace string
	Operator  bool
}

// Callers tells callers by their credentials.
type Callers struct {
	Registry *registry.Registry
	Operator token.Hash
}

// Identify finds who made the call; a workspace's lease is renewed by it.
// Identity is the credential's owner: X-Workspace-ID and X-Source-Workspace-Id,
// which some clients send, are claims that must agree with it
// (docs/wire-contract.md, section 6, point 6). Errors: credential_missing, caller_mismatch,
// caller_credential_unknown, platform_unavailable.
func (cs Callers) Identify(ctx context.Context, c Call, claims api.Claims) (Caller, error) {
	bearer, claimed := c.Bearer(), claims.Caller
	if claimed != "" && claims.Source != "" && claimed != claims.Source {
		return Caller{}, fault.New(fault.CallerMismatch,
			"X-Workspace-ID and X-Source-Workspace-Id name different workspaces").
			WithHint("send one of them, naming the workspace whose credential this is", "stop")
	}
	if claimed == "" {
		claimed = claims.Source
	}
	switch {
	case bearer == "" && claimed != "":
		return Caller{}, missingCaller("send the sending workspace's credential as a bearer")
	case bearer == "":
		return Caller{}, nil
	case c.IsOperator(cs.Operator):
		return Caller{Operator: true}, nil
	}
	f, err := cs.Registry.IdentifyCaller(ctx, claimed, bearer, c.From(), c.Now)
	return Caller{Workspace: f.ID}, err
}

// Require is Identify for calls that need a workspace's or the operator's
// credential.
func (cs Callers) Require(ctx context.Context, c Call, claims api.Claims) (Caller, error) {
	who, err := cs.Identify(ctx, c, claims)
	if err == nil && who == (Caller{}) {
		err = missingCaller("send the credential of the workspace that calls as a bearer")
	}
	return who, err
}

// RequireWorkspace is Identify for calls that only a workspace makes.
func (cs Callers) RequireWorkspace(ctx context.Context, c Call, claims api.Claims) (string, error) {
	who, err := cs.Identify(ctx, c, claims)
	if err == nil && who.Workspace == "" {
		err = missingCaller("send the credential of the workspace that calls as a bearer")
	}
	return who.Workspace, err
}

func missingCaller(hint string) error {
	return fault.New(fault.CredentialMissing, "missing caller auth token").WithHint(hint, "stop")
}
