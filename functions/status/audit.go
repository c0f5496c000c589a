package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// audit is the trail of what concerns no single workspace.
func audit(t trail) func(context.Context, httpapi.Call, api.Page) (api.History, error) {
	return func(ctx context.Context, c httpapi.Call, in api.Page) (api.History, error) {
		return t.read(ctx, c, activity.Platform, in)
	}
}
