package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/app"
)

// A batch that rings for webhooks tells them once, and a fault of that fails no wake-up: the next sweep rings again.
func TestABatchTellsTheWebhooksOnce(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	told := 0
	webhooks := func(context.Context) error {
		told++
		return errors.New("no store")
	}
	ring := events.SQSMessage{MessageId: "a", Body: `{"cause":"webhooks","webhooks":true}`}
	out, err := dispatch(log, app.Meter{}, lanes{}, webhooks, nil)(
		t.Context(), events.SQSEvent{Records: []events.SQSMessage{ring, ring}})
	if err != nil || len(out.BatchItemFailures) != 0 || told != 1 {
		t.Errorf("told %d times, %+v, %v", told, out, err)
	}
	if !strings.Contains(lines.String(), "no store") {
		t.Errorf("the fault is not in the log: %s", lines.String())
	}
}
