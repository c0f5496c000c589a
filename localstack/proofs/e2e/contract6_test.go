package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// enrolled is a workspace with its credential.
func enrolled(t *testing.T, name string) (id, token string) {
	t.Helper()
	id = uuid.NewString()
	return id, call(t, 201, "POST", "/workspaces", on(t).OperatorToken, map[string]any{"id": id, "name": name}).Text("auth_token")
}

// as makes one call with headers and fails the test on another status than want.
func as(t *testing.T, want int, method, path, token string, body any, headers map[string]string) client.Reply {
	t.Helper()
	r, err := on(t).DoWith(t.Context(), method, path, token, body, headers)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != want {
		t.Fatalf("%s %s answered %d, want %d: %s", method, path, r.Status, want, r.Raw)
	}
	return r
}

// The twelve points of the wire contract's section 6, where Rollcall is to be
// better than the server its clients know.
func TestAPIContractSection6(t *testing.T) {
	s := on(t)
	mail := func(id string) string { return "/workspaces/" + id + "/activity?type=a2a_receive" }
	t.Run("6.1 an all-zero or unknown cursor is 410 always, also with no rows", func(t *testing.T) {
		id, token := enrolled(t, "6.1")
		other, _ := enrolled(t, "6.1 other")
		call(t, 200, "POST", "/workspaces/"+other+"/a2a", "", client.Message(other, "x"))
		for _, cursor := range []string{"00000000-0000-0000-0000-000000000000", uuid.NewString(), "1-abcdefabcdef", "x", "9999-000000000000"} {
			for _, query := range []string{"&limit=1&since_id=", "&since_id="} {
				if r := call(t, 410, "GET", mail(id)+query+cursor, token, nil); r.Text("code") != "cursor_gone" || r.Text("error") == "" {
					t.Errorf("%s", r.Raw)
				}
			}
		}
	})
	t.Run("6.2 order, and a cursor by sequence: equal times lose nothing", func(t *testing.T) {
		id, token := enrolled(t, "6.2")
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
			"type=a2a_receive&limit=100": "012345", "type=a2a_receive&limit=3": "012", "type=a2a_receive&limit=100&since_secs=30": "012345",
			"type=a2a_receive": "543210", "type=a2a_receive&since_secs=600": "543210",
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
	})
	t.Run("6.3 rows carry data{source, source_id, text}", func(t *testing.T) {
		id, token := enrolled(t, "6.3")
		peer, peerToken := enrolled(t, "6.3 peer")
		call(t, 200, "POST", "/workspaces/"+id+"/a2a", "", client.Message(id, "from the user"))
		as(t, 200, "POST", "/workspaces/"+id+"/a2a", peerToken, client.Message(peer, "from a peer"), map[string]string{"X-Workspace-ID": peer})
		rows := poll(t, "/workspaces/"+id, token, "type=a2a_receive&limit=9")
		if len(rows) != 2 || rows[0].Data.Source != "canvas_user" || rows[0].Data.Text != "from the user" || rows[0].SourceID != nil ||
			rows[1].Data.Source != "peer_agent" || rows[1].Data.SourceID != peer || *rows[1].SourceID != peer || rows[1].Data.Text != "from a peer" || rows[1].Data.PeerName != "6.3 peer" {
			t.Fatalf("%+v", rows)
		}
	})
	t.Run("6.4 remote:// or no url, with no mode, is poll", func(t *testing.T) {
		for _, body := range []map[string]any{{"url": "remote://no-inbound"}, {}, {"url": ""}} {
			body["id"] = uuid.NewString()
			if r := call(t, 200, "POST", "/registry/register", "", body); r.Text("delivery_mode") != "poll" || r.Text("auth_token") == "" {
				t.Errorf("%v: %s", body, r.Raw)
			}
		}
	})
	t.Run("6.5 what was said to the user never comes back as inbound chat", func(t *testing.T) {
		id, token := enrolled(t, "6.5")
		call(t, 200, "POST", "/workspaces/"+id+"/notify", token, map[string]any{"message": "said"})
		call(t, 200, "POST", "/workspaces/"+id+"/activity", token, map[string]any{"activity_type": "a2a_receive", "source_id": id, "summary": "reported"})
		if rows := poll(t, "/workspaces/"+id, token, "type=a2a_receive&limit=9"); len(rows) != 0 {
			t.Fatalf("%+v", rows)
		}
		r := call(t, 200, "GET", "/workspaces/"+id+"/activity?type=notify", s.OperatorToken, nil)
		if !strings.Contains(string(r.Raw), `"said"`) {
			t.Fatalf("%s", r.Raw)
		}
	})
	t.Run("6.6 the caller is the bearer's owner; a header only has to agree", func(t *testing.T) {
		id, token := enrolled(t, "6.6")
		peer, peerToken := enrolled(t, "6.6 peer")
		path := "/workspaces/" + id + "/a2a"
		for i, headers := range []map[string]string{{}, {"X-Source-Workspace-Id": peer}, {"X-Workspace-ID": peer}, {"X-Workspace-ID": peer, "X-Source-Workspace-Id": peer}} {
			as(t, 200, "POST", path, peerToken, client.Message(fmt.Sprint(id, i), "x"), headers)
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
			{401, peerToken, map[string]string{"X-Workspace-ID": id}}, {401, peerToken, map[string]string{"X-Source-Workspace-Id": id}},
			{403, peerToken, map[string]string{"X-Workspace-ID": peer, "X-Source-Workspace-Id": id}}, {401, "", map[string]string{"X-Workspace-ID": peer}}, {401, "no one's", nil},
		} {
			as(t, c.want, "POST", path, c.token, client.Message(uuid.NewString(), "forged"), c.headers)
		}
		if v := call(t, 200, "GET", "/workspaces/"+id, "", nil); v.Text("messages", "accepted") != "4" {
			t.Errorf("a forged message was accepted: %s", v.Raw)
		}
	})
	t.Run("6.7 healthz answers, and a heartbeat may say id", func(t *testing.T) {
		id, token := enrolled(t, "6.7")
		call(t, 200, "GET", "/healthz", "", nil)
		call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"id": id})
	})
	t.Run("6.8 state is 404 for a removed workspace only", func(t *testing.T) {
		id, token := enrolled(t, "6.8")
		call(t, 200, "GET", "/workspaces/"+id+"/state", token, nil)
		call(t, 401, "GET", "/workspaces/"+id+"/state", "wrong", nil)
		call(t, 401, "GET", "/workspaces/"+uuid.NewString()+"/state", token, nil)
		call(t, 200, "DELETE", "/workspaces/"+id, s.OperatorToken, nil)
		if r := call(t, 404, "GET", "/workspaces/"+id+"/state", token, nil); r.Text("deleted") != "true" || r.Text("workspace_id") != id {
			t.Errorf("%s", r.Raw)
		}
		if r := call(t, 410, "GET", "/workspaces/"+id, "", nil); r.Text("error") != "workspace removed" || r.Text("id") != id || r.Text("removed_at") == "" || r.Text("hint") == "" {
			t.Errorf("%s", r.Raw)
		}
	})
	t.Run("6.9 a delegation that was made before is a 202 too", func(t *testing.T) {
		id, token := enrolled(t, "6.9")
		peer, _ := enrolled(t, "6.9 peer")
		body := map[string]any{"target_id": peer, "task": "do it", "idempotency_key": strings.Repeat("0f", 16)}
		first := call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, body)
		again := call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, body)
		if first.Text("delegation_id") == "" || first.Text("delegation_id") != again.Text("delegation_id") || again.Text("idempotent_hit") != "true" {
			t.Errorf("%s %s", first.Raw, again.Raw)
		}
		if v := call(t, 200, "GET", "/workspaces/"+peer, "", nil); v.Text("messages", "accepted") != "1" {
			t.Errorf("%s", v.Raw)
		}
	})
	t.Run("6.10 Retry-After is whole seconds", func(t *testing.T) {
		id, _ := enrolled(t, "6.10")
		for i := range s.MaxOpen {
			call(t, 200, "POST", "/workspaces/"+id+"/a2a", "", client.Message(fmt.Sprint(id, i), "x"))
		}
		r := call(t, 429, "POST", "/workspaces/"+id+"/a2a", "", client.Message(id, "one too many"))
		if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || n < 1 || r.Text("retry_after") != strconv.Itoa(n) || r.Text("code") != "inbox_full" {
			t.Errorf("%v %s", r.Header, r.Raw)
		}
	})
	t.Run("6.11 a metric that is absent changes nothing", func(t *testing.T) {
		id, token := enrolled(t, "6.11")
		call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id, "active_tasks": 1, "error_rate": 0.9, "sample_error": "boom"})
		call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id})
		if v := call(t, 200, "GET", "/workspaces/"+id, "", nil); v.Text("active_tasks") != "1" || v.Text("reason") != "error_rate" {
			t.Errorf("%s", v.Raw)
		}
	})
	t.Run("6.12 a task sent, then delegated as it was only queued, arrives once", func(t *testing.T) {
		id, token := enrolled(t, "6.12")
		peer, peerToken := enrolled(t, "6.12 peer")
		as(t, 200, "POST", "/workspaces/"+peer+"/a2a", token, client.Message(uuid.NewString(), "the task"), map[string]string{"X-Workspace-ID": id})
		d := call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, map[string]any{"target_id": peer, "task": "the task", "idempotency_key": "k"})
		if d.Text("deduplicated") != "true" {
			t.Errorf("%s", d.Raw)
		}
		call(t, 202, "POST", "/workspaces/"+id+"/delegate", token, map[string]any{"target_id": peer, "task": "another task", "idempotency_key": "l"})
		rows := poll(t, "/workspaces/"+peer, peerToken, "type=a2a_receive&limit=9")
		if len(rows) != 2 || rows[0].Data.Text != "the task" || rows[1].Data.Text != "another task" {
			t.Errorf("%+v", rows)
		}
	})
}

