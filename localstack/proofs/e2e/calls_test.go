package e2e

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// call makes one call, which must be answered with the status want.
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

// newWorkspace creates a workspace and returns its credential.
func newWorkspace(t *testing.T, name string) (id, token string) {
	t.Helper()
	id = uuid.NewString()
	return id, call(t, 201, "POST", "/workspaces", on(t).OperatorToken, map[string]any{
		"id": id, "name": name,
	}).Text("auth_token")
}

// callWith is call with headers.
func callWith(t *testing.T, want int, method, path, token string, body any, headers map[string]string) client.Reply {
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

// row is an activity row as an agent polls it.
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

// poll reads the activity of a workspace.
func poll(t *testing.T, path, token, query string) []row {
	t.Helper()
	r := call(t, 200, "GET", path+"/activity?"+query, token, nil)
	var rows []row
	if err := json.Unmarshal(r.Raw, &rows); err != nil {
		t.Fatalf("not a bare array: %s", r.Raw)
	}
	return rows
}
