package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/delivery"
)

// sweeper runs one sweep. What went wrong with single workspaces is logged and
// returned; only a sweep that could not read the fleet fails, and is retried by
// the next minute's.
func sweeper(log *slog.Logger, sweep func(context.Context) (delivery.Swept, error)) func(context.Context, events.EventBridgeEvent) (delivery.Swept, error) {
	return func(ctx context.Context, _ events.EventBridgeEvent) (delivery.Swept, error) {
		out, err := sweep(ctx)
		level := slog.LevelInfo
		if err != nil || len(out.Broken)+len(out.Errors) > 0 {
			level = slog.LevelError
		}
		log.Log(ctx, level, "sweep", "seen", out.Seen, "rung", out.Rung, "announced", out.Announced, "expired", out.Expired, "broken", out.Broken, "errors", out.Errors, "error", err)
		return out, err
	}
}
