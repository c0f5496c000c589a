package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/sqs"
	"github.com/rollcall/rollcall/shared/workspace"
)

// drain drains a workspace; cause is that of its wake-up.
type drain func(ctx context.Context, id, cause string) (delivery.DrainResult, error)

// lanes are the drains of each lane.
type lanes struct{ quick, slow, callbacks drain }

// of is the drain of the lane that a wake-up is for, and the lane's name.
func (l lanes) of(w sqs.Wakeup) (do drain, name string) {
	switch {
	case w.Slow:
		return l.slow, "slow"
	case w.Callbacks:
		return l.callbacks, "callbacks"
	}
	return l.quick, "quick"
}

// postpone lets a wake-up, by its receipt, come back in seconds.
type postpone func(ctx context.Context, received sqs.Wakeup, receipt string, receives int) error

// dispatch drains each workspace named in a batch of wake-ups, once, in the lane that
// its wake-up is for, and all of them at the same time: a drain waits for its agent, and one
// whose agent is slow delays no other. Only the wake-ups whose drain failed go back to the
// queue, for a few seconds. One that can't be read is dropped: it names nobody, and the sweeper
// wakes everybody.
func dispatch(
	log *slog.Logger, meter app.Meter, to lanes, webhooks func(context.Context) error, postpone postpone,
) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
		mailboxes, rung := sort(ctx, log, ev.Records)
		failed := make([]bool, len(mailboxes))
		var all sync.WaitGroup
		if rung {
			all.Go(func() { tellWebhooks(ctx, log, fault.Contained(func() error { return webhooks(ctx) })) })
		}
		for i, box := range mailboxes {
			all.Go(func() {
				drain, lane := to.of(box.first)
				var result delivery.DrainResult
				err := fault.Contain(func() (err error) {
					result, err = drain(ctx, box.first.Workspace, box.first.Cause)
					return err
				})
				failed[i] = err != nil
				logDrain(ctx, log.With(traceOf(box.records[0])...), box.first, lane, result, err)
				if err != nil {
					meter.Write(ctx, map[string]any{metrics.DrainsFailed: 1}, nil)
					box.postpone(ctx, log, postpone)
				}
			})
		}
		all.Wait()
		// Not nil: some event source mappings take a null in the reply for a failure,
		// and the wake-up comes again although it was answered.
		out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, box := range mailboxes {
			for _, record := range box.records {
				if failed[i] {
					out.BatchItemFailures = append(out.BatchItemFailures,
						events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
				}
			}
		}
		return out, nil
	}
}

// mailbox is a workspace that a batch wakes: its wake-ups, of which the first is answered.
type mailbox struct {
	first   sqs.Wakeup
	records []events.SQSMessage
}

// sort returns the workspaces that a batch wakes, and whether it rings for webhooks.
func sort(ctx context.Context, log *slog.Logger, records []events.SQSMessage) (boxes []*mailbox, rung bool) {
	byID := map[string]*mailbox{}
	for _, record := range records {
		var w sqs.Wakeup
		err := json.Unmarshal([]byte(record.Body), &w)
		switch box := byID[w.Workspace]; {
		case err == nil && w.Webhooks:
			rung = true
		case err != nil || workspace.CheckID(w.Workspace) != nil:
			log.ErrorContext(ctx, "wake-up dropped", "message_id", record.MessageId, "body", record.Body)
		case box != nil:
			box.records = append(box.records, record)
		default:
			box = &mailbox{w, []events.SQSMessage{record}}
			byID[w.Workspace], boxes = box, append(boxes, box)
		}
	}
	return boxes, rung
}

// postpone lets the wake-ups of a drain that failed come back in a few seconds, though others of the batch go on.
func (b *mailbox) postpone(ctx context.Context, log *slog.Logger, postpone postpone) {
	for _, record := range b.records {
		receives, _ := strconv.Atoi(record.Attributes["ApproximateReceiveCount"]) // 0: as if it were the first
		if err := postpone(ctx, b.first, record.ReceiptHandle, receives); err != nil {
			log.ErrorContext(ctx, "wake-up not postponed", "workspace", b.first.Workspace, "error", err.Error())
		}
	}
}

// tellWebhooks tells the webhooks what is due. What a fault leaves is told when the next sweep rings.
func tellWebhooks(ctx context.Context, log *slog.Logger, tell func() error) {
	if err := tell(); err != nil {
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

func logDrain(
	ctx context.Context, log *slog.Logger, w sqs.Wakeup, lane string, r delivery.DrainResult, err error,
) {
	attrs := []any{
		"workspace", w.Workspace, "cause", w.Cause, "lane", lane, "delivered", r.Delivered, "failed", r.Failed,
		"deferred", r.Deferred, "ended", r.Ended,
	}
	if err != nil {
		log.ErrorContext(ctx, "drain", append(attrs, "error", err.Error())...)
		return
	}
	log.InfoContext(ctx, "drain", attrs...)
}
