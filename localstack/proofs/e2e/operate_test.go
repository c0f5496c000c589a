package e2e

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

func TestAPIOperate(t *testing.T) {
	s := on(t)
	id := uuid.NewString()
	path := "/workspaces/" + id
	token := call(t, 201, "POST", "/workspaces", s.OperatorToken, map[string]any{
		"id": id, "name": "operated", "runtime": "external",
	}).Text("auth_token")
	call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id}) // online by a heartbeat alone
	v := call(t, 200, "GET", path, "", nil)
	if v.Text("status") != "online" || v.Text("delivery", "effective_mode") != "poll" {
		t.Fatalf("%s", v.Raw)
	}
	call(t, 200, "POST", path+"/a2a", "", client.Message("cancel-me", "x"))
	if r := call(t, 200, "POST", path+"/messages/cancel-me/cancel", s.OperatorToken, nil); r.Text("state") != "cancelled" {
		t.Fatalf("%s", r.Raw)
	}
	call(t, 409, "POST", path+"/messages/cancel-me/cancel", s.OperatorToken, nil)
	call(t, 200, "POST", path+"/pause", s.OperatorToken, nil)
	if v := call(t, 200, "GET", path, "", nil); v.Text("status") != "paused" {
		t.Fatalf("%s", v.Raw)
	}
	e := call(t, 200, "GET", path+"/explain", "", nil)
	if e.Text("faulty_hop") != "operator" || e.Text("command") != "rollcall resume "+id {
		t.Fatalf("%s", e.Raw)
	}
	e = call(t, 200, "GET", path+"/explain?format=text", "", nil)
	if !strings.HasPrefix(string(e.Raw), id+" is paused (paused) since ") {
		t.Fatalf("%s", e.Raw)
	}
	call(t, 200, "POST", path+"/resume", s.OperatorToken, nil)
	adopted := call(t, 200, "POST", "/workspaces", s.OperatorToken, map[string]any{
		"id": id, "adopt": true, "reset_credentials": true, "force": true, "runtime": "claude-code", "tier": 2,
	})
	if adopted.Text("auth_token") == "" || adopted.Text("tier") != "2" {
		t.Fatalf("%s", adopted.Raw)
	}
	call(t, 401, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id})
	call(t, 200, "DELETE", path, s.OperatorToken, nil)
	call(t, 410, "GET", path, "", nil)
	call(t, 404, "GET", path+"/state", "", nil)
	call(t, 410, "POST", "/registry/register", adopted.Text("auth_token"), map[string]any{"id": id})
	call(t, 410, "POST", "/registry/heartbeat", adopted.Text("auth_token"), map[string]any{"workspace_id": id})
	swept := call(t, 200, "POST", "/sweep", s.OperatorToken, nil)
	if swept.Text("errors") != "" || swept.Text("broken") != "" {
		t.Fatalf("%s", swept.Raw)
	}
}
