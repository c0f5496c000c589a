package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// maxDelegations is how many a call lists (docs/wire-contract.md, section 2.6).
const maxDelegations = 50

// previewLen is how much of an answer is shown, in bytes, where the answers before
// it fill the reply.
const previewLen = 1000

func delegations(
	service *delegation.Service,
) func(context.Context, httpapi.Call, api.WorkspacePath) ([]api.Delegation, error) {
	return func(ctx context.Context, c httpapi.Call, _ api.WorkspacePath) ([]api.Delegation, error) {
		all, err := service.List(ctx, c.Caller.Life(), maxDelegations)
		if err != nil {
			return nil, err
		}
		rows := make([]api.Delegation, 0, len(all))
		size := 0
		for _, p := range all {
			if size += chat.EncodedSize(p); size > chat.MaxReply {
				p.Answer = chat.Clip(p.Answer, previewLen)
			}
			rows = append(rows, api.Delegation{
				DelegationID: p.ID, SourceID: p.Source, TargetID: p.Target, Status: string(p.State), TaskState: p.TaskState,
				Summary:         p.Summary,
				ResponsePreview: p.Answer, Error: p.Error, ErrorDetail: p.Error, MessageID: p.MessageID, CreatedAt: p.At,
			})
		}
		return rows, nil
	}
}
