package main

import (
	"context"
	"regexp"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// elsewhere are the calls of known clients that another service answers, if any:
// Rollcall keeps track of workspaces and delivers their chat.
var elsewhere = regexp.MustCompile(
	`^/workspaces/[^/]+/(secrets|plugins|memories|broadcast|chat/uploads|pending-uploads)(/|$)`)

// notFound answers what no other route matches. The clients survive these 404s
// (wire contract, section 1).
func notFound(_ context.Context, c httpapi.Call, _ api.None) (api.None, error) {
	if m := elsewhere.FindStringSubmatch(c.RawPath); m != nil {
		return api.None{}, fault.New(fault.NotServed, "%s are not served here", m[1]).
			WithHint("Rollcall keeps track of workspaces and delivers their chat; this call belongs to another service", "stop")
	}
	return api.None{}, fault.New(fault.UnknownRoute, "no such route: %s %s", c.RequestContext.HTTP.Method, c.RawPath).
		WithHint("GET /openapi.json lists the routes", "stop")
}
