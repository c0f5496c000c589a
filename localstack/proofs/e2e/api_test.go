package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/localstack/proofs/scenario"
	"github.com/rollcall/rollcall/shared/client"
)

// call makes one call and fails the test on another status than want.
func call(t *testing.T, want int, method, path, token string, body any) client.Reply {
	t.Helper()
	r, err := on(t).Do(t.Context(), method, path, token, body)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != want {
		t.Fatalf("%s %s answered %d, want %d: %s", method, path, r.Status, want, r.Raw)
	}
	return r
}

func TestAPIIncident(t *testing.T) {
	s := on(t)
	if err := scenario.Incident(t.Context(), s.Local, s.Agent, os.Stdout); err != nil {
		t.Fatal(err)
	}
}

func TestAPIPollWorkspaceGetsItsMail(t *testing.T) {
	on(t)
	id := uuid.NewString()
	token := call(t, 200, "POST", "/registry/register", "", map[string]any{"id": id, "delivery_mode": "poll", "agent_card": map[string]any{"name": "poller"}}).Text("auth_token")
	path := "/workspaces/" + id
	if rows := poll(t, path, token, "type=a2a_receive&limit=100"); len(rows) != 0 {
		t.Fatalf("%v", rows)
	}
	for i := range 4 {
		r := call(t, 200, "POST", path+"/a2a", "", client.Message(fmt.Sprint(id, "-", i), fmt.Sprint("text ", i)))
		if r.Text("status") != "queued" || r.Text("delivery_mode") != "poll" || r.Text("expected") != "next_poll" || r.Text("queue_depth") != fmt.Sprint(i+1) {
			t.Fatalf("%s", r.Raw)
		}
	}
	beat := call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id, "active_tasks": 0})
	if beat.Text("inbox", "queued") != "4" {
		t.Fatalf("the heartbeat does not tell of the mail: %s", beat.Raw)
	}
	for _, query := range []string{"type=a2a_receive&limit=100", "type=a2a_receive&limit=100&since_secs=30"} { // a repeat before the ack gives the same rows
		rows := poll(t, path, token, query)
		if len(rows) != 4 {
			t.Fatalf("%s gave %d rows", query, len(rows))
		}
		for i, row := range rows {
			if row.Data.Text != fmt.Sprint("text ", i) || row.Data.Source != "canvas_user" || row.SourceID != nil {
				t.Fatalf("row %d of %s: %+v", i, query, row)
			}
		}
	}
	if rows := poll(t, path, token, "type=a2a_receive&since_secs=600"); len(rows) != 4 || rows[0].Data.Text != "text 3" {
		t.Fatalf("without a limit, newest first: %+v", rows)
	}
	rows := poll(t, path, token, "type=a2a_receive&limit=100")
	if rest := poll(t, path, token, "type=a2a_receive&limit=100&since_id="+rows[1].ID); len(rest) != 2 || rest[0].ID != rows[2].ID {
		t.Fatalf("%+v", rest)
	}
	if rest := poll(t, path, token, "type=a2a_receive&since_id="+rows[3].ID); len(rest) != 0 {
		t.Fatalf("%+v", rest)
	}
	for i := range 4 {
		if r := call(t, 200, "GET", path+"/messages/"+fmt.Sprint(id, "-", i), "", nil); r.Text("state") != "delivered" {
			t.Fatalf("%s", r.Raw)
		}
	}
	view := call(t, 200, "GET", path, "", nil)
	if view.Text("status") != "online" || view.Text("messages", "delivered") != "4" || view.Text("messages", "queued") != "0" {
		t.Fatalf("%s", view.Raw)
	}
	for _, cursor := range []string{"00000000-0000-0000-0000-000000000000", "99-abcdefabcdef", strings.Replace(rows[0].ID, "1-", "2-", 1)} {
		call(t, 410, "GET", path+"/activity?type=a2a_receive&limit=1&since_id="+cursor, token, nil)
	}
	call(t, 401, "GET", path+"/activity?type=a2a_receive", "", nil)
}

type row struct {
	ID       string  `json:"id"`
	SourceID *string `json:"source_id"`
	Data     struct {
		Source   string
		SourceID string `json:"source_id"`
		Text     string
		PeerName string `json:"peer_name"`
	}
}

func poll(t *testing.T, path, token, query string) []row {
	t.Helper()
	r := call(t, 200, "GET", path+"/activity?"+query, token, nil)
	var rows []row
	if err := json.Unmarshal(r.Raw, &rows); err != nil {
		t.Fatalf("not a bare array: %s", r.Raw)
	}
	return rows
}

