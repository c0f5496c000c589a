package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

func TestAPIPollWorkspaceGetsItsMail(t *testing.T) {
	on(t)
	id := uuid.NewString()
	token := call(t, 200, "POST", "/registry/register", "", map[string]any{
		"id": id, "delivery_mode": "poll", "agent_card": map[string]any{"name": "poller"},
	}).Text("auth_token")
	path := "/workspaces/" + id
	if rows := poll(t, path, token, "type=a2a_receive&limit=100"); len(rows) != 0 {
		t.Fatalf("%v", rows)
	}
	for i := range 4 {
		r := call(t, 200, "POST", path+"/a2a", "", client.Message(fmt.Sprint(id, "-", i), fmt.Sprint("text ", i)))
		if r.Text("status") != "queued" || r.Text("delivery_mode") != "poll" || r.Text("expected") != "next_poll" ||
			r.Text("queue_depth") != fmt.Sprint(i+1) {
			t.Fatalf("%s", r.Raw)
		}
	}
	beat := call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id, "active_tasks": 0})
	if beat.Text("inbox", "queued") != "4" {
		t.Fatalf("the heartbeat does not tell of the mail: %s", beat.Raw)
	}
	// A repeat before the acknowledgement returns the same rows.
	for _, query := range []string{"type=a2a_receive&limit=100", "type=a2a_receive&limit=100&since_secs=30"} {
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
	rest := poll(t, path, token, "type=a2a_receive&limit=100&since_id="+rows[1].ID)
	if len(rest) != 2 || rest[0].ID != rows[2].ID {
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
	if view.Text("status") != "online" || view.Text("messages", "delivered") != "4" ||
		view.Text("messages", "queued") != "0" {
		t.Fatalf("%s", view.Raw)
	}
	for _, cursor := range []string{
		"00000000-0000-0000-0000-000000000000", "99-abcdefabcdef", strings.Replace(rows[0].ID, "1-", "2-", 1),
	} {
		call(t, 410, "GET", path+"/activity?type=a2a_receive&limit=1&since_id="+cursor, token, nil)
	}
	call(t, 401, "GET", path+"/activity?type=a2a_receive", "", nil)
}
