package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// The twelve points of section 6 of docs/wire-contract.md, where Rollcall must be better
// than the server that its clients know.
func TestAPIContractSection6(t *testing.T) {
	for _, point := range []struct {
		name string
		test func(*testing.T)
	}{
		{"6.1 an all-zero or unknown cursor is 410 always, also with no rows", unknownCursor},
		{"6.2 order, and a cursor by sequence: equal times lose nothing", orderAndCursor},
		{"6.3 rows carry data{source, source_id, text}", rowData},
		{"6.4 remote:// or no url, with no mode, is poll", defaultMode},
		{"6.5 what was said to the user never comes back as inbound chat", notInbound},
		{"6.6 the caller is the bearer's owner; a header only has to agree", callerIsBearer},
		{"6.7 healthz answers, and a heartbeat may say id", healthAndHeartbeatID},
		{"6.8 state is 404 for a removed workspace only", stateOfRemoved},
		{"6.9 a delegation that was made before is a 202 too", repeatedDelegation},
		{"6.10 Retry-After is whole seconds", retryAfter},
		{"6.11 a metric that is absent changes nothing", absentMetric},
		{"6.12 a task sent, then delegated as it was only queued, arrives once", delegatedOnce},
	} {
		t.Run(point.name, point.test)
	}
}

func unknownCursor(t *testing.T) {
	id, token := newWorkspace(t, "6.1")
	other, _ := newWorkspace(t, "6.1 other")
	call(t, 200, "POST", "/workspaces/"+other+"/a2a", "", client.Message(other, "x"))
	for _, cursor := range []string{
		"00000000-0000-0000-0000-000000000000", uuid.NewString(), "1-abcdefabcdef", "x", "9999-000000000000",
	} {
		for _, query := range []string{"&limit=1&since_id=", "&since_id="} {
			r := call(t, 410, "GET", "/workspaces/"+id+"/activity?type=a2a_receive"+query+cursor, token, nil)
			if r.Text("code") != "cursor_gone" || r.Text("error") == "" {
				t.Errorf("%s", r.Raw)
			}
		}
	}
}

func orderAndCursor(t *testing.T) {
	id, token := newWorkspace(t, "6.2")
	for i := range 6 {
		call(t, 200, "POST", "/workspaces/"+id+"/a2a", "", client.Message(fmt.Sprint(id, i), fmt.Sprint(i)))
	}
	texts := func(query string) string {
		out := ""
		for _, r := range poll(t, "/workspaces/"+id, token, query) {
			out += r.Data.Text
		}
		return out
	}
	for query, want := range map[string]string{
		"type=a2a_receive&limit=100": "012345", "type=a2a_receive&limit=3": "012",
		"type=a2a_receive&limit=100&since_secs=30": "012345",
		"type=a2a_receive":                         "543210", "type=a2a_receive&since_secs=600": "543210",
	} {
		if got := texts(query); got != want {
			t.Errorf("%s gave %q, want %q", query, got, want)
		}
	}
	got := ""
	for cursor := ""; ; {
		query := "type=a2a_receive&limit=1"
		if cursor != "" {
			query += "&since_id=" + cursor
		}
		rows := poll(t, "/workspaces/"+id, token, query)
		if len(rows) == 0 {
			break
		}
		cursor, got = rows[0].ID, got+rows[0].Data.Text
	}
	if got != "012345" {
		t.Errorf("one at a time: %q", got)
	}
}

func rowData(t *testing.T) {
	id, token := newWorkspace(t, "6.3")
	peer, peerToken := newWorkspace(t, "6.3 peer")
	call(t, 200, "POST", "/workspaces/"+id+"/a2a", "", client.Message(id, "from the user"))
	callWith(t, 200, "POST", "/workspaces/"+id+"/a2a", peerToken, client.Message(peer, "from a peer"), map[string]string{
		"X-Workspace-ID": peer,
	})
	rows := poll(t, "/workspaces/"+id, token, "type=a2a_receive&limit=9")
	if len(rows) != 2 || rows[0].Data.Source != "canvas_user" || rows[0].Data.Text != "from the user" ||
		rows[0].SourceID != nil ||
		rows[1].Data.Source != "peer_agent" || rows[1].Data.SourceID != peer || *rows[1].SourceID != peer ||
		rows[1].Data.Text != "from a peer" || rows[1].Data.PeerName != "6.3 peer" {
		t.Fatalf("%+v", rows)
	}
}

func defaultMode(t *testing.T) {
	for _, body := range []map[string]any{{"url": "remote://no-inbound"}, {}, {"url": ""}} {
		body["id"] = uuid.NewString()
		r := call(t, 200, "POST", "/registry/register", "", body)
		if r.Text("delivery_mode") != "poll" || r.Text("auth_token") == "" {
			t.Errorf("%v: %s", body, r.Raw)
		}
	}
}

func notInbound(t *testing.T) {
	id, token := newWorkspace(t, "6.5")
	call(t, 200, "POST", "/workspaces/"+id+"/notify", token, map[string]any{"message": "said"})
	call(t, 200, "POST", "/workspaces/"+id+"/activity", token, map[string]any{
		"activity_type": "a2a_receive", "source_id": id, "summary": "reported",
	})
	if rows := poll(t, "/workspaces/"+id, token, "type=a2a_receive&limit=9"); len(rows) != 0 {
		t.Fatalf("%+v", rows)
	}
	r := call(t, 200, "GET", "/workspaces/"+id+"/activity?type=notify", on(t).OperatorToken, nil)
	if !strings.Contains(string(r.Raw), `"said"`) {
		t.Fatalf("%s", r.Raw)
	}
}

