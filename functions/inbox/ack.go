package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// ack takes an acknowledgement by number.
func ack(del *delivery.Delivery) func(context.Context, httpapi.Call, api.AckRequest) (api.Acked, error) {
	return func(ctx context.Context, c httpapi.Call, in api.AckRequest) (api.Acked, error) {
		mark, err := del.Ack(ctx, delivery.AckRequest{
			Workspace: in.ID, Credential: c.Bearer(), From: c.From(), Seq: *in.AckedSeq, Epoch: in.Epoch,
		}, c.Now)
		return api.Acked{LastAckedSeq: mark}, err
	}
}
