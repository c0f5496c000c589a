package openapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/localstack/proofs/openapi"
)

// A checker that misses a departure would prove nothing.
func TestDeparturesAreSeen(t *testing.T) {
	raw, err := os.ReadFile("../../../functions/status/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	state := `{"workspace_id":"w","status":"online","reason":"healthy","paused":false,"deleted":false}`
	noSuchStatus := strings.Replace(state, "online", "fine", 1)
	newMember := strings.Replace(state, "{", `{"mood":"good",`, 1)
	moreOfAProblem := `{"error":"x","code":"x","hint":"","action":"repair","credential":"none"}`
	sent := `{"status":"sent","id":"x"}`
	repaired := `{"workspace_id":"w","revoked":1,"bootstrap_until":"soon","next":"x"}`
	for name, c := range map[string]struct {
		method, path, sent string
		status             int
		answer, departs    string
	}{
		"as described":           {"GET", "/workspaces/w/state", "", 200, state, ""},
		"another status":         {"GET", "/workspaces/w/state", "", 418, state, "no answer 418"},
		"a member is missing":    {"GET", "/workspaces/w/state", "", 200, `{"workspace_id":"w"}`, "missing"},
		"a status not in use":    {"GET", "/workspaces/w/state", "", 200, noSuchStatus, "status"},
		"a member is new":        {"GET", "/workspaces/w/state", "", 200, newMember, "mood"},
		"a problem has more":     {"GET", "/workspaces/w/state", "", 401, moreOfAProblem, "credential"},
		"a bare message":         {"GET", "/workspaces/w/state", "", 503, `{"message":"Service Unavailable"}`, "missing"},
		"no such operation":      {"GET", "/nowhere", "", 200, `{}`, "no such operation"},
		"an unknown query":       {"GET", "/workspaces?colour=red", "", 200, `{"workspaces":[],"next":null}`, "colour"},
		"a literal goes first":   {"GET", "/registry/discover/peers", "", 200, `[]`, "object"},
		"a wrong request passed": {"POST", "/workspaces/w/notify", `{"message":7}`, 200, sent, "the request"},
		"a bad time":             {"POST", "/workspaces/w/repair", "", 200, repaired, "bootstrap_until"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.answer)
			}))
			defer server.Close()
			checker, err := openapi.New(raw)
			if err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, strings.NewReader(c.sent))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := (&http.Client{Transport: checker}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			got := strings.Join(checker.Departures(), "\n")
			if (c.departs == "") != (got == "") || !strings.Contains(got, c.departs) {
				t.Fatalf("departures: %q, want one about %q", got, c.departs)
			}
		})
	}
}
