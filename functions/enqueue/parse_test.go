package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/api/apidoc"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// callOf is a call with a body.
func callOf(body string) httpapi.Call {
	return httpapi.Call{Now: now, APIGatewayV2HTTPRequest: events.APIGatewayV2HTTPRequest{
		Body: body, Headers: map[string]string{"content-type": api.JSON},
	}}
}

func parsed(body string) (chat.Message, error) {
	m, _, err := parse(callOf(body), chat.DefaultPolicy())
	return m, err
}

// kept is the message of a body as it is kept, without its id.
func kept(t *testing.T, body string) string {
	t.Helper()
	m, err := parsed(body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var rpc struct {
		Params struct{ Message map[string]any }
	}
	if err := json.Unmarshal(m.Body, &rpc); err != nil {
		t.Fatal(err)
	}
	delete(rpc.Params.Message, "messageId")
	raw, err := chat.Marshal(rpc.Params.Message)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The callback URL is between the sender and the platform: the body that the agent is given does not have it, whatever
// else is sent with it. Two messages that differ in it alone differ all the same.
func TestTheAgentIsNotGivenTheCallbackURL(t *testing.T) {
	const url = "https://sender.example/secret"
	digests := map[string]bool{}
	for _, params := range []string{
		`"callback_url":"` + url + `"`, `"callback_url":"` + url + `","priority":10`, `"callback_url":"` + url + `2"`,
	} {
		m, err := parsed(`{"params":{"message":{"messageId":"m","parts":[{"text":"hi"}]},` + params + `}}`)
		if err != nil || !strings.HasPrefix(m.Callback, url) || strings.Contains(string(m.Body), "sender.example") {
			t.Errorf("%s: %+v %s %v", params, m.Callback, m.Body, err)
		}
		digests[chat.Digest(m, 0)] = true
	}
	if len(digests) != 3 {
		t.Error("messages with other callback URLs are taken for one")
	}
}

// A method that carries a message, by whichever version of A2A, is passed on as it is; any other is refused here, and
// reaches no agent.
func TestTheMethodsOfAMessage(t *testing.T) {
	for method, ok := range map[string]bool{
		"message/send": true, "message/stream": true, "SendMessage": true, "SendStreamingMessage": true, "tasks/send": true,
		"tasks/sendSubscribe": true, "": false, "tasks/resubscribe": false, "tasks/pushNotificationConfig/set": false,
		"rollcall/probe": false, "MESSAGE/SEND": false, "foreign/method": false, "tasks/list": false,
		"agent/getAuthenticatedExtendedCard": false,
	} {
		// What is not served is told as that, whatever its params are.
		for _, params := range []string{`"params":{}`, `"params":[]`, `"params":{"id":"t"}`, `"id":1`} {
			_, err := parsed(`{"method":"` + method + `",` + params + `}`)
			told := err != nil && strings.Contains(err.Error(), strconv.Quote(method)+" is not served") &&
				strings.Contains(err.Error(), "tasks/get")
			if told == ok {
				t.Errorf("%q with %s: %v", method, params, err)
			}
		}
		m, err := parsed(`{"method":"` + method + `","params":{"message":{"content":"hi"}}}`)
		if (err == nil) != ok || (ok && m.Method != method) || (!ok && fault.CodeOf(err) != fault.InvalidRequest) {
			t.Errorf("%q: %q, %v", method, m.Method, err)
		}
	}
}

// What people send, and what an agent gets of it.
func TestMessagesAreCompleted(t *testing.T) {
	const hi = `"parts":[{"kind":"text","text":"hi"}]`
	for message, want := range map[string]string{
		`{` + hi + `}`:                              `{` + hi + `,"role":"user"}`,
		`{"role":null,` + hi + `}`:                  `{` + hi + `,"role":"user"}`,
		`{"role":"agent",` + hi + `}`:               `{` + hi + `,"role":"agent"}`,
		`{"role":"user","content":"hi"}`:            `{` + hi + `,"role":"user"}`,
		`{"content":{"text":"hi"}}`:                 `{` + hi + `,"role":"user"}`,
		`{"content":[{"text":"hi"}],"parts":null}`:  `{` + hi + `,"role":"user"}`,
		`{"content":"no",` + hi + `}`:               `{` + hi + `,"role":"user"}`,
		`{"parts":[{"text":"hi"}],"contextId":"c"}`: `{"contextId":"c",` + hi + `,"role":"user"}`,
		`{"parts":[{"type":"text","text":"hi"}]}`:   `{"parts":[{"kind":"text","text":"hi","type":"text"}],"role":"user"}`,
		`{"parts":[{"url":"https://x"}]}`:           `{"parts":[{"file":{"uri":"https://x"},"kind":"file"}],"role":"user"}`,
		`{"parts":[{"data":{}}]}`:                   `{"parts":[{"data":{},"kind":"data"}],"role":"user"}`,
		`{"parts":[{"raw":"aGk="}]}`:                `{"parts":[{"file":{"bytes":"aGk="},"kind":"file"}],"role":"user"}`,
		`{"parts":[{"url":"u","filename":"q.pdf","mediaType":"application/pdf","metadata":{"a":1}}]}`: `{"parts":[` +
			`{"file":{"mimeType":"application/pdf","name":"q.pdf","uri":"u"},"kind":"file","metadata":{"a":1}}],"role":"user"}`,
		`{"parts":[{"kind":"file","raw":"aGk=","name":"n","mime_type":"t/t","mediaType":""}]}`: `{"parts":[` +
			`{"file":{"bytes":"aGk=","mimeType":"t/t","name":"n"},"kind":"file","mediaType":""}],"role":"user"}`,
		`{"parts":[{"url":null,"raw":"aGk=","filename":null}]}`: `{"parts":[` +
			`{"file":{"bytes":"aGk="},"filename":null,"kind":"file","url":null}],"role":"user"}`,
		`{"parts":[{"text":"see","url":"u"}]}`:  `{"parts":[{"kind":"text","text":"see","url":"u"}],"role":"user"}`,
		`{"parts":[{"kind":"file","uri":"u"}]}`: `{"parts":[{"kind":"file","uri":"u"}],"role":"user"}`,
		`{"parts":[{"url":{"a":1}}]}`:           `{"parts":[{"kind":"file","url":{"a":1}}],"role":"user"}`,
		`{"parts":[{"file":{"uri":1}}]}`:        `{"parts":[{"file":{"uri":1},"kind":"file"}],"role":"user"}`,
	} {
		if got := kept(t, `{"params":{"message":`+message+`}}`); got != want {
			t.Errorf("%s: got %s, want %s", message, got, want)
		}
	}
	const newest = `{"method":"SendMessage","params":{"message":{"parts":[{"text":"hi"}]}}}`
	if got := kept(t, newest); got != `{"parts":[{"text":"hi"}],"role":"ROLE_USER"}` {
		t.Errorf("1.0: %s", got)
	}
	const file = `{"parts":[{"filename":"q.pdf","mediaType":"application/pdf","url":"u"}],"role":"ROLE_USER"}`
	if got := kept(t, `{"method":"SendMessage","params":{"message":`+file+`}}`); got != file {
		t.Errorf("1.0: %s", got)
	}
}

// However people write a short text, an agent gets a plain message: if it refuses that one and took another, it is not
// for what they wrote.
func TestATextIsAPlainMessage(t *testing.T) {
	taken, ok := chat.ReadPlain(chat.TextBody("7f1b1dcb-7a3b-4c55-8d57-1d4a3f6f0a11", "hello"))
	if !ok {
		t.Fatal("no plain message")
	}
	for _, body := range []string{
		`{"message":{"content":"hi"}}`, `{"message":{"parts":[{"text":"hi"}]}}`, `{"message":{"content":{"text":"hi"}}}`,
		`{"params":{"message":{"role":null,"content":[{"text":"hi"}]}}}`,
		`{"id":"0c5a0f5e-2f5c-4b8e-9a59-9d3c5a1e7b22","method":"message/send","params":{"message":{"content":"hi"}}}`,
	} {
		m, err := parsed(body)
		if err != nil {
			t.Fatal(err)
		}
		if plain, ok := chat.ReadPlain(m.Body); !ok || !plain.Like(taken) {
			t.Errorf("%s is kept as %s", body, m.Body)
		}
	}
}

func TestMessagesThatSayNothing(t *testing.T) {
	for _, message := range []string{
		`{}`, `{"parts":[]}`, `{"parts":null}`, `{"content":""}`, `{"content":[]}`, `{"parts":[{"kind":"text","text":""}]}`,
		`{"parts":[{"kind":"text"}]}`, `{"parts":[{}]}`, `{"parts":[null]}`, `{"parts":["hi"]}`, `{"parts":"hi"}`,
		`{"parts":[{"kind":"text","text":7}]}`, `{"role":7,"content":"hi"}`, `{"content":7}`, `[]`, `7`, `null`,
	} {
		_, err := parsed(`{"params":{"message":` + message + `}}`)
		if fault.CodeOf(err) != fault.InvalidRequest {
			t.Errorf("%s: %v", message, err)
		}
	}
}

// A message counts as it is kept, however its sender escaped it.
func TestAMessageCountsAsItIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		unit      string
		times     int
		fits      bool
		decodesTo string
	}{
		"tags":                   {`<`, 45_000, true, "<"},
		"tags, escaped":          {`\u003c`, 45_000, true, "<"},
		"tags, escaped, to 255K": {`\u003c`, 255_000, true, "<"},
		"emoji":                  {`😀`, 60_000, true, "😀"},
		"emoji, escaped":         {`\ud83d\ude00`, 60_000, true, "😀"},
		"200 KB of words":        {`hello, `, 28_571, true, "hello, "},
		"line ends":              {`\n`, 100_000, true, "\n"},
		"controls":               {`\u0007`, 40_000, true, "\a"},
		"emoji, too many":        {`😀`, 66_000, false, ""},
		"escaped, too many":      {`\ud83d\ude00`, 66_000, false, ""},
		"controls, too many":     {`\u0007`, 45_000, false, ""},
	} {
		body := `{"params":{"message":{"parts":[{"kind":"text","text":"` + strings.Repeat(c.unit, c.times) + `"}]}}}`
		m, err := parsed(body)
		switch {
		case c.fits && (err != nil || chat.Text(m.Body) != strings.Repeat(c.decodesTo, c.times)):
			t.Errorf("%s: %v, or another text", name, err)
		case !c.fits && fault.CodeOf(err) != fault.TooLarge:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever its text is, a message carries it as it is, and once.
func TestATextIsKeptExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 200, -1).Draw(t, "text")
		member := rapid.SampledFrom([]string{"content", "parts"}).Draw(t, "in")
		message := map[string]any{"content": text}
		if member == "parts" {
			as := rapid.SampledFrom([]string{"kind", "type"}).Draw(t, "as")
			message = map[string]any{"parts": []map[string]string{{as: "text", "text": text}}}
		}
		body, err := json.Marshal(map[string]any{"message": message})
		if err != nil {
			t.Fatal(err)
		}
		m, err := parsed(string(body))
		if err != nil || chat.Text(m.Body) != text || chat.Shown(m.Body) != text {
			t.Fatalf("%q: %v %s", text, err, m.Body)
		}
	})
}

