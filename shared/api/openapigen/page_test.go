package main

import (
	"encoding/json"
	"html"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/api/apidoc"
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
		"<code>enrolment_token?</code></td><td>string</td><td>an operator&#39;s permission for a first credential",
		"<code>active_tasks?</code></td><td>integer or null</td><td>how many tasks the agent works on",
		`<a href="#HeartbeatRequest">HeartbeatRequest</a>`,
	} {
		if !strings.Contains(page, row) {
			t.Errorf("the page lacks %s", row)
		}
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
