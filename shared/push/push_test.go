package push_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/push"
)

func TestCheck(t *testing.T) {
	strict, local := push.New(push.Public, time.Second), push.New(push.Private, time.Second)
	for url, ok := range map[string]bool{
		"https://agent.example.com/a2a": true, "http://8.8.8.8:9000": true, "https://[2606:4700::1111]/": true,
		"http://127.0.0.1:8000": false, "http://10.1.2.3": false, "http://169.254.169.254/latest/meta-data": false, "http://localhost:1": false,
		"http://[::1]/": false, "http://[::ffff:10.0.0.1]/": false, "http://host:8000": false, "http://user:pw@example.com": false,
		"ftp://example.com": false, "http://": false, "http://metadata.internal": false,
	} {
		if err := strict.Check(url); (err == nil) != ok || (err != nil && fault.CodeOf(err) != fault.URLForbidden) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := local.Check("http://127.0.0.1:8000"); err != nil {
		t.Error(err)
	}
}

func TestPush(t *testing.T) {
	var status int
	var body string
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "http://example.com")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer agent.Close()
	m := chat.Message{ID: "m", Body: []byte(`{}`)}
	for _, c := range []struct {
		status  int
		body    string
		busy    bool
		failure string
	}{
		{200, `{"result":{}}`, false, ""}, {200, "ok", false, ""}, {204, "", false, ""},
		{429, "", true, ""}, {503, "", true, ""},
		{500, "", false, "HTTP 500"}, {302, "", false, "HTTP 302"}, {404, "", false, "HTTP 404"},
		{200, `{"error":{"code":-32603,"message":"no"}}`, false, "error -32603: no"},
	} {
		status, body = c.status, c.body
		r := push.New(push.Private, time.Second).Push(t.Context(), agent.URL, m)
		if r.Busy != c.busy || (c.busy && r.RetryAfter != 7*time.Second) || (r.Err == nil) != (c.failure == "") || (r.Err != nil && !strings.Contains(r.Err.Error(), c.failure)) {
			t.Errorf("%d %s: %+v", c.status, c.body, r)
		}
	}
	if r := push.New(push.Public, time.Second).Push(t.Context(), agent.URL, m); r.Err == nil {
		t.Error("a loopback address was dialled under the public policy")
	}
}
