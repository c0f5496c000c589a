package main

import (
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// An agent whose calls of one kind are refused for what they send, while its heartbeats pass, is told as that: from the
// first such call on, with the platform's own words, and for as long as it goes on. It is never told as one that does
// not poll or does nothing. Once a call of the kind is accepted, nothing is told.
func TestWhoseCallsAreRefusedForWhatTheySendIsToldSo(t *testing.T) {
	good := map[string]string{"content-type": api.JSON}
	form := map[string]string{"content-type": "application/x-www-form-urlencoded"}
	for name, c := range map[string]struct {
		route, body  string
		query        map[string]string
		headers      map[string]string
		status       int
		calls, cause string
	}{
		"a poll: no number": {
			api.GetActivity.Route, "", map[string]string{"limit": "abc"}, nil, 400, "polls", "limit must be",
		},
		"a poll: another name": {
			api.GetActivity.Route, "", map[string]string{"limits": "5"}, nil, 400, "polls", "limits",
		},
		"an ack: another member": {
			api.Ack.Route, `{"seq":1}`, nil, good, 400, "acknowledgements", "acked_seq",
		},
		"an ack: no JSON": {api.Ack.Route, `{`, nil, good, 400, "acknowledgements", "is not JSON"},
		"an ack: a form":  {api.Ack.Route, "acked_seq=1", nil, form, 415, "acknowledgements", "must be JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			env := fixture.Env(t)
			at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
			clock := func() time.Time { return at }
			serve := httpapi.Serve(slog.New(slog.DiscardHandler), clock, env.Gate, endpoints(env)...)
			call := func(credential, route, body string, query, headers map[string]string) int {
				ev := events.APIGatewayV2HTTPRequest{
					RouteKey: route, Body: body, QueryStringParameters: query,
					Headers:        map[string]string{"authorization": "Bearer " + credential},
					PathParameters: map[string]string{"id": fixture.PollID},
				}
				maps.Copy(ev.Headers, headers)
				ev.RequestContext.HTTP.SourceIP = fixture.From
				resp, err := serve(t.Context(), ev)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode
			}
			polls := func() {
				query := map[string]string{"type": "a2a_receive", "since_id": ""}
				if status := call(fixture.Credential, api.GetActivity.Route, "", query, nil); status != http.StatusOK {
					t.Fatal(status)
				}
			}
			explained := func() workspace.Explanation {
				f, err := env.Registry.Leases.Get(t.Context(), fixture.PollID)
				if err != nil {
					t.Fatal(err)
				}
				return workspace.Fleet{}.Explain(f, env.Registry.Policy, at)
			}
			polls()
			f, err := env.Registry.Leases.Get(t.Context(), fixture.PollID)
			if err != nil {
				t.Fatal(err)
			}
			next := f
			next.Version++
			next.Open, next.InFlight, next.OldestOpen, next.FetchedSince, next.HandedAt = 1, 1, at, at, at
			if err := env.Registry.Leases.Save(t.Context(), f, next, registry.SaveExtras{}); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Second)
			if status := call("another", c.route, c.body, c.query, c.headers); status < 400 {
				t.Fatal(status)
			}
			if text := explained().Text(); strings.Contains(text, c.cause) {
				t.Errorf("a stranger's call is told as the agent's: %s", text)
			}
			said := "its " + c.calls + " are refused"
			for range 60 {
				at = at.Add(10 * time.Second)
				_, err := env.Registry.Signal(t.Context(), fixture.PollID, fixture.Credential,
					workspace.Signal{Kind: workspace.SignalHeartbeat, From: fixture.From}, at)
				if err != nil {
					t.Fatal(err)
				}
				if status := call(fixture.Credential, c.route, c.body, c.query, c.headers); status != c.status {
					t.Fatal(status)
				}
				if c.calls == "acknowledgements" {
					polls()
				}
				e := explained()
				text := e.Text()
				if !strings.Contains(strings.ToLower(text), said) || !strings.Contains(text, c.cause) ||
					strings.Contains(text, "isn't polling") || strings.Contains(text, "restart it, or") {
					t.Fatalf("at %s: %s", at, text)
				}
				if !strings.HasPrefix(strings.ToLower(e.Summary), said) {
					t.Fatalf("the cause does not come first: %s", text)
				}
				if e.Status == workspace.StatusDegraded && !strings.HasPrefix(strings.ToLower(e.Next), said) {
					t.Fatalf("the cause comes late: %s", text)
				}
			}
			at = at.Add(time.Second)
			if c.calls == "polls" {
				polls()
			} else {
				f, _ := env.Registry.Leases.Get(t.Context(), fixture.PollID)
				next := f
				next.Version++
				next.Open, next.InFlight, next.DeliveredAt = 0, 0, at
				if err := env.Registry.Leases.Save(t.Context(), f, next, registry.SaveExtras{}); err != nil {
					t.Fatal(err)
				}
			}
			if text := explained().Text(); strings.Contains(text, "refused") {
				t.Errorf("it is told though the calls are accepted: %s", text)
			}
		})
	}
}
