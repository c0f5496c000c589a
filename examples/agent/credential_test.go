package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// secret is a credential, and another word of it stands behind a blank or the end of a line in a file that is no good.
const secret = "rcw_0first0_0123456789" //nolint:gosec // made up

// held are files of a credential, by what their text is; want is what the message says of one that is no good.
var held = map[string]struct{ text, want string }{
	"good":                     {secret, ""},
	"white space round it":     {" \t" + secret + "\r\n\n", ""},
	"two lines":                {secret + "\nsecond5678\n", "more than one word"},
	"two lines of Windows":     {secret + "\r\nsecond5678\r\n", "more than one word"},
	"a blank inside":           {secret + " second5678", "more than one word"},
	"empty":                    {"", "is empty"},
	"white space alone":        {" \n\t\n", "is empty"},
	"a byte order mark":        {"\ufeff" + secret, "no printable ASCII"},
	"a letter that looks like": {secret + "а", "no printable ASCII"},
	"bytes that are no text":   {"\x01\x80\xff" + secret + "\xfe", "no printable ASCII"},
	"a blank that is not one":  {secret + "\u00a0second5678", "no printable ASCII"},
	"two bytes a character":    {"r\x00c\x00w\x00_\x00", "no printable ASCII"},
}

// Each example sends a credential that is one word, and no other. It never prints it: a start with one that is no good
// ends, calls nobody, and says where it is and what is wrong with it.
func TestNoExamplePrintsItsCredential(t *testing.T) {
	for program, start := range map[string]func(t *testing.T, url, file, text string) (printed string, failed bool){
		"Go": inGo, "Python": inPython, "TypeScript": inTypeScript,
	} {
		for name, c := range held {
			if program == "TypeScript" && strings.Contains(c.text, "\x00") {
				continue // no environment holds it
			}
			t.Run(program+" "+name, func(t *testing.T) {
				t.Parallel()
				var calls atomic.Int64
				var bearer atomic.Value
				platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					calls.Add(1)
					bearer.Store(r.Header.Get("Authorization"))
					http.Error(w, `{"error": "it was removed", "code": "workspace_removed"}`, http.StatusGone)
				}))
				defer platform.Close()
				file := filepath.Join(t.TempDir(), "token")
				if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
				printed, failed := start(t, platform.URL, file, c.text)
				for _, part := range []string{"0first0", "0123456789", "second5678", "r\x00c"} {
					if strings.Contains(printed, part) {
						t.Errorf("it prints a part of the credential:\n%s", printed)
					}
				}
				switch {
				case !failed:
					t.Errorf("it ended as if all went well:\n%s", printed)
				case c.want == "" && (calls.Load() != 1 || bearer.Load() != "Bearer "+secret):
					t.Errorf("%d calls, the last with %v:\n%s", calls.Load(), bearer.Load(), printed)
				case c.want == "":
				case calls.Load() > 0:
					t.Errorf("it called the platform, with %v", bearer.Load())
				case !strings.Contains(printed, c.want), strings.Count(strings.TrimSpace(printed), "\n") > 0,
					program != "TypeScript" && !strings.Contains(printed, file),
					program == "TypeScript" && !strings.Contains(printed, "ROLLCALL_TOKEN"):
					t.Errorf("it says %q", printed)
				}
			})
		}
	}
}

func inGo(t *testing.T, url, file, _ string) (printed string, failed bool) {
	t.Helper()
	a := testAgent(t, url)
	a.tokenFile = file
	_, err := a.run(t.Context())
	if err != nil {
		printed = err.Error()
	}
	return printed, err != nil
}

func inPython(t *testing.T, url, file, _ string) (printed string, failed bool) {
	t.Helper()
	return run(t, []string{"python3", "../poll-python/agent.py"}, "ROLLCALL_URL="+url, "ROLLCALL_TOKEN_FILE="+file)
}

func inTypeScript(t *testing.T, url, _, text string) (printed string, failed bool) {
	t.Helper()
	return run(t, []string{"node", "../push-typescript/agent.mjs"}, "ROLLCALL_URL="+url, "ROLLCALL_TOKEN="+text, "PORT=0")
}

// run runs a program until it ends by itself.
func run(t *testing.T, command []string, env ...string) (printed string, failed bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), append(env, "ROLLCALL_ID=w")...)
	out, err := cmd.CombinedOutput()
	return string(out), err != nil
}
