package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// canvas is the origin that the platforms under test let in, and attacker is one that nobody let in.
const (
	canvas   = "http://canvas.test"
	attacker = "http://attacker.test"
)

// chromium is the browser that make test has seen to.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Chromium is needed: install it (on Debian: apt-get install chromium)")
	return ""
}

// visit opens a page and returns what is on it once its script has run. Every name that ends in .test
// leads to the server at pages, but rebound.test, which leads to the platform.
func visit(t *testing.T, pages, address string) string {
	t.Helper()
	api, err := url.Parse(on(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium(t), "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=10000", "--dump-dom",
		"--host-resolver-rules=MAP rebound.test "+api.Host+", MAP *.test "+pages, address).Output()
	if err != nil {
		t.Fatalf("Chromium: %v", err)
	}
	return html.UnescapeString(string(out))
}

// page serves a page whose script tries each of the calls, and writes what came of them: a status, or
// the error that the browser gave the script in its place.
func page(t *testing.T, tries string) (host string) {
	t.Helper()
	content := fmt.Sprintf(`<!doctype html><pre id="out"></pre><script>
const api = %q, json = 'application/json'
const post = (path, type, body) => {
  const headers = type ? { 'content-type': type } : {}
  return fetch(api + path, { method: 'POST', body, headers })
}
const tries = {%s}
const all = Object.entries(tries).map(async ([name, call]) => {
  try {
    const r = await call()
    return name + '=' + r.status + ' ' + await r.text()
  } catch (e) { return name + '=' + e.name }
})
Promise.all(all).then(lines => { out.textContent = lines.join('\n') + '\ndone' })
</script>`, on(t).URL, tries)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, content)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// A page that a person happens to have open reads nothing of the local platform and changes nothing on
// it, whatever a browser lets it send without asking.
func TestAPageOfAnotherOriginDoesNothing(t *testing.T) {
	s := on(t)
	id := uuid.NewString()
	body, _ := json.Marshal(map[string]any{"id": id, "delivery_mode": "poll"})
	shown := visit(t, page(t, fmt.Sprintf(`
	  read: () => fetch(api + '/workspaces'),
	  asJSON: () => post('/registry/register', json, %[1]q),
	  asText: () => post('/registry/register', 'text/plain', %[1]q),
	  asNothing: () => post('/registry/register', '', new Blob([%[1]q])),
	  asForm: () => post('/registry/register', 'application/x-www-form-urlencoded', %[1]q),
	  blind: () => fetch(api + '/registry/register', { method: 'POST', mode: 'no-cors', body: %[1]q }),
	  beacon: async () => ({ status: navigator.sendBeacon(api + '/registry/register', %[1]q), text: () => '' }),
	`, body)), attacker)
	for _, want := range []string{
		"read=TypeError", "asJSON=TypeError", "asText=TypeError", "asNothing=TypeError", "asForm=TypeError", "blind=", "done",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("without %q: %s", want, shown)
		}
	}
	if r, err := s.Do(t.Context(), "GET", "/workspaces/"+id, s.OperatorToken, nil); err != nil || r.Status != 404 {
		t.Errorf("the page registered a workspace: %s, %v", r.Raw, err)
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if shown := visit(t, "", "http://rebound.test:"+port+"/workspaces"); !strings.Contains(shown, "host_forbidden") {
		t.Errorf("a name that was led to this machine is answered: %s", shown)
	}
}

// A canvas whose origin the deployment lets in reads, and writes what its credential may.
func TestACanvasThatIsLetInCalls(t *testing.T) {
	s := on(t)
	id := uuid.NewString()
	call(t, 201, "POST", "/workspaces", s.OperatorToken, map[string]any{"id": id, "name": "let in"})
	shown := visit(t, page(t, fmt.Sprintf(`
	  read: () => fetch(api + '/workspaces/%[1]s', { headers: { authorization: 'Bearer %[2]s' } }),
	  write: () => fetch(api + '/workspaces/%[1]s/pause', { method: 'POST', headers: { authorization: 'Bearer %[2]s' } }),
	  asText: () => post('/registry/register', 'text/plain', '{}'),
	`, id, s.OperatorToken)), canvas)
	for _, want := range []string{
		"read=200 ", `"name":"let in"`, "write=200 ", "asText=415 ", `"code":"unsupported_media_type"`,
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("without %q: %s", want, shown)
		}
	}
}

// The documentation works under its own content security policy.
func TestTheDocumentationWorksInABrowser(t *testing.T) {
	if shown := visit(t, "", on(t).URL+"/docs"); !strings.Contains(shown, "POST") {
		t.Errorf("the documentation: %s", shown)
	}
}
