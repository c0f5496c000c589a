package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// Rows say who sent them and what is attached to a caller that asks, and to no other.
func TestRowsTellOfThePeerWhenAsked(t *testing.T) {
	env := fixture.Env(t)
	_, err := env.Delivery.Enqueue(t.Context(), chat.Message{
		ID: "m", Workspace: fixture.PollID, Source: fixture.PushID, Priority: chat.Task,
		Body: ofParts(`{"kind":"text","text":"see"}`, `{"kind":"file","file":{"uri":"https://x/a","name":"a"}}`),
	}, env.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	for _, query := range []map[string]string{
		{"since_secs": "30", "include": "peer_info"}, // a poll
		{"include": "peer_info"},                     // the log
		{"since_secs": "30"},
		{},
	} {
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.GetActivity.Route, PathParameters: map[string]string{"id": fixture.PollID},
			Headers: map[string]string{
				"authorization": "Bearer " + fixture.Credential, "host": "127.0.0.1:8080", "x-forwarded-proto": "http",
			},
			QueryStringParameters: query,
		})
		var rows []api.ActivityRow
		if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(resp.Body), &rows) != nil ||
			len(rows) != 1 {
			t.Fatalf("%v: %d %s, %v", query, resp.StatusCode, resp.Body, err)
		}
		row, asked := rows[0], query["include"] != ""
		if row.Seq != 1 {
			t.Errorf("%v: seq is %d", query, row.Seq)
		}
		name, url, files := "", "", 0
		if asked {
			name, url, files = fixture.PushID, "http://127.0.0.1:8080/registry/discover/"+fixture.PushID, 1
		}
		if row.PeerName != name || row.AgentCardURL != url || len(row.Attachments) != files {
			t.Errorf("%v: %s", query, resp.Body)
		}
	}
}
