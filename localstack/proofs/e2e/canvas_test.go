package e2e

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// reporter is appended to the page under test: it posts what the page shows, each time that changes.
const reporter = `<script type="module">
const look = () => {
  const rows = [...dots.children].map(row => {
    const color = getComputedStyle(row, '::before').color
    return color + ' ' + row.textContent
  })
  fetch('/shown', { method: 'POST', body: [age.textContent, ...rows].join('\n') })
}
new MutationObserver(look).observe(document.body, { attributes: true, childList: true, subtree: true })
</script>`

// shownBy opens a page in a browser and returns what it shows from then on.
func shownBy(t *testing.T, content, fragment string) <-chan string {
	t.Helper()
	shown := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/shown" {
			body, _ := io.ReadAll(r.Body)
			shown <- string(body)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, content+reporter)
	}))
	t.Cleanup(server.Close)
	browser := exec.CommandContext(t.Context(), chromium(t), "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--user-data-dir="+t.TempDir(), "--remote-debugging-port=0",
		"--host-resolver-rules=MAP *.test "+strings.TrimPrefix(server.URL, "http://"), canvas+"/#"+fragment)
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = browser.Process.Kill()
		_ = browser.Wait()
	})
	return shown
}

// awaitShown waits until the page shows what the pattern says.
func awaitShown(t *testing.T, shown <-chan string, pattern string) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	last := "nothing"
	for late := time.After(90 * time.Second); ; {
		select {
		case last = <-shown:
			if want.MatchString(last) {
				return
			}
		case <-late:
			t.Fatalf("the page never shows %s, but at last:\n%s", pattern, last)
		}
	}
}

// The colours of the dots, as a browser computes them.
const (
	green  = `rgb\(0, 128, 0\)`
	orange = `rgb\(255, 165, 0\)`
	grey   = `rgb\(128, 128, 128\)`
)

// The page of docs/canvas.md shows that an agent breaks and is mended, and that the platform can't be reached.
func TestTheCanvasShowsALiveDot(t *testing.T) {
	s := on(t)
	content, err := os.ReadFile("../../../examples/canvas/index.html")
	if err != nil {
		t.Fatal(err)
	}
	viewer := call(t, 201, "POST", "/tokens", s.OperatorToken, map[string]any{"name": "canvas", "scope": "view"})
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	proxy.ErrorLog = log.New(io.Discard, "", 0) // calls that are cut off on purpose
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)

	name := "canvas " + uuid.NewString()[:8]
	id, token := newWorkspace(t, name)
	agent := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(agent.Close)
	register := func(status int, token string) {
		t.Helper()
		call(t, status, "POST", "/registry/register", token, map[string]any{"id": id, "name": name, "url": agent.URL})
	}
	register(200, token)
	fragment := url.Values{"api": {api.URL}, "token": {viewer.Text("credential")}}.Encode()
	shown := shownBy(t, string(content), fragment)
	dot := func(color, words string) string { return fmt.Sprintf(`%s %s: %s`, color, name, words) }

	awaitShown(t, shown, dot(green, `online \(healthy\)`))
	for range 2 { // it boots twice without its credential
		register(401, "")
	}
	awaitShown(t, shown, dot(orange, `degraded \(credentials_rejected\)`))
	register(200, token)
	awaitShown(t, shown, dot(green, `online \(healthy\)`))

	down.Store(true)
	api.CloseClientConnections()
	awaitShown(t, shown, `As of \d+ s ago: [^\n]+\n(?s:.*)`+dot(grey, `online \(healthy\)`))
	down.Store(false)
	awaitShown(t, shown, `\A\n(?s:.*)`+dot(green, `online \(healthy\)`))

	call(t, 200, "DELETE", "/workspaces/"+id, s.OperatorToken, nil)
	for gone := false; !gone; {
		select {
		case last := <-shown:
			gone = !strings.Contains(last, name)
		case <-time.After(90 * time.Second):
			t.Fatal("the page goes on showing a workspace that was removed")
		}
	}
}
