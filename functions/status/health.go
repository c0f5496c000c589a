package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

// health answers 200 only when the store answers.
func health(reg *registry.Registry) func(context.Context, httpapi.Call, api.None) (api.Health, error) {
	return func(ctx context.Context, _ httpapi.Call, _ api.None) (api.Health, error) {
		_, _, err := reg.Leases.Page(ctx, "", 1)
		return api.Health{Status: "ok"}, err
	}
}
