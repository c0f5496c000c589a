package httpapi

import (
	"context"

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

// Identify tells who made the call; a workspace's lease is renewed by it. Identity is
// the credential's owner: X-Workspace-ID and X-Source-Workspace-Id, which some
// clients send, are claims that must agree with it (wire contract, section 6,
// point 6). Errors: credential_missing, caller_mismatch,
// caller_credential_unknown, platform_unavailable.
func (c Callers) Identify(ctx context.Context, r Request) (Caller, error) {
	bearer, claimed, source := r.Bearer(), r.Header("x-workspace-id"), r.Header("x-source-workspace-id")
	if claimed != "" && source != "" && claimed != source {
		return Caller{}, fault.New(fault.CallerMismatch, "X-Workspace-ID and X-Source-Workspace-Id name different workspaces").
			WithHint("send one of them, naming the workspace whose credential this is", "stop")
	}
	if claimed == "" {
		claimed = source
	}
	switch {
	case bearer == "" && claimed != "":
		return Caller{}, missingCaller("send the sending workspace's credential as a bearer")
	case bearer == "":
		return Caller{}, nil
	case token.Digest(bearer).Matches(c.Operator):
		return Caller{Operator: true}, nil
	}
	f, err := c.Registry.IdentifyCaller(ctx, claimed, bearer, r.From(), r.Now)
	return Caller{Workspace: f.ID}, err
}

// IdentifyWorkspace is Of for calls that only a workspace makes.
func (c Callers) IdentifyWorkspace(ctx context.Context, r Request) (string, error) {
	who, err := c.Identify(ctx, r)
	if err == nil && who.Workspace == "" {
		err = missingCaller("send the credential of the workspace that calls as a bearer")
	}
	return who.Workspace, err
}

func missingCaller(hint string) error {
	return fault.New(fault.CredentialMissing, "missing caller auth token").WithHint(hint, "stop")
}
