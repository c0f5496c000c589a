package main

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/sqs"
	"github.com/rollcall/rollcall/shared/workspace"
)

type drain func(ctx context.Context, id, cause string) (delivery.DrainResult, error)

// dispatch drains each workspace named in a batch of wake-ups, once. Only the
// wake-ups whose drain failed go back to the queue. One that can't be read is
// dropped: it names nobody, and the sweeper rings for everybody.
func dispatch(log *slog.Logger, drain drain) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
		// Not nil: a null in the reply is a fault to some event source mappings, and
		// the wake-up comes again although it was answered.
		out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		failed := map[string]bool{}
		done := map[string]bool{}
		for _, record := range ev.Records {
			var w sqs.Wakeup
			if err := json.Unmarshal([]byte(record.Body), &w); err != nil || workspace.CheckID(w.Workspace) != nil {
				log.ErrorContext(ctx, "wake-up dropped", "message_id", record.MessageId, "body", record.Body)
				continue
			}
			if !done[w.Workspace] {
				result, err := drain(ctx, w.Workspace, w.Cause)
				done[w.Workspace], failed[w.Workspace] = true, err != nil
				attrs := []any{"workspace", w.Workspace, "cause", w.Cause, "delivered", result.Delivered, "failed", result.Failed, "deferred", result.Deferred, "ended", result.Ended}
				if err != nil {
					log.ErrorContext(ctx, "drain", append(attrs, "error", err.Error())...)
				} else {
					log.InfoContext(ctx, "drain", attrs...)
				}
			}
			if failed[w.Workspace] {
				out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
			}
		}
		return out, nil
	}
}
