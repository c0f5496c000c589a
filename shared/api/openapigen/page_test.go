package main

import (
	"encoding/json"
	"html"
	"regexp"
	"strconv"
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
		"<code>enrolment_token?</code></td><td>string</td><td>an operator&#39;s permission to be given a first credential",
		"<code>active_tasks?</code></td><td>anything</td><td>how many tasks the agent is at work on",
		`<a href="#HeartbeatRequest">HeartbeatRequest</a>`,
	} {
		if !strings.Contains(page, row) {
			t.Errorf("the page lacks %s", row)
		}
	}
}

// The example of each operation is on the page, and is a call and an answer as the document describes them.
func TestThePageShowsExamplesThatTheDocumentAllows(t *testing.T) {
	openapi, page := written(t)
	check, err := apidoc.New(openapi)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]*operation
		Components struct{ Schemas schemas }
	}
	if err := json.Unmarshal(openapi, &doc); err != nil {
		t.Fatal(err)
	}
	all := doc.Components.Schemas
	for _, written := range []map[string]string{bodies, answers, queries} {
		for route := range written {
			method, path, _ := strings.Cut(route, " ")
			if doc.Paths[path][strings.ToLower(method)] == nil {
				t.Errorf("there is no operation %s", route)
			}
		}
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			op.Method, op.Path = strings.ToUpper(method), path
			route := op.Method + " " + path
			if !strings.Contains(page, html.EscapeString(all.curl(op))) {
				t.Errorf("%s: this is not on the page: %s", route, all.curl(op))
			}
			if body := all.body(op); body != "" {
				if err := check.CheckRequest(route, nil, []byte(body)); err != nil {
					t.Errorf("%s %s: %v", route, body, err)
				}
			}
			status, body := all.answer(op)
			if status == "" {
				continue
			}
			code, err := strconv.Atoi(status)
			if err != nil {
				t.Fatal(err)
			}
			if err := check.CheckReply(route, code, "application/json", []byte(body)); err != nil {
				t.Errorf("%s: %v", route, err)
			}
		}
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
