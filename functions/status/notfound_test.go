package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// The calls of known clients that are not served are answered with whose job they are, and
// what is near to them and was never a route with the list of routes.
func TestEachUnservedCallSaysWhoseJobItIs(t *testing.T) {
	env := fixture.Env(t)
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	for call, want := range map[string]fault.Code{
		"GET /workspaces/w/secrets/values":       fault.NotServed,
		"GET /workspaces/w/plugins/x/download":   fault.NotServed,
		"POST /workspaces/w/memories":            fault.NotServed,
		"GET /workspaces/w/v2/memories":          fault.NotServed,
		"POST /workspaces/w/chat/uploads":        fault.NotServed,
		"GET /workspaces/w/instructions/resolve": fault.NotServed,
		"POST /workspaces/w/approvals":           fault.NotServed,
		"GET /workspaces/w/checkpoints":          fault.NotServed,
		"POST /registry/check-access":            fault.NotServed,
		"POST /workspaces/w/boot-event":          fault.NotServed,
		"GET /workspaces/w/mail/summary":         fault.NotServed,
		"GET /workspaces/w/chat-history":         fault.NotServed,
		"GET /workspaces/w/requests/inbox":       fault.NotServed,
		"POST /workspaces/w/requests":            fault.NotServed,
		"GET /workspaces/w/tokens":               fault.NotServed,
		"DELETE /workspaces/w/tokens/t":          fault.NotServed,
		"POST /workspaces/w/external/rotate":     fault.NotServed,
		"GET /workspaces/w/external/connection":  fault.NotServed,
		"PATCH /workspaces/w":                    fault.NotServed,
		"POST /workspaces/w/restart":             fault.NotServed,
		"GET /events/stream":                     fault.NotServed,
		"POST /workspaces/w/a2a/inbound":         fault.NotServed,
		"POST /workspaces/w/a2a/outbound":        fault.UnknownRoute,
		"GET /workspaces/w/external":             fault.UnknownRoute,
		"GET /workspaces/w/restarts":             fault.UnknownRoute,
		"GET /x/workspaces/w/secrets":            fault.UnknownRoute,
	} {
		method, path, _ := strings.Cut(call, " ")
		resp, err := handle(t.Context(), lambdaevents.APIGatewayV2HTTPRequest{
			RouteKey: api.CatchAll, RawPath: path,
			RequestContext: lambdaevents.APIGatewayV2HTTPRequestContext{
				HTTP: lambdaevents.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path},
			},
		})
		var p api.Problem
		if err != nil || resp.StatusCode != http.StatusNotFound || json.Unmarshal([]byte(resp.Body), &p) != nil ||
			p.Code != string(want) || p.Hint == "" || p.Action != "stop" || !strings.Contains(p.Error, call) {
			t.Errorf("%s: %d %s, %v", call, resp.StatusCode, resp.Body, err)
		}
	}
}

// A path that is served says which methods it takes, and one with a slash too many which
// it is near to.
func TestACallThatIsNearToOneSaysWhichItIs(t *testing.T) {
	env := fixture.Env(t)
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	for call, want := range map[string]struct {
		status int
		hint   string
	}{
		"PUT /healthz":                {405, "it takes GET, HEAD, OPTIONS"},
		"HEAD /workspaces/w/activity": {405, "it takes GET, OPTIONS, POST"},
		"DELETE /workspaces/w/state":  {405, "it takes GET, HEAD, OPTIONS"},
		"GET /healthz/":               {404, "write it without the slash at its end: /healthz"},
		"POST /workspaces/w/a2a/":     {404, "write it without the slash at its end: /workspaces/w/a2a"},
		"GET /healthz//":              {404, "write it without the slash at its end: /healthz"},
		"GET //healthz":               {404, "GET /openapi.json lists the routes"},
		"GET /nowhere/":               {404, "GET /openapi.json lists the routes"},
	} {
		ev := lambdaevents.APIGatewayV2HTTPRequest{RouteKey: api.CatchAll}
		ev.RequestContext.HTTP.Method, ev.RawPath, _ = strings.Cut(call, " ")
		resp, err := handle(t.Context(), ev)
		var p api.Problem
		if err != nil || resp.StatusCode != want.status || json.Unmarshal([]byte(resp.Body), &p) != nil ||
			p.Hint != want.hint || (resp.Headers["allow"] != "") != (want.status == 405) {
			t.Errorf("%s: %d %v %s, %v", call, resp.StatusCode, resp.Headers, resp.Body, err)
		}
	}
}
