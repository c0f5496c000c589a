package e2e

import (
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// shownCall is an example of the page /docs: a call and the status of its answer.
type shownCall struct {
	method, path, variable, body string
	status                       int
}

var (
	shownExample = regexp.MustCompile(
		`(?s)<section id="([^"]+)">.*?<pre[^>]*>(curl .*?)</pre>\s*(?:<pre[^>]*>HTTP (\d+)\n)?`)
	shownCurl   = regexp.MustCompile(`^curl -X (\S+) "\$ROLLCALL_URL([^"]*)"`)
	shownHeader = regexp.MustCompile(`Bearer \$(\w+)`)
	shownBody   = regexp.MustCompile(`(?s) -d '(.*)'$`)
)

// shownCalls are the examples of the page, by operation.
func shownCalls(t *testing.T) map[string]shownCall {
	t.Helper()
	page := string(call(t, 200, "GET", "/docs", "", nil).Raw)
	out := map[string]shownCall{}
	for _, m := range shownExample.FindAllStringSubmatch(page, -1) {
		text := html.UnescapeString(m[2])
		head := shownCurl.FindStringSubmatch(text)
		if head == nil {
			t.Fatalf("this is no call: %s", text)
		}
		c := shownCall{method: head[1], path: head[2], status: 200} // a page or a file has no answer there
		if header := shownHeader.FindStringSubmatch(text); header != nil {
			c.variable = header[1]
		}
		if body := shownBody.FindStringSubmatch(text); body != nil {
			c.body = body[1]
		}
		if m[3] != "" {
			status, err := strconv.Atoi(m[3])
			if err != nil {
				t.Fatal(err)
			}
			c.status = status
		}
		out[m[1]] = c
	}
	return out
}

// reader is a reader of the page who types its calls, with values of their own in place of those of the examples.
type reader struct {
	t      *testing.T
	left   map[string]shownCall
	values map[string]string // by what stands in the examples
	tokens map[string]string // by the id of the workspace that calls
}

// types makes the call of an operation, which is answered as the page says.
func (r *reader) types(operation string) client.Reply {
	r.t.Helper()
	c, ok := r.left[operation]
	if !ok {
		r.t.Fatalf("the page has no example of %s", operation)
	}
	delete(r.left, operation)
	path, body := r.filled(c.path), r.filled(c.body)
	token := ""
	switch c.variable {
	case "ROLLCALL_TOKEN":
		token = on(r.t).OperatorToken
	case "AGENT_TOKEN":
		token = r.tokens[r.values["reviewer"]]
		if strings.Contains(path, "/"+r.values["writer"]+"/") {
			token = r.tokens[r.values["writer"]]
		}
	}
	var sent any
	if body != "" {
		sent = json.RawMessage(body)
	}
	return call(r.t, c.status, c.method, path, token, sent)
}

// filled is a text of an example with the reader's values in it, longer ones first.
func (r *reader) filled(text string) string {
	names := slices.Sorted(maps.Keys(r.values))
	slices.SortStableFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		text = strings.ReplaceAll(text, name, r.values[name])
	}
	return text
}

