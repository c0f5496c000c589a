package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/sweep"
)

// event is what invokes the sweeper: the rule of each minute, or tasks of a sweep,
// which alone have records.
type event struct {
	Records []events.SQSMessage `json:"Records"`
}

// sweeper runs one sweep, or does the tasks of one. What went wrong with single
// workspaces is logged and returned; only a sweep that could not read the fleet
// fails, and the next minute's tries again.
func sweeper(
	log *slog.Logger, meter app.Meter, now func() time.Time, all func(context.Context) (sweep.Result, error),
	segment func(context.Context, sweep.Task) (sweep.Result, error),
) func(context.Context, event) (sweep.Result, error) {
	measured := func(
		ctx context.Context, log *slog.Logger, run func(context.Context) (sweep.Result, error),
	) (sweep.Result, error) {
		start := now()
		out, err := run(ctx)
		level := slog.LevelInfo
		if err != nil || len(out.Broken)+len(out.Errors) > 0 {
			level = slog.LevelError
		}
		log.Log(ctx, level, "sweep", "seen", out.Seen, "woken", out.Woken, "announced", out.Announced,
			"expired", out.Expired, "segments", out.Segments, "cut", out.Cut, "broken", out.Broken, "errors", out.Errors,
			"error", err)
		values := map[string]any{metrics.CountersMended: len(out.Broken), metrics.SweepErrors: len(out.Errors)}
		if err == nil {
			values[metrics.SweepDuration] = app.Milliseconds(now().Sub(start))
		}
		if err == nil && out.Lag != nil {
			values[metrics.SweepLag] = app.Milliseconds(time.Duration(*out.Lag * float64(time.Second)))
		}
		own := meter
		if meter.Log != nil {
			own.Log = log // of a worker, the line says which segment it is of
		}
		own.Write(ctx, values, nil)
		return out, err
	}
	return func(ctx context.Context, ev event) (out sweep.Result, err error) {
		if ev.Records == nil {
			return measured(ctx, log, all)
		}
		for _, record := range ev.Records { // one, as the mapping is
			var t sweep.Task
			if bad := json.Unmarshal([]byte(record.Body), &t); bad != nil || !t.Known() {
				log.ErrorContext(ctx, "task dropped", "message_id", record.MessageId, "body", record.Body)
				continue
			}
			var failed error
			out, failed = measured(ctx, log.With("segment", t.Number, "of", t.Of),
				func(ctx context.Context) (sweep.Result, error) { return segment(ctx, t) })
			err = errors.Join(err, failed)
		}
		return out, err
	}
}
