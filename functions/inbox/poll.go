package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

// poll hands out the mail that is still to be acknowledged, whatever window the
// call names: mail that waited longer than a client's first window would else
// never be handed out.
func poll(
	del *delivery.Delivery, reg *registry.Registry,
) func(context.Context, httpapi.Call, query) ([]api.ActivityRow, error) {
	return func(ctx context.Context, c httpapi.Call, q query) ([]api.ActivityRow, error) {
		out, err := del.Poll(ctx, delivery.PollRequest{
			Workspace: q.workspace, Credential: c.Bearer(), From: c.From(), Cursor: q.cursor, Epoch: q.epoch,
			Limit: q.limit, Newest: !q.oldestFirst(),
		}, c.Now)
		if err != nil {
			return nil, err
		}
		senders, err := sendersOf(ctx, reg, out.Messages)
		if err != nil {
			return nil, err
		}
		rows := make([]api.ActivityRow, 0, len(out.Messages))
		for _, m := range out.Messages {
			rows = append(rows, q.messageRow(c, m, senders))
		}
		return rows, nil
	}
}
