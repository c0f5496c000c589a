package push

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

const (
	rpcResult = `{"jsonrpc":"2.0","result":{}}`
	rpcError  = `{"jsonrpc":"2.0","error":{"code":-32603,"message":"model provider answered 401"}}`
	html      = "text/html; charset=utf-8"
	agentURL  = "http://agent.example.com:8000/a2a"
	signIn    = "<!doctype html><html><head><title>Sign in - Corp SSO</title></head><body>…</body></html>"
)

func task(state, words string) string {
	return `{"jsonrpc":"2.0","result":{"kind":"task","status":{"state":"` + state +
		`","message":{"parts":[{"kind":"text","text":"` + words + `"}]}}}}`
}

// What comes back from an agent's URL, and what it means.
func TestResultOf(t *testing.T) {
	for name, c := range map[string]struct {
		probe      bool
		status     int
		kind       string // content type
		retryAfter string
		location   string
		body       string

		want  delivery.Handover
		fault workspace.PushFault
		wait  time.Duration
		says  string // in Why or TaskError
	}{
		"a result": {status: 200, body: rpcResult, want: delivery.Taken},
		"a bare task": {
			status: 200, body: `{"kind":"task","status":{"state":"working"}}`,
			want: delivery.Taken,
		},
		"a message of 1.0":  {status: 200, body: `{"message":{"parts":[{"text":"hi"}]}}`, want: delivery.Taken},
		"an empty 202":      {status: 202, want: delivery.Taken},
		"an empty 204":      {status: 204, retryAfter: "7", want: delivery.Taken},
		"an error of null":  {status: 200, body: `{"result":{},"error":null}`, want: delivery.Taken},
		"a task that works": {status: 200, body: task("working", "soon"), want: delivery.Taken},
		"a task that failed": {
			status: 200, body: task("failed", "invalid x-api-key"),
			want: delivery.Taken, says: "invalid x-api-key",
		},
		"a task that failed, of 1.0": {
			status: 200, body: task("TASK_STATE_FAILED", "no quota"),
			want: delivery.Taken, says: "no quota",
		},
		"a task that was rejected": {
			status: 200, body: task("rejected", ""),
			want: delivery.Taken, says: "its task is rejected",
		},
		"a task that needs a sign-in": {
			status: 200, body: task("auth-required", ""),
			want: delivery.Taken, says: "auth-required",
		},

		"an empty 200": {status: 200, want: delivery.Unreachable, fault: workspace.FaultPage, says: "an empty answer"},
		"a text": {
			status: 200, kind: "text/plain", body: "ok",
			want: delivery.Unreachable, fault: workspace.FaultPage, says: `text/plain: “ok”`,
		},
		"a sign-in page": {
			status: 200, kind: html, body: signIn, want: delivery.Unreachable, fault: workspace.FaultPage,
			says: `text/html: “Sign in - Corp SSO”`,
		},
		"a list": {
			status: 200, kind: "application/json", body: `["ok"]`,
			want: delivery.Unreachable, fault: workspace.FaultPage,
		},
		"JSON of no protocol": {
			status: 200, body: `{"ok":true}`,
			want: delivery.AgentError, fault: workspace.FaultPage, says: `{"ok":true}`,
		},
		"an error in its words": {
			status: 200, body: `{"error":"model quota exceeded"}`,
			want: delivery.AgentError, fault: workspace.FaultRPC, says: "model quota exceeded",
		},
		"an error with a text for a code": {
			status: 200, body: `{"jsonrpc":"2.0","error":{"code":"E42","message":"out of tokens"}}`,
			want: delivery.AgentError, fault: workspace.FaultRPC, says: "out of tokens",
		},
		"an error with another shape inside": {
			status: 200, body: `{"error":{"message":{"detail":"no key"}},"jsonrpc":2}`, want: delivery.AgentError,
			fault: workspace.FaultRPC, says: "no key",
		},
		"an RPC error": {
			status: 200, body: rpcError,
			want: delivery.AgentError, fault: workspace.FaultRPC, says: "error -32603: “model provider answered 401”",
		},
		"an RPC error in 500": {status: 500, body: rpcError, want: delivery.AgentError, fault: workspace.FaultRPC},
		"a malformed message": {
			status: 200, body: `{"jsonrpc":"2.0","error":{"code":-32602,"message":"role missing"}}`,
			want: delivery.Refused, says: "role missing",
		},
		"a method it does not know": {
			status: 200, body: `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"}}`,
			want: delivery.Refused, says: "error -32601: “Method not found”",
		},
		"a task it does not know": {
			status: 200, body: `{"jsonrpc":"2.0","error":{"code":-32001,"message":"Task not found"}}`,
			want: delivery.Refused, says: "Task not found",
		},
		"what it does not offer": {
			status: 400, body: `{"jsonrpc":"2.0","error":{"code":-32004,"message":"no streaming"}}`,
			want: delivery.Refused, says: "no streaming",
		},
		"an answer of its own that is invalid": {
			status: 200, body: `{"jsonrpc":"2.0","error":{"code":-32006,"message":"invalid response"}}`,
			want: delivery.AgentError, fault: workspace.FaultRPC,
		},
		"a body it can't take": {status: 413, want: delivery.Refused},
		"a proxy's page that refuses the body": {
			status: 413, kind: html, body: "<h1>Request Entity Too Large</h1>",
			want: delivery.Refused, fault: workspace.FaultPage,
		},
		"a message it can't take, in its words": {
			status: 422, body: `{"error":"no such skill"}`,
			want: delivery.Refused, says: "no such skill",
		},
		"its own 500": {
			status: 500, kind: "text/plain", body: "Internal Server Error",
			want: delivery.AgentError, fault: workspace.FaultHTTP, says: "Internal Server Error",
		},
		"its own 401": {
			status: 401, body: `{"detail":"no token"}`,
			want: delivery.AgentError, fault: workspace.FaultUnauthorized, says: "no token",
		},

		"a proxy's 502": {
			status: 502, kind: html, body: "<title>502 Bad Gateway</title>",
			want: delivery.Unreachable, fault: workspace.FaultGateway, says: "502 Bad Gateway",
		},
		"a proxy's 503": {
			status: 503, kind: html, body: "<h1>Service Unavailable</h1>",
			want: delivery.Unreachable, fault: workspace.FaultGateway,
		},
		"a proxy's 504":   {status: 504, want: delivery.Unreachable, fault: workspace.FaultGateway},
		"a network's 522": {status: 522, kind: html, want: delivery.Unreachable, fault: workspace.FaultGateway},
		"a wrong path": {
			status: 404, kind: html, body: "<title>Not Found</title>",
			want: delivery.Unreachable, fault: workspace.FaultNotFound,
		},
		"a redirect": {
			status: 307, location: "https://10.0.0.8/a2a/", want: delivery.Unreachable, fault: workspace.FaultRedirect,
			says: "HTTP 307) to another host, path “/a2a/”",
		},
		"a redirect on its host": {
			status: 301, location: "/a2a/",
			want: delivery.Unreachable, fault: workspace.FaultRedirect, says: "to “/a2a/”",
		},
		"a redirect that names its host": {
			status: 307, location: "http://agent.example.com:8000/a2a/?key=secret",
			want: delivery.Unreachable, fault: workspace.FaultRedirect, says: "HTTP 307) to “/a2a/”",
		},
		"a redirect to another port": {
			status: 307, location: "http://agent.example.com:8001/a2a",
			want: delivery.Unreachable, fault: workspace.FaultRedirect, says: "to port 8001 of its host, path “/a2a”",
		},
		"a redirect to https": {
			status: 308, location: "https://agent.example.com/a2a",
			want: delivery.Unreachable, fault: workspace.FaultRedirect, says: "to https on its host, path “/a2a”",
		},
		"a redirect to nowhere": {
			status: 307, want: delivery.Unreachable, fault: workspace.FaultRedirect, says: "to nowhere",
		},

		"too many requests":    {status: 429, want: delivery.Busy},
		"unavailable, no word": {status: 503, want: delivery.Busy},
		"unavailable, in JSON": {status: 503, body: `{"busy":true}`, want: delivery.Busy},
		"busy for seconds": {
			status: 503, kind: html, body: "<p>later", retryAfter: "7",
			want: delivery.Busy, wait: 7 * time.Second,
		},
		"busy until a date":        {status: 429, retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT", want: delivery.Busy},
		"busy for too long a time": {status: 429, retryAfter: "99999999999", want: delivery.Busy},

		"a probe, refused by RPC":       {probe: true, status: 200, body: rpcError, want: delivery.Taken},
		"a probe, refused by both":      {probe: true, status: 500, body: rpcError, want: delivery.Taken},
		"a probe, and RPC that is busy": {probe: true, status: 503, body: rpcError, want: delivery.Taken},
		"a probe, taken":                {probe: true, status: 200, body: rpcResult, want: delivery.Taken},
		"a probe, and a busy agent":     {probe: true, status: 503, retryAfter: "1", want: delivery.Busy, wait: time.Second},
		"a probe, and no such method": {
			probe: true, status: 400, kind: "text/plain", body: "not A2A",
			want: delivery.Taken,
		},
		"a probe, not implemented": {probe: true, status: 501, want: delivery.Taken},
		"a probe, an error in its words": {
			probe: true, status: 404, body: `{"error":"unknown method"}`,
			want: delivery.Unreachable, fault: workspace.FaultNotFound, says: "unknown method",
		},
		"a probe, and a proxy's 400": {
			probe: true, status: 400, kind: html, body: "<h1>Bad Request</h1>",
			want: delivery.AgentError, fault: workspace.FaultHTTP, says: "Bad Request",
		},
		"a probe, and its own 500": {
			probe: true, status: 500, kind: "text/plain", body: "panic",
			want: delivery.AgentError, fault: workspace.FaultHTTP, says: "panic",
		},
		"a probe, and another server": {
			probe: true, status: 404, body: "<html>",
			want: delivery.Unreachable, fault: workspace.FaultNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			for k, v := range map[string]string{"Retry-After": c.retryAfter, "Location": c.location, "Content-Type": c.kind} {
				if v != "" {
					header.Set(k, v)
				}
			}
			resp := &http.Response{
				StatusCode: c.status, Header: header, Request: httptest.NewRequest(http.MethodPost, agentURL, nil),
			}
			r := resultOf(c.probe, resp, []byte(c.body))
			if r.Handover != c.want || r.Fault != c.fault || r.RetryAfter != c.wait {
				t.Errorf("%+v", r)
			}
			if words := r.Why + r.TaskError; !strings.Contains(words, c.says) || (words == "") != (r.Handover == delivery.Busy ||
				r.Handover == delivery.Taken && c.says == "") {
				t.Errorf("it says %q, want %q", words, c.says)
			}
			if keeps := r.Handover == delivery.Taken && !c.probe && c.body != ""; (r.Answer != nil) != keeps {
				t.Errorf("its answer is %s", r.Answer)
			}
			if regexp.MustCompile("10.0.0.8|agent.example|secret").MatchString(r.Why) {
				t.Errorf("a sender learns an address: %s", r.Why)
			}
		})
	}
}

