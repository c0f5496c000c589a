package main

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// storeSwitch makes the store unavailable to the functions, and available again.
type storeSwitch struct {
	off atomic.Bool
}

// SetAvailable switches the store on or off.
func (s *storeSwitch) SetAvailable(available bool) { s.off.Store(!available) }

// Layer is the wire.Layer: while the store is off it answers every call to DynamoDB
// with an error.
func (s *storeSwitch) Layer(_ context.Context, c wire.Call, next wire.Forward) wire.Answer {
	if s.off.Load() && c.Service == "DynamoDB" {
		return wire.Fault(http.StatusInternalServerError, "InternalServerError", "the store is unavailable")
	}
	return next(c)
}
