package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Each expectation that the API's document has is told in words, with why, and with
// until when a message is tried whose deliveries fail.
func TestExpectationsAreToldInWords(t *testing.T) {
	raw, err := os.ReadFile("../status/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas struct {
				Expectation struct{ Enum []workspace.Expectation }
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	described := doc.Components.Schemas.Expectation.Enum
	if len(described) < 5 || len(described) != len(expectations) {
		t.Fatalf("%d expectations, %d described", len(expectations), len(described))
	}
	m := chat.Message{State: chat.Queued, ExpiresAt: now.Add(time.Hour)}
	for _, e := range described {
		plain := expectation(delivery.Accepted{Message: m, Expected: e}, now)
		if !strings.HasPrefix(plain, "accepted") || strings.Contains(plain, "%") || strings.HasSuffix(plain, " ") {
			t.Errorf("%s: %q", e, plain)
		}
		if told := expectation(delivery.Accepted{Message: m, Expected: e, Why: "no route"}, now); told != plain+": no route" {
			t.Errorf("%s: %q", e, told)
		}
		if strings.Contains(plain, "until 2026-11-24T13:00:00Z") != (e == workspace.ExpectRetrying) {
			t.Errorf("%s: %q", e, plain)
		}
	}
}

// A message sent again after its end is told that end, and no promise.
func TestARepeatIsToldTheEnd(t *testing.T) {
	m := chat.Message{State: chat.Queued, ExpiresAt: now.Add(-time.Second)}
	text := expectation(delivery.Accepted{Message: m, Expected: workspace.ExpectNow}, now)
	if !strings.Contains(text, "that message is expired: not delivered before") {
		t.Error(text)
	}
}
