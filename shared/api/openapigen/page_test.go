package main

import (
	"encoding/json"
	"html"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/api/apidoc"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// written are the document and the page that go generate writes.
func written(t *testing.T) (document []byte, html string) {
	t.Helper()
	document, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := page(document)
	if err != nil {
		t.Fatal(err)
	}
	return document, string(raw)
}

func TestThePageShowsEveryOperation(t *testing.T) {
	_, page := written(t)
	for _, o := range api.Operations() {
		_, path, _ := strings.Cut(o.Route, " ")
		for _, text := range []string{"<code>" + path + "</code>", html.EscapeString(o.Summary)} {
			if !strings.Contains(page, text) {
				t.Errorf("%s is not on the page: %s", o.Route, text)
			}
		}
	}
}

// Each member of a request is on the page, with its description.
func TestThePageDescribesRequests(t *testing.T) {
	_, page := written(t)
	for _, row := range []string{
		"<code>enrolment_token?</code></td><td>string, at most 512 characters</td><td>an operator&#39;s permission for a " +
			"first credential",
		"<code>active_tasks?</code></td><td>integer or null</td><td>how many tasks the agent works on",
		`<a href="#HeartbeatRequest">HeartbeatRequest</a>`,
	} {
		if !strings.Contains(page, row) {
			t.Errorf("the page lacks %s", row)
		}
	}
}

// What the document says of a value stands on the page: its bounds, and of an answer its types and its headers.
func TestThePageShowsBoundsAndHeaders(t *testing.T) {
	document, page := written(t)
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Schema   *schema
			}
			Responses map[string]struct {
				Content content
				Headers map[string]struct{ Description string }
			}
		}
		Components struct{ Schemas map[string]*schema }
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	shows := func(what, row string) {
		t.Helper()
		if !strings.Contains(page, row) {
			t.Errorf("%s: the page lacks %s", what, row)
		}
	}
	for path, methods := range doc.Paths {
		for _, op := range methods {
			for _, p := range op.Parameters {
				shows(path, "<code>"+p.Name+"</code> in "+p.In+"</td><td>"+string(kind(p.Schema)))
			}
			for code, r := range op.Responses {
				for name, h := range r.Headers {
					shows(path, "<code>"+name+"</code> of "+code)
					shows(path, html.EscapeString(h.Description))
				}
				if joined := string(kinds(r.Content)); len(r.Content) > 0 {
					shows(path, "<td>"+code+`</td><td colspan="2">`+joined+" — ")
					if strings.Count(joined, " or ") != len(r.Content)-1 {
						t.Errorf("%s: %d kinds of answers are told as %s", path, len(r.Content), joined)
					}
				}
			}
		}
	}
	for _, s := range doc.Components.Schemas {
		for member, m := range s.Properties {
			for _, bound := range []string{m.MaxLength.String(), m.Minimum.String(), m.Maximum.String(), m.Pattern} {
				if bound != "" && !strings.Contains(s.bounds()+m.bounds(), bound) {
					t.Errorf("%s is not told with its bound %s", member, bound)
				}
			}
			shows(member, "</code></td><td>"+string(kind(m))+"</td>")
		}
	}
	for _, bound := range []string{
		"integer, from 1 to 500", "string, not empty, at most 262144 characters", "string or null, at most 8192 characters",
	} {
		shows("bounds", bound)
	}
}

// secret is how examples show a secret: its kind, and that the rest is left out.
var secret = regexp.MustCompile(`(rcw|rce|rcp|whsec)_…`)

// Each operation has an example on the page: a call and an answer as the document describes them, with a status that it
// has, and with nothing left out but secrets.
func TestThePageShowsExamplesThatTheDocumentAllows(t *testing.T) {
	openapi, page := written(t)
	check, err := apidoc.New(openapi)
	if err != nil {
		t.Fatal(err)
	}
	all := examples()
	for _, o := range api.Operations() {
		t.Run(o.ID, func(t *testing.T) {
			e, ok := all[o.Route]
			if !ok {
				t.Fatal("it has no example")
			}
			answer, err := e.shown()
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{e.curl(), answer} {
				if !strings.Contains(page, html.EscapeString(text)) {
					t.Errorf("this is not on the page: %s", text)
				}
				if strings.Contains(secret.ReplaceAllString(text, ""), "…") {
					t.Errorf("this leaves something out: %s", text)
				}
			}
			if strings.Contains(strings.SplitAfterN(e.curl(), "\n", 2)[0], "{") {
				t.Errorf("the path has a name in the place of a value: %s", e.curl())
			}
			checkCall(t, check, e)
			checkAnswer(t, check, e)
		})
	}
}

