package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// unserved is calls of known clients that Rollcall does not serve, by method and
// path, and what to do instead.
type unserved struct {
	calls *regexp.Regexp
	hint  string
}

// elsewhere lists them: first those for which Rollcall has a call of its own, then
// those that are another service's (wire contract, sections 1 and 9.3).
var elsewhere = []unserved{
	unservedBy(`POST /registry/check-access`,
		"each workspace may send to each other one: send, and see what is answered"),
	unservedBy(`PATCH /workspaces/[^/]+`,
		"an operator changes a workspace with POST /workspaces, adopt and the same id"),
	unservedBy(`GET /events/stream`, "GET /events?since= follows the changes of status"),
	ofWorkspace("a2a/inbound", "send with POST /workspaces/{id}/a2a"),
	ofWorkspace("chat-history|session-search",
		"GET /workspaces/{id}/activity is the log, GET /workspaces/{id}/messages the receipts"),
	ofWorkspace("mail/summary", "GET /workspaces/{id} says what waits, in inbox and messages"),
	ofWorkspace("tokens|external/rotate",
		"POST /workspaces/{id}/rotate gives a new credential, and POST /workspaces/{id}/repair mends a lost one"),
	ofWorkspace("external/connection", "whoever creates a workspace is shown its credential, which goes into the agent's "+
		"environment"),
	ofWorkspace("restart|hibernate|boot-event|plugin-install-report|terminal|desktop|config|files|model|provider|"+
		"compute-options", "Rollcall starts and sets up no agents: this belongs to the service that does"),
	ofWorkspace("secrets|plugins|memories|memory|v2|broadcast|chat/uploads|chat-session|pending-uploads|instructions|"+
		"approvals|user-tasks|checkpoints|requests|schedules|budget|artifacts|mcp|transcript|traces|metrics|"+
		"github-installation-token",
		"Rollcall keeps track of workspaces and delivers their chat: this belongs to another service"),
}

// ofWorkspace are the calls below these paths of a workspace.
func ofWorkspace(paths, hint string) unserved {
	return unservedBy(`\w+ /workspaces/[^/]+/(`+paths+`)`, hint)
}

func unservedBy(pattern, hint string) unserved {
	return unserved{regexp.MustCompile(`^` + pattern + `(/|$)`), hint}
}

// notFound answers what no other route matches. The clients survive these 404s
// (wire contract, section 1).
func notFound(_ context.Context, c httpapi.Call, _ api.None) (api.None, error) {
	method := c.RequestContext.HTTP.Method
	for _, u := range elsewhere {
		if u.calls.MatchString(method + " " + c.RawPath) {
			return api.None{}, fault.New(fault.NotServed, "%s %s is not served here", method, c.RawPath).WithHint(u.hint, "stop")
		}
	}
	if methods := api.Methods(c.RawPath); len(methods) > 0 {
		err := fault.New(fault.MethodNotAllowed, "%s does not take %s", c.RawPath, method).
			WithHint("it takes "+strings.Join(methods, ", "), "stop")
		err.Details = map[string]any{"allow": methods}
		return api.None{}, err
	}
	err := fault.New(fault.UnknownRoute, "no such route: %s %s", method, c.RawPath)
	if path := strings.TrimRight(c.RawPath, "/"); path != c.RawPath && len(api.Methods(path)) > 0 {
		return api.None{}, err.WithHint("write it without the slash at its end: "+path, "stop")
	}
	return api.None{}, err.WithHint("GET /openapi.json lists the routes", "stop")
}