// An error status means the same whatever the body is, but for an error of JSON-RPC: frameworks put theirs in JSON.
func TestAStatusMeansTheSameWithAnErrorInJSON(t *testing.T) {
	read := func(status int, body string) delivery.PushResult {
		resp := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}}
		return resultOf(false, resp, []byte(body))
	}
	for status := 400; status < 600; status++ {
		want := read(status, `{"detail":"x"}`)
		for _, body := range []string{`{"error":"x"}`, fmt.Sprintf(`{"error":{"code":%d,"message":"x"}}`, status)} {
			if got := read(status, body); got.Handover != want.Handover || got.Fault != want.Fault || got.Why != want.Why {
				t.Errorf("HTTP %d with %s: %s, %s, %q; without an error %s, %s, %q", status, body,
					got.Handover, got.Fault, got.Why, want.Handover, want.Fault, want.Why)
			}
		}
	}
	if got := read(http.StatusMethodNotAllowed, rpcError); got.Handover != delivery.AgentError {
		t.Errorf("an error of JSON-RPC with HTTP 405: %+v", got)
	}
}

// Only an agent's answer to a probe shows that an agent is there: JSON-RPC, whatever the status is. An error in another
// shape is any server's, and what is no proof means for a probe what it means for a message.
func TestWhatAnAnswerToAProbeShows(t *testing.T) {
	read := func(probe bool, status int, body string) delivery.PushResult {
		resp := &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
			Request: httptest.NewRequest(http.MethodPost, agentURL, nil),
		}
		return resultOf(probe, resp, []byte(body))
	}
	for _, status := range []int{200, 307, 401, 403, 404, 405, 410, 500, 502, 504, 522} {
		for body, agents := range map[string]bool{
			"":                                  false,
			`{"error":"Not Found"}`:             false,
			`{"error":["Not Found"]}`:           false,
			`{"error":{"message":"Not Found"}}`: false,
			`{"error":{"code":"NOT_FOUND","message":"x"}}`:          false,
			`{"error":{"code":404,"message":"Not Found"}}`:          false,
			fmt.Sprintf(`{"error":{"code":%d}}`, max(status, 400)):  false,
			`{"jsonrpc":null,"error":"Not Found"}`:                  false,
			`{"detail":"Not Found"}`:                                false,
			`{"success":false,"errors":["no route"],"result":null}`: status == 200,
			`{"error":{"code":-32601,"message":"no such method"}}`:  true,
			rpcError:  true,
			rpcResult: true,
			`{"jsonrpc":"2.0","error":"unknown method"}`:                                true,
			`{"jsonrpc":"2.0","error":{"code":-32601,"message":"no"}}`:                  true,
			fmt.Sprintf(`{"jsonrpc":"2.0","error":{"code":%d,"message":"no"}}`, status): true,
		} {
			agents = agents && status != http.StatusTemporaryRedirect
			probe, message := read(true, status, body), read(false, status, body)
			if took := probe.Handover == delivery.Taken; took != agents {
				t.Errorf("HTTP %d with %q to a probe: %s", status, body, probe.Handover)
			}
			if agents && message.Handover == delivery.Unreachable {
				t.Errorf("HTTP %d with %q: an agent is there, and a message does not reach it: %s", status, body, message.Why)
			}
			if !agents && (probe.Handover != message.Handover || probe.Fault != message.Fault || probe.Why != message.Why) {
				t.Errorf("HTTP %d with %q: a probe %+v, a message %+v", status, body, probe, message)
			}
		}
	}
}

