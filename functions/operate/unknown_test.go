package main

import (
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// What an operator names and is not there is answered with 404: no code of a credential's, which would send the
// operator to sign in again.
func TestWhatIsNotThereIsNotFound(t *testing.T) {
	bodies := map[string]string{api.CancelMail.Route: `{"all":true}`, api.Repair.Route: `{"show":true}`}
	env := fixture.Env(t)
	fixture.Member(t, env, "w", "")
	all := endpoints(env)
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, all...)
	nothing := map[string]string{
		"id": "nobody", "message_id": "none", "enrolment_id": "none", "token_id": "none", "webhook_id": "none",
	}
	inWorkspace := maps.Clone(nothing)
	inWorkspace["id"] = "w"
	tried := 0
	for _, e := range all {
		route := e.Operation.Route
		var named []map[string]string
		if strings.Contains(route, "{") {
			named = append(named, nothing)
		}
		if strings.Contains(route, "{message_id}") {
			named = append(named, inWorkspace)
		}
		for _, parameters := range named {
			tried++
			body := bodies[route]
			if body == "" && !strings.HasPrefix(route, http.MethodDelete) {
				body = `{}`
			}
			resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
				RouteKey: route, Body: body, PathParameters: parameters,
				Headers: map[string]string{"content-type": api.JSON, "authorization": "Bearer " + fixture.OperatorToken},
			})
			if err != nil || resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s of %s: %d %s (%v)", route, parameters["id"], resp.StatusCode, resp.Body, err)
			}
		}
	}
	if tried < 18 {
		t.Errorf("%d calls were tried", tried)
	}
}
