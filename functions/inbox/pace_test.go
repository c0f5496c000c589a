package main

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// A poll that brings something new is followed by another as soon as that is worked on; one that brings nothing, or
// what the agent has already, is followed by one after a while.
func TestAPollIsToldWhenToPollNext(t *testing.T) {
	env := fixture.Env(t)
	now := env.Clock.Now()
	serve := httpapi.Serve(slog.New(slog.DiscardHandler), func() time.Time { return now }, env.Gate, endpoints(env)...)
	poll := func(when, want string) {
		t.Helper()
		resp, err := serve(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey:              api.GetActivity.Route,
			Headers:               map[string]string{"authorization": "Bearer " + fixture.Credential},
			PathParameters:        map[string]string{"id": fixture.PollID},
			QueryStringParameters: map[string]string{"type": "a2a_receive"},
		})
		if err != nil || resp.StatusCode != http.StatusOK || resp.Headers["x-rollcall-next-poll"] != want {
			t.Errorf("%s: %d, %q, %v; want %q", when, resp.StatusCode, resp.Headers["x-rollcall-next-poll"], err, want)
		}
	}
	poll("nothing waits", "5")
	if _, err := env.Delivery.Enqueue(t.Context(), chat.Message{
		Workspace: fixture.PollID, Method: "message/send", Priority: chat.Task, Body: chat.TextBody("1", "hello"),
	}, now); err != nil {
		t.Fatal(err)
	}
	poll("a message waits", "0")
	now = now.Add(time.Second)
	poll("the agent has it", "5")
}
