package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// An agent whose calls are further apart than its lease is told that by the answers to its heartbeats, from the second
// late one on, until it calls as it is asked to.
func TestALateHeartbeatIsToldOfItsPace(t *testing.T) {
	env := fixture.Env(t)
	at := now
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), func() time.Time { return at }, env.Gate, endpoints(env)...)
	for _, call := range []struct {
		after time.Duration
		hint  string
	}{
		{30 * time.Second, ""},
		{200 * time.Second, ""},
		{200 * time.Second, "3m20s or more before each of the last 2 times that a call came, and its lease is for 1m30s"},
		{180 * time.Second, "3m0s or more before each of the last 3 times"},
		{25 * time.Second, ""},
		{200 * time.Second, ""},
	} {
		at = at.Add(call.after)
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.Heartbeat.Route, Body: `{"workspace_id": "` + fixture.PollID + `"}`,
			Headers: map[string]string{
				"authorization": "Bearer " + fixture.Credential, "content-type": "application/json",
			},
		})
		var beat api.Beat
		if err != nil || json.Unmarshal([]byte(resp.Body), &beat) != nil || beat.Status != "ok" {
			t.Fatalf("%d %s, %v", resp.StatusCode, resp.Body, err)
		}
		if (beat.Hint == "") != (call.hint == "") || !strings.Contains(beat.Hint, call.hint) {
			t.Errorf("%s after the call before, the hint is %q", call.after, beat.Hint)
		}
	}
}