// The calls on the page /docs, typed one after the other, are answered with the statuses that the page says.
func TestAPICallsOnThePageAreAnsweredAsItSays(t *testing.T) {
	s := on(t)
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"role":"agent","parts":[{"kind":"text","text":"It is correct."}]}`)
	}))
	t.Cleanup(agent.Close)
	run := uuid.NewString()[:8]
	reviewer, writer := "reviewer-"+run, "writer-"+run
	r := &reader{t: t, left: shownCalls(t), tokens: map[string]string{}, values: map[string]string{
		"reviewer": reviewer, "writer": writer, "https://reviewer.example.com/a2a": agent.URL,
		"https://hooks.example.com/rollcall": agent.URL, "5f0c3c5e-8f0e-4a53-9d0a-1f6f3a0b7c11": uuid.NewString(),
		`"acked_seq":12`: `"acked_seq":0`, "since=6&wait=20": "since=0&wait=0",
	}}
	enrolled := r.types("createEnrolment")
	r.values["rce_…"], r.values["k3x9p2m4"] = enrolled.Text("enrolment_token"), enrolled.Text("enrolment_id")
	r.tokens[reviewer] = r.types("registerAgent").Text("auth_token")
	r.types("withdrawEnrolment")
	created := call(t, 201, "POST", "/workspaces", s.OperatorToken, map[string]any{"id": writer})
	r.tokens[writer] = created.Text("auth_token")
	call(t, 200, "POST", "/registry/register", r.tokens[writer], map[string]any{"id": writer, "delivery_mode": "poll"})

	for _, operation := range []string{
		"sendHeartbeat", "updateCard", "getState", "reportActivity",
		"notifyUser", "recordDelegation", "updateDelegation",
		"inspectCredential", "sendMessage", "getMessage", "listMessages",
		"getQueueStatus", "delegateTask", "listDelegations",
		"discoverPeer", "listPeers", "listWorkspaces", "getWorkspace", "explainWorkspace",
		"listHistory", "listEvents", "getAuditTrail", "probeWorkspace", "dismissRefusals",
		"runSweep", "getCaller", "getHealth", "getOldHealth", "getConsole", "getConsoleFile", "getDocumentation",
		"getDocument",
		"listActivity", "acknowledgeMail",
	} {
		r.types(operation)
	}
	r.people()
	r.webhooks()
	r.mailOfAPause()
	r.credentials()
	r.types("removeWorkspace")
	r.values["reviewer"] = "created-" + run
	r.types("createWorkspace")
	if len(r.left) > 0 {
		t.Errorf("these calls of the page were not made: %v", slices.Sorted(maps.Keys(r.left)))
	}
}

func (r *reader) people() {
	r.t.Helper()
	r.values["p7r2t5v8"] = r.types("createToken").Text("token_id")
	r.types("listTokens")
	r.types("revokeToken")
}

func (r *reader) webhooks() {
	r.t.Helper()
	r.values["h4n8q1z6"] = r.types("createWebhook").Text("webhook_id")
	for _, operation := range []string{
		"listWebhooks", "testWebhook", "rotateWebhook", "disableWebhook",
		"enableWebhook", "deleteWebhook",
	} {
		r.types(operation)
	}
}

// mailOfAPause is the calls about mail that waits and mail that expired: it waits while the workspace is paused.
func (r *reader) mailOfAPause() {
	r.t.Helper()
	path := "/workspaces/" + r.values["reviewer"]
	send := func(token string, params map[string]any) (id string) {
		params["message"] = map[string]any{"parts": []any{map[string]any{"kind": "text", "text": "wait"}}}
		sent := call(r.t, 202, "POST", path+"/a2a", token, map[string]any{"method": "message/send", "params": params})
		return sent.Text("message_id")
	}
	const example = "5f0c3c5e-8f0e-4a53-9d0a-1f6f3a0b7c11"
	operator := on(r.t).OperatorToken
	r.types("pauseWorkspace")
	r.values[example] = send(operator, map[string]any{})
	r.types("cancelMessage")
	send(r.tokens[r.values["writer"]], map[string]any{})
	r.types("cancelMail")
	r.values[example] = send(operator, map[string]any{"expires_in_seconds": 1})
	awaitSweep := func() bool {
		call(r.t, 200, "POST", "/sweep", operator, nil)
		return call(r.t, 200, "GET", path, operator, nil).Text("messages", "expired") == "1"
	}
	for late := time.After(time.Minute); !awaitSweep(); {
		select {
		case <-late:
			r.t.Fatal("the message does not expire")
		case <-time.After(200 * time.Millisecond):
		}
	}
	r.types("redriveMessage")
	r.types("redriveMail")
	r.types("resumeWorkspace")
}

// credentials is the calls that end or give credentials.
func (r *reader) credentials() {
	r.t.Helper()
	r.types("rotateCredential")
	for range 2 { // the agent boots without its credential
		call(r.t, 401, "POST", "/registry/register", "", map[string]any{"id": r.values["reviewer"]})
	}
	r.types("repairWorkspace")
	r.types("revokeCredentials")
}
