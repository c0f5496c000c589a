package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

const root = "the-root-credential-0123456789abcdef"

// open is the gate of a private machine, with nobody in it.
func open() httpapi.Gate {
	store := memory.NewStore(workspace.DefaultPolicy())
	return httpapi.Gate{
		Registry: &registry.Registry{Leases: store, Owners: store}, People: &people.People{Store: store, Audit: store},
		Root: token.Digest(root), ViewOpen: true, ChatOpen: true,
	}
}

// call makes one call of an endpoint.
func call(t *testing.T, e httpapi.Endpoint, ev events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return callThrough(t, open(), e, ev)
}

// callThrough makes one call of an endpoint behind a gate.
func callThrough(
	t *testing.T, gate httpapi.Gate, e httpapi.Endpoint, ev events.APIGatewayV2HTTPRequest,
) events.APIGatewayV2HTTPResponse {
	t.Helper()
	ev.RouteKey = e.Operation.Route
	clock := func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
	resp, err := httpapi.Serve(slog.New(slog.DiscardHandler), clock, gate, e)(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// pages serves a page of the fleet that says which page was asked for.
var pages = httpapi.Handle(api.ListWorkspaces,
	func(_ context.Context, _ httpapi.Call, in api.ListWorkspacesRequest) (api.Fleet, error) {
		return api.Fleet{Workspaces: make([]api.Workspace, 0, in.Limit), Next: &in.Cursor}, nil
	})

func TestParametersAreBounded(t *testing.T) {
	for limit, want := range map[string]string{
		"1": `{"next":"c","workspaces":[]}`, "500": `{"next":"c","workspaces":[]}`,
		"": "limit must be a whole number from 1 to 500", "0": "from 1 to 500", "501": "from 1 to 500",
		"x": "from 1 to 500", "1.5": "from 1 to 500",
	} {
		query := map[string]string{"limit": limit, "cursor": "c"}
		resp := call(t, pages, events.APIGatewayV2HTTPRequest{QueryStringParameters: query})
		if !strings.Contains(resp.Body, want) || (resp.StatusCode == http.StatusOK) != strings.HasPrefix(want, "{") {
			t.Errorf("limit=%s: %d %s, want %s", limit, resp.StatusCode, resp.Body, want)
		}
	}
}

// A value that a filter doesn't know is an error, and not an empty list.
func TestAFilterTakesOnlyWhatItKnows(t *testing.T) {
	for status, want := range map[string]int{"": 200, "online": 200, "removed": 200, "onlin": 400, "Online": 400} {
		resp := call(t, pages, events.APIGatewayV2HTTPRequest{QueryStringParameters: map[string]string{"status": status}})
		if resp.StatusCode != want {
			t.Errorf("status=%s: %d %s", status, resp.StatusCode, resp.Body)
		}
	}
	receipts := httpapi.Handle(api.ListMessages,
		func(context.Context, httpapi.Call, api.ListMessagesRequest) (api.Receipts, error) {
			return api.Receipts{Messages: []api.Receipt{}}, nil
		})
	resp := call(t, receipts, events.APIGatewayV2HTTPRequest{
		PathParameters: map[string]string{"id": "w"}, QueryStringParameters: map[string]string{"state": "lost"},
	})
	want := "state must be queued, in_flight, delivered, expired, cancelled or dead"
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(resp.Body, want) {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}
}

func TestAnAbsentParameterIsItsDefaultOrNil(t *testing.T) {
	var got []api.EventsRequest
	e := httpapi.Handle(api.GetEvents,
		func(_ context.Context, _ httpapi.Call, in api.EventsRequest) (api.Events, error) {
			got = append(got, in)
			return api.Events{}, nil
		})
	call(t, e, events.APIGatewayV2HTTPRequest{})
	call(t, e, events.APIGatewayV2HTTPRequest{QueryStringParameters: map[string]string{"since": "0", "limit": "7"}})
	if len(got) != 2 || got[0].Since != nil || got[0].Limit != 100 || *got[1].Since != 0 || got[1].Limit != 7 {
		t.Errorf("%+v", got)
	}
	resp := call(t, e, events.APIGatewayV2HTTPRequest{QueryStringParameters: map[string]string{"since": "-1"}})
	if !strings.Contains(resp.Body, "since must be the next of an earlier call, or 0") {
		t.Error(resp.Body)
	}
}

// repairs serves a repair that did what was asked.
var repairs = httpapi.Handle(api.Repair,
	func(_ context.Context, _ httpapi.Call, in api.RepairRequest) (api.Repaired, error) {
		return api.Repaired{WorkspaceID: in.ID, From: in.From}, nil
	})

// What only an operator may call says nothing about the call to anyone else.
func TestTheOperatorsCredentialIsAskedForFirst(t *testing.T) {
	for bearer, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer " + root: 400} {
		resp := call(t, repairs, events.APIGatewayV2HTTPRequest{
			Headers:        map[string]string{"authorization": bearer},
			PathParameters: map[string]string{"id": "odd id!"}, Body: "not JSON",
		})
		if resp.StatusCode != want {
			t.Errorf("%q: %d %s", bearer, resp.StatusCode, resp.Body)
		}
	}
}

// A root credential that can be guessed is nobody's, though the stack has its digest.
func TestARootCredentialHasALeastLength(t *testing.T) {
	for _, c := range []struct{ length, want int }{{8, 401}, {token.MinRoot - 1, 401}, {token.MinRoot, 200}} {
		text, gate := strings.Repeat("x", c.length), open()
		gate.Root = token.Digest(text)
		resp := callThrough(t, gate, repairs, events.APIGatewayV2HTTPRequest{
			Headers: map[string]string{"authorization": "Bearer " + text}, PathParameters: map[string]string{"id": "w"},
		})
		if resp.StatusCode != c.want {
			t.Errorf("%d characters: %d %s", c.length, resp.StatusCode, resp.Body)
		}
	}
}

// What is asked for twice is not answered as if nobody had asked.
func TestAParameterIsGivenOnce(t *testing.T) {
	for name, query := range map[string]map[string]string{
		"a repeated limit":  {"limit": "1,2"}, // as API Gateway joins them
		"a repeated cursor": {"cursor": "a,a"},
		"two statuses":      {"status": "online,offline"},
	} {
		resp := call(t, pages, events.APIGatewayV2HTTPRequest{QueryStringParameters: query})
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(resp.Body, "must be given once") {
			t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Body)
		}
	}
	polls := httpapi.Handle(api.GetActivity,
		func(_ context.Context, _ httpapi.Call, in api.ActivityRequest) (api.Activity, error) {
			return api.Activity{Rows: []api.ActivityRow{{Summary: in.Include}}}, nil
		})
	resp := call(t, polls, events.APIGatewayV2HTTPRequest{
		PathParameters: map[string]string{"id": "w"}, QueryStringParameters: map[string]string{"include": "a,b"},
	})
	if resp.StatusCode != http.StatusOK || !strings.Contains(resp.Body, `"summary":"a,b"`) {
		t.Errorf("a list: %d %s", resp.StatusCode, resp.Body)
	}
}

