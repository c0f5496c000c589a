package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// signedOut is a person who has signed in nowhere, in a folder without a platform.
// It returns the file of the contexts.
func signedOut(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "config", "contexts.json")
	t.Setenv("ROLLCALL_CONTEXTS", file)
	t.Setenv("ROLLCALL_URL", "")
	t.Setenv("ROLLCALL_TOKEN", "")
	t.Chdir(t.TempDir())
	return file
}

// command runs the program with a standard input.
func command(t *testing.T, in string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{out: &output{to: &out}, errs: &errs}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&out)
	root.SetErr(&errs)
	cmd, err := root.ExecuteContextC(t.Context())
	if err != nil {
		code = a.reportError(cmd, err)
	}
	return code, out.String(), errs.String()
}

// guarded is a platform that answers with one credential only, and notes what came.
func guarded(t *testing.T, credential string) (address string, brought *[]string) {
	t.Helper()
	brought = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*brought = append(*brought, r.Header.Get("Authorization"))
		switch {
		case r.Header.Get("Authorization") != "Bearer "+credential:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error": "nobody has this credential", "code": "credential_unknown", "action": "login"}`))
		case r.URL.Path == "/whoami":
			_, _ = w.Write([]byte(`{"name": "ana", "scope": "operate", "expires_at": "2030-01-01T00:00:00Z"}`))
		default:
			_, _ = w.Write([]byte(`{"workspaces": [], "next": null}`))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, brought
}

func TestWhoSignsInNeedsNoFlagsAfterwards(t *testing.T) {
	file := signedOut(t)
	address, brought := guarded(t, "good")
	code, out, errs := command(t, "good\n", "login", address+"/", "--name", "prod")
	if code != 0 || !strings.Contains(out, "as ana (operate, until") || errs != "" {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	info, err := os.Stat(file)
	if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if code, _, errs := command(t, "", "status"); code != 0 || errs != "" {
		t.Errorf("%d %s", code, errs)
	}
	code, out, _ = command(t, "", "context")
	if code != 0 || !strings.Contains(out, "prod") || strings.Contains(out, "good") {
		t.Errorf("%d %s", code, out)
	}
	if code, _, _ := command(t, "", "logout"); code != 0 {
		t.Error(code)
	}
	if raw, err := os.ReadFile(file); err != nil || strings.Contains(string(raw), "good") {
		t.Errorf("%s, %v", raw, err)
	}
	if code, _, errs := command(t, "", "status"); code != exitUnreachable || !strings.Contains(errs, "rollcall login") {
		t.Errorf("%d %s", code, errs)
	}
	for _, credential := range *brought {
		if credential != "Bearer good" {
			t.Errorf("brought %q", credential)
		}
	}
}

func TestALoginThatIsRefusedKeepsNothing(t *testing.T) {
	file := signedOut(t)
	address, _ := guarded(t, "good")
	for in, want := range map[string]int{"bad\n": exitRefused, "\n": exitUsage, "": exitUsage} {
		if code, _, errs := command(t, in, "login", address); code != want || strings.Contains(errs, "bad\n") {
			t.Errorf("%q: %d %s", in, code, errs)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestContextsAreChosenByName(t *testing.T) {
	signedOut(t)
	one, _ := guarded(t, "1")
	two, brought := guarded(t, "2")
	for name, address := range map[string]string{"1": one, "2": two} {
		if code, _, errs := command(t, name, "login", address, "--name", name); code != 0 {
			t.Fatal(errs)
		}
	}
	*brought = nil
	for _, args := range []string{"context use 1", "status", "status --context 2", "context use 2", "status"} {
		if code, _, errs := command(t, "", strings.Fields(args)...); code != 0 {
			t.Errorf("%s: %d %s", args, code, errs)
		}
	}
	if len(*brought) != 2 {
		t.Errorf("the second was asked %d times", len(*brought))
	}
	if code, _, errs := command(t, "", "context", "use", "3"); code != exitUsage || !strings.Contains(errs, "1, 2") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestAFileThatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no such modes")
	}
	file := signedOut(t)
	address, _ := guarded(t, "good")
	if code, _, errs := command(t, "good", "login", address); code != 0 {
		t.Fatal(errs)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command(t, "", "status"); code != exitUsage || !strings.Contains(errs, "chmod 600") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestACredentialOnTheCommandLineWarns(t *testing.T) {
	signedOut(t)
	address, _ := guarded(t, "good")
	code, _, errs := command(t, "", "status", "--url", address, "--token", "good")
	if code != 0 || !strings.Contains(errs, "process lists") || strings.Contains(errs, "good") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestTokens(t *testing.T) {
	const made = `{"token_id": "abc", "name": "ana", "scope": "operate", "expires_at": "2030-01-01T00:00:00Z",
		"credential": "rcp_abc_secret", "next": "give it to ana"}`
	const listed = `{"tokens": [{"token_id": "abc", "name": "ana", "scope": "view", "created_by": "operator rco_x",
		"expires_at": "2030-01-01T00:00:00Z", "last_used_at": "2029-01-01T00:00:00Z", "last_used_from": "192.0.2.7"}]}`
	for name, c := range map[string]commandTest{
		"create": {
			args: "token create --name ana --scope operate --expires 30d", answers: on("POST /tokens", answer{201, made}),
			out: "rcp_abc_secret\nfor “ana”, scope operate",
		},
		"create without a scope": {args: "token create --name ana", code: exitUsage, errs: "scope"},
		"create for a odd time": {
			args: "token create --name ana --scope view --expires 3fortnights", code: exitUsage, errs: "90d",
		},
		"list":      {args: "token list", answers: on("GET /tokens", answer{200, listed}), out: "192.0.2.7"},
		"list none": {args: "token list", answers: on("GET /tokens", answer{200, `{"tokens": []}`}), out: "token create"},
		"revoke": {
			args:    "token revoke abc",
			answers: on("DELETE /tokens/abc", answer{200, `{"token_id": "abc", "name": "ana", "status": "revoked"}`}),
			out:     "of “ana” is revoked",
		},
		"revoke one that made others": {
			args: "token revoke abc",
			answers: on("DELETE /tokens/abc", answer{200, `{"token_id": "abc", "name": "ana", "webhooks": ["h1"], "still_good": [
				{"kind": "token", "id": "def", "name": "bob", "scope": "admin", "command": "rollcall token revoke def"},
				{"kind": "webhook_secret", "id": "h2", "command": "rollcall webhook rotate h2"}], "next": "an agent stays"}`}),
			out: "disabled: webhook h1\nstill good: the credential def of “bob” (admin), which was made with it\n" +
				"  rollcall token revoke def\nstill good: the secret of webhook h2, which its person was shown\n" +
				"  rollcall webhook rotate h2\nnext: an agent stays",
		},
		"revoke with all it made, in two calls": {
			args: "token revoke abc --all-it-made",
			answers: on("DELETE /tokens/abc",
				answer{200, `{"token_id": "abc", "name": "ana", "also_revoked": [
				{"token_id": "def", "name": "bob", "scope": "admin"}], "not_ended": [{"kind": "tokens"}]}`},
				answer{200, `{"token_id": "abc", "name": "ana", "also_revoked": [
				{"token_id": "ghi", "name": "cy", "scope": "view"}], "next": "an agent stays"}`}),
			out: "revoked with it: the credential def of “bob” (admin)\n" +
				"revoked with it: the credential ghi of “cy” (view)\nnext: an agent stays",
		},
		"revoke with all it made, and the second call fails": {
			args: "token revoke abc --all-it-made", code: exitUnreachable,
			answers: on("DELETE /tokens/abc",
				answer{200, `{"token_id": "abc", "name": "ana", "also_revoked": [
				{"token_id": "def", "name": "bob", "scope": "admin"}], "not_ended": [{"kind": "tokens"}]}`},
				answer{503, down}),
			out:  "revoked with it: the credential def of “bob” (admin)\nnot ended yet: tokens\n",
			errs: "rollcall: not all has ended: ",
		},
		"revoke one that is gone, of which a webhook works": {
			args: "token revoke abc",
			answers: on("DELETE /tokens/abc", answer{200, `{"token_id": "abc", "name": "", "still_good": [
				{"kind": "webhook", "id": "h1", "command": "rollcall webhook disable h1"}], "next": "an agent stays"}`}),
			out: "the credential abc ended before\nstill good: the webhook h1, which was made with it, and which somebody " +
				"else has enabled since\n  rollcall webhook disable h1\n",
		},
	} {
		t.Run(name, c.run)
	}
	for text, want := range map[string]bool{
		"90d": true, "12h": true, "90m": true,
		"0d": false, "-1d": false, "": false, "d": false, "99999999d": false, "-1h": false,
	} {
		if _, err := parseLifetime(text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A password in the address is refused, and not shown.
func TestAPasswordInTheAddressIsNotShown(t *testing.T) {
	signedOut(t)
	for _, address := range []string{
		"http://user:hidden@host", "https://hidden@host/path", "http://user:hidden%zz@host", "user:hidden@host",
	} {
		code, out, errs := command(t, "x\n", "login", address)
		if code != exitUsage || strings.Contains(out+errs, "hidden") {
			t.Errorf("login %s: exit %d\n%s%s", address, code, out, errs)
		}
	}
}

// --context names the context that login writes.
func TestLoginWritesTheNamedContext(t *testing.T) {
	signedOut(t)
	address, _ := guarded(t, "good")
	code, out, errs := command(t, "good\n", "login", address, "--context", "prod")
	if code != 0 || !strings.Contains(out, "the context prod is in use") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}
