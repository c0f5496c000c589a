package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/sqs"
	"github.com/rollcall/rollcall/shared/workspace"
)

// drain drains a workspace; cause is that of its wake-up.
type drain func(ctx context.Context, id, cause string) (delivery.DrainResult, error)

// postpone lets a wake-up, by its receipt, come back in seconds.
type postpone func(ctx context.Context, slow bool, receipt string, receives int) error

// dispatch drains each workspace named in a batch of wake-ups, once, in the lane that
// its wake-up is for. Only the wake-ups whose drain failed go back to the queue, for a
// few seconds. One that can't be read is dropped: it names nobody, and the sweeper
// wakes everybody.
func dispatch(
	log *slog.Logger, meter app.Meter, quick, slow drain, webhooks func(context.Context) error, postpone postpone,
) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
		// Not nil: some event source mappings take a null in the reply for a failure,
		// and the wake-up comes again although it was answered.
		out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		failed := map[string]bool{} // by workspace, of those that were drained
		told := false
		for _, record := range ev.Records {
			var w sqs.Wakeup
			err := json.Unmarshal([]byte(record.Body), &w)
			if err == nil && w.Webhooks {
				tellWebhooks(ctx, log, webhooks, &told)
				continue
			}
			if err != nil || workspace.CheckID(w.Workspace) != nil {
				log.ErrorContext(ctx, "wake-up dropped", "message_id", record.MessageId, "body", record.Body)
				continue
			}
			if _, done := failed[w.Workspace]; !done {
				drain := quick
				if w.Slow {
					drain = slow
				}
				result, err := drain(ctx, w.Workspace, w.Cause)
				failed[w.Workspace] = err != nil
				logDrain(ctx, log.With(traceOf(record)...), w, result, err)
				if err != nil {
					meter.Write(ctx, map[string]any{metrics.DrainsFailed: 1}, nil)
				}
			}
			if failed[w.Workspace] {
				failure := events.SQSBatchItemFailure{ItemIdentifier: record.MessageId}
				out.BatchItemFailures = append(out.BatchItemFailures, failure)
				receives, _ := strconv.Atoi(record.Attributes["ApproximateReceiveCount"]) // 0: as if it were the first
				if err := postpone(ctx, w.Slow, record.ReceiptHandle, receives); err != nil {
					log.ErrorContext(ctx, "wake-up not postponed", "workspace", w.Workspace, "error", err.Error())
				}
			}
		}
		return out, nil
	}
}

// tellWebhooks tells the webhooks what is due, once for a batch. What a fault leaves is told when the next sweep rings.
func tellWebhooks(ctx context.Context, log *slog.Logger, webhooks func(context.Context) error, told *bool) {
	if *told {
		return
	}
	*told = true
	if err := webhooks(ctx); err != nil {
		log.ErrorContext(ctx, "webhooks", "error", err.Error())
	}
}

// traceOf is the member of a log line that names the call that sent a wake-up, none if it
// was not traced.
func traceOf(record events.SQSMessage) []any {
	if parent := record.MessageAttributes[sqs.TraceAttribute].StringValue; parent != nil {
		return []any{sqs.TraceAttribute, *parent}
	}
	return nil
}

func logDrain(ctx context.Context, log *slog.Logger, w sqs.Wakeup, r delivery.DrainResult, err error) {
	attrs := []any{
		"workspace", w.Workspace, "cause", w.Cause, "slow", w.Slow, "delivered", r.Delivered, "failed", r.Failed,
		"deferred", r.Deferred, "ended", r.Ended,
	}
	if err != nil {
		log.ErrorContext(ctx, "drain", append(attrs, "error", err.Error())...)
		return
	}
	log.InfoContext(ctx, "drain", attrs...)
}
