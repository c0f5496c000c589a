package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall/rollcall/shared/token"
)

// platform answers like the API: the calls of one route get its answers in turn,
// and the last answer from then on.
type platform struct {
	answers map[string][]answer // by "METHOD /path"

	mu    sync.Mutex
	calls []string // "METHOD /path body"
}

// answer is a reply; the zero one breaks the connection.
type answer struct {
	status int
	body   string
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	key := r.Method + " " + r.URL.Path
	p.mu.Lock()
	p.calls = append(p.calls, strings.TrimSpace(key+" "+string(raw)))
	all := p.answers[key]
	if len(all) > 1 {
		p.answers[key] = all[1:]
	}
	p.mu.Unlock()
	switch {
	case len(all) == 0:
		all = []answer{{404, `{"error": "no such route: ` + key + `", "code": "unknown_route", "action": "stop"}`}}
	case all[0] == (answer{}):
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(all[0].status)
	_, _ = io.WriteString(w, all[0].body)
}

// rollcall runs the program against h. The end of ctx interrupts it.
func rollcall(ctx context.Context, t *testing.T, h http.Handler, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	t.Setenv("ROLLCALL_URL", server.URL+"/")
	person, _ := token.Mint(token.Person)
	t.Setenv("ROLLCALL_TOKEN", person)
	var out, errs bytes.Buffer
	code = run(ctx, args, nil, &out, &errs)
	return code, out.String(), errs.String()
}

// rollcallAt runs the program against a platform at an address, without a credential.
func rollcallAt(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("ROLLCALL_URL", url)
	t.Setenv("ROLLCALL_TOKEN", "")
	var out, errs bytes.Buffer
	code = run(t.Context(), args, nil, &out, &errs)
	return code, out.String(), errs.String()
}

// What the platform answers in these tests.
const (
	down = `{"error": "the platform's store can't be asked right now", "code": "platform_unavailable",
		"hint": "nothing was decided; try again", "action": "retry"}`
	taken = `{"message_id": "m1", "expected": "now", "workspace_status": "online", "workspace_reason": "healthy",
		"message": "accepted; it is being delivered now"}`
	queued = `{"message_id": "m1", "workspace_id": "demo", "state": "queued", "reason": "it waits for its turn"}`

	delivered = `{"message_id": "m1", "workspace_id": "demo", "state": "delivered", "reason": "the agent took it",
		"answer": {"parts": [{"kind": "text", "text": "42"}]}, "answer_text": "42"}`
	dead   = `{"message_id": "m1", "workspace_id": "demo", "state": "dead", "reason": "five tries failed"}`
	before = `{"id": "demo", "status": "degraded", "reason": "credentials_rejected",
		"last_registered_at": "2020-01-01T00:00:00Z"}`
	back = `{"id": "demo", "status": "online", "reason": "healthy", "last_registered_at": "2020-01-01T00:00:01Z",
		"last_heard_at": "2020-01-01T00:00:01Z"}`

	repaired = `{"revoked": 1, "bootstrap_until": "2020-01-01T01:00:00Z", "next": "restart the agent"}`
)
