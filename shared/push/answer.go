package push

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// answer is what came back from an agent's URL.
type answer struct {
	status int
	header http.Header
	body   []byte
	object chat.Object // the body, when it is a JSON object; nil else
}

// resultOf decides what an answer means. The first rule that matches holds:
//
//   - A redirect is not followed: the agent can't be reached at this URL.
//   - Any JSON-RPC answer to a probe is taken, even an error, and so is one by which an agent says that it
//     knows no such call: it shows that an agent listens at the URL. A task that it fails for it is told. An error in
//     another shape is any server's, and shows none.
//   - 429, and 503 in the agent's own words, mean that the agent is busy.
//   - A JSON-RPC error that says this message can't be taken refuses it for good; so does a status that says so.
//   - Any other error of JSON-RPC is an error of the agent.
//   - An error status that a proxy or a wrong URL gives means that the agent can't be reached; another is the agent's.
//   - An empty 202 or 204 is taken, without an answer to keep.
//   - A result that is nothing, or says itself that the call failed, is an error of the agent: see failed.go.
//   - A JSON-RPC result, a task or a message is taken. Its task may have failed.
//   - Everything else is no answer of the protocol: a page stands in the agent's place, or the agent answers
//     in no known shape.
func resultOf(probe bool, resp *http.Response, body []byte) delivery.PushResult {
	status, header := resp.StatusCode, resp.Header
	a := answer{status: status, header: header, body: chat.Repair(bytes.TrimSpace(body))}
	a.object = chat.ObjectOf(a.body)
	switch {
	case status >= 300 && status < 400:
		return unreachable(workspace.FaultRedirect, "a redirect (HTTP %d) to %s", status, destination(resp))
	case probe && a.answersProbe():
		r := delivery.PushResult{Handover: delivery.Taken}
		if chat.StateOf(a.body) == chat.TaskFailing {
			r.TaskError, _ = chat.TaskFailure(a.body)
		}
		return r
	case a.saysBusy():
		return delivery.PushResult{Handover: delivery.Busy, RetryAfter: retryAfter(header)}
	case a.hasError():
		r := a.failure()
		r.RPCError = a.body
		return r
	case status >= 400:
		return a.byStatus(a.describe())
	case len(a.body) == 0 && (status == http.StatusAccepted || status == http.StatusNoContent):
		return delivery.PushResult{Handover: delivery.Taken}
	case a.hasFailed():
		r := a.failedResult()
		r.RPCError = a.body
		return r
	case a.isProtocol():
		failure, _ := chat.TaskFailure(a.body)
		return delivery.PushResult{Handover: delivery.Taken, Answer: a.body, TaskError: failure}
	case a.object != nil:
		return agentError(workspace.FaultPage, "the agent answered JSON that is no answer of the protocol: %s",
			quoted(string(a.body)))
	}
	return unreachable(workspace.FaultPage, "what answers there is not an agent: %s", a.describe())
}

// tooLong is what stands for an answer of which more came than is read, and why it is not whole. One that begins as a
// result is a result without words: the agent has done its work, and must not be asked for it again. Any other stays
// as it is.
func tooLong(body []byte) (kept []byte, cut string) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return body, ""
	}
	for d.More() {
		name, err := d.Token()
		if name == "result" {
			const words = "its answer has more than the %d bytes that are read"
			return []byte(`{"result":{"truncated":true}}`), fmt.Sprintf(words, maxAnswer)
		}
		if err != nil || d.Decode(new(json.RawMessage)) != nil {
			return body, ""
		}
	}
	return body, ""
}

// answersProbe reports whether an agent answers a probe, though it may not know what it is.
func (a answer) answersProbe() bool {
	if a.isRPC() {
		return true
	}
	switch a.status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return !a.isPage()
	}
	return false
}

// isRPC reports whether the answer is one of JSON-RPC, and so an agent's: it says so, it has a result, or its error has
// a code that is not merely an HTTP status. Any server answers {"error": "Not Found"}, to each call.
func (a answer) isRPC() bool {
	if a.saysRPC() || a.object.Get("result") != nil && a.status < 400 {
		return true
	}
	code, ok := a.code()
	return ok && !a.isStatus(code)
}