// Any authenticated call renews the lease.
func TestAPIEveryCallRenewsTheLease(t *testing.T) {
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/workspaces/{id}/activity?type=a2a_receive", nil}, {"GET", "/workspaces/{id}/activity?peer_id=x", nil}, {"GET", "/workspaces/{id}/state", nil},
		{"GET", "/workspaces/{id}/delegations", nil}, {"GET", "/registry/{id}/peers", nil}, {"POST", "/workspaces/{id}/notify", map[string]any{"message": "x"}},
		{"POST", "/workspaces/{id}/activity", map[string]any{"activity_type": "agent_log"}}, {"POST", "/registry/update-card", map[string]any{"workspace_id": "{id}", "agent_card": map[string]any{}}},
		{"POST", "/registry/heartbeat", map[string]any{"workspace_id": "{id}"}},
	} {
		id, token := enrolled(t, "renews")
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

// The log answers what a client's chat history and a person ask of it.
func TestAPIActivityLog(t *testing.T) {
	s := on(t)
	id, token := enrolled(t, "log")
	peer, peerToken := enrolled(t, "log peer")
	path := "/workspaces/" + id
	call(t, 200, "POST", path+"/a2a", "", client.Message(id, "from the user"))
	as(t, 200, "POST", path+"/a2a", peerToken, client.Message(peer, "from the peer"), nil)
	call(t, 200, "POST", path+"/activity", token, map[string]any{"activity_type": "a2a_send", "source_id": id, "target_id": peer, "summary": "to the peer", "request_body": map[string]any{"a": 1}})
	call(t, 403, "POST", path+"/activity", token, map[string]any{"activity_type": "a2a_send", "source_id": peer})
	call(t, 200, "POST", path+"/notify", token, map[string]any{"message": "to the user", "attachments": []any{map[string]any{"name": "f"}}})
	for query, want := range map[string]string{
		"": "to the user|to the peer|from the peer|from the user", "peer_id=" + peer: "to the peer|from the peer", "peer_id=" + peer + "&limit=1": "to the peer",
		"source=agent": "to the peer|from the peer", "source=canvas": "to the user|from the user", "type=a2a_receive&source=canvas": "from the user", "type=notify": "to the user",
		"before_ts=2020-01-01T00:00:00Z": "", "since_secs=600&type=a2a_send": "to the peer",
	} {
		for _, credential := range []string{token, s.OperatorToken} {
			var rows []struct {
				Summary string
				Data    *struct{ Text string }
			}
			r := call(t, 200, "GET", path+"/activity?"+query, credential, nil)
			if err := json.Unmarshal(r.Raw, &rows); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows {
				if row.Data != nil {
					got = append(got, row.Data.Text)
				} else {
					got = append(got, row.Summary)
				}
			}
			if strings.Join(got, "|") != want {
				t.Errorf("%q gave %q, want %q", query, got, want)
			}
		}
	}
	for _, query := range []string{"since_secs=0", "since_secs=x", "since_secs=9999999", "source=moon", "peer_id=a%20b", "before_ts=yesterday", "limit=0", "limit=501", "type=notify&since_id=x"} {
		if r := call(t, 400, "GET", path+"/activity?"+query, token, nil); r.Text("code") != "invalid_request" {
			t.Errorf("%s: %s", query, r.Raw)
		}
	}
	// Receipts are for the sender, the receiver and the operator.
	third, thirdToken := enrolled(t, "log third")
	for credential, want := range map[string]int{token: 200, peerToken: 200, s.OperatorToken: 200, thirdToken: 404} {
		call(t, want, "GET", path+"/messages/"+peer, credential, nil)
		call(t, want, "GET", path+"/a2a/queue/"+peer, credential, nil)
	}
	_ = third
	if r := call(t, 200, "GET", path+"/a2a/queue/"+peer, peerToken, nil); r.Text("status") != "queued" || r.Text("attempts") != "0" || r.Text("queue_id") != peer {
		t.Errorf("%s", r.Raw)
	}
}
