package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/sqs"
)

// A drain that meets a defect ends alone: its wake-up comes back, the log has the stack, and the others are drained.
func TestADefectEndsOneDrain(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	meter := app.Meter{Log: log, Clock: memory.Clock{Time: time.Now}}
	var drained atomic.Int64
	drain := func(_ context.Context, id, _ string) (delivery.DrainResult, error) {
		if id == "b" {
			panic("index out of range")
		}
		drained.Add(1)
		return delivery.DrainResult{}, nil
	}
	postpone := func(context.Context, sqs.Wakeup, string, int) error { return nil }
	webhooks := func(context.Context) error { panic("and so do the webhooks") }
	ev := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: `{"workspace_id":"a"}`},
		{MessageId: "2", Body: `{"workspace_id":"b"}`},
		{MessageId: "3", Body: `{"webhooks":true}`},
		{MessageId: "4", Body: `{"workspace_id":"c"}`},
	}}
	out, err := dispatch(log, meter, lanes{quick: drain}, webhooks, postpone)(t.Context(), ev)
	if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "2" {
		t.Fatalf("%+v, %v", out, err)
	}
	if drained.Load() != 2 {
		t.Errorf("%d others were drained", drained.Load())
	}
	for _, told := range []string{"index out of range", "dispatch_test.go", "and so do the webhooks", `"DrainsFailed":1`} {
		if !strings.Contains(lines.String(), told) {
			t.Errorf("%q is not in the log: %s", told, lines.String())
		}
	}
}

// A batch with a good wake-up, one whose store fails, one that can't be read and
// a double: only the failed one goes back, and each workspace is drained once, in
// the lane of its wake-up.
func TestPartialBatch(t *testing.T) {
	raw, err := os.ReadFile("../../events/dispatch/batch.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev events.SQSEvent
	if err := json.Unmarshal(raw, &ev); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	meter := app.Meter{Log: log, Clock: memory.Clock{Time: time.Now}}
	var mu sync.Mutex
	var drained []string
	note := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		drained = append(drained, name)
	}
	drain := func(_ context.Context, id, _ string) (delivery.DrainResult, error) {
		note(id)
		if id == "store-fault" {
			return delivery.DrainResult{}, errors.New("no store")
		}
		return delivery.DrainResult{}, nil
	}
	var postponed []string
	postpone := func(_ context.Context, _ sqs.Wakeup, receipt string, receives int) error {
		postponed = append(postponed, fmt.Sprint(receipt, " ", receives))
		return errors.New("which changes nothing: it comes back later")
	}
	slow := func(_ context.Context, id, _ string) (delivery.DrainResult, error) {
		note("slowly " + id)
		return delivery.DrainResult{}, nil
	}
	callbacks := func(_ context.Context, id, _ string) (delivery.DrainResult, error) {
		note("callbacks of " + id)
		return delivery.DrainResult{}, nil
	}
	out, err := dispatch(log, meter, lanes{drain, slow, callbacks}, nil, postpone)(t.Context(), ev)
	if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "b" {
		t.Fatalf("%+v, %v", out, err)
	}
	if n := strings.Count(lines.String(), `"DrainsFailed":1`); n != 1 {
		t.Fatalf("%d failed drains are counted: %s", n, lines.String())
	}
	// The first wake-up is traced, and the line of its drain says so.
	const traced = `"traceparent":"00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01","workspace":"ok"`
	if n := strings.Count(lines.String(), `"traceparent"`); n != 1 || !strings.Contains(lines.String(), traced) {
		t.Fatalf("%d lines name a trace: %s", n, lines.String())
	}
	if !slices.Equal(postponed, []string{"AQEB 1"}) {
		t.Fatal(postponed)
	}
	ev.Records = ev.Records[:0]
	none, err := dispatch(log, meter, lanes{}, nil, nil)(t.Context(), ev)
	if reply, _ := json.Marshal(none); err != nil || string(reply) != `{"batchItemFailures":[]}` {
		t.Fatalf("%s, %v", reply, err)
	}
	slices.Sort(drained)
	if !slices.Equal(drained, []string{"callbacks of told", "ok", "slowly hung", "store-fault"}) {
		t.Fatal(drained)
	}
}

// Drains of a batch wait for their agents at the same time, and for none but their own: each of these ends only when
// all others have begun. One that failed is put off at once, while the slowest still waits.
func TestASlowAgentDelaysNoOtherOfItsBatch(t *testing.T) {
	const mailboxes = 10
	var ev events.SQSEvent
	var begun sync.WaitGroup
	begun.Add(mailboxes + 1)
	for i := range mailboxes {
		body := fmt.Sprintf(`{"workspace_id": "w%d", "cause": "enqueue"}`, i)
		ev.Records = append(ev.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body, ReceiptHandle: body})
	}
	ev.Records = append(ev.Records, events.SQSMessage{MessageId: "bell", Body: `{"webhooks": true}`})
	putOff := make(chan struct{})
	drain := func(_ context.Context, id, _ string) (delivery.DrainResult, error) {
		begun.Done()
		if id == "w3" {
			return delivery.DrainResult{}, errors.New("no store")
		}
		<-putOff
		begun.Wait()
		return delivery.DrainResult{}, nil
	}
	webhooks := func(context.Context) error {
		begun.Done()
		begun.Wait()
		return nil
	}
	postpone := func(context.Context, sqs.Wakeup, string, int) error {
		close(putOff)
		return nil
	}
	log := slog.New(slog.DiscardHandler)
	meter := app.Meter{Log: log, Clock: memory.Clock{Time: time.Now}}
	out, err := dispatch(log, meter, lanes{quick: drain}, webhooks, postpone)(
		t.Context(), ev)
	if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "3" {
		t.Errorf("%+v, %v", out, err)
	}
}

// A wake-up that names no workspace wakes nobody, and does not come back.
func TestAWakeUpOfNobodyIsDropped(t *testing.T) {
	drain := func(_ context.Context, id, _ string) (delivery.DrainResult, error) {
		t.Errorf("%q is drained", id)
		return delivery.DrainResult{}, nil
	}
	handle := dispatch(slog.New(slog.DiscardHandler), app.Meter{}, lanes{quick: drain}, nil, nil)
	for _, body := range []string{"", "{}", `{"workspace_id": ""}`, `{"workspace_id": "odd id!"}`, `{"workspace_id": 7}`} {
		out, err := handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}})
		if err != nil || len(out.BatchItemFailures) > 0 {
			t.Errorf("%q: %+v, %v", body, out, err)
		}
	}
}
