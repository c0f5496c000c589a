package httpapi

// CatchAll is the route key of everything that no other route matches. It is served,
// so that a client gets a typed 404 and never API Gateway's own.
const CatchAll = "$default"

// Routes is the whole HTTP API: each function and the route keys it serves. The
// stack makes its routes from it and each function's table is checked against
// it, so there is no second list.
var Routes = map[string][]string{
	"register":  {"POST /registry/register", "POST /registry/update-card"},
	"heartbeat": {"POST /registry/heartbeat"},
	"enqueue":   {"POST /workspaces/{id}/a2a", "POST /workspaces/{id}/delegate"},
	"inbox":     {"GET /workspaces/{id}/activity", "POST /workspaces/{id}/activity", "POST /workspaces/{id}/notify"},
	"status": {
		"GET /healthz", "GET /", "GET /openapi.json", "GET /docs",
		"GET /workspaces", "GET /workspaces/{id}", "GET /workspaces/{id}/state", "GET /workspaces/{id}/explain",
		"GET /workspaces/{id}/messages", "GET /workspaces/{id}/messages/{message_id}", "GET /workspaces/{id}/a2a/queue/{message_id}",
		"GET /workspaces/{id}/delegations", "GET /workspaces/{id}/history", "GET /events", "GET /audit", "GET /registry/discover/{id}", "GET /registry/{id}/peers",
		CatchAll,
	},
	"operate": {
		"POST /workspaces", "POST /workspaces/{id}/repair", "POST /workspaces/{id}/pause", "POST /workspaces/{id}/resume",
		"DELETE /workspaces/{id}", "POST /workspaces/{id}/messages/{message_id}/cancel", "POST /workspaces/{id}/messages/{message_id}/redrive",
		"POST /workspaces/{id}/redrive", "POST /workspaces/{id}/rotate", "POST /workspaces/{id}/revoke", "POST /workspaces/{id}/probe",
		"POST /enrolments", "DELETE /enrolments/{enrolment_id}", "POST /sweep",
	},
}
