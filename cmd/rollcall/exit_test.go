package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/client"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err       error
		code      int
		temporary bool
		unknown   bool // whether a message may have been accepted
	}{
		{&refusal{status: 404}, exitRefused, false, false},
		{&refusal{status: 429}, exitRefused, true, false},
		{&refusal{status: 503}, exitUnreachable, true, true},
		{fmt.Errorf("wrapped: %w", &refusal{status: 500}), exitUnreachable, true, true},
		{&unreached{message: "no answer", maybe: true}, exitUnreachable, true, true},
		{&unreached{message: "nothing was sent"}, exitUnreachable, true, false},
		{&unreached{message: "another server", vain: true}, exitUnreachable, false, false},
		{&outcome{exitUnhealthy, "not online"}, exitUnhealthy, false, false},
		{errors.New("unknown flag"), exitUsage, false, false},
	} {
		if code := exitCode(c.err); code != c.code {
			t.Errorf("%v: exit %d, want %d", c.err, code, c.code)
		}
		if got := temporary(c.err); got != c.temporary {
			t.Errorf("%v: temporary is %v", c.err, got)
		}
		if got := acceptanceUnknown(c.err); got != c.unknown {
			t.Errorf("%v: acceptanceUnknown is %v", c.err, got)
		}
	}
}

// With --output json each line of standard error is an object, and the last one says why the command failed, with the
// members that each of the platform's errors has. The exit code is that without it.
func TestAnErrorIsAnObject(t *testing.T) {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/workspaces/page/explain":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>"))
		case "/workspaces/late/explain":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"error": "not now", "code": "platform_unavailable", "hint": "wait", "action": "retry"}`))
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error": "no such workspace \u202e", "code": "workspace_unknown", ` +
				`"hint": "look", "action": "stop"}`))
		}
	}))
	defer platform.Close()
	t.Setenv("ROLLCALL_TOKEN", "")
	for line, want := range map[string]struct {
		exit               int
		code, hint, action string
	}{
		"explain demo -o json":                          {exitRefused, "workspace_unknown", "look", "stop"},
		"-o=json explain demo":                          {exitRefused, "workspace_unknown", "look", "stop"},
		"explain demo --token t --output=json":          {exitRefused, "workspace_unknown", "look", "stop"},
		"explain late -o json":                          {exitUnreachable, "platform_unavailable", "wait", "retry"},
		"explain page -o json":                          {exitUnreachable, "platform_unreachable", "rollcall doc", "retry"},
		"explain demo --url http://127.0.0.1:1 -o json": {exitUnreachable, "platform_unreachable", "start it", "retry"},
		"explain --nonsense -o json":                    {exitUsage, "usage", "rollcall explain ", "stop"},
		"explain -o json":                               {exitUsage, "usage", "rollcall explain ", "stop"},
		"nonsense --output json":                        {exitUsage, "usage", "rollcall --help", "stop"},
		"pause demo other -y -o json":                   {exitRefused, "not_done", "", "stop"},
		"explain \xff -o json":                          {exitUsage, "usage", "rollcall --help", "stop"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Setenv("ROLLCALL_URL", platform.URL)
			var out, errs bytes.Buffer
			exit := run(t.Context(), strings.Fields(line), nil, &out, &errs)
			var last map[string]any
			for text := range strings.Lines(errs.String()) {
				last = nil
				if err := json.Unmarshal([]byte(text), &last); err != nil {
					t.Fatalf("%q is no object: %v", text, err)
				}
			}
			said := func(name string) string { text, _ := last[name].(string); return text }
			if exit != want.exit || said("error") == "" || said("code") != want.code || said("action") != want.action ||
				!strings.HasPrefix(said("hint"), want.hint) || (want.hint == "" && said("hint") != "") {
				t.Errorf("exit %d: %s", exit, errs.String())
			}
			if strings.ContainsRune(errs.String(), '\u202e') {
				t.Errorf("it is printed as it came: %s", errs.String())
			}
			var plain bytes.Buffer
			without := strings.NewReplacer("-o json", "", "-o=json", "", "--output=json", "", "--output json", "").Replace(line)
			if code := run(t.Context(), strings.Fields(without), nil, &out, &plain); code != exit {
				t.Errorf("without it the exit code is %d, not %d", code, exit)
			}
			if !strings.HasPrefix(plain.String(), "rollcall: ") {
				t.Errorf("without it: %s", plain.String())
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	for raw, want := range map[string]string{
		`{"error": "no", "code": "c"}`:   "no (c, HTTP 403)",
		`{"error": "no"}`:                "no (HTTP 403)",
		`{"message": "Forbidden by it"}`: "the platform answered Forbidden by it (HTTP 403)",
		`<!DOCTYPE html>`: "https://platform answers, but not as Rollcall does (HTTP 403, an HTML page, of no type): " +
			"is the address right?",
	} {
		reply := client.Reply{Status: 403, Raw: []byte(raw), Header: http.Header{}}
		if raw[0] == '{' {
			reply.Body = map[string]any{"message": "Forbidden by it"}
		}
		if got := (&request{platform: "https://platform"}).refusal(reply).Error(); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// What a stranger wrote into an error, such as the names of a certificate, stands in the line of that error, with its
// control characters as escapes, wherever errors are printed.
func TestAnErrorIsOneLineOfVisibleText(t *testing.T) {
	const hostile = "valid for evil\x1b]0;pwned\x07\x1b[2J\nrollcall login https://evil\u202e"
	wrapped := fmt.Errorf("tls: %w", errors.New(hostile))
	for name, fails := range map[string]func(*app){
		"no answer":      func(a *app) { a.reportError(a.command(), (&request{}).unanswered(wrapped)) },
		"another error":  func(a *app) { a.reportError(a.command(), wrapped) },
		"of several":     func(a *app) { a.failed("agent-\n1", wrapped) },
		"a warning":      func(a *app) { a.warn("%v", wrapped) },
		"a doctor's":     func(a *app) { fmt.Fprintln(a.errs, "rollcall: "+rootWords(wrapped)) },
		"in JSON":        func(a *app) { a.output = "json"; a.reportError(a.command(), wrapped) },
		"in JSON, one's": func(a *app) { a.output = "json"; a.failed("agent-\n1", wrapped) },
	} {
		var errs bytes.Buffer
		fails(&app{errs: &errs, out: &output{to: io.Discard}})
		for line := range strings.Lines(errs.String()) {
			if strings.HasPrefix(line, "rollcall login") {
				t.Errorf("%s: a line of its own: %q", name, errs.String())
			}
		}
		if strings.ContainsAny(errs.String(), "\x1b\x07\u202e") || !strings.Contains(errs.String(), "pwned") {
			t.Errorf("%s: %q", name, errs.String())
		}
	}
}