func (a answer) saysRPC() bool { return something(a.object.Get("jsonrpc")) }

// code is the code of the error; ok is false when it has none, or one that is no number.
func (a answer) code() (code int, ok bool) {
	var rpc struct {
		Code json.Number `json:"code"`
	}
	_ = json.Unmarshal(a.object.Get("error"), &rpc) // one of another shape has no code
	code, err := strconv.Atoi(rpc.Code.String())
	return code, err == nil
}

// isStatus reports whether the code of an error is an HTTP status: frameworks repeat theirs in their error.
func (a answer) isStatus(code int) bool {
	return a.status >= 400 && code == a.status || !a.saysRPC() && code >= 400 && code < 600
}

// isPage reports whether the body is a page for people: what stands before an agent writes such.
func (a answer) isPage() bool {
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return kind == "text/html" || bytes.HasPrefix(a.body, []byte("<"))
}

// maxQuoted is how much of an answer an error quotes, in bytes.
const maxQuoted = 120

// quoted is the beginning of what an agent wrote, or of what stands before it, as an error quotes it.
func quoted(words string) string {
	words = chat.Clip(words, 8*maxQuoted) // what is made visible takes more room
	return visible.Quoted(chat.Clip(visible.Text(words), maxQuoted))
}

// knownTypes are the types of answers that are named; the text of any other is for its sender to choose.
var knownTypes = []string{
	"text/html", "text/plain", "text/xml", "application/xml", "application/json", "text/event-stream",
}

func refused(f workspace.PushFault, format string, args ...any) delivery.PushResult {
	return delivery.PushResult{Handover: delivery.Refused, Fault: f, Why: fmt.Sprintf(format, args...)}
}

func unreachable(f workspace.PushFault, format string, args ...any) delivery.PushResult {
	return delivery.PushResult{Handover: delivery.Unreachable, Fault: f, Why: fmt.Sprintf(format, args...)}
}

func agentError(f workspace.PushFault, format string, args ...any) delivery.PushResult {
	return delivery.PushResult{Handover: delivery.AgentError, Fault: f, Why: fmt.Sprintf(format, args...)}
}

// saysBusy reports whether the agent itself says that it is busy. A 503 with a page is a proxy's.
func (a answer) saysBusy() bool {
	own := a.object != nil || len(a.body) == 0 || a.header.Get("Retry-After") != ""
	return a.status == http.StatusTooManyRequests || (a.status == http.StatusServiceUnavailable && own)
}

func (a answer) hasError() bool { return something(a.object.Get("error")) }

// senders are the codes by which an agent says that it can't take this message. What a sender writes brings them about,
// so they say nothing against the agent: any sender could have a healthy agent shown as failing. Those of JSON-RPC 2.0
// (section 5.1) are of a message that it can't read or whose method it does not know; those of A2A of one that names a
// task which it does not know or can't cancel, or asks for what it does not offer. -32603 and -32006 are its faults.
var senders = map[int]bool{
	-32700: true, -32600: true, methodNotFound: true, -32602: true,
	-32001: true, -32002: true, -32003: true, -32004: true, -32005: true, -32007: true, -32008: true, -32009: true,
}

// methodNotFound is the code of JSON-RPC for a method that is not known.
const methodNotFound = -32601

// refusing are the statuses by which an agent says that it can't take this message (RFC 9110, sections 15.5.14 to
// 15.5.21).
var refusing = map[int]bool{
	http.StatusRequestEntityTooLarge: true, http.StatusUnsupportedMediaType: true, http.StatusUnprocessableEntity: true,
}

