package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/sweep"
)

// sweeper runs one sweep. What went wrong with single workspaces is logged and
// returned; only a sweep that could not read the fleet fails, and the next
// minute's tries again.
func sweeper(
	log *slog.Logger, now func() time.Time, run func(context.Context) (sweep.Result, error),
) func(context.Context, events.EventBridgeEvent) (sweep.Result, error) {
	return func(ctx context.Context, _ events.EventBridgeEvent) (sweep.Result, error) {
		out, err := run(ctx)
		level := slog.LevelInfo
		if err != nil || len(out.Broken)+len(out.Errors) > 0 {
			level = slog.LevelError
		}
		log.Log(ctx, level, "sweep", "seen", out.Seen, "woken", out.Woken, "announced", out.Announced,
			"expired", out.Expired, "broken", out.Broken, "errors", out.Errors, "error", err)
		log.InfoContext(ctx, "metrics", "_aws", metricsHead(now()),
			metrics.CountersMended, len(out.Broken), metrics.SweepErrors, len(out.Errors))
		return out, err
	}
}

// metricsHead makes a log line a metric: CloudWatch's embedded metric format.
func metricsHead(now time.Time) map[string]any {
	type object = map[string]any
	return object{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []object{{
			"Namespace": metrics.Namespace, "Dimensions": [][]string{{}},
			"Metrics": []object{
				{"Name": metrics.CountersMended, "Unit": "Count"}, {"Name": metrics.SweepErrors, "Unit": "Count"},
			},
		}},
	}
}