// HEAD is GET without a body, and OPTIONS says what a path takes, of what this function
// serves; every other call goes on to what serves the rest.
func TestMethodsThatAPIGatewayDoesNotRoute(t *testing.T) {
	health := httpapi.Handle(api.GetHealth, func(context.Context, httpapi.Call, api.None) (api.Health, error) {
		return api.Health{Status: "ok"}, nil
	})
	one := httpapi.Handle(api.GetWorkspace,
		func(_ context.Context, _ httpapi.Call, in api.WorkspacePath) (api.Workspace, error) {
			return api.Workspace{}, fault.New(fault.WorkspaceUnknown, "%s", in.ID)
		})
	rest := httpapi.Handle(api.NotFound, func(context.Context, httpapi.Call, api.None) (api.None, error) {
		return api.None{}, fault.New(fault.UnknownRoute, "the rest")
	})
	serve := httpapi.Serve(slog.New(slog.DiscardHandler), time.Now, open(), health, one, rest)
	for call, want := range map[string]struct {
		status      int
		allow, body string
	}{
		"HEAD /healthz":               {200, "", ""},
		"HEAD /workspaces/w":          {404, "", ""},
		"HEAD /workspaces/odd%20id":   {400, "", ""},
		"HEAD /workspaces/w/activity": {404, "", "the rest"},
		"HEAD /nowhere":               {404, "", "the rest"},
		"OPTIONS /healthz":            {204, "GET, HEAD, OPTIONS", ""},
		"OPTIONS /workspaces/w/a2a":   {204, "OPTIONS, POST", ""},
		"OPTIONS /nowhere":            {404, "", "the rest"},
		"PUT /healthz":                {404, "", "the rest"},
	} {
		ev := events.APIGatewayV2HTTPRequest{RouteKey: api.CatchAll}
		ev.RequestContext.HTTP.Method, ev.RawPath, _ = strings.Cut(call, " ")
		resp, err := serve(t.Context(), ev)
		if err != nil || resp.StatusCode != want.status || resp.Headers["allow"] != want.allow ||
			!strings.Contains(resp.Body, want.body) || (resp.Body == "") != (want.body == "") {
			t.Errorf("%s: %d %v %q, %v", call, resp.StatusCode, resp.Headers, resp.Body, err)
		}
	}
}

