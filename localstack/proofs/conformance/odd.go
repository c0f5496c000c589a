package conformance

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// oddCall is a call that HTTP allows and that no client makes. In its path ID stands for a
// workspace's, and in a body that is not packed M for a message id of its own.
type oddCall struct {
	what         string
	method, path string
	headers      []string // "Name: value"
	body         string
	protocol     string // "" is HTTP/1.1
	status       int
	has          string // in the body, or the headers
}

const jsonType = "Content-Type: application/json"

// send is an A2A call with a JSON-RPC id.
func send(id string) string {
	return `{"jsonrpc":"2.0",` + id + `"method":"message/send","params":{"message":` +
		`{"role":"user","messageId":"M","parts":[{"kind":"text","text":"hello"}]}}}`
}

// oddCalls are answered as API Gateway answers, and as people expect.
var oddCalls = []oddCall{
	{what: "HEAD of a page", method: "HEAD", path: "/healthz", status: 200},
	{what: "HEAD of a workspace", method: "HEAD", path: "/workspaces/ID", status: 200},
	{what: "HEAD of nobody", method: "HEAD", path: "/workspaces/nobody", status: 404},
	{what: "HEAD of a poll", method: "HEAD", path: "/workspaces/ID/activity", status: 405},
	{what: "OPTIONS", method: "OPTIONS", path: "/workspaces/ID/a2a", status: 204, has: "Allow: OPTIONS, POST"},
	{what: "OPTIONS of nothing", method: "OPTIONS", path: "/nowhere", status: 404, has: "unknown_route"},
	{what: "a method that a path does not take", method: "PUT", path: "/healthz", status: 405, has: "method_not_allowed"},
	{what: "a method of no standard", method: "BREW", path: "/healthz", status: 405, has: "method_not_allowed"},
	{what: "a slash at the end", path: "/healthz/", status: 404, has: "without the slash at its end: /healthz"},
	{what: "an empty segment", path: "/workspaces//state", status: 404, has: "unknown_route"},
	{what: "a repeated parameter", path: "/workspaces?status=online&status=offline", status: 400, has: "given once"},
	{what: "a joined parameter", path: "/workspaces?status=online,offline", status: 400, has: "given once"},
	{what: "a joined parameter, escaped", path: "/workspaces?status=online%2Coffline", status: 400, has: "given once"},
	{what: "a repeated number", path: "/workspaces?limit=1&limit=1", status: 400, has: "given once"},
	{what: "a parameter without a value", path: "/workspaces?limit=", status: 400, has: "limit must be"},
	{what: "an unknown parameter", path: "/workspaces?limit=1&x=1", status: 200, has: `"workspaces"`},
	{what: "+ in a path", path: "/workspaces/a+b", status: 400, has: "invalid_workspace_id"},
	{what: "%2F in a path", path: "/workspaces/a%2Fb", status: 400, has: "invalid_workspace_id"},
	{what: "%2B in a path", path: "/workspaces/a%2Bb", status: 400, has: "invalid_workspace_id"},
	{what: "a byte of no text in a path", path: "/workspaces/a%FFb", status: 400, has: "invalid_workspace_id"},
	{what: "an escaped letter in a path", path: "/healt%68z", status: 404, has: "unknown_route"},
	{
		what: "two credentials", path: "/workspaces/ID/state",
		headers: []string{"Authorization: Bearer a", "Authorization: Bearer b"}, status: 401, has: "credential_unknown",
	},
	{
		what: "two names of the caller", method: "POST", path: "/workspaces/ID/a2a", body: send(""),
		headers: []string{jsonType, "X-Workspace-ID: a", "X-Workspace-ID: a"}, status: 401, has: "credential_missing",
	},
	{
		what: "two values of a header that nobody reads", path: "/healthz",
		headers: []string{"X-Thing: a", "X-Thing: b"}, status: 200, has: `"status"`,
	},
	{
		what: "JSON with a charset", method: "POST", path: "/workspaces/ID/a2a", body: send(""),
		headers: []string{"Content-Type: application/json; charset=utf-8"}, status: 200, has: `"queued"`,
	},
	{
		what: "JSON of A2A's type", method: "POST", path: "/workspaces/ID/a2a", body: send(""),
		headers: []string{"Content-Type: application/a2a+json"}, status: 200, has: `"queued"`,
	},
	{
		what: "a form", method: "POST", path: "/workspaces/ID/a2a", body: "a=b",
		headers: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 415, has: "unsupported_media_type",
	},
	{
		what: "JSON that does not say that it is", method: "POST", path: "/workspaces/ID/a2a", body: send(""),
		status: 415, has: "unsupported_media_type",
	},
	{
		what: "a body in gzip", method: "POST", path: "/workspaces/ID/a2a", body: gzipped(send("")),
		headers: []string{jsonType, "Content-Encoding: gzip"}, status: 200, has: `"queued"`,
	},
	{
		what: "a body that is not the gzip it says", method: "POST", path: "/workspaces/ID/a2a", body: send(""),
		headers: []string{jsonType, "Content-Encoding: gzip"}, status: 400, has: "gzip",
	},
	{
		what: "a body in another encoding", method: "POST", path: "/workspaces/ID/a2a", body: send(""),
		headers: []string{jsonType, "Content-Encoding: br"}, status: 400, has: "content-encoding",
	},
	{what: "a body of nothing", method: "POST", path: "/workspaces/ID/a2a", headers: []string{jsonType}, status: 400},
	{what: "HTTP/1.0", path: "/healthz", protocol: "HTTP/1.0", status: 200, has: `"status"`},
	{
		what: "HTTP/1.0 with a body", method: "POST", path: "/workspaces/ID/a2a", body: send(""), protocol: "HTTP/1.0",
		headers: []string{jsonType}, status: 200, has: `"queued"`,
	},
	{
		what: "a JSON-RPC id that is a number", method: "POST", path: "/workspaces/ID/a2a", body: send(`"id":7,`),
		headers: []string{jsonType}, status: 200, has: `"queued"`,
	},
	{
		what: "one that is a fraction", method: "POST", path: "/workspaces/ID/a2a", body: send(`"id":7.5,`),
		headers: []string{jsonType}, status: 200, has: `"queued"`,
	},
	{
		what: "one that is a text", method: "POST", path: "/workspaces/ID/a2a", body: send(`"id":"x",`),
		headers: []string{jsonType}, status: 200, has: `"queued"`,
	},
	{
		what: "one that is null", method: "POST", path: "/workspaces/ID/a2a", body: send(`"id":null,`),
		headers: []string{jsonType}, status: 200, has: `"queued"`,
	},
	{
		what: "one that JSON-RPC does not have", method: "POST", path: "/workspaces/ID/a2a", body: send(`"id":[1],`),
		headers: []string{jsonType}, status: 400, has: "id must be a string, a number or null",
	},
	{
		what: "an array of calls", method: "POST", path: "/workspaces/ID/a2a", body: "[" + send("") + "]",
		headers: []string{jsonType}, status: 400, has: "invalid_",
	},
	{
		what: "an empty array", method: "POST", path: "/workspaces/ID/a2a", body: "[]", headers: []string{jsonType},
		status: 400, has: "invalid_",
	},
}

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text) // a buffer takes all
	_ = w.Close()
	return out.String()
}

