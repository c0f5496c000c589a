package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A neighbour behind the agent's network address can't be told from the agent: its
// refused boots degrade the workspace, until an operator dismisses them. The trail
// keeps what they were.
func TestDismissDropsTheRefusedAttempts(t *testing.T) {
	env := fixture.Env(t)
	now := time.Date(2026, 11, 24, 12, 0, 1, 0, time.UTC)
	for range 2 {
		in := registry.Registration{ID: fixture.PushID, Credential: "a neighbour's", From: fixture.From}
		if _, err := env.Registry.Register(t.Context(), in, now); fault.CodeOf(err) != fault.CredentialUnknown {
			t.Fatal(err)
		}
	}
	f, err := env.Registry.Read(t.Context(), fixture.PushID)
	if v := env.Registry.Assess(t.Context(), f, now); err != nil || v.Reason != workspace.ReasonCredentialsRejected {
		t.Fatalf("%+v, %v", v, err)
	}
	clock := func() time.Time { return now }
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), clock, env.Gate, endpoints(env)...)
	resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
		RouteKey: api.Dismiss.Route, PathParameters: map[string]string{"id": fixture.PushID},
		Headers: map[string]string{"authorization": "Bearer " + fixture.OperatorToken},
	})
	var row api.Workspace
	if err != nil || json.Unmarshal([]byte(resp.Body), &row) != nil || row.Status != workspace.StatusOnline {
		t.Fatalf("%d %s, %v", resp.StatusCode, resp.Body, err)
	}
	trail, err := env.Activity.AuditTrail(t.Context(), workspace.Life{Workspace: fixture.PushID}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	var lines []activity.Row
	for _, r := range trail {
		if r.Type != activity.TypeStatus {
			lines = append(lines, r)
		}
	}
	if len(lines) != 1 || lines[0].Method != "dismiss" || !strings.Contains(lines[0].Summary, "2 registers") ||
		!strings.Contains(lines[0].Summary, fixture.From) {
		t.Errorf("%+v", lines)
	}
}
