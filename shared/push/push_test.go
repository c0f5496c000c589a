package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestCheck(t *testing.T) {
	strict, local := push.New(push.Public, push.Patience{}), push.New(push.Private, push.Patience{})
	for url, ok := range map[string]bool{
		"https://agent.example.com/a2a":            true,
		"https://agent.example.com./":              true,
		"http://8.8.8.8:9000":                      true,
		"https://[2606:4700::1111]/":               true,
		"http://127.0.0.1:8000":                    false,
		"http://10.1.2.3":                          false,
		"http://169.254.169.254/latest/meta-data":  false,
		"http://[::1]/":                            false,
		"http://[::ffff:10.0.0.1]/":                false,
		"http://localhost:1":                       false,
		"http://LOCALHOST.":                        false,
		"http://a.localhost":                       false,
		"http://printer.local":                     false,
		"http://metadata.internal":                 false,
		"http://host:8000":                         false,
		"http://user:pw@example.com":               false,
		"ftp://example.com":                        false,
		"http://":                                  false,
		"http://example.com/a failed; run this":    false,
		"http://example.com/a?b=c d":               false,
		"https://example.com/" + longPath(2048-20): true,
		"https://example.com/" + longPath(2048-19): false,
	} {
		if why := strict.Objection(url); (why == "") != ok {
			t.Errorf("%s: %q", url, why)
		}
	}
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8000": true, "http://localhost:65535": true, "http://localhost": true, "http://localhost:": true,
		"HTTP://localhost:80": true, "http://localhost:65536": false, "http://localhost:99999": false,
		"http://localhost:0": false, "http://localhost:-1": false, "http://localhost:1e3": false, "http://a..b": false,
		"http://.": false, "http://" + longPath(64) + ".com": false, "http://[::1]:8080/x": true, "http://a b/": false,
		"http://[::1": false, "http:///path": false, "http://a\n": false,
	} {
		if why := local.Objection(url); (why == "") != ok {
			t.Errorf("local: %s: %q", url, why)
		}
	}
	if local.Objection("http://user:pw@127.0.0.1") == "" {
		t.Error("a password in a URL is allowed for local use")
	}
}

func longPath(n int) string { return strings.Repeat("x", n) }

func TestPush(t *testing.T) {
	var got *http.Request
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`{"result":{}}`))
	}))
	defer agent.Close()
	m := chat.Message{ID: "m", Source: "peer", Body: []byte(`{}`), Attempts: make([]chat.Attempt, 2)}
	r := push.New(push.Private, push.Patience{Answer: time.Second}).Push(t.Context(), delivery.Target{URL: agent.URL}, m)
	if r.Handover != delivery.Taken || string(r.Answer) != `{"result":{}}` {
		t.Fatalf("%+v", r)
	}
	for header, want := range map[string]string{
		"X-Rollcall-Message-Id": "m", "Idempotency-Key": "m", "A2a-Version": "",
		"X-Rollcall-Attempt": "2", "X-Source-Workspace-Id": "peer",
	} {
		if got.Header.Get(header) != want {
			t.Errorf("%s is %q, want %q", header, got.Header.Get(header), want)
		}
	}
}

// A call that no message stands behind is the try 0, and one of a message has the number of its try, also where the
// tries before it are not kept any more.
func TestTheNumberOfATryIsInItsHeader(t *testing.T) {
	var got string
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("X-Rollcall-Attempt")
		_, _ = w.Write([]byte(`{"result":{}}`))
	}))
	defer agent.Close()
	for want, m := range map[string]chat.Message{
		"0":  {ID: "probe-1", Method: chat.ProbeMethod, Probe: true},
		"1":  {ID: "m", Attempts: make([]chat.Attempt, 1)},
		"33": {ID: "m", Attempts: make([]chat.Attempt, 8), Dropped: chat.Dropped{Tries: 25}},
	} {
		m.Body = []byte(`{}`)
		push.New(push.Private, push.Patience{Answer: time.Second}).Push(t.Context(), delivery.Target{URL: agent.URL}, m)
		if got != want {
			t.Errorf("%+v: X-Rollcall-Attempt is %q, want %s", m, got, want)
		}
	}
}

// Whether an agent answers before its work is done is the sender's to say: a push is what its sender wrote.
func TestAPushIsWhatItsSenderWrote(t *testing.T) {
	var got []byte
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		_, _ = w.Write([]byte(`{"result":{"kind":"task","id":"t","status":{"state":"submitted"}}}`))
	}))
	defer agent.Close()
	for _, configuration := range []string{
		``, `"configuration":{"blocking":false},`, `"configuration":{"blocking":true},`,
		`"configuration":{"returnImmediately":true},`,
	} {
		body := `{"jsonrpc":"2.0","method":"message/send","params":{` + configuration + `"message":{"parts":[]}}}`
		r := push.New(push.Private, push.Patience{Answer: time.Second}).Push(
			t.Context(), delivery.Target{URL: agent.URL}, chat.Message{ID: "m", Body: []byte(body)})
		if r.Handover != delivery.Taken || string(got) != body {
			t.Errorf("%s is pushed as %s: %+v", body, got, r)
		}
	}
}

