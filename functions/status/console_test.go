package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// served is the function's answer to a GET.
func served(t *testing.T, route, file string, headers map[string]string) lambda.APIGatewayV2HTTPResponse {
	t.Helper()
	env := fixture.Env(t)
	handler := httpapi.Serve(env.Log, env.Clock.Now, env.Gate, endpoints(env)...)
	ev := lambda.APIGatewayV2HTTPRequest{
		RouteKey: route, Headers: headers, PathParameters: map[string]string{"file": file},
	}
	ev.RequestContext.HTTP.Method = "GET"
	resp, err := handler(context.Background(), ev)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// The page loads its files from where it came from, and nothing stands in it that a policy would have to let run.
func TestTheConsoleLoadsOnlyItsOwnFiles(t *testing.T) {
	page := served(t, api.GetConsole.Route, "", nil)
	const policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"connect-src 'self'; require-trusted-types-for 'script'; script-src 'self'; style-src 'self'; img-src 'self'"
	if got := page.Headers["content-security-policy"]; page.StatusCode != http.StatusOK || got != policy {
		t.Errorf("%d, policy %s", page.StatusCode, got)
	}
	for _, inline := range []string{"<style", "style=", "<script>", " on", "javascript:", "//"} {
		if strings.Contains(page.Body, inline) {
			t.Errorf("the page has %q in it: %s", inline, page.Body)
		}
	}
	for file, kind := range map[string]string{
		"console.js": "text/javascript", "console.css": "text/css", "icon.svg": "image/svg+xml",
	} {
		if !strings.Contains(page.Body, `"console/`+file+`"`) {
			t.Errorf("the page does not load %s", file)
		}
		resp := served(t, api.GetConsoleFile.Route, file, nil)
		if resp.StatusCode != http.StatusOK || resp.Headers["content-type"] != kind+"; charset=utf-8" || resp.Body == "" {
			t.Errorf("%s: %d %v", file, resp.StatusCode, resp.Headers)
		}
	}
	for _, file := range []string{"index.html", "../console.go", "no.js", "", ".", "/etc/passwd.css", "a\x00.js"} {
		if resp := served(t, api.GetConsoleFile.Route, file, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d", file, resp.StatusCode)
		}
	}
}

// A browser keeps the files, asks each time whether they still hold, and is sent them again only if they do not.
func TestABrowserKeepsTheConsolesFiles(t *testing.T) {
	resp := served(t, api.GetConsoleFile.Route, "console.js", nil)
	tag := resp.Headers["etag"]
	if resp.Headers["cache-control"] != "no-cache" || tag == "" {
		t.Errorf("%v", resp.Headers)
	}
	again := served(t, api.GetConsoleFile.Route, "console.js", map[string]string{"if-none-match": tag})
	if again.StatusCode != http.StatusNotModified || again.Body != "" || again.Headers["cache-control"] != "no-cache" {
		t.Errorf("%d %v", again.StatusCode, again.Headers)
	}
}

// maxConsole is how large the console may be, compressed, in bytes.
const maxConsole = 150 << 10

func TestTheConsoleIsSmall(t *testing.T) {
	var packed bytes.Buffer
	to := gzip.NewWriter(&packed)
	err := fs.WalkDir(consoleFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := consoleFiles.ReadFile(path)
		if err == nil {
			_, err = to.Write(content)
		}
		return err
	})
	if err == nil {
		err = to.Close()
	}
	if err != nil || packed.Len() > maxConsole {
		t.Errorf("%d bytes, %v", packed.Len(), err)
	}
}

// What somebody wrote ends no quotation in the console, as it ends none in the terminal.
func TestTheConsoleQuotesAsTheCommandLine(t *testing.T) {
	source, err := os.ReadFile("console/src/names.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "const marks = /[")
	marks, _, found := strings.Cut(rest, "]/gu")
	if !found {
		t.Fatal("names.ts has no marks")
	}
	for r := rune(0x80); r < 0x20000; r++ {
		replaced := visible.Quoted(string(r)) == visible.Quoted(`"`)
		if has := strings.ContainsRune(marks, r) || strings.Contains(marks, fmt.Sprintf(`\u{%x}`, r)); has != replaced {
			t.Errorf("%U: the console replaces it: %v; the terminal: %v", r, has, replaced)
		}
	}
}

var writeSeverity = flag.Bool("severity", false, "write the table of severities that the console is built with")

// The console orders by this table: of each status and reason, how soon it is looked at without a remark, with one, and
// with lost mail.
func TestTheConsoleOrdersAsTheCommandLine(t *testing.T) {
	const file = "console/src/severity.json"
	const full, lost = workspace.RemarkInboxFull, workspace.RemarkMailLost
	want := map[string]map[workspace.Reason][3]int{}
	for _, status := range workspace.Status("").Choices() {
		want[status] = map[workspace.Reason][3]int{}
		for _, reason := range workspace.Reasons() {
			rank := func(remarks ...string) int {
				return workspace.Severity(workspace.Status(status), reason, remarks...)
			}
			ranks := [3]int{rank(), rank(full), rank(lost)}
			want[status][reason] = ranks
			if ranks != [3]int{rank(), rank(workspace.RemarkRegisterRefused, full), rank(full, lost)} {
				t.Errorf("%s (%s): the order depends on more than the table holds", status, reason)
			}
		}
	}
	table, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	table = append(bytes.ReplaceAll(table, []byte("},"), []byte("},\n")), '\n')
	if *writeSeverity {
		if err := os.WriteFile(file, table, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, table) {
		t.Errorf("%s is another table (%v): go test ./functions/status -run %s -severity", file, err, t.Name())
	}
}

// What a browser loads is compressed for who takes it so, is the same text with the same policy, and much smaller.
func TestWhatABrowserLoadsIsCompressed(t *testing.T) {
	for _, at := range []struct {
		route, file string
		most        int
	}{
		{api.GetConsoleFile.Route, "console.js", 56 << 10},
		{api.GetConsoleFile.Route, "console.css", 6 << 10},
		{api.GetDocs.Route, "", 32 << 10},
		{api.GetDocument.Route, "", 25 << 10},
	} {
		plain := served(t, at.route, at.file, nil)
		packed := served(t, at.route, at.file, map[string]string{"accept-encoding": "gzip, deflate, br"})
		raw, err := base64.StdEncoding.DecodeString(packed.Body)
		if err != nil || !packed.IsBase64Encoded || packed.Headers["content-encoding"] != "gzip" {
			t.Fatalf("%s %s is not compressed: %v, %v", at.route, at.file, packed.Headers, err)
		}
		r, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || string(text) != plain.Body {
			t.Errorf("%s %s is another text, %v", at.route, at.file, err)
		}
		if len(raw) > at.most {
			t.Errorf("%s %s: %d bytes compressed, of %d", at.route, at.file, len(raw), len(plain.Body))
		}
		t.Logf("%s %s: %d bytes compressed, of %d", at.route, at.file, len(raw), len(plain.Body))
		delete(packed.Headers, "content-encoding")
		if !maps.Equal(packed.Headers, plain.Headers) {
			t.Errorf("%s %s: headers %v, plain %v", at.route, at.file, packed.Headers, plain.Headers)
		}
	}
	page := served(t, api.GetConsole.Route, "", map[string]string{"accept-encoding": "gzip"})
	if page.IsBase64Encoded {
		t.Error("a page of a few hundred bytes is compressed")
	}
}
