package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/delivery"
)

// A batch with a good wake-up, one whose store fails, one that can't be read and
// a double: only the failed one goes back, and each workspace is drained once.
func TestPartialBatch(t *testing.T) {
	raw, err := os.ReadFile("../../events/dispatch/batch.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev events.SQSEvent
	if err := json.Unmarshal(raw, &ev); err != nil {
		t.Fatal(err)
	}
	var drained []string
	drain := func(_ context.Context, id, _ string) (delivery.DrainResult, error) {
		drained = append(drained, id)
		if id == "store-fault" {
			return delivery.DrainResult{}, errors.New("no store")
		}
		return delivery.DrainResult{}, nil
	}
	var postponed []string
	postpone := func(_ context.Context, receipt string, receives int) error {
		postponed = append(postponed, fmt.Sprint(receipt, " ", receives))
		return errors.New("which changes nothing: it comes back later")
	}
	out, err := dispatch(slog.New(slog.DiscardHandler), drain, postpone)(t.Context(), ev)
	if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "b" {
		t.Fatalf("%+v, %v", out, err)
	}
	if !slices.Equal(postponed, []string{"AQEB 1"}) {
		t.Fatal(postponed)
	}
	ev.Records = ev.Records[:0]
	none, err := dispatch(slog.New(slog.DiscardHandler), nil, nil)(t.Context(), ev)
	if reply, _ := json.Marshal(none); err != nil || string(reply) != `{"batchItemFailures":[]}` {
		t.Fatalf("%s, %v", reply, err)
	}
	if !slices.Equal(drained, []string{"ok", "store-fault"}) {
		t.Fatal(drained)
	}
}
