package main

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/client"
)

func TestLocate(t *testing.T) {
	const two = `{"current": "prod", "contexts": {
		"prod": {"url": "https://prod", "operator_token": "p"}, "test": {"url": "https://test", "operator_token": "t"}}}`
	const local = `{"url": "http://local", "operator_token": "local"}`
	for name, c := range map[string]struct {
		flagURL, flagToken string
		flagContext        string
		envURL, envToken   string
		file               string // .rollcall/local.json two folders up, "" for none
		contexts           string // the contexts' file, "" for none
		want               client.Client
		code               int
	}{
		"flags before all": {
			flagURL: "http://flag/", flagToken: "flag", envURL: "http://env", envToken: "env", file: local,
			want: client.Client{URL: "http://flag", OperatorToken: "flag"},
		},
		"the environment before the file": {
			envURL: "https://env//", envToken: "env", file: local,
			want: client.Client{URL: "https://env", OperatorToken: "env"},
		},
		"the file": {file: local, want: client.Client{URL: "http://local", OperatorToken: "local"}},
		"the file doesn't get the flag's credential":        {flagToken: "flag", file: local, code: exitUsage},
		"the file doesn't get the environment's credential": {envToken: "env", file: local, code: exitUsage},
		"nor with a context in use":                         {envToken: "env", file: local, contexts: two, code: exitUsage},
		"an address with a password":                        {envURL: "http://user:pw@host", code: exitUsage},
		"an address with a password and a path":             {envURL: "https://user:pw@host/x", code: exitUsage},
		"another platform doesn't get the file's credential": {
			flagURL: "http://flag", file: local, want: client.Client{URL: "http://flag"},
		},
		"the file before the context in use": {
			file: local, contexts: two, want: client.Client{URL: "http://local", OperatorToken: "local"},
		},
		"the context in use": {contexts: two, want: client.Client{URL: "https://prod", OperatorToken: "p"}},
		"the context in use doesn't get another platform's credential": {
			envToken: "env", contexts: two, want: client.Client{URL: "https://prod", OperatorToken: "p"},
		},
		"a context that is named, before all": {
			flagContext: "test", envURL: "http://env", envToken: "env", file: local, contexts: two,
			want: client.Client{URL: "https://test", OperatorToken: "t"},
		},
		"a context with another credential": {
			flagContext: "test", flagToken: "flag", contexts: two,
			want: client.Client{URL: "https://test", OperatorToken: "flag"},
		},
		"a context and a URL":    {flagContext: "test", flagURL: "http://flag", contexts: two, code: exitUsage},
		"an unknown context":     {flagContext: "nope", contexts: two, code: exitUsage},
		"contexts that are none": {contexts: `x`, code: exitUsage},
		"no scheme":              {envURL: "env:80", code: exitUsage},
		"none":                   {code: exitUnreachable},
		"a file without a URL":   {file: `{}`, code: exitUnreachable},
		"a file that is none":    {file: `x`, code: exitUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ROLLCALL_URL", c.envURL)
			t.Setenv("ROLLCALL_TOKEN", c.envToken)
			dir := t.TempDir()
			below := filepath.Join(dir, "a", "b")
			if err := errors.Join(os.MkdirAll(below, 0o700), os.Mkdir(filepath.Join(dir, ".rollcall"), 0o700)); err != nil {
				t.Fatal(err)
			}
			if c.file != "" {
				if err := os.WriteFile(filepath.Join(dir, ".rollcall", "local.json"), []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			contexts := filepath.Join(dir, "contexts.json")
			t.Setenv("ROLLCALL_CONTEXTS", contexts)
			if c.contexts != "" {
				if err := os.WriteFile(contexts, []byte(c.contexts), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(below)
			got, err := locate(c.flagURL, c.flagToken, c.flagContext)
			if c.code != 0 {
				if err == nil || exitCode(err) != c.code {
					t.Errorf("%v, want exit code %d", err, c.code)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

// Without HOME no command says more than that, and none that needs no file fails for it.
func TestWithoutAHome(t *testing.T) {
	for _, name := range []string{
		"HOME", "XDG_CONFIG_HOME", "AppData", "ROLLCALL_CONTEXTS", "ROLLCALL_URL", "ROLLCALL_TOKEN",
	} {
		t.Setenv(name, "")
	}
	t.Chdir(t.TempDir())
	const noFile = "give --url, or set ROLLCALL_URL and ROLLCALL_TOKEN: that needs no file"
	server := httptest.NewServer(&platform{answers: on("GET /workspaces", answer{200, `{"workspaces": []}`})})
	defer server.Close()
	for args, c := range map[string]struct {
		code int
		says string
	}{
		"status --url " + server.URL: {0, ""},
		"version":                    {0, ""},
		"status":                     {exitUnreachable, noFile},
		"doctor":                     {exitUnreachable, noFile},
		"status --context prod":      {exitUsage, ""},
		"context":                    {exitUsage, ""},
		"logout":                     {exitUsage, ""},
		"login " + server.URL:        {exitUsage, ""},
	} {
		var errs bytes.Buffer
		code := run(t.Context(), strings.Fields(args), nil, io.Discard, &errs)
		told := strings.Contains(errs.String(), "HOME is not set") && strings.Contains(errs.String(), c.says)
		if code != c.code || told != (code != 0) {
			t.Errorf("rollcall %s: exit %d, want %d: %s", args, code, c.code, errs.String())
		}
	}
}

func TestHelpNeedsNoPlatform(t *testing.T) {
	t.Setenv("ROLLCALL_URL", "")
	t.Chdir(t.TempDir())
	for args, want := range map[string]string{
		"help status": "rollcall status [ID]", "--help": "130  interrupted", "completion bash": "bash completion",
		"": "Usage:",
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), strings.Fields(args), nil, &out, &errs)
		if code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("rollcall %s: exit %d, without %q: %s", args, code, want, errs.String())
		}
	}
	var errs bytes.Buffer
	code := run(t.Context(), []string{"status"}, nil, io.Discard, &errs)
	if code != exitUnreachable || !strings.Contains(errs.String(), "no platform is known") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// A credential that was read from a file brings the file's line end along.
func TestALineEndIsNoPartOfACredential(t *testing.T) {
	t.Setenv("ROLLCALL_URL", "http://h/\n")
	for _, text := range []string{"rcp_1", "rcp_1\n", " rcp_1\r\n"} {
		t.Setenv("ROLLCALL_TOKEN", text)
		found, err := locate("", "", "")
		given, flagErr := locate("", text, "")
		if err != nil || flagErr != nil || found.OperatorToken != "rcp_1" || given != found || found.URL != "http://h" {
			t.Errorf("%q: %+v, %v, %+v, %v", text, found, err, given, flagErr)
		}
	}
}