// checkCall fails when an example's call is not as the document describes it, or has a member that nobody reads.
func checkCall(t *testing.T, check *apidoc.Document, e example) {
	t.Helper()
	query, err := url.ParseQuery(strings.TrimPrefix(e.query, "?"))
	if err != nil {
		t.Fatal(err)
	}
	if err := check.CheckRequest(e.operation.Route, query, []byte(e.body)); err != nil {
		t.Errorf("%s%s: %v", e.query, e.body, err)
	}
	reads := e.operation.Request
	if e.operation.Body != nil {
		reads = e.operation.Body
	}
	if e.body == "" {
		if e.operation.HasBody() && !e.operation.BodyOptional {
			t.Error("the call must have a body")
		}
		return
	}
	decoder := json.NewDecoder(strings.NewReader(e.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(reflect.New(reflect.TypeOf(reads)).Interface()); err != nil {
		t.Errorf("%s: %v", e.body, err)
	}
}

// checkAnswer fails when an example's answer is not as the document describes it.
func checkAnswer(t *testing.T, check *apidoc.Document, e example) {
	t.Helper()
	body, err := e.text()
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		if err := check.CheckReply(e.operation.Route, e.status, api.JSON, []byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		return
	}
	reply := e.operation.Replies[0]
	if _, isDocument := reply.Body.(api.Document); len(reply.Types) == 0 && !isDocument {
		t.Error("it answers in JSON, and the example has no answer")
	}
}

// holds says what the members are that hold what an agent or a sender wrote: a test of the examples looks into them.
var holds = map[string]string{
	"request_body": "request", "response_body": "response", "answer": "response", "result": "result",
	"agent_card": "object", "id": "id",
}

// What stands in an example as an agent or a sender wrote it is whole, as the functions hand it out: a request or a
// response of JSON-RPC with its envelope, and the two belong together.
func TestExamplesShowTheWholeRequestAndAnswer(t *testing.T) {
	var asked struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(mail, &asked); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for route, e := range examples() {
		for member, raw := range raws(reflect.ValueOf(e.answer)) {
			kind, known := holds[member]
			if seen[kind]++; !known {
				t.Errorf("%s: what is in %s?", route, member)
			}
			var rpc struct {
				JSONRPC, Method           string
				ID, Result, Error, Params json.RawMessage
			}
			if kind != "id" && json.Unmarshal(raw, &rpc) != nil {
				t.Errorf("%s: %s is no object: %s", route, member, raw)
			}
			whole := rpc.JSONRPC == "2.0" && string(rpc.ID) == string(asked.ID)
			if kind == "request" && !(whole && rpc.Method != "" && rpc.Params != nil) ||
				kind == "response" && !(whole && (rpc.Result != nil) != (rpc.Error != nil)) {
				t.Errorf("%s: %s is not a whole %s of JSON-RPC: %s", route, member, kind, raw)
			}
		}
	}
	if seen["request"] == 0 || seen["response"] < 3 {
		t.Errorf("the examples show %v", seen)
	}
	for _, route := range []string{api.GetMessage.Route, api.ListMessages.Route, api.GetQueueStatus.Route} {
		if text, err := examples()[route].text(); err != nil || !strings.Contains(text, `"jsonrpc": "2.0"`) {
			t.Errorf("%s: %s, %v", route, text, err)
		}
	}
}

// raws are the members of an answer that are JSON as it came, by name.
func raws(v reflect.Value) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return raws(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			maps.Copy(out, raws(v.Index(i)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			if raw, ok := reflect.TypeAssert[json.RawMessage](v.Field(i)); ok && len(raw) > 0 {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				out[name] = raw
			} else if !ok {
				maps.Copy(out, raws(v.Field(i)))
			}
		}
	}
	return out
}

// An answer to an act shows what the act did.
func TestTheExampleOfARedriveIsRedriven(t *testing.T) {
	var again, first api.Receipt
	for route, to := range map[string]*api.Receipt{api.RedriveMessage.Route: &again, api.GetMessage.Route: &first} {
		text, err := examples()[route].text()
		if err != nil || json.Unmarshal([]byte(text), to) != nil {
			t.Fatal(text, err)
		}
	}
	if again.State != chat.Queued || again.Reason == queued().Reason || again.Reason == first.Reason {
		t.Errorf("it is %s: %s", again.State, again.Reason)
	}
}

// Each link on the page leads to something that is there once, and contents and errors are complete.
func TestThePagesLinksLeadSomewhere(t *testing.T) {
	_, page := written(t)
	there := map[string]int{}
	for _, id := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if there[id[1]]++; there[id[1]] > 1 {
			t.Errorf("%s is there twice", id[1])
		}
	}
	for _, link := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if there[link[1]] == 0 {
			t.Errorf("#%s leads nowhere", link[1])
		}
	}
	for _, o := range api.Operations() {
		if contents := `<li><a href="#` + o.ID + `">`; !strings.Contains(page, contents) {
			t.Errorf("the contents lack %s", o.ID)
		}
	}
	for _, m := range httpapi.Meanings() {
		if there[string(m.Code)] != 1 {
			t.Errorf("the errors lack %s", m.Code)
		}
	}
}
