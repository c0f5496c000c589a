package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
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
		plain := expectation(delivery.Accepted{At: now, Message: m, Expected: e})
		if !strings.HasPrefix(plain, "accepted") || strings.Contains(plain, "%") || strings.HasSuffix(plain, " ") {
			t.Errorf("%s: %q", e, plain)
		}
		if told := expectation(delivery.Accepted{
			At: now, Message: m, Expected: e, Why: "no route",
		}); told != plain+": no route" {
			t.Errorf("%s: %q", e, told)
		}
		soon := e == workspace.ExpectNow || e == workspace.ExpectNextPoll
		if strings.Contains(plain, "until 2026-11-24T13:00:00Z") == soon {
			t.Errorf("%s: %q", e, plain)
		}
	}
}

// A message sent again after its end is told that end, and no promise.
func TestARepeatIsToldTheEnd(t *testing.T) {
	m := chat.Message{State: chat.Queued, ExpiresAt: now.Add(-time.Second)}
	text := expectation(delivery.Accepted{At: now, Message: m, Expected: workspace.ExpectNow})
	if !strings.Contains(text, "that message is expired: not delivered before") {
		t.Error(text)
	}
}

// A question whose time is up is answered with that, though nobody has written it down yet.
func TestAQuestionWhoseTimeIsUpIsAnswered(t *testing.T) {
	m := chat.Message{State: chat.Queued, ExpiresAt: now.Add(-time.Second), Body: []byte(`{"id":"call"}`)}
	out := delivery.Accepted{At: now, Message: m, First: true}
	reply := accepted(httpapi.Call{Now: now}, out)
	answer(&reply, out)
	if e := reply.Error; e == nil || !strings.HasPrefix(e.Message, "not delivered before") || reply.Queued ||
		reply.State != chat.Expired {
		t.Errorf("%+v", reply)
	}
}

// What a workspace that asks is answered, in the members that clients parse: an answer is
// not queued, and what is queued is no answer.
func TestAnAnswerIsJSONRPC(t *testing.T) {
	task := `{"jsonrpc":"2.0","id":9,"result":{"kind":"task","artifacts":[{"parts":[{"text":"42"}]}]}}`
	for name, c := range map[string]struct {
		state  chat.State
		answer string
		again  bool
		want   string // the reply's members of JSON-RPC
	}{
		"a message": {
			chat.Delivered, `{"result":{"parts":[{"kind":"text","text":"42"}]}}`, false,
			`"jsonrpc":"2.0","id":"call","result":{"parts":[{"kind":"text","text":"42"}]}`,
		},
		"a task, sent again": {
			chat.Delivered, task, true,
			`"jsonrpc":"2.0","id":"call","result":{"kind":"task","artifacts":[{"parts":[{"text":"42"}]}],` +
				`"parts":[{"kind":"text","text":"42"}]}`,
		},
		"no RPC": {
			chat.Delivered, `{"parts":[{"text":"42"}]}`, false, `"id":"call","result":{"parts":[{"text":"42"}]}`,
		},
		"a refusal":           {chat.Dead, "", false, `"error":{"code":-32603,"message":"why"}`},
		"expired meanwhile":   {chat.Expired, "", false, `"error":{"code":-32603,"message":"why"}`},
		"cancelled meanwhile": {chat.Cancelled, "", false, `"error":{"code":-32603,"message":"why"}`},
		"a refusal, earlier":  {chat.Dead, "", true, ""},
		"nothing yet":         {chat.InFlight, "", false, ""},
		"taken, and no words": {chat.Delivered, "", false, ""},
	} {
		m := chat.Message{
			State: c.state, Reason: "why", Body: []byte(`{"id":"call"}`), Answer: []byte(c.answer),
			ExpiresAt: now.Add(time.Hour),
		}
		m.Claim.Until = now.Add(time.Hour)
		out := delivery.Accepted{
			At: now, Message: m, First: !c.again, Mode: workspace.Delivery{Effective: workspace.Push},
		}
		reply := accepted(httpapi.Call{Now: now}, out)
		answer(&reply, out)
		raw, err := chat.Marshal(reply)
		if err != nil || !strings.Contains(string(raw), c.want) {
			t.Errorf("%s: %s %v", name, raw, err)
		}
		answered := c.want != ""
		if answered == strings.Contains(string(raw), `"queued":`) || answered != (reply.StatusCode() == http.StatusOK) {
			t.Errorf("%s: HTTP %d %s", name, reply.StatusCode(), raw)
		}
	}
}
