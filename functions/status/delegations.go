package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

// maxDelegations is how many a call lists (docs/wire-contract.md, section 2.6).
const maxDelegations = 50

func delegations(
	reg *registry.Registry, service *delegation.Service,
) func(context.Context, httpapi.Call, api.WorkspacePath) ([]api.Delegation, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) ([]api.Delegation, error) {
		if _, err := reg.AuthenticateCall(ctx, in.ID, c.Bearer(), c.From(), c.Now); err != nil {
			return nil, err
		}
		all, err := service.List(ctx, in.ID, maxDelegations)
		if err != nil {
			return nil, err
		}
		rows := make([]api.Delegation, 0, len(all))
		for _, p := range all {
			rows = append(rows, api.Delegation{
				DelegationID: p.ID, SourceID: p.Source, TargetID: p.Target, Status: string(p.State), Summary: p.Summary,
				ResponsePreview: p.Answer, Error: p.Error, ErrorDetail: p.Error, MessageID: p.MessageID, CreatedAt: p.At,
			})
		}
		return rows, nil
	}
}
