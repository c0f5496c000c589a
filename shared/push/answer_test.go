package push

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestResultOf(t *testing.T) {
	const rpcResult = `{"jsonrpc":"2.0","result":{}}`
	const rpcError = `{"jsonrpc":"2.0","error":{"code":-32603,"message":"no"}}`
	for name, c := range map[string]struct {
		probe      bool
		status     int
		retryAfter string
		body       string

		answer  string
		busy    bool
		wait    time.Duration
		failure string
	}{
		"a result":             {status: 200, body: rpcResult, answer: rpcResult},
		"JSON that is no RPC":  {status: 201, body: `{"ok":true}`, answer: `{"ok":true}`},
		"a text":               {status: 200, body: "ok"},
		"nothing":              {status: 204},
		"JSON of another form": {status: 200, body: `["ok"]`},

		"too many requests":             {status: 429, busy: true},
		"unavailable":                   {status: 503, busy: true},
		"busy for seconds":              {status: 503, retryAfter: "7", busy: true, wait: 7 * time.Second},
		"busy until a date":             {status: 429, retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT", busy: true},
		"busy with an error":            {status: 429, body: rpcError, busy: true},
		"Retry-After of what succeeded": {status: 204, retryAfter: "7"},

		"a redirect":                  {status: 302, failure: "the agent answered HTTP 302"},
		"not found":                   {status: 404, failure: "the agent answered HTTP 404"},
		"its own failure":             {status: 500, body: rpcError, failure: "the agent answered HTTP 500"},
		"an RPC error":                {status: 200, body: rpcError, failure: "the agent answered error -32603: no"},
		"an error without a version":  {status: 200, body: `{"error":{"code":1}}`, failure: "answered error 1"},
		"an error of null is a reply": {status: 200, body: `{"error":null}`, answer: `{"error":null}`},

		"a probe, refused by RPC":       {probe: true, status: 200, body: rpcError},
		"a probe, refused by both":      {probe: true, status: 500, body: rpcError},
		"a probe, and RPC that is busy": {probe: true, status: 503, body: rpcError},
		"a probe, taken":                {probe: true, status: 200, body: rpcResult},
		"a probe, and a busy proxy":     {probe: true, status: 503, retryAfter: "1", busy: true, wait: time.Second},
		"a probe, and another server":   {probe: true, status: 404, body: "<html>", failure: "HTTP 404"},
		"a probe, and no JSON-RPC": {
			probe: true, status: 200, body: `{"error":{"code":1}}`, failure: "answered error 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if c.retryAfter != "" {
				header.Set("Retry-After", c.retryAfter)
			}
			r := resultOf(c.probe, c.status, header, []byte(c.body))
			if string(r.Answer) != c.answer || r.Busy != c.busy || r.RetryAfter != c.wait {
				t.Errorf("%+v", r)
			}
			failure := ""
			if r.Err != nil {
				failure = r.Err.Error()
			}
			if !strings.Contains(failure, c.failure) || c.failure == "" && failure != "" {
				t.Errorf("error %q, want %q", failure, c.failure)
			}
		})
	}
}

func TestAFailureIsCutShort(t *testing.T) {
	body := `{"error":{"code":1,"message":"` + strings.Repeat("x", 5000) + `"}}`
	if r := resultOf(false, 200, nil, []byte(body)); r.Err == nil || len(r.Err.Error()) > 250 {
		t.Errorf("%v", r.Err)
	}
}
