package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall/rollcall/shared/api/apidoc"
	"github.com/rollcall/rollcall/shared/token"
)

// platform answers like the API: the calls of one route get its answers in turn,
// and the last answer from then on.
type platform struct {
	answers map[string][]answer // by "METHOD /path"

	mu    sync.Mutex
	calls []string // "METHOD /path body"
	wrong []string // what is wrong with calls that it took, by the document of the API
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
	if all[0].status < 400 {
		p.check(r, raw)
	}
	w.WriteHeader(all[0].status)
	_, _ = io.WriteString(w, all[0].body)
}

// document is the API's own description of itself.
var document = sync.OnceValues(func() (*apidoc.Document, error) {
	raw, err := os.ReadFile("../../functions/status/openapi.json")
	if err != nil {
		return nil, err
	}
	return apidoc.New(raw)
})

// check notes what is wrong with a call by the document: the platform takes some that another server would not.
func (p *platform) check(r *http.Request, body []byte) {
	doc, err := document()
	if err == nil {
		if route := doc.Route(r.Method, r.URL.Path); route != "" {
			err = doc.CheckRequest(route, r.URL.Query(), body)
		}
	}
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.wrong = append(p.wrong, fmt.Sprintf("%s %s %s: %v", r.Method, r.URL, body, err))
	}
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
	if p, ok := h.(*platform); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, wrong := range p.wrong {
			t.Errorf("rollcall %s: a call is not as the API describes it: %s", strings.Join(args, " "), wrong)
		}
	}
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