// packed is a text in gzip, as API Gateway passes what is no text.
func packed(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text) // a buffer takes all
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

func TestPackedBodies(t *testing.T) {
	whole := packed(`{"from":"::1"}`)
	for name, c := range map[string]struct{ body, encoding, want string }{
		"gzip":                   {whole, "gzip", `"from":"::1"`},
		"in another case":        {whole, "GZIP", `"from":"::1"`},
		"cut off":                {whole[:16], "gzip", "can't be unpacked"},
		"not gzip":               {base64.StdEncoding.EncodeToString([]byte("{}")), "gzip", "can't be unpacked"},
		"said to be plain":       {whole, "identity", "invalid_json"},
		"another encoding":       {whole, "br", "content-encoding is not supported"},
		"packed twice":           {whole, "gzip,gzip", "content-encoding is not supported"},
		"much in little":         {packed(strings.Repeat(" ", 64<<20)), "gzip", "too_large"},
		"as much as plain takes": {packed(strings.Repeat(" ", httpapi.MaxBody-2) + "{}"), "gzip", `"workspace_id":"w"`},
	} {
		resp := call(t, repairs, events.APIGatewayV2HTTPRequest{
			Headers: map[string]string{
				"authorization": "bearer " + root, "content-type": "application/json; charset=utf-8",
				"content-encoding": c.encoding,
			},
			PathParameters: map[string]string{"id": "w"}, Body: c.body, IsBase64Encoded: true,
		})
		if !strings.Contains(resp.Body, c.want) {
			t.Errorf("%s: %d %s, want %s", name, resp.StatusCode, resp.Body, c.want)
		}
	}
}

func TestBodies(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(`{"from":"::1"}`))
	for name, c := range map[string]struct {
		body, want string
		base64     bool
	}{
		"none, where none is needed": {want: `"workspace_id":"w"`},
		"an object":                  {body: `{"from":"::1","more":1}`, want: `"from":"::1"`},
		"base64":                     {body: encoded, base64: true, want: `"from":"::1"`},
		"no base64":                  {body: "%", base64: true, want: "invalid_request"},
		"not JSON":                   {body: "{", want: "invalid_json"},
		"two values":                 {body: "{}{}", want: "invalid_json"},
		"no object":                  {body: "[]", want: "the body must be an object, not an array"},
		"a member of another type":   {body: `{"from":7}`, want: "from must be a string, not a number"},
		"too large":                  {body: strings.Repeat(" ", httpapi.MaxBody+1), want: "too_large"},
		"large until it is compact":  {body: "{" + strings.Repeat(" ", 5*httpapi.MaxBody) + "}", want: `"workspace_id":"w"`},
		"too large to be compacted":  {body: "{" + strings.Repeat(" ", 6*httpapi.MaxBody) + "}", want: "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := call(t, repairs, events.APIGatewayV2HTTPRequest{
				Headers:        map[string]string{"Authorization": "bearer " + root, "content-type": api.JSON},
				PathParameters: map[string]string{"id": "w"}, Body: c.body, IsBase64Encoded: c.base64,
			})
			if !strings.Contains(resp.Body, c.want) {
				t.Errorf("%d %s, want %s", resp.StatusCode, resp.Body, c.want)
			}
		})
	}
}