// failure is an error in JSON: JSON-RPC's, or one in the agent's own shape.
func (a answer) failure() delivery.PushResult {
	words := quoted(chat.Words(a.object.Get("error")))
	code, ok := a.code()
	switch {
	case ok && senders[code]:
		r := refused(workspace.FaultNone, "error %d: %s", code, words)
		r.NoSuchCall = code == methodNotFound
		return r
	case ok && (a.status < 400 || !a.isStatus(code)):
		return agentError(workspace.FaultRPC, "the agent answered error %d: %s", code, words)
	case a.status >= 400:
		return a.byStatus(words)
	}
	return agentError(workspace.FaultRPC, "the agent answered an error: %s", words)
}

// byStatus is what an error status means, whether or not its body says an error in JSON: words are the body's. An
// answer of JSON-RPC comes from an agent, which is reached then. The table in docs/agents.md says the same.
func (a answer) byStatus(words string) delivery.PushResult {
	r := a.ofStatus(words)
	if r.Handover == delivery.Unreachable && a.isRPC() {
		return agentError(workspace.FaultRPC, "the agent answered HTTP %d: %s", a.status, words)
	}
	return r
}

func (a answer) ofStatus(words string) delivery.PushResult {
	if refusing[a.status] {
		by := workspace.FaultNone
		if a.isPage() {
			by = workspace.FaultPage
		}
		return refused(by, "HTTP %d: %s", a.status, words)
	}
	switch a.status {
	case http.StatusRequestTimeout:
		return unreachable(workspace.FaultTimeout, "HTTP 408: the agent did not read the message in time")
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return unreachable(workspace.FaultNotFound, "HTTP %d: %s", a.status, words)
	case http.StatusProxyAuthRequired:
		return unreachable(workspace.FaultPage, "HTTP %d: %s", a.status, words)
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return unreachable(workspace.FaultGateway, "HTTP %d: %s", a.status, words)
	}
	if a.status >= 520 { // a content delivery network's own: its origin can't be reached
		return unreachable(workspace.FaultGateway, "HTTP %d: %s", a.status, words)
	}
	return agentError(faultOf(a.status), "the agent answered HTTP %d: %s", a.status, words)
}

// faultOf is the fault of an error status of the agent.
func faultOf(status int) workspace.PushFault {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return workspace.FaultUnauthorized
	}
	return workspace.FaultHTTP
}

// isProtocol reports whether the body is an answer of A2A: a JSON-RPC result, or a bare task or message.
func (a answer) isProtocol() bool {
	bare := a.object
	return bare.Get("result") != nil || bare.Text("kind") == "task" || bare.Object("status").Get("state") != nil ||
		bare.Object("task") != nil || bare.Object("message") != nil || chat.IsList(bare.Get("parts"))
}

// describe names what came back, for people: its kind, and its title or its beginning.
func (a answer) describe() string {
	if a.object != nil {
		return quoted(chat.Words(a.body))
	}
	if len(a.body) == 0 {
		return "an empty answer"
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if !slices.Contains(knownTypes, kind) {
		kind = "an answer of unknown type"
	}
	text := a.body
	if title := titled.FindSubmatch(text[:min(len(text), maxHead)]); title != nil {
		text = title[1]
	}
	return kind + ": " + quoted(strings.Join(strings.Fields(string(text)), " "))
}

// maxHead is how many bytes of a page are searched for its title.
const maxHead = 64 << 10

// titled finds the title of a page. An index in the lower case of a text is none in the text: some letters take more
// bytes in lower case.
var titled = regexp.MustCompile(`(?is)<title>(.*?)</title>`)

// destination is where a redirect leads, without the host, and without the query, which may hold a secret.
func destination(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	from, path := resp.Request.URL, quoted(to.EscapedPath())
	switch {
	case to.Hostname() != from.Hostname():
		return "another host, path " + path
	case to.Scheme != "http" && to.Scheme != "https":
		return "another protocol, path " + path
	case to.Scheme != from.Scheme:
		return to.Scheme + " on its host, path " + path
	case to.Port() != from.Port():
		return "port " + to.Port() + " of its host, path " + path
	}
	return path
}

// retryAfter reads Retry-After in seconds. It is 0 when the agent names none, or
// names a date.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseInt(strings.TrimSpace(header.Get("Retry-After")), 10, 32)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