// A sender reads the error in a receipt, so it must not contain the agent's URL.
func TestPushFails(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	defer elsewhere.Close()
	hung := make(chan struct{})
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/hung":
			<-hung
		case "/breaks":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}
	}))
	defer agent.Close()
	defer close(hung)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	overTLS := strings.Replace(agent.URL, "http://", "https://", 1)
	byName := strings.Replace(agent.URL, "127.0.0.1", "localhost", 1)
	for name, c := range map[string]struct {
		reach   push.Reach
		url     string
		fault   workspace.PushFault
		failure string
	}{
		"no URL":                  {push.Private, "", workspace.FaultNetwork, "the agent has no url"},
		"a redirect":              {push.Private, agent.URL + "/moved", workspace.FaultRedirect, "HTTP 307"},
		"no answer":               {push.Private, agent.URL + "/hung", workspace.FaultTimeout, "did not answer in time"},
		"half an answer":          {push.Private, agent.URL + "/breaks", workspace.FaultBroken, "the answer broke off"},
		"nobody there":            {push.Private, closed.URL, workspace.FaultRefused, "connection refused"},
		"no such name":            {push.Private, "http://no-such-name.invalid/", workspace.FaultDNS, "can't be resolved"},
		"no TLS there":            {push.Private, overTLS, workspace.FaultNoTLS, "no TLS"},
		"a certificate of nobody": {push.Private, secure.URL, workspace.FaultAuthority, "certificate"},
		"loopback under Public":   {push.Public, agent.URL, workspace.FaultForbidden, "forbids"},
		"localhost under Public":  {push.Public, byName, workspace.FaultForbidden, "forbids"},
	} {
		p := push.New(c.reach, push.Patience{Answer: 2 * time.Second})
		r := p.Push(t.Context(), delivery.Target{URL: c.url}, chat.Message{ID: "m", Body: []byte(`{}`)})
		switch {
		case r.Handover != delivery.Unreachable || r.Fault != c.fault || !strings.Contains(r.Why, c.failure):
			t.Errorf("%s: %+v, want %q", name, r, c.failure)
		case strings.Contains(r.Why, "//") || strings.Contains(r.Why, "127.0.0.1"):
			t.Errorf("%s: the error shows where the agent is: %s", name, r.Why)
		}
	}
}

// A call carries the headers of Standard Webhooks, with a signature by each secret.
// The first is the specification's own example.
func TestCallsAreSigned(t *testing.T) {
	const (
		first  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		former = "whsec_b2xkIHNlY3JldA=="
	)
	var got http.Header
	var body []byte
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
		_, _ = w.Write([]byte(`{"result":{}}`))
	}))
	defer agent.Close()
	m := chat.Message{
		ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Workspace: "w", State: chat.Delivered, Body: []byte(`{"test": 2432232314}`),
	}
	to := delivery.Target{URL: agent.URL, Secrets: []string{first, former}, At: time.Unix(1614265330, 0)}
	p := push.New(push.Private, push.Patience{Answer: time.Second})
	if r := p.Push(t.Context(), to, m); r.Handover != delivery.Taken {
		t.Fatalf("%+v", r)
	}
	signatures := strings.Fields(got.Get("Webhook-Signature"))
	if got.Get("Webhook-Id") != m.ID || got.Get("Webhook-Timestamp") != "1614265330" || len(signatures) != 2 ||
		signatures[0] != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%v", got)
	}
	verify := func(secret string) error {
		hook, err := webhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return hook.VerifyIgnoringTimestamp(body, got)
	}
	if verify(first) != nil || verify(former) != nil || verify("whsec_YW5vdGhlcg==") == nil {
		t.Errorf("the signatures of a push: %v", got)
	}
	if err := p.Tell(t.Context(), to, m); err != nil || verify(first) != nil || verify(former) != nil {
		t.Errorf("the signatures of a callback: %v, %v", got, err)
	}
	if got.Get("Webhook-Id") == m.ID {
		t.Error("a callback has the id of the push")
	}
	to.Secrets = nil
	if r := p.Push(t.Context(), to, m); r.Handover != delivery.Taken || got.Get("Webhook-Signature") != "" ||
		got.Get("Webhook-Id") != m.ID {
		t.Errorf("without a secret: %+v, %v", r, got)
	}
}

