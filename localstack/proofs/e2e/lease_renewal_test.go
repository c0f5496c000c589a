package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every authenticated call renews the lease.
func TestAPIEveryCallRenewsTheLease(t *testing.T) {
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/workspaces/{id}/activity?type=a2a_receive", nil},
		{"GET", "/workspaces/{id}/activity?peer_id=x", nil},
		{"GET", "/workspaces/{id}/state", nil},
		{"GET", "/workspaces/{id}/delegations", nil},
		{"GET", "/registry/{id}/peers", nil},
		{"POST", "/workspaces/{id}/notify", map[string]any{"message": "x"}},
		{"POST", "/workspaces/{id}/activity", map[string]any{"activity_type": "agent_log"}},
		{"POST", "/registry/update-card", map[string]any{"workspace_id": "{id}", "agent_card": map[string]any{}}},
		{"POST", "/registry/heartbeat", map[string]any{"workspace_id": "{id}"}},
	} {
		id, token := newWorkspace(t, "renews")
		raw, err := json.Marshal(c.body)
		if err != nil {
			t.Fatal(err)
		}
		var body any
		if c.body != nil {
			body = []byte(strings.ReplaceAll(string(raw), "{id}", id))
		}
		call(t, 200, c.method, strings.ReplaceAll(c.path, "{id}", id), token, body)
		if v := call(t, 200, "GET", "/workspaces/"+id, "", nil); v.Text("lease_until") == "" || v.Text("status") != "online" {
			t.Errorf("%s %s: %s", c.method, c.path, v.Raw)
		}
	}
}