// A body says that it is JSON, whoever sends it: a browser asks nobody before it sends one that says something else or
// nothing. A call without a body needs no type.
func TestABodySaysThatItIsJSON(t *testing.T) {
	for contentType, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "application/a2a+json": 200, "Application/JSON": 200,
		"": 415, "json": 415, "text/plain;charset=UTF-8": 415, "application/x-www-form-urlencoded": 415,
		"multipart/form-data; boundary=x": 415, "text/json": 415, "application/json, text/plain": 415,
	} {
		for _, body := range []string{"{}", ""} {
			headers := map[string]string{"authorization": "bearer " + root}
			if contentType != "" {
				headers["content-type"] = contentType
			}
			resp := call(t, repairs, events.APIGatewayV2HTTPRequest{
				Headers: headers, PathParameters: map[string]string{"id": "w"}, Body: body,
			})
			refused := strings.Contains(resp.Body, "unsupported_media_type")
			if body == "" {
				want = 200
			}
			if resp.StatusCode != want || refused != (want == 415) {
				t.Errorf("%q, %q: %d %s", contentType, body, resp.StatusCode, resp.Body)
			}
		}
	}
}

func htmlPage(text string) api.HTMLPage { return api.HTMLPage{Packed: api.Packed{Text: text}} }

func TestAnswersTellABrowserWhatItMayDo(t *testing.T) {
	page := httpapi.Handle(api.GetConsole, func(context.Context, httpapi.Call, api.None) (api.HTMLPage, error) {
		return htmlPage("<style>a</style><p onclick='x'><script>b</script><script>c</script><script type=x></script>"), nil
	})
	loading := httpapi.Handle(api.GetConsole, func(context.Context, httpapi.Call, api.None) (api.HTMLPage, error) {
		return htmlPage(`<link rel="icon" href=i><link rel="stylesheet" href=s><script src=x></script>`), nil
	})
	const none = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for name, c := range map[string]struct {
		endpoint httpapi.Endpoint
		policy   string
	}{
		"JSON":     {pages, none},
		"an error": {repairs, none},
		"a page that loads files": {loading, none + "; connect-src 'self'; require-trusted-types-for 'script'" +
			"; script-src 'self'; style-src 'self'; img-src 'self'"},
		"a page": {page, none + "; connect-src 'self'; require-trusted-types-for 'script'" +
			"; script-src 'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='" +
			" 'sha256-Ln0sA6lQeuJl7PW1NWiFpTOTogKdJBOUmXJloaJa78Y='" +
			"; style-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='"},
	} {
		resp := call(t, c.endpoint, events.APIGatewayV2HTTPRequest{})
		if got := resp.Headers["content-security-policy"]; got != c.policy {
			t.Errorf("%s: policy %s", name, got)
		}
		if resp.Headers["x-content-type-options"] != "nosniff" || resp.Headers["x-frame-options"] != "DENY" ||
			resp.Headers["referrer-policy"] != "no-referrer" || resp.Headers["access-control-allow-origin"] != "" {
			t.Errorf("%s: %v", name, resp.Headers)
		}
	}
}

