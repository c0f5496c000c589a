package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// ack takes an acknowledgement by number.
func ack(del *delivery.Delivery) func(context.Context, httpapi.Call, api.AckRequest) (api.Acked, error) {
	return func(ctx context.Context, c httpapi.Call, in api.AckRequest) (api.Acked, error) {
		if in.AckedSeq == nil || *in.AckedSeq < 0 || in.Epoch < 0 {
			return api.Acked{}, fault.New(fault.InvalidRequest, "acked_seq must be a whole number, 0 or more, and so must epoch")
		}
		mark, err := del.Ack(ctx, delivery.AckRequest{
			Workspace: in.ID, Credential: c.Bearer(), From: c.From(), Seq: *in.AckedSeq, Epoch: in.Epoch,
		}, c.Now)
		return api.Acked{LastAckedSeq: mark}, err
	}
}
