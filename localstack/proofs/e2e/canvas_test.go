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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	folder := t.TempDir()
	browser := exec.CommandContext(t.Context(), chromium(t), "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--user-data-dir="+folder, "--remote-debugging-port=0",
		"--host-resolver-rules=MAP *.test "+strings.TrimPrefix(server.URL, "http://"), canvas+"/#"+fragment)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) // and all that it has started
		_ = browser.Wait()
		remove(t, folder)
	})
	return shown
}

// remove removes the folder of a browser that has ended: what the browser started may write into it for a moment more.
func remove(t *testing.T, folder string) {
	t.Helper()
	var err error
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		if err = os.RemoveAll(folder); err == nil {
			return
		}
	}
	t.Error(err)
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

// asked is the pause that the platform asks for in the test: longer than any that the page makes by itself.
const asked = 5 * time.Second

// between stands between the page and the platform.
type between struct {
	platform http.Handler
	down     atomic.Bool // no call gets through

	mu       sync.Mutex
	busy     bool // the next call is asked to come again later
	refused  time.Time
	returned time.Time // of the first call after that
	calls    int
}

func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.down.Load() {
		panic(http.ErrAbortHandler)
	}
	if r.Method == http.MethodGet && b.refuses() {
		w.Header().Set("Access-Control-Allow-Origin", canvas)
		w.Header().Set("Access-Control-Expose-Headers", "retry-after")
		w.Header().Set("Retry-After", strconv.Itoa(int(asked.Seconds())))
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	b.platform.ServeHTTP(w, r)
}

// refuses notes a call, and reports whether it is asked to come again later.
func (b *between) refuses() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.busy {
		b.busy, b.refused = false, time.Now()
		return true
	}
	if !b.refused.IsZero() && b.returned.IsZero() {
		b.returned = time.Now()
	}
	return false
}

func (b *between) setBusy() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = true
}

// paused is how long after the refusal the page came back.
func (b *between) paused() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.returned.Sub(b.refused)
}

func (b *between) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// The page of docs/canvas.md shows that an agent breaks and is mended, and that the platform can't be reached. It comes
// back when the platform asks it to, and not at all with a credential that is not accepted.
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
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	proxy.ErrorLog = log.New(io.Discard, "", 0) // calls that are cut off on purpose
	link := &between{platform: proxy}
	api := httptest.NewServer(link)
	t.Cleanup(api.Close)

	name := "canvas " + uuid.NewString()[:8]
	id, token := newWorkspace(t, name)
	agent := answeringAgent()
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

	link.down.Store(true)
	api.CloseClientConnections()
	awaitShown(t, shown, `As of \d+ s ago: [^\n]+\n(?s:.*)`+dot(grey, `online \(healthy\)`))
	link.down.Store(false)
	awaitShown(t, shown, `\A\n(?s:.*)`+dot(green, `online \(healthy\)`))

	link.setBusy()
	api.CloseClientConnections() // the call that waits for a change ends, and the next one is refused
	awaitShown(t, shown, `As of \d+ s ago: the platform answers 503`)
	awaitShown(t, shown, `\A\n(?s:.*)`+dot(green, `online \(healthy\)`))
	if got := link.paused(); got < asked {
		t.Errorf("the page came back %v after it was asked to wait %v", got, asked)
	}

	call(t, 200, "DELETE", "/workspaces/"+id, s.OperatorToken, nil)
	for gone := false; !gone; {
		select {
		case last := <-shown:
			gone = !strings.Contains(last, name)
		case <-time.After(90 * time.Second):
			t.Fatal("the page goes on showing a workspace that was removed")
		}
	}

	call(t, 200, "DELETE", "/tokens/"+viewer.Text("token_id"), s.OperatorToken, nil)
	awaitShown(t, shown, `As of \d+ s ago: the platform answers 401, as it does not accept the credential`)
	calls := link.count()
	awaitShown(t, shown, `As of \d{2,} s ago: the platform answers 401`)
	if got := link.count(); got != calls {
		t.Errorf("the page made %d more calls with a credential that is not accepted", got-calls)
	}

	fragment = url.Values{"api": {api.URL}, "token": {viewer.Text("credential") + "\nextra"}}.Encode()
	awaitShown(t, shownBy(t, string(content), fragment), `ago: the credential in the address of this page is not one word`)
}
