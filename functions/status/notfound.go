package main

import (
	"context"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// unserved is calls of known clients that Rollcall does not serve, with all that is below their paths, and what to do
// instead.
type unserved struct {
	method      string // "": any
	ofWorkspace bool   // the paths are those of a workspace
	paths       []string
	hint        string
}

// elsewhere lists them: first those for which Rollcall has a call of its own, then
// those that are another service's (wire contract, sections 1 and 9.3).
var elsewhere = []unserved{
	{
		"POST", false,
		[]string{"/registry/check-access"},
		"each workspace may send to each other one: send, and see what is answered",
	},
	{"PATCH", true, []string{""}, "an operator changes a workspace with POST /workspaces, adopt and the same id"},
	{"GET", false, []string{"/events/stream"}, "GET /events?since= follows the changes of status"},
	{"", true, []string{"/a2a/inbound"}, "send with POST /workspaces/{id}/a2a"},
	{
		"", true,
		[]string{"/chat-history", "/session-search"},
		"GET /workspaces/{id}/activity is the log, GET /workspaces/{id}/messages the receipts",
	},
	{"", true, []string{"/mail/summary"}, "GET /workspaces/{id} says what waits, in inbox and messages"},
	{
		"", true,
		[]string{"/tokens", "/external/rotate"},
		"POST /workspaces/{id}/rotate gives a new credential, and POST /workspaces/{id}/repair mends a lost one",
	},
	{
		"", true,
		[]string{"/external/connection"},
		"whoever creates a workspace is shown its credential, which goes into the agent's environment",
	},
	{"", true, []string{
		"/restart", "/hibernate", "/boot-event", "/plugin-install-report", "/terminal", "/desktop", "/config", "/files",
		"/model", "/provider", "/compute-options",
	}, "Rollcall starts and sets up no agents: this belongs to the service that does"},
	{"", true, []string{
		"/secrets", "/plugins", "/memories", "/memory", "/v2", "/broadcast", "/chat/uploads", "/chat-session",
		"/pending-uploads", "/instructions", "/approvals", "/user-tasks", "/checkpoints", "/requests", "/schedules",
		"/budget", "/artifacts", "/mcp", "/transcript", "/traces", "/metrics", "/github-installation-token",
	}, "Rollcall keeps track of workspaces and delivers their chat: this belongs to another service"},
}

// has reports whether a call is one of these.
func (u unserved) has(method, path string) bool {
	if u.method != "" && u.method != method {
		return false
	}
	if u.ofWorkspace {
		rest, found := strings.CutPrefix(path, "/workspaces/")
		id := strings.IndexByte(rest+"/", '/') // how long the id is
		if !found || id == 0 {
			return false
		}
		path = rest[id:]
	}
	return slices.ContainsFunc(u.paths, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// notFound answers what no other route matches. The clients survive these 404s
// (wire contract, section 1).
func notFound(_ context.Context, c httpapi.Call, _ api.None) (api.None, error) {
	method := c.RequestContext.HTTP.Method
	for _, u := range elsewhere {
		if u.has(method, c.RawPath) {
			return api.None{}, fault.New(fault.NotServed, "%s %s is not served here", method, c.RawPath).WithHint(u.hint, "stop")
		}
	}
	if methods := api.Methods(c.RawPath); len(methods) > 0 {
		err := fault.New(fault.MethodNotAllowed, "%s can't be called with %s", c.RawPath, method).
			WithHint("it takes "+strings.Join(methods, ", "), "stop")
		err.Details.Allow = methods
		return api.None{}, err
	}
	err := fault.New(fault.UnknownRoute, "no such route: %s %s", method, c.RawPath)
	if path := strings.TrimRight(c.RawPath, "/"); path != c.RawPath && len(api.Methods(path)) > 0 {
		return api.None{}, err.WithHint("write it without the slash at its end: "+path, "stop")
	}
	return api.None{}, err.WithHint("GET /openapi.json lists the routes", "stop")
}
