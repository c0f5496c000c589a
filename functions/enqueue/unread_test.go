package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/proof/slip"
)

// What a sender writes that only the agent reads is taken, reaches the agent and is named in the answer. What the
// protocol has, and what the clients that exist send, is not.
func TestWhatNobodyReadsIsNamed(t *testing.T) {
	const parts = `"parts":[{"kind":"text","text":"hi"}]`
	for body, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"role":"user","messageId":"a",` + parts +
			`,"contextId":"c","taskId":"t","kind":"message","metadata":{"x":1},"extensions":[],"referenceTaskIds":[]},` +
			`"configuration":{"blocking":false},"metadata":{},"tenant":"t","priority":10,"expires_in_seconds":60}}`: "",
		`{"message":{"parts":[{"type":"text","text":"hi"}]},"id":7,"priority":50}`: "",
		`{"params":{"message":{"content":"hi"}}}`:                                  "",
		`{"params":{"message":{"message_id":"a",` + parts + `}}}`: "params.message.message_id: " +
			"did you mean messageId?",
		`{"params":{"message":{"messageID":"a",` + parts + `},"Priority":10}}`: "params.Priority: did you mean priority? " +
			"params.message.messageID: did you mean messageId?",
		`{"message":{"message_id":"a",` + parts + `},"expires_in_second":1}`: "expires_in_second: did you mean " +
			"expires_in_seconds? message.message_id: did you mean messageId?",
		`{"params":{"message":{` + parts + `},"expires_at":"2026-01-01T00:00:00Z"}}`: "params.expires_at",
		`{"params":{"message":{"content":"lost",` + parts + `}}}`:                    "params.message.content",
		`{"message":{"content":"lost"},"params":{"message":{` + parts + `}}}`:        "message",
		`{"callback_url":"https://a.example/","params":{"message":{` + parts + `}}}`: "callback_url: " +
			"did you mean params.callback_url?",
		`{"params":{"messageId":"a","message":{` + parts + `,"priority":10}}}`: "params.message.priority: " +
			"did you mean params.priority? params.messageId: did you mean params.message.messageId?",
		`{"params":{"configuration":{"blocking":false,"callback_url":"x"},"message":{` + parts + `}}}`: "params." +
			"configuration.callback_url: did you mean params.callback_url?",
		`{"params":{"options":{"expires_in_seconds":9,"a":1},"message":{` + parts + `}}}`: "params.options." +
			"expires_in_seconds: did you mean params.expires_in_seconds?",
		// Members of parts, and of their files, at whichever place of the list.
		`{"message":{"parts":[{"kind":"text","text":"hi"},{"kind":"text","txt":"x"}]}}`: "message.parts[1].txt: " +
			"did you mean text?",
		`{"params":{"message":{"content":{"text":"hi","Kind":"text"}}}}`: "params.message.content.Kind: " +
			"did you mean kind?",
		`{"message":{"content":[{"text":"hi","meta_data":{}}]}}`: "message.content[0].meta_data: did you mean metadata?",
		`{"message":{"parts":[{"kind":"file","file":{"uri":"https://a.example","mime-type":"x"}}]}}`: "message.parts[0]." +
			"file.mime-type: did you mean mimeType?",
		`{"message":{"parts":[{"kind":"file","file":{"name":"a"},"fileWithUri":"https://a.example"}]}}`: "message." +
			"parts[0].fileWithUri: did you mean message.parts[0].file.fileWithUri?",
		`{"message":{"parts":[{"text":"hi","priority":10}]}}`: "message.parts[0].priority: did you mean priority?",
		`{"message":{"filename":"a",` + parts + `}}`:          "message.filename",
		`{"message":{"parts":[{"kind":"data","data":{"txt":1},"metadata":{"txt":1}},{"kind":"image","src":"a"}]}}`: "" +
			"message.parts[1].src",
		`{"messageId":"a","priority":10,"message":{` + parts + `,"metadata":{"priority":1}}}`: "messageId: " +
			"did you mean message.messageId?",
	} {
		env := fixture.Env(t)
		resp := fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, fixture.PollID, fixture.OperatorToken, body)
		var out api.Accepted
		if err := json.Unmarshal([]byte(resp.Body), &out); err != nil || resp.StatusCode >= 300 {
			t.Fatalf("%s: %s, %v", body, resp.Body, err)
		}
		got := out.IgnoredHint
		if got == "" {
			got = strings.Join(out.Ignored, " ")
		}
		if got != want {
			t.Errorf("%s: %q of %q, want %q", body, got, out.Ignored, want)
		}
	}
}

// Each member of a part, or of its file, that neither A2A nor Rollcall has is named with its place, whatever stands
// beside it; nothing in data or metadata is.
func TestMembersOfPartsAreNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		member := rapid.SampledFrom([]string{
			"kind", "text", "metadata", "data", "filename", "mediaType", "txt", "caption", "txet", "Text", "src",
		})
		var parts, want []string
		for i := range rapid.IntRange(1, 4).Draw(t, "parts") {
			part, file := members{"text": quote("hi")}, members{"uri": quote("https://a.example")}
			for _, to := range []members{part, file} {
				for _, name := range rapid.SliceOfN(member, 0, 3).Draw(t, "members") {
					to[name] = json.RawMessage(`{"txt":1,"src":2}`)
				}
			}
			part["text"] = quote("hi")
			at := "message.parts[" + strconv.Itoa(i) + "]."
			for name := range part {
				if !slices.Contains(partMembers, name) {
					want = append(want, at+name)
				}
			}
			for name := range file {
				if !slices.Contains(fileMembers, name) {
					want = append(want, at+"file."+name)
				}
			}
			part["file"] = object(file)
			parts = append(parts, string(object(part)))
		}
		_, left, err := parse(callOf(`{"message":{"parts":[`+strings.Join(parts, ",")+`]}}`), chat.DefaultPolicy())
		slices.Sort(want)
		if want = want[:min(len(want), 20)]; err != nil || !slices.Equal(left.Ignored, want) {
			t.Fatalf("%s: %q, want %q, %v", parts, left.Ignored, want, err)
		}
	})
}

// A message whose text is misspelt says nothing: it is refused, and the hint says which name is meant.
func TestAMisspeltTextIsNoText(t *testing.T) {
	env := fixture.Env(t)
	for body, want := range map[string]string{
		`{"message":{"parts":[{"kind":"text","txt":"hi"}]}}`:             "message.parts[0].txt: did you mean text?",
		`{"params":{"message":{"parts":[{"type":"text","Text":"hi"}]}}}`: "params.message.parts[0].Text: did you mean text?",
		`{"message":{"parts":[{"texts":"hi"}]}}`:                         "message.parts[0].texts: did you mean text?",
		`{"message":{"content":{"txet":"hi"}}}`:                          "message.content.txet: did you mean text?",
		`{"message":{"parts":[{"kind":"data","datas":{"a":1}}]}}`:        "message.parts[0].datas: did you mean data?",
		`{"message":{"part":[{"kind":"text","text":"hi"}]}}`:             "message.part: did you mean parts?",
		`{"message":{"parts":[{"kind":"text"}]}}`:                        sendExample,
	} {
		resp := fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, fixture.PollID, fixture.OperatorToken, body)
		var p api.Problem
		if err := json.Unmarshal([]byte(resp.Body), &p); err != nil || resp.StatusCode != http.StatusBadRequest ||
			p.Hint != want || p.IgnoredHint != "" && p.IgnoredHint != want {
			t.Errorf("%s: %d %s", body, resp.StatusCode, resp.Body)
		}
	}
}

// Each member of a message's request is hinted when it is misspelt, by its name where it is read.
func TestEachMisspeltMemberOfAMessageIsHinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := map[string][]string{
			"params": paramMembers, "message": messageMembers, "part": partMembers, "file": fileMembers, "": {"method"},
		}
		place := rapid.SampledFrom([]string{"", "params", "message", "part", "file"}).Draw(t, "place")
		name := rapid.SampledFrom(fields[place]).Draw(t, "name")
		slip := slip.Of(t, name)
		if slices.Contains(fields[place], slip) || name == "mime_type" {
			t.Skip("it is another member, or the meant one has two spellings")
		}
		in := map[string]members{"": {}, "params": {}, "message": {}, "part": {}, "file": {}}
		in[place][slip] = quote("x")
		if place == "file" {
			in["part"]["file"] = object(in["file"])
		}
		in["message"]["parts"] = json.RawMessage("[" + string(object(in["part"])) + "]")
		in["params"]["message"] = object(in["message"])
		in[""]["params"] = object(in["params"])
		_, left, _ := parse(callOf(string(object(in[""]))), chat.DefaultPolicy())
		if !strings.Contains(left.IgnoredHint, ": did you mean "+name+"?") &&
			!strings.Contains(left.IgnoredHint, " or "+name+"?") &&
			!strings.Contains(left.IgnoredHint, ": did you mean "+name+" or ") {
			t.Fatalf("%s for %s: %q of %q", slip, name, left.IgnoredHint, left.Ignored)
		}
	})
}

// A refusal names it too: what was misspelt may be why.
func TestARefusalNamesWhatNobodyReads(t *testing.T) {
	env := fixture.Env(t)
	for _, body := range []string{
		`{"params":{"message":{"part":[]}}}`, `{"params":{"message":{"part":[],"content":"hi"},"priority":7}}`,
		`{"params":{"message":{"part":[],"content":"hi"},"callback_url":"http://169.254.169.254/"}}`,
	} {
		resp := fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, fixture.PollID, fixture.OperatorToken, body)
		var p api.Problem
		if err := json.Unmarshal([]byte(resp.Body), &p); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusBadRequest || p.IgnoredHint != "params.message.part: did you mean parts?" {
			t.Errorf("%s: %d %s", body, resp.StatusCode, resp.Body)
		}
	}
	for body, want := range map[string]string{
		`{"message":{"parts":[]},"params":{}}`: "message: did you mean params.message?",
		`{"messages":{"parts":[]}}`:            "messages: did you mean message?",
		`{"content":"hi"}`:                     "content: did you mean message.content?",
		`{"param":{"message":{"parts":[]}}}`:   "param: did you mean params?",
		`{"Params":{"message":{"parts":[]}},"priority":10}`: "Params: did you mean params? " +
			"priority: did you mean params.priority?",
		`{"params":{"message":{"text":"hi"}}}`:                        "params.message.text: did you mean content?",
		`{"params":{"message":{"msg":"hi"}}}`:                         "params.message.msg: did you mean content?",
		`{"params":{"ttl_second":9}}`:                                 "params.ttl_second: did you mean expires_in_seconds?",
		`{"params":{"callback_uri":"x"}}`:                             "params.callback_uri: did you mean callback_url?",
		`{"callback_url":"x","params":7}`:                             "callback_url: did you mean params.callback_url?",
		`{"method":"tasks/get","params":{"task_id":"x"}}`:             "params.task_id: did you mean id?",
		`{"method":"tasks/get","params":{"id":7,"history_length":2}}`: "params.history_length: did you mean historyLength?",
	} {
		resp := fixture.Call(t, env, endpoints(env), api.SendMessage.Operation, fixture.PollID, fixture.OperatorToken, body)
		var p api.Problem
		if err := json.Unmarshal([]byte(resp.Body), &p); err != nil || resp.StatusCode != http.StatusBadRequest ||
			p.IgnoredHint != want {
			t.Errorf("%s: %d %s, want %q", body, resp.StatusCode, resp.Body, want)
		}
	}
}

// A member that a request has twice with two values is refused, wherever it stands: only one of them would be kept.
func TestTwoValuesOfOneMemberAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"messageId", "parts", "priority", "message", "params", "method", "x", "a\\n"}).
			Draw(t, "name")
		one, other := rapid.SampledFrom([]string{`"a"`, `{"a":","}`, `[1,"b"]`, `null`, `7`}).Draw(t, "one"),
			rapid.SampledFrom([]string{`"a"`, `{"a":","}`, `[1,"b"]`, `null`, `8`}).Draw(t, "other")
		twice := `"` + name + `":` + one + `,"` + name + `":` + other
		message := `{"role":"user","content":"hi"}`
		body := []string{
			`{` + twice + `,"params":{"message":` + message + `}}`, `{"params":{` + twice + `,"message":` + message + `}}`,
			`{"params":{"message":{"content":"hi",` + twice + `}}}`, `{"message":{"content":"hi",` + twice + `}}`,
		}[rapid.IntRange(0, 3).Draw(t, "place")]
		m, err := parsed(body)
		if one != other && fault.CodeOf(err) != fault.InvalidRequest {
			t.Fatalf("%s: %v, %s", body, err, m.Body)
		}
		another := name == "params" || name == "message" // one that differs is there
		if one == other && !another && err != nil && strings.Contains(err.Error(), "twice") {
			t.Fatalf("%s: %v", body, err)
		}
	})
}

// Of a message that has many members that nobody reads, some are named, and none of them at length.
func TestFewOfManyAreNamed(t *testing.T) {
	var many []string
	for i := range 500 {
		many = append(many, `"`+strings.Repeat("x", 100+i)+`":1`)
	}
	_, left, err := parse(callOf(`{"message":{"content":"hi",`+strings.Join(many, ",")+`}}`), chat.DefaultPolicy())
	tooLong := func(name string) bool { return len(name) > 64 }
	if err != nil || len(left.Ignored) != 20 || slices.ContainsFunc(left.Ignored, tooLong) {
		t.Errorf("%d: %v, %v", len(left.Ignored), left.Ignored, err)
	}
}
