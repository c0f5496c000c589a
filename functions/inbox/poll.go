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
) func(context.Context, httpapi.Call, query) (api.Activity, error) {
	return func(ctx context.Context, c httpapi.Call, q query) (api.Activity, error) {
		out, err := del.Poll(ctx, delivery.PollRequest{
			Workspace: q.workspace, Credential: c.Bearer(), From: c.From(), Cursor: q.cursor, Epoch: q.epoch,
			Limit: q.limit, Newest: !q.oldestFirst(),
		}, c.Now)
		if err != nil {
			return api.Activity{}, err
		}
		senders, err := sendersOf(ctx, reg, out.Messages)
		if err != nil {
			return api.Activity{}, err
		}
		rows := make([]api.ActivityRow, 0, len(out.Messages))
		for _, m := range out.Messages {
			rows = append(rows, q.messageRow(c, m, senders))
		}
		answer := api.Activity{Rows: rows, Polled: true}
		if !out.Fresh { // else it polls again when it has done that work, and acknowledges it so
			answer.NextPoll = int(reg.NextPoll(ctx, out.Facts, c.Now).Seconds())
		}
		return answer, nil
	}
}
