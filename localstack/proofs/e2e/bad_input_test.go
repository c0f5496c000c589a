package e2e

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// Bad input gets a typed 4xx and changes nothing.
func TestAPIBadInput(t *testing.T) {
	s := on(t)
	id := uuid.NewString()
	token := call(t, 201, "POST", "/workspaces", s.OperatorToken, map[string]any{
		"id": id, "name": "bad input",
	}).Text("auth_token")
	call(t, 200, "POST", "/registry/register", token, map[string]any{"id": id, "delivery_mode": "poll"})
	before := call(t, 200, "GET", "/workspaces/"+id, "", nil)
	big := strings.Repeat("x", 300<<10)
	for _, c := range []struct {
		want                int
		code                string
		method, path, token string
		body                any
	}{
		{400, "invalid_json", "POST", "/registry/register", token, []byte("{")},
		{400, "invalid_request", "POST", "/registry/register", token, map[string]any{"id": id, "delivery_mode": 4}},
		{
			400, "invalid_request", "POST", "/registry/heartbeat", token,
			map[string]any{"workspace_id": 7, "active_tasks": 1},
		},
		{400, "invalid_workspace_id", "POST", "/registry/register", token, map[string]any{"id": "a b\u0000c"}},
		{400, "invalid_workspace_id", "GET", "/workspaces/%20%2e%2e", "", nil},
		{404, "workspace_unknown", "GET", "/workspaces/nobody-here", "", nil},
		{404, "workspace_unknown", "POST", "/workspaces/nobody-here/a2a", "", client.Message("m", "x")},
		{404, "message_unknown", "GET", "/workspaces/" + id + "/messages/nope", "", nil},
		{404, "unknown_route", "GET", "/nowhere", "", nil},
		{404, "not_served", "PATCH", "/workspaces/" + id, token, nil},
		{405, "method_not_allowed", "PUT", "/workspaces/" + id + "/state", token, nil},
		{400, "invalid_request", "GET", "/workspaces?limit=1&limit=2", "", nil},
		{400, "invalid_request", "POST", "/workspaces/" + id + "/activity/ack", token, map[string]any{"acked_seq": 99}},
		{404, "not_served", "GET", "/workspaces/" + id + "/secrets/values", token, nil},
		{413, "too_large", "POST", "/workspaces/" + id + "/a2a", "", client.Message("m", big)},
		{400, "invalid_request", "POST", "/workspaces/" + id + "/a2a", "", []byte(`{"params":7}`)},
		{400, "invalid_request", "POST", "/workspaces/" + id + "/a2a", "", []byte(`"text"`)},
		{403, "operator_only", "POST", "/workspaces/" + id + "/repair", token, nil},
		{401, "credential_missing", "POST", "/workspaces", "", map[string]any{}},
		{409, "workspace_exists", "POST", "/workspaces", s.OperatorToken, map[string]any{"id": id}},
		{
			400, "url_forbidden", "POST", "/registry/register", token,
			map[string]any{"id": id, "delivery_mode": "push", "url": "remote://x"},
		},
	} {
		r := call(t, c.want, c.method, c.path, c.token, c.body)
		if r.Text("code") != c.code || r.Text("error") == "" {
			t.Errorf("%s %s: %s", c.method, c.path, r.Raw)
		}
	}
	after := call(t, 200, "GET", "/workspaces/"+id, "", nil)
	for _, k := range []string{"status", "delivery", "messages", "last_registered_at", "max_concurrent_tasks"} {
		if before.Text(k) != after.Text(k) {
			t.Errorf("%s changed: %s, %s", k, before.Text(k), after.Text(k))
		}
	}
}