func TestRepliesSayWhatTheyAre(t *testing.T) {
	page := httpapi.Handle(api.GetConsole, func(context.Context, httpapi.Call, api.None) (api.HTMLPage, error) {
		return htmlPage("<p>"), nil
	})
	removed := httpapi.Handle(api.GetState, func(context.Context, httpapi.Call, api.WorkspacePath) (api.State, error) {
		return api.State{WorkspaceID: "w", Deleted: true}, nil
	})
	for _, c := range []struct {
		endpoint    httpapi.Endpoint
		status      int
		kind, reply string
	}{
		{page, 200, "text/html; charset=utf-8", "<p>"},
		{removed, 404, "application/json", `{"deleted":true,"workspace_id":"w"}`},
	} {
		resp := call(t, c.endpoint, events.APIGatewayV2HTTPRequest{PathParameters: map[string]string{"id": "w"}})
		if resp.StatusCode != c.status || resp.Headers["content-type"] != c.kind || resp.Body != c.reply {
			t.Errorf("%s: %d %v %s", c.endpoint.Operation.Route, resp.StatusCode, resp.Headers, resp.Body)
		}
	}
}

func TestErrorsAreTyped(t *testing.T) {
	detailed := &fault.Error{Code: fault.CredentialUnknown, Details: fault.Details{ID: "w"}}
	for _, c := range []struct {
		err    error
		status int
		body   string
		header string
	}{
		{errors.New("secret"), 500, `"code":"internal"`, ""},
		{fault.New(fault.Conflict, "again"), 429, `"code":"conflict"`, "retry-after"},
		{fault.New(fault.InboxFull, "full").WithRetryAfter(1500 * time.Millisecond), 429, `"retry_after":2`, "retry-after"},
		{fault.New(fault.CredentialUnknown, "who?"), 401, `"code":"credential_unknown"`, "www-authenticate"},
		{detailed, 401, `,"id":"w"}`, ""},
	} {
		e := httpapi.Handle(api.GetHealth, func(context.Context, httpapi.Call, api.None) (api.Health, error) {
			return api.Health{}, c.err
		})
		resp := call(t, e, events.APIGatewayV2HTTPRequest{})
		_, has := resp.Headers[c.header]
		if resp.StatusCode != c.status || !strings.Contains(resp.Body, c.body) || (c.header != "" && !has) {
			t.Errorf("%v: %d %v %s", c.err, resp.StatusCode, resp.Headers, resp.Body)
		}
		if strings.Contains(resp.Body, "secret") {
			t.Errorf("a client is told %s", resp.Body)
		}
	}
}

// Each status that the API's document describes for errors has codes, and the
// table has no other.
func TestCodesAndDescriptionsAgree(t *testing.T) {
	codes := 0
	for status := range 600 {
		of := httpapi.CodesOf(status)
		codes += len(of)
		if (api.ErrorDescriptions[status] != "") != (len(of) > 0) {
			t.Errorf("%d: %v, described as %q", status, of, api.ErrorDescriptions[status])
		}
	}
	if codes < 20 {
		t.Errorf("%d codes", codes)
	}
}

// Callers whom the same fault met are asked to try again at different times, in whole seconds.
func TestRetriesAreSpread(t *testing.T) {
	broken := httpapi.Handle(api.GetHealth, func(context.Context, httpapi.Call, api.None) (api.Health, error) {
		return api.Health{}, fault.Store("ask", errors.New("out of order"))
	})
	asked := map[string]int{}
	for i := range 500 {
		ev := events.APIGatewayV2HTTPRequest{}
		ev.RequestContext.RequestID = fmt.Sprint("request ", i)
		asked[call(t, broken, ev).Headers["retry-after"]]++
	}
	for after := 2; after <= 6; after++ {
		if n := asked[strconv.Itoa(after)]; n < 60 || n > 140 {
			t.Errorf("%d of 500 are asked to come back after %d s: %v", n, after, asked)
		}
	}
}

// A call that meets a defect is answered as each other that fails: typed, without the words of the panic.
func TestADefectIsAnswered(t *testing.T) {
	defect := httpapi.Handle(api.ListWorkspaces,
		func(context.Context, httpapi.Call, api.ListWorkspacesRequest) (api.Fleet, error) {
			panic("index out of range")
		})
	resp := call(t, defect, events.APIGatewayV2HTTPRequest{})
	if resp.StatusCode != http.StatusInternalServerError || !strings.Contains(resp.Body, `"code":"internal"`) ||
		!strings.Contains(resp.Body, `"action":"retry"`) || strings.Contains(resp.Body, "index out of range") {
		t.Fatalf("%+v", resp)
	}
}