// playOddCalls makes each of them on a workspace that polls.
func (r *run) playOddCalls(ctx context.Context) {
	a := &agent{dialect: channel{}, Client: r.Client, id: uuid.NewString()}
	r.client = a
	r.step("a workspace that polls", func() error { return errors.Join(r.create(ctx), a.boot(ctx, a)) })
	for _, c := range oddCalls {
		r.step(c.what, func() error { return c.check(ctx, r.Client, a.id) })
	}
}

func (c oddCall) check(ctx context.Context, p client.Client, id string) error {
	got, err := c.make(ctx, p.URL, id)
	switch {
	case err != nil:
		return err
	case got.status != c.status, !strings.Contains(got.head+string(got.body), c.has):
		return fmt.Errorf("answered %d %s%s", got.status, got.head, got.body)
	case c.method == "HEAD" && len(got.body) > 0:
		return fmt.Errorf("HEAD has a body: %s", got.body)
	}
	return nil
}

// oddAnswer is what came back.
type oddAnswer struct {
	status int
	head   string
	body   []byte
}

// make makes the call byte by byte: no client library sends what is odd.
func (c oddCall) make(ctx context.Context, base, id string) (got oddAnswer, err error) {
	u, err := url.Parse(base)
	if err != nil {
		return got, err
	}
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return got, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return got, err
	}
	method, protocol := c.method, c.protocol
	if method == "" {
		method = "GET"
	}
	if protocol == "" {
		protocol = "HTTP/1.1"
	}
	path := strings.Replace(c.path, "ID", id, 1)
	body := strings.Replace(c.body, `"M"`, `"`+uuid.NewString()+`"`, 1)
	head := fmt.Sprintf("%s %s %s\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n",
		method, path, protocol, u.Host, len(body))
	for _, h := range c.headers {
		head += h + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"+body); err != nil {
		return got, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	var headers strings.Builder
	_ = resp.Header.Write(&headers) // a builder takes all
	got = oddAnswer{status: resp.StatusCode, head: headers.String()}
	got.body, err = io.ReadAll(resp.Body)
	return got, err
}