func callerIsBearer(t *testing.T) {
	id, token := newWorkspace(t, "6.6")
	peer, peerToken := newWorkspace(t, "6.6 peer")
	path := "/workspaces/" + id + "/a2a"
	for i, headers := range []map[string]string{
		{},
		{"X-Source-Workspace-Id": peer},
		{"X-Workspace-ID": peer},
		{"X-Workspace-ID": peer, "X-Source-Workspace-Id": peer},
	} {
		callWith(t, 200, "POST", path, peerToken, client.Message(fmt.Sprint(id, i), "x"), headers)
	}
	for _, r := range poll(t, "/workspaces/"+id, token, "type=a2a_receive&limit=9") {
		if r.SourceID == nil || *r.SourceID != peer {
			t.Errorf("%+v", r)
		}
	}
	for _, c := range []struct {
		want    int
		token   string
		headers map[string]string
	}{
		{403, peerToken, map[string]string{"X-Workspace-ID": id}},
		{403, peerToken, map[string]string{"X-Source-Workspace-Id": id}},
		{403, peerToken, map[string]string{"X-Workspace-ID": peer, "X-Source-Workspace-Id": id}},
		{401, "", map[string]string{"X-Workspace-ID": peer}},
		{401, "no one's", nil},
	} {
		callWith(t, c.want, "POST", path, c.token, client.Message(uuid.NewString(), "forged"), c.headers)
	}
	if v := call(t, 200, "GET", "/workspaces/"+id, "", nil); v.Text("messages", "accepted") != "4" {
		t.Errorf("a forged message was accepted: %s", v.Raw)
	}
}

func healthAndHeartbeatID(t *testing.T) {
	id, token := newWorkspace(t, "6.7")
	call(t, 200, "GET", "/healthz", "", nil)
	call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"id": id})
}

func stateOfRemoved(t *testing.T) {
	id, token := newWorkspace(t, "6.8")
	call(t, 200, "GET", "/workspaces/"+id+"/state", token, nil)
	call(t, 401, "GET", "/workspaces/"+id+"/state", "wrong", nil)
	call(t, 403, "GET", "/workspaces/"+uuid.NewString()+"/state", token, nil) // it is told whose its credential is
	call(t, 200, "DELETE", "/workspaces/"+id, on(t).OperatorToken, nil)
	r := call(t, 404, "GET", "/workspaces/"+id+"/state", token, nil)
	if r.Text("deleted") != "true" || r.Text("workspace_id") != id {
		t.Errorf("%s", r.Raw)
	}
	r = call(t, 410, "GET", "/workspaces/"+id, "", nil)
	if r.Text("error") != "workspace removed" || r.Text("id") != id || r.Text("removed_at") == "" || r.Text("hint") == "" {
		t.Errorf("%s", r.Raw)
	}
}

func repeatedDelegation(t *testing.T) {
	id, token := newWorkspace(t, "6.9")
	peer, _ := newWorkspace(t, "6.9 peer")
	body := map[string]any{"target_id": peer, "task": "do it", "idempotency_key": strings.Repeat("0f", 16)}
	first := call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, body)
	again := call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, body)
	if first.Text("delegation_id") == "" || first.Text("delegation_id") != again.Text("delegation_id") ||
		again.Text("idempotent_hit") != "true" {
		t.Errorf("%s %s", first.Raw, again.Raw)
	}
	if v := call(t, 200, "GET", "/workspaces/"+peer, "", nil); v.Text("messages", "accepted") != "1" {
		t.Errorf("%s", v.Raw)
	}
}

func retryAfter(t *testing.T) {
	id, _ := newWorkspace(t, "6.10")
	for i := range on(t).MaxOpen / 2 { // one sender's share
		call(t, 200, "POST", "/workspaces/"+id+"/a2a", "", client.Message(fmt.Sprint(id, i), "x"))
	}
	r := call(t, 429, "POST", "/workspaces/"+id+"/a2a", "", client.Message(id, "one too many"))
	n, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || n < 1 || r.Text("retry_after") != strconv.Itoa(n) || r.Text("code") != "inbox_full" {
		t.Errorf("%v %s", r.Header, r.Raw)
	}
}

func absentMetric(t *testing.T) {
	id, token := newWorkspace(t, "6.11")
	call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{
		"workspace_id": id, "active_tasks": 1, "error_rate": 0.9, "sample_error": "boom",
	})
	call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id})
	v := call(t, 200, "GET", "/workspaces/"+id, "", nil)
	if v.Text("active_tasks") != "1" || v.Text("reason") != "error_rate" {
		t.Errorf("%s", v.Raw)
	}
}

func delegatedOnce(t *testing.T) {
	id, token := newWorkspace(t, "6.12")
	peer, peerToken := newWorkspace(t, "6.12 peer")
	task := client.Message(uuid.NewString(), "the task")
	callWith(t, 200, "POST", "/workspaces/"+peer+"/a2a", token, task, map[string]string{"X-Workspace-ID": id})
	d := call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, map[string]any{
		"target_id": peer, "task": "the task", "idempotency_key": "k",
	})
	if d.Text("deduplicated") != "true" {
		t.Errorf("%s", d.Raw)
	}
	call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, map[string]any{
		"target_id": peer, "task": "another task", "idempotency_key": "l",
	})
	rows := poll(t, "/workspaces/"+peer, peerToken, "type=a2a_receive&limit=9")
	if len(rows) != 2 || rows[0].Data.Text != "the task" || rows[1].Data.Text != "another task" {
		t.Errorf("%+v", rows)
	}
}
