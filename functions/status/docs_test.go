package main

import (
	"html"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
)

func TestThePageShowsEveryOperation(t *testing.T) {
	page, err := docsPage()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range api.Operations() {
		_, path, _ := strings.Cut(o.Route, " ")
		for _, text := range []string{"<code>" + path + "</code>", html.EscapeString(o.Summary)} {
			if !strings.Contains(string(page), text) {
				t.Errorf("%s is not on the page: %s", o.Route, text)
			}
		}
	}
}

// Each member of a request is on the page, with its description.
func TestThePageDescribesRequests(t *testing.T) {
	page, err := docsPage()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		"<code>enrolment_token?</code></td><td>string</td><td>an operator&#39;s permission to be given a first credential",
		"<code>active_tasks?</code></td><td>anything</td><td>how many tasks the agent is at work on",
		`<a href="#HeartbeatRequest">HeartbeatRequest</a>`,
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("the page lacks %s", row)
		}
	}
}
