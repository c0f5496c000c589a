package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/workspace"
)

// sweeper runs one sweep. What went wrong with single workspaces is logged and
// returned; only a sweep that could not read the fleet fails, and the next
// minute's tries again.
func sweeper(
	log *slog.Logger, meter app.Meter, now func() time.Time,
	fleet func(context.Context) (workspace.Fleet, error), run func(context.Context) (sweep.Result, error),
) func(context.Context, events.EventBridgeEvent) (sweep.Result, error) {
	return func(ctx context.Context, _ events.EventBridgeEvent) (sweep.Result, error) {
		start := now()
		before, fleetErr := fleet(ctx)
		out, err := run(ctx)
		level := slog.LevelInfo
		if err != nil || len(out.Broken)+len(out.Errors) > 0 {
			level = slog.LevelError
		}
		log.Log(ctx, level, "sweep", "seen", out.Seen, "woken", out.Woken, "announced", out.Announced,
			"expired", out.Expired, "broken", out.Broken, "errors", out.Errors, "error", err)
		values := map[string]any{metrics.CountersMended: len(out.Broken), metrics.SweepErrors: len(out.Errors)}
		if err == nil {
			values[metrics.SweepDuration] = app.Milliseconds(now().Sub(start))
			if ended := before.SweepEndedAt; fleetErr == nil && !ended.IsZero() {
				values[metrics.SweepLag] = app.Milliseconds(start.Sub(ended))
			}
		}
		meter.Write(ctx, values, nil)
		return out, err
	}
}
