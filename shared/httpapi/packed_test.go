package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// A file that is there compressed is answered so to who takes it, with the same tag.
func TestACompressedFileIsForWhoTakesIt(t *testing.T) {
	const text = "let a = 1"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, text); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	serve := httpapi.Handle(api.GetConsoleFile,
		func(context.Context, httpapi.Call, api.ConsoleFileRequest) (api.File, error) {
			return api.File{Type: api.Script, Packed: api.Packed{Text: text, Gzip: packed.Bytes()}}, nil
		})
	ask := func(accept, tag string) events.APIGatewayV2HTTPResponse {
		return call(t, serve, events.APIGatewayV2HTTPRequest{
			PathParameters: map[string]string{"file": "a.js"},
			Headers:        map[string]string{"Accept-Encoding": accept, "If-None-Match": tag},
		})
	}
	plain := ask("", "")
	for accept, compressed := range map[string]bool{
		"": false, "identity": false, "br": false, "gzip": true, "GZIP": true,
		"gzip, deflate, br": true, "br;q=1, gzip;q=0.1": true,
		"gzip;q=0": false, "gzip; q=0.000": false, "*": true, "*;q=0": false, "*, gzip;q=0": false, "*;q=0, gzip": true,
		"gzip;q=": true, "x-gzip": false, ",": false,
	} {
		got := ask(accept, "")
		body := got.Body
		if got.IsBase64Encoded {
			body = unpacked(t, got.Body)
		}
		if got.IsBase64Encoded != compressed || (got.Headers["content-encoding"] == "gzip") != compressed || body != text ||
			got.Headers["vary"] != "accept-encoding" || got.Headers["etag"] != plain.Headers["etag"] {
			t.Errorf("%q: %+v", accept, got)
		}
		again := ask(accept, plain.Headers["etag"])
		if again.StatusCode != http.StatusNotModified || again.Body != "" || again.IsBase64Encoded ||
			again.Headers["content-encoding"] != "" {
			t.Errorf("%q again: %+v", accept, again)
		}
	}
}

func unpacked(t *testing.T, body string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
