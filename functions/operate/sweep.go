package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/sweep"
)

// sweepNow runs one sweep at once, for an operator who doesn't want to wait for
// the next minute; it is the sweeper's own code.
func sweepNow(
	sweeper *sweep.Sweeper, log activity.Log,
) func(context.Context, httpapi.Call, api.None) (api.Swept, error) {
	return func(ctx context.Context, c httpapi.Call, _ api.None) (api.Swept, error) {
		if err := activity.Audit(ctx, log, activity.Platform, entry(c, "sweep", "asked for a sweep")); err != nil {
			return api.Swept{}, err
		}
		out, err := sweeper.Sweep(ctx)
		return api.Swept(out), err
	}
}
