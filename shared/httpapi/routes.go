package httpapi

// Routes is the whole HTTP API: each function and the route keys it serves. The
// stack makes its routes from it and each function's table is checked against
// it, so there is no second list.
var Routes = map[string][]string{
	"register":  {"POST /registry/register"},
	"heartbeat": {"POST /registry/heartbeat"},
	"enqueue":   {"POST /workspaces/{id}/a2a"},
	"inbox":     {"GET /workspaces/{id}/activity"},
	"status": {
		"GET /healthz", "GET /", "GET /workspaces", "GET /workspaces/{id}", "GET /workspaces/{id}/state",
		"GET /workspaces/{id}/messages/{message_id}", "GET /workspaces/{id}/a2a/queue/{message_id}",
	},
	"operate": {
		"POST /workspaces", "POST /workspaces/{id}/repair", "POST /workspaces/{id}/pause", "POST /workspaces/{id}/resume",
		"DELETE /workspaces/{id}", "POST /workspaces/{id}/messages/{message_id}/cancel", "POST /workspaces/{id}/messages/{message_id}/redrive",
		"POST /sweep",
	},
}
