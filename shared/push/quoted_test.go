package push_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/push"
)

// Whatever an agent answers, in whatever shape: what is said of it has the agent's words in quotes alone.
func TestAnswersAreQuoted(t *testing.T) {
	const command = "rollcall revoke w --force"
	quotation := regexp.MustCompile("“[^”]*”")
	var status int
	var kind, location, body string
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		if location != "" {
			w.Header().Set("Location", location)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer agent.Close()
	pusher := push.New(push.Private, push.Patience{Answer: 10 * time.Second})
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SampledFrom([]string{
			command, "well”; " + command, "“" + command, "a\n" + command + "\n", "x", strings.Repeat("\x01", 70) + command,
		}).Draw(t, "words")
		text, _ := json.Marshal(words)
		status = rapid.SampledFrom([]int{200, 302, 400, 401, 404, 413, 500, 503, 530}).Draw(t, "status")
		kind = rapid.SampledFrom([]string{"text/html", "application/json", "rollcall/revoke", ""}).Draw(t, "type")
		location = rapid.SampledFrom([]string{"", "/rollcall/revoke", "http://b/revoke", "revoke:/x"}).Draw(t, "to")
		body = strings.ReplaceAll(rapid.SampledFrom([]string{
			"%", `{"error":%}`, `{"jsonrpc":"2.0","error":{"code":-32000,"message":%}}`,
			`{"result":{"success":false,"error":%}}`,
			`{"jsonrpc":"2.0","error":{"code":-32602,"message":%}}`, `{"note":%}`, `<html><title>%</title>`,
			`{"result":{"isError":true,"content":[{"text":%}]}}`,
		}).Draw(t, "body"), "%", string(text))
		m := chat.Message{ID: "m", Body: []byte(`{}`)}
		r := pusher.Push(t.Context(), delivery.Target{URL: agent.URL}, m)
		left := quotation.ReplaceAllString(r.Why, "")
		if strings.Contains(left, "revoke") || strings.ContainsAny(left, "“”\n") {
			t.Fatalf("%q", r.Why)
		}
	})
}

// No text of several words is taken for a URL, and each URL that clients have is.
func TestAURLIsSpelledAsOne(t *testing.T) {
	local := push.New(push.Private, push.Patience{})
	for _, url := range []string{
		"http://[::1]:8080/x", "https://[2606:4700::1111]/a2a", "http://my_agent:8000/",
		"http://a/~ana/a2a?x=1&y=(2)*3,4;5#f",
		"http://a/it's/$1/+/!/@/[0]", "http://a/caf%C3%A9", "https://xn--bcher-kva.example/", "http://172.17.0.1:8000",
		"http://agent-1.fleet.svc.cluster.local:8000/v1/",
	} {
		if why := local.Objection(url); why != "" {
			t.Errorf("%s: %s", url, why)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		bad := rapid.SampledFrom([]string{
			" ", "\t", "\n", "\x00", "\x7f", `"`, `\`, "<", ">", "^", "`", "{", "|", "}", "é", "“", "\u202e", "\u00a0",
			"%", "%2", "%zz", "\xff",
		}).Draw(t, "bad")
		begins := rapid.SampledFrom([]string{"http://a/", "https://a.example/b?c=", "http://a/#", "http://"}).Draw(t, "url")
		plain := rapid.StringMatching("[g-z]{0,8}")
		url := begins + plain.Draw(t, "before") + bad + plain.Draw(t, "after")
		if local.Objection(url) == "" {
			t.Fatalf("%q is let in", url)
		}
	})
}