// Bad input gets a typed 4xx and changes nothing.
func TestAPIBadInput(t *testing.T) {
	s := on(t)
	id := uuid.NewString()
	token := call(t, 201, "POST", "/workspaces", s.OperatorToken, map[string]any{"id": id, "name": "bad input"}).Text("auth_token")
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
		{400, "invalid_request", "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id, "active_tasks": "many"}},
		{400, "invalid_workspace_id", "POST", "/registry/register", token, map[string]any{"id": "a b\u0000c"}},
		{400, "invalid_workspace_id", "GET", "/workspaces/%20%2e%2e", "", nil},
		{404, "workspace_unknown", "GET", "/workspaces/nobody-here", "", nil},
		{404, "workspace_unknown", "POST", "/workspaces/nobody-here/a2a", "", client.Message("m", "x")},
		{404, "message_unknown", "GET", "/workspaces/" + id + "/messages/nope", "", nil},
		{404, "unknown_route", "GET", "/nowhere", "", nil},
		{404, "unknown_route", "PATCH", "/workspaces/" + id, token, nil},
		{404, "not_served", "GET", "/workspaces/" + id + "/secrets/values", token, nil},
		{413, "too_large", "POST", "/workspaces/" + id + "/a2a", "", client.Message("m", big)},
		{400, "invalid_request", "POST", "/workspaces/" + id + "/a2a", "", []byte(`{"params":7}`)},
		{400, "invalid_request", "POST", "/workspaces/" + id + "/a2a", "", []byte(`"text"`)},
		{403, "operator_only", "POST", "/workspaces/" + id + "/repair", token, nil},
		{401, "credential_missing", "POST", "/workspaces", "", map[string]any{}},
		{409, "workspace_exists", "POST", "/workspaces", s.OperatorToken, map[string]any{"id": id}},
		{400, "url_forbidden", "POST", "/registry/register", token, map[string]any{"id": id, "delivery_mode": "push", "url": "remote://x"}},
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

func TestAPIOperate(t *testing.T) {
	s := on(t)
	id := uuid.NewString()
	path := "/workspaces/" + id
	token := call(t, 201, "POST", "/workspaces", s.OperatorToken, map[string]any{"id": id, "name": "operated", "runtime": "external"}).Text("auth_token")
	call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id}) // online by a heartbeat alone
	if v := call(t, 200, "GET", path, "", nil); v.Text("status") != "online" || v.Text("delivery", "effective_mode") != "poll" {
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
	if e := call(t, 200, "GET", path+"/explain", "", nil); e.Text("faulty_hop") != "operator" || e.Text("command") != "rollcall resume "+id {
		t.Fatalf("%s", e.Raw)
	}
	if e := call(t, 200, "GET", path+"/explain?format=text", "", nil); !strings.HasPrefix(string(e.Raw), id+" is paused (paused) since ") {
		t.Fatalf("%s", e.Raw)
	}
	call(t, 200, "POST", path+"/resume", s.OperatorToken, nil)
	adopted := call(t, 200, "POST", "/workspaces", s.OperatorToken, map[string]any{"id": id, "adopt": true, "reset_credentials": true, "runtime": "claude-code", "tier": 2})
	if adopted.Text("auth_token") == "" || adopted.Text("tier") != "2" {
		t.Fatalf("%s", adopted.Raw)
	}
	call(t, 401, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id})
	call(t, 200, "DELETE", path, s.OperatorToken, nil)
	call(t, 410, "GET", path, "", nil)
	call(t, 404, "GET", path+"/state", "", nil)
	call(t, 410, "POST", "/registry/register", adopted.Text("auth_token"), map[string]any{"id": id})
	call(t, 410, "POST", "/registry/heartbeat", adopted.Text("auth_token"), map[string]any{"workspace_id": id})
	if swept := call(t, 200, "POST", "/sweep", s.OperatorToken, nil); swept.Text("errors") != "" || swept.Text("broken") != "" {
		t.Fatalf("%s", swept.Raw)
	}
}

// The scheduled sweep itself runs: it announces the verdict of a workspace that
// nobody else touches, which shows as the sweeper's own mark on its lease.
func TestScheduledSweepRuns(t *testing.T) {
	env := wired(t)
	id := uuid.NewString()
	call(t, 201, "POST", "/workspaces", on(t).OperatorToken, map[string]any{"id": id})
	if err := client.Until(t.Context(), 150*time.Second, func() error {
		f, err := env.Registry.Leases.Get(t.Context(), id)
		if err == nil && f.AnnouncedAs != "provisioning/never_registered" {
			err = fmt.Errorf("announced as %q", f.AnnouncedAs)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