// What a sender asks of the agent beside its message is kept: to answer at once, with a task.
func TestTheConfigurationIsKept(t *testing.T) {
	for _, c := range []string{`{"blocking":false}`, `{"historyLength":0,"returnImmediately":true}`} {
		m, err := parsed(`{"method":"message/send","params":{"configuration":` + c + `,"message":{"content":"hi"}}}`)
		if err != nil || !strings.Contains(string(m.Body), `"configuration":`+c) {
			t.Errorf("%s is kept as %s, %v", c, m.Body, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"method":"SendMessage","params":{"message":{"parts":[{"text":"hi"}],"content":"x","role":"user"}}}`)
	f.Add(`{"message":{"content":{"type":"text","text":"\ud83d\ude00"}},"expires_in_seconds":7}`)
	f.Fuzz(func(t *testing.T, body string) {
		m, err := parsed(body)
		if err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		compact, err := chat.Compact(m.Body)
		if err != nil || string(compact) != string(m.Body) || !json.Valid(m.Body) {
			t.Errorf("%q is kept as %s, %v", body, m.Body, err)
		}
		again, err := parsed(string(m.Body))
		if err != nil || string(again.Body) != string(m.Body) {
			t.Errorf("%s: again %s, %v", m.Body, again.Body, err)
		}
	})
}

// The id of a call is what JSON-RPC says it may be: a string, a number or null. It is kept as it came.
func TestTheIDOfACall(t *testing.T) {
	const task, message = `"method":"tasks/get","params":{"id":"t"}`, `"params":{"message":{"content":"hi"}}`
	for id, ok := range map[string]bool{
		`"a"`: true, `""`: true, `7`: true, `-1.5`: true, `null`: true,
		`true`: false, `false`: false, `[1]`: false, `[]`: false, `{}`: false, `{"a":1}`: false,
	} {
		for _, rest := range []string{task, message} {
			c := callOf(`{"id":` + id + `,` + rest + `}`)
			m, _, isTask, err := taskCall(c)
			if err == nil && !isTask {
				m, _, err = parse(c, chat.DefaultPolicy())
			}
			if (err == nil) != ok || (err != nil && fault.CodeOf(err) != fault.InvalidRequest) ||
				(ok && string(chat.CallID(m.Body)) != id) {
				t.Errorf("%s: %v, kept as %s", c.Body, err, m.Body)
			}
		}
	}
}

// The document and the functions agree on what may be an id: of a message, and of a workspace.
func TestTheDocumentSaysWhatAnIDIs(t *testing.T) {
	raw, err := os.ReadFile("../status/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := apidoc.New(raw)
	if err != nil {
		t.Fatal(err)
	}
	for what, id := range map[string]struct {
		says  map[string]any
		taken func(id string) bool
	}{
		"a message": {
			doc.Member(api.SendMessage.Route, "json", "params", "message", "messageId"),
			func(id string) bool {
				body, err := json.Marshal(map[string]any{"message": map[string]any{"messageId": id, "content": "hi"}})
				if err != nil {
					t.Fatal(err)
				}
				_, err = parsed(string(body))
				return err == nil
			},
		},
		"a workspace": {
			doc.Member(api.Delegate.Route, "json", "target_id"),
			func(id string) bool { return workspace.CheckID(id) == nil },
		},
	} {
		pattern, err := regexp.Compile(fmt.Sprint(id.says["pattern"]))
		if err != nil {
			t.Fatal(err)
		}
		most, err := strconv.Atoi(fmt.Sprint(id.says["maxLength"]))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		rapid.Check(t, func(rt *rapid.T) {
			text := rapid.OneOf(
				rapid.StringMatching(`[_.:a-zA-Z0-9-]{1,8}`), rapid.StringMatching(`[a-z0-9][a-z0-9._:-]{60,130}`),
				rapid.StringN(1, 70, -1),
			).Draw(rt, "id")
			if documented := len(text) <= most && pattern.MatchString(text); documented != id.taken(text) {
				rt.Fatalf("the id %q of %s: documented %t, taken %t", text, what, documented, !documented)
			}
		})
	}
}
