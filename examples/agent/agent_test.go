package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func testAgent(t *testing.T, platform string) *agent {
	t.Helper()
	log.SetOutput(io.Discard)
	dir := t.TempDir()
	return &agent{
		platform: platform, id: "w", beat: 10 * time.Millisecond, patience: time.Minute, enrolment: "rce_x",
		tokenFile: filepath.Join(dir, "token"), journal: filepath.Join(dir, "journal"),
		registered: make(chan struct{}),
	}
}

// The agent registers without a credential, is given one, is asked to rotate it at
// a heartbeat, and registers with the new one; it registers again when it is asked to.
func TestRun(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	var calls []string
	var registered registerRequest
	epoch, given, asked := int64(0), map[int64]string{1: "first"}, map[int64]string{1: "rotate", 2: "register"}
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.URL.Path+" "+r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/registry/register":
			_ = json.NewDecoder(r.Body).Decode(&registered)
			epoch++
			fmt.Fprintf(w, `{"auth_token": %q, "delivery_mode": "push", "epoch": %d,
				"webhook_secret": "whsec_c2VjcmV0"}`, given[epoch], epoch)
		case "/registry/heartbeat":
			var beat heartbeatRequest
			if err := json.NewDecoder(r.Body).Decode(&beat); err != nil || beat != (heartbeatRequest{"w", 0, 0, epoch}) {
				t.Errorf("heartbeat %+v, %v", beat, err)
			}
			if epoch == 3 {
				stop()
				return
			}
			fmt.Fprintf(w, `{"action": %q}`, asked[epoch])
		case "/workspaces/w/rotate":
			_, _ = io.WriteString(w, `{"auth_token": "second"}`)
		}
	}))
	a := testAgent(t, platform.URL)
	status, err := a.run(ctx)
	platform.Close() // and wait for the handlers
	if status != 0 || err != nil {
		t.Fatalf("%d, %v", status, err)
	}
	want := []string{
		"/registry/register ", "/registry/heartbeat Bearer first",
		"/workspaces/w/rotate Bearer first", "/registry/register Bearer second", "/registry/heartbeat Bearer second",
		"/registry/register Bearer second", "/registry/heartbeat Bearer second",
	}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
	if registered.ID != "w" || registered.EnrolmentToken != "rce_x" || registered.Card.URL != registered.URL {
		t.Errorf("registered %+v", registered)
	}
}

func TestRunIsRefused(t *testing.T) {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error": "unknown credential", "hint": "rollcall repair w"}`)
	}))
	defer platform.Close()
	status, err := testAgent(t, platform.URL).run(t.Context())
	const want = "unknown credential (HTTP 401): rollcall repair w"
	if status != http.StatusUnauthorized || err == nil || err.Error() != want {
		t.Errorf("%d, %v", status, err)
	}
}

// A platform that never answers does not hold the agent for good.
func TestACallEnds(t *testing.T) {
	platform := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees that a caller has left once it has read the body
		<-r.Context().Done()
	}))
	defer platform.Close()
	a := testAgent(t, platform.URL)
	a.patience = 10 * time.Millisecond
	if status, err := a.call(t.Context(), "/", nil, nil); status != 0 || !os.IsTimeout(err) {
		t.Errorf("HTTP %d, %v", status, err)
	}
}

func TestReceive(t *testing.T) {
	const send = `{"id": 7, "method": "message/send", "params": {"message":
		{"messageId": "m1", "parts": [{"kind": "text", "text": "hello "}, {"kind": "text", "text": "you"}]}}}`
	for name, c := range map[string]struct {
		body    string
		secret  string // that signs it; "": the agent's
		source  string // the workspace that sent it
		broken  bool   // the journal can't be written
		status  int
		answer  string
		journal string
	}{
		"a message": {
			body: send, status: 200, answer: `"text":"you said: hello you"`,
			journal: `{"message_id":"m1","text":"hello you"}` + "\n",
		},
		"a message that can't be kept": {body: send, broken: true, status: 500},
		"another method":               {body: `{"id": 7, "method": "x"}`, status: 200, answer: `"code":-32601`},
		"a message of somebody else": {
			body: send, secret: "whsec_YW5vdGhlcg==", status: 401, answer: "no matching signature",
		},
		"a notice of the platform": {body: send, source: "_rollcall", status: 204},
		"no JSON":                  {body: `hello`, status: 400, answer: "not A2A"},
	} {
		t.Run(name, func(t *testing.T) {
			a := testAgent(t, "")
			a.secret = "whsec_c2VjcmV0"
			close(a.registered)
			if c.broken {
				a.journal = filepath.Join(a.journal, "no", "folder")
			}
			w := httptest.NewRecorder()
			r := pushOf(t, c.body, cmp.Or(c.secret, a.secret))
			r.Header.Set("X-Source-Workspace-Id", c.source)
			a.receive(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.answer) {
				t.Errorf("HTTP %d: %s", w.Code, w.Body)
			}
			if w.Code == http.StatusOK && !strings.Contains(w.Body.String(), `"id":7`) {
				t.Errorf("the answer lacks the id of the call: %s", w.Body)
			}
			if kept, _ := os.ReadFile(a.journal); string(kept) != c.journal {
				t.Errorf("the journal has %q", kept)
			}
		})
	}
}

// A call that comes again, as it was signed, is answered again and worked on once.
func TestARepeatedCallIsWorkedOnOnce(t *testing.T) {
	const send = `{"id": 7, "method": "message/send", "params": {"message":
		{"messageId": "m1", "parts": [{"kind": "text", "text": "hello"}]}}}`
	a := testAgent(t, "")
	a.secret = "whsec_c2VjcmV0"
	close(a.registered)
	for range 3 {
		w := httptest.NewRecorder()
		a.receive(w, pushOf(t, send, a.secret))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "you said: hello") {
			t.Errorf("HTTP %d: %s", w.Code, w.Body)
		}
	}
	if kept, _ := os.ReadFile(a.journal); string(kept) != `{"message_id":"m1","text":"hello"}`+"\n" {
		t.Errorf("the journal has %q", kept)
	}
}

// pushOf is a call of the agent as the platform makes it, signed with a secret.
func pushOf(t *testing.T, body, secret string) *http.Request {
	t.Helper()
	hook, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	signature, err := hook.Sign("m1", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set(webhooks.HeaderWebhookID, "m1")
	r.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(webhooks.HeaderWebhookSignature, signature)
	return r
}

// A call that comes before the agent knows the secret waits for it.
func TestACallBeforeTheSecretWaits(t *testing.T) {
	a := testAgent(t, "")
	body, signed := `{"id": 7, "method": "x"}`, make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		a.receive(w, pushOf(t, body, "whsec_c2VjcmV0"))
		signed <- w.Code
	}()
	a.secret = "whsec_c2VjcmV0"
	close(a.registered)
	if code := <-signed; code != http.StatusOK {
		t.Errorf("HTTP %d", code)
	}
}

func TestActiveTasks(t *testing.T) {
	var a agent
	if n := a.activeTasks(); n != 0 {
		t.Errorf("idle: %d", n)
	}
	a.working.Lock()
	if n := a.activeTasks(); n != 1 {
		t.Errorf("at work: %d", n)
	}
}

// An agent without a journal takes its messages too.
func TestAJournalIsNotNeeded(t *testing.T) {
	a := testAgent(t, "")
	a.journal = ""
	if err := a.record(message{MessageID: "m1"}); err != nil {
		t.Error(err)
	}
}