func TestTell(t *testing.T) {
	var status int
	var got map[string]any
	sender := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		w.WriteHeader(status)
	}))
	defer sender.Close()
	m := chat.Message{
		ID: "m", Workspace: "w", State: chat.Delivered, Reason: "taken",
		Attempts: []chat.Attempt{{Via: chat.ByPush, Outcome: chat.Unreachable, Error: "no such host"}},
		Answer:   []byte(`{"result":{"status":{"state":"completed"},"artifacts":[{"parts":[{"text":"<42>"}]}]}}`),
	}
	for _, c := range []struct {
		status int
		ok     bool
	}{{200, true}, {204, true}, {302, false}, {404, false}, {500, false}} {
		status, got = c.status, nil
		told := push.New(push.Private, push.Patience{}).Tell(t.Context(), delivery.Target{URL: sender.URL}, m)
		if (told == nil) != c.ok || isUnreached(told) {
			t.Errorf("HTTP %d: %v", c.status, told)
		}
		if told := fmt.Sprint(got); strings.Contains(told, "no such host") || !strings.Contains(told, "not be reached") {
			t.Errorf("its sender is told %s", told)
		}
		if got["message_id"] != "m" || got["workspace_id"] != "w" || got["state"] != "delivered" {
			t.Errorf("told %v", got)
		}
		if got["answer_text"] != "<42>" || got["task_state"] != "completed" || got["task_error"] != "" {
			t.Errorf("of the answer it is told %v", got)
		}
	}
}

// A callback tells the attempts as the sender's receipt does.
func TestACallbackTellsAttemptsAsTheReceiptDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		outcomes := []chat.Outcome{
			chat.Succeeded, chat.TaskFailed, chat.AgentBusy, chat.Failed, chat.Unreachable, chat.FailedAlone, chat.HostGone,
			chat.Refused, chat.Lost, chat.Superseded,
		}
		m := chat.Message{ID: "m", Workspace: "w", State: chat.Dead}
		for range rapid.IntRange(0, 5).Draw(rt, "attempts") {
			m.Attempts = append(m.Attempts, chat.Attempt{
				At:      time.Unix(rapid.Int64Range(0, 1<<32).Draw(rt, "at"), 0).UTC(),
				Via:     rapid.SampledFrom([]chat.Via{chat.ByPush, chat.ByPoll}).Draw(rt, "via"),
				Outcome: rapid.SampledFrom(outcomes).Draw(rt, "outcome"),
				Error:   rapid.SampledFrom([]string{"", "no such host", "HTTP 500"}).Draw(rt, "error"),
			})
		}
		var told struct{ Attempts any }
		sender := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_ = json.NewDecoder(r.Body).Decode(&told)
		}))
		defer sender.Close()
		if err := push.New(push.Private, push.Patience{}).Tell(t.Context(), delivery.Target{URL: sender.URL}, m); err != nil {
			rt.Fatal(err)
		}
		raw, err := json.Marshal(httpapi.ReceiptOf(httpapi.Call{}, m))
		var receipt struct{ Attempts any }
		if err != nil || json.Unmarshal(raw, &receipt) != nil || !reflect.DeepEqual(told, receipt) {
			rt.Fatalf("the callback tells %v, and the receipt %v (%v)", told, receipt, err)
		}
	})
}

// A callback's key names one end of a message: each try of one end has the same, and the end after a redrive another.
// Both headers that a receiver may go by have it.
func TestACallbacksKeyNamesTheEnd(t *testing.T) {
	var keys []string
	sender := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Idempotency-Key") != r.Header.Get("Webhook-Id") {
			t.Errorf("two keys: %v", r.Header)
		}
		keys = append(keys, r.Header.Get("Idempotency-Key"))
	}))
	defer sender.Close()
	p, to := push.New(push.Private, push.Patience{}), delivery.Target{URL: sender.URL}
	now := time.Unix(1614265330, 0)
	m := chat.Message{ID: "m", Workspace: "w", State: chat.Queued, ExpiresAt: now}
	ends := map[string]int{}
	for end := range 3 {
		m = m.Expire(now)
		for range 3 {
			if err := p.Tell(t.Context(), to, m); err != nil {
				t.Fatal(err)
			}
			m = m.Tell(m.Told.Tried("HTTP 500", false)) // as each try is noted
		}
		for _, key := range keys[3*end:] {
			ends[key]++
		}
		if key := keys[3*end]; ends[key] != 3 {
			t.Fatalf("the tries of end %d: %v", end, keys)
		}
		var err error
		if m, err = m.Redrive(chat.Policy{Lifetime: time.Minute}, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Minute)
	}
}

func isUnreached(err error) bool {
	_, is := errors.AsType[*delivery.UnreachedError](err)
	return is
}

// A callback that hangs is told as the callback's own trouble, not as the agent's.
func TestAHangingCallback(t *testing.T) {
	release := make(chan struct{})
	sender := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer sender.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := push.New(push.Private, push.Patience{}).Tell(ctx, delivery.Target{URL: sender.URL}, chat.Message{ID: "m"})
	if err == nil || err.Error() != "it did not answer in time" || !isUnreached(err) {
		t.Fatal(err)
	}
}