func TestAFailureIsCutShort(t *testing.T) {
	body := `{"error":{"code":1,"message":"` + strings.Repeat("x", 5000) + `"}}`
	r := resultOf(false, &http.Response{StatusCode: http.StatusOK}, []byte(body))
	if r.Handover != delivery.AgentError || len(r.Why) > 250 {
		t.Errorf("%+v", r)
	}
}

// What agents and the runtimes around them answer with status 200, and whether it is a delivery.
func TestAResultThatSaysItFailedIsNoDelivery(t *testing.T) {
	const taken = ""
	for body, says := range map[string]string{
		`{"result":null}`:                                                           "neither a task nor a message",
		`{"result":false}`:                                                          "it failed: “false”",
		`{"result":{"success":false}}`:                                              `it failed: “{"success":false}”`,
		`{"result":{"error":"no key"}}`:                                             "it failed: “no key”",
		`{"result":{"error":{"code":429}}}`:                                         `it failed: “{"code":429}”`,
		`{"result":{"errors":["no key"]}}`:                                          `it failed: “["no key"]”`,
		`{"result":{"error":true}}`:                                                 "it failed: “true”",
		`{"result":{"ok":false,"message":1}}`:                                       "it failed: “1”",
		`{"result":{"success":false,"message":"the model is down"}}`:                "it failed: “the model is down”",
		`{"result":{"status":"error","detail":"no quota"}}`:                         "it failed: “no quota”",
		`{"result":{"state":"FAILED","reason":"no quota"}}`:                         "it failed: “no quota”",
		`{"result":{"type":"error","error":{"type":"x","message":"overloaded"}}}`:   "it failed: “overloaded”",
		`{"result":{"content":[{"type":"text","text":"no tool"}],"isError":true}}`:  "it failed: “no tool”",
		`{"result":{"kind":"message","parts":[{"text":"no key"}],"success":false}}`: "it failed: “no key”",
		`{"jsonrpc":"2.0","id":1,"result":{"kind":"message","error":"no key"}}`:     "it failed: “no key”",
		`{"success":false,"message":"the model is down"}`:                           "it failed: “the model is down”",
		`{"status":"failed","message":{"text":"no"}}`:                               `it failed: “{"text":"no"}”`,
		`{"message":"Internal server error"}`:                                       "no answer of the protocol",
		`{"parts":"hello"}`:                                                         "no answer of the protocol",
		`{"task":7}`:                                                                "no answer of the protocol",
		`{"error":"","result":{"success":false}}`:                                   "it failed",
		`{"result":{}}`:                           taken,
		`{"result":"done"}`:                       taken,
		`{"result":true}`:                         taken,
		`{"result":[]}`:                           taken,
		`{"result":{"success":true}}`:             taken,
		`{"result":{"status":"ok","error":null}}`: taken,
		`{"result":{"success":true,"error":"","errors":[],"isError":false}}`:          taken,
		`{"result":{"kind":"message","parts":[{"text":"failed: false"}]}}`:            taken,
		`{"result":{"kind":"task","status":{"state":"completed"},"success":false}}`:   taken,
		`{"result":{"task":{"status":{"state":"TASK_STATE_WORKING"}},"error":"old"}}`: taken,
		`{"error":"","result":{"parts":[]}}`:                                          taken,
		`{"message":{"parts":[{"text":"hi"}]},"error":{}}`:                            taken,
	} {
		resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}}
		r := resultOf(false, resp, []byte(body))
		want := delivery.AgentError
		if says == taken {
			want = delivery.Taken
		}
		if r.Handover != want || !strings.Contains(r.Why, says) || r.TaskError != "" {
			t.Errorf("%s: %s (%s) %s", body, r.Handover, r.Fault, r.Why)
		}
		probe := resultOf(true, resp, []byte(body))
		if strings.Contains(body, `"result"`) && probe.Handover != delivery.Taken {
			t.Errorf("%s to a probe: %s", body, probe.Handover)
		}
	}
}
