package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/sweep"
)

// sweeper runs one sweep. What went wrong with single workspaces is logged and
// returned; only a sweep that could not read the fleet fails, and is retried by
// the next minute's.
func sweeper(log *slog.Logger, now func() time.Time, run func(context.Context) (sweep.Result, error)) func(context.Context, events.EventBridgeEvent) (sweep.Result, error) {
	return func(ctx context.Context, _ events.EventBridgeEvent) (sweep.Result, error) {
		out, err := run(ctx)
		level := slog.LevelInfo
		if err != nil || len(out.Broken)+len(out.Errors) > 0 {
			level = slog.LevelError
		}
		log.Log(ctx, level, "sweep", "seen", out.Seen, "rung", out.Rung, "announced", out.Announced, "expired", out.Expired, "broken", out.Broken, "errors", out.Errors, "error", err)
		// CloudWatch's embedded metric format: a log line that is a metric.
		log.InfoContext(ctx, "metrics", "_aws", map[string]any{"Timestamp": now().UnixMilli(), "CloudWatchMetrics": []map[string]any{{
			"Namespace": MetricNamespace, "Dimensions": [][]string{{}}, "Metrics": []map[string]string{{"Name": MetricMended, "Unit": "Count"}, {"Name": "SweepErrors", "Unit": "Count"}},
		}}}, MetricMended, len(out.Broken), "SweepErrors", len(out.Errors))
		return out, err
	}
}

// The metrics a sweep gives; the stack has alarms on them.
const (
	MetricNamespace = "Rollcall"
	MetricMended    = "CountersMended"
)
