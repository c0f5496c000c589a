package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/client"
)

// The activity log answers the queries of a client's chat history and of a person.
func TestAPIActivityLog(t *testing.T) {
	s := on(t)
	id, token := newWorkspace(t, "log")
	peer, peerToken := newWorkspace(t, "log peer")
	path := "/workspaces/" + id
	call(t, 200, "POST", path+"/a2a", "", client.Message(id, "from the user"))
	callWith(t, 200, "POST", path+"/a2a", peerToken, client.Message(peer, "from the peer"), nil)
	call(t, 200, "POST", path+"/activity", token, map[string]any{
		"activity_type": "a2a_send", "source_id": id, "target_id": peer, "summary": "to the peer",
		"request_body": map[string]any{"a": 1},
	})
	call(t, 403, "POST", path+"/activity", token, map[string]any{"activity_type": "a2a_send", "source_id": peer})
	call(t, 200, "POST", path+"/notify", token, map[string]any{
		"message": "to the user", "attachments": []any{map[string]any{"name": "f"}},
	})
	for query, want := range map[string]string{
		"":                               "to the user|to the peer|from the peer|from the user",
		"peer_id=" + peer:                "to the peer|from the peer",
		"peer_id=" + peer + "&limit=1":   "to the peer",
		"source=agent":                   "to the peer|from the peer",
		"source=canvas":                  "to the user|from the user",
		"type=a2a_receive&source=canvas": "from the user", "type=notify": "to the user",
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
	for _, query := range []string{
		"since_secs=0", "since_secs=x", "since_secs=9999999", "source=moon", "peer_id=a%20b",
		"before_ts=yesterday", "limit=0", "limit=501", "type=notify&since_id=x",
	} {
		if r := call(t, 400, "GET", path+"/activity?"+query, token, nil); r.Text("code") != "invalid_request" {
			t.Errorf("%s: %s", query, r.Raw)
		}
	}
	// Receipts are for the sender, the receiver and the operator.
	third, thirdToken := newWorkspace(t, "log third")
	for credential, want := range map[string]int{token: 200, peerToken: 200, s.OperatorToken: 200, thirdToken: 404} {
		call(t, want, "GET", path+"/messages/"+peer, credential, nil)
		call(t, want, "GET", path+"/a2a/queue/"+peer, credential, nil)
	}
	_ = third
	r := call(t, 200, "GET", path+"/a2a/queue/"+peer, peerToken, nil)
	if r.Text("status") != "queued" || r.Text("attempts") != "0" || r.Text("queue_id") != peer {
		t.Errorf("%s", r.Raw)
	}
}
