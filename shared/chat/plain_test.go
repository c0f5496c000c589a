package chat_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

func TestAPlainMessageIsATextAndNothingBesideIt(t *testing.T) {
	for body, plain := range map[string]bool{
		string(chat.TextBody("m", "hello")):                                                          true,
		string(chat.TextBody("m", strings.Repeat("é", 1000))):                                        true,
		string(chat.TextBody("m", strings.Repeat("é", 9000))):                                        false,
		string(chat.ProbeBody("m")):                                                                  false,
		`{"method":"SendMessage","params":{"message":{"role":"ROLE_USER","parts":[{"text":"hi"}]}}}`: true,
		`{"method":"message/stream","params":{"message":{"parts":[{"text":"hi"}]}}}`:                 false,
		`{"method":"message/send","params":{"message":{"parts":[{"text":"hi"}]},"skill":"no"}}`:      false,
		`{"method":"message/send","params":{"message":{"parts":[{"text":"hi"}],"taskId":"t"}}}`:      false,
		`{"method":"message/send","params":{"message":{"parts":[{"text":"hi","metadata":{}}]}}}`:     false,
		`{"method":"message/send","params":{"message":{"parts":[{"text":"hi"},{"text":"hi"}]}}}`:     false,
		`{"method":"message/send","params":{"message":{"parts":[{"kind":"file","file":{}}]}}}`:       false,
		`{"method":"message/send","params":{"message":{"parts":[]}}}`:                                false,
		`{"method":"message/send","params":{"message":{"parts":["hi"]}}}`:                            false,
		`{"method":"message/send","params":{}}`:                                                      false,
		`{"method":7}`:                                                                               false,
		`[]`:                                                                                         false,
		``:                                                                                           false,
	} {
		if _, ok := chat.ReadPlain([]byte(body)); ok != plain {
			t.Errorf("%.120s: plain should be %t", body, plain)
		}
	}
}

// plainBodies are plain messages, of each version of A2A.
var plainBodies = []string{
	string(chat.TextBody("7f1b1dcb-7a3b-4c55-8d57-1d4a3f6f0a11", "hello")),
	string(chat.TextBody("m-1", "hello")),
	`{"id":1,"jsonrpc":"2.0","method":"message/send","params":{"message":{"kind":"message","messageId":"m",` +
		`"role":"user","parts":[{"kind":"text","text":"hello"}]}}}`,
	`{"id":"m","jsonrpc":"2.0","method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER",` +
		`"parts":[{"text":"hello"}]}}}`,
}

// oddValues are what a value of a message is changed to.
var oddValues = []any{
	nil, "", " ", "\u00a0", "\u3164", "\u2800", "\u200b", "\u0000", "\ufffd", "\U000e0041", "a\u202eb", "🙂", "-", "_",
	"agent", "ROLE_USER", "user ", "USER", "file", "data", "task", "message", "message/send", "SendMessage", "2.0", 0, 1,
	-1, 1.5, 1e9, true, false,
	[]any{},
	[]any{"hello"},
	map[string]any{},
	map[string]any{"text": "hello"},
	"hello",
	"Grüße\n1",
	"7f1b1dcb-7a3b-4c55-8d57-1d4a3f6f0a12", "_7f1b1dcb-7a3b-4c55-8d57-1d4a3f6f0a12", "m-2", "../m",
	strings.Repeat("long ", 90),
}

// mutate changes something in a JSON value: a value, a member, or an item of a list.
func mutate(t *rapid.T, v any) any {
	odd := func() (v any) { // one of its own, as it may be changed once more
		raw, _ := chat.Marshal(rapid.SampledFrom(oddValues).Draw(t, "to"))
		_ = json.Unmarshal(raw, &v)
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		names := []string{"text", "role", "kind", "type", "metadata", "taskId", "extensions", "Text", "é"}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			names = append(names, name, name, name)
		}
		name := rapid.SampledFrom(names).Draw(t, "member")
		switch was, ok := v[name]; {
		case ok && rapid.IntRange(0, 9).Draw(t, "drop") == 0:
			delete(v, name)
		case ok:
			v[name] = mutate(t, was)
		default:
			v[name] = odd()
		}
		return v
	case []any:
		if len(v) > 0 && rapid.IntRange(0, 3).Draw(t, "item") > 0 {
			v[0] = mutate(t, v[0])
			return v
		}
		return append(v, odd())
	}
	return odd()
}

// blanked is a decoded body without its words and ids, and these.
func blanked(t *rapid.T, body []byte) (v any, words string, ids []any) {
	var rpc map[string]any
	if err := json.Unmarshal(body, &rpc); err != nil {
		t.Fatal(err)
	}
	message := rpc["params"].(map[string]any)["message"].(map[string]any)
	part := message["parts"].([]any)[0].(map[string]any)
	ids = []any{rpc["id"], message["messageId"]}
	words = part["text"].(string)
	rpc["id"], message["messageId"], part["text"] = "", "", ""
	return rpc, words, ids
}

// Whatever is changed in a message of which the agent took the like: it is like that one only if nothing but its words
// and ids differ, and these are of the same type, not blank, and show all that they have.
func TestWhatIsLikeAPlainMessageDiffersInItsWords(t *testing.T) {
	for _, body := range plainBodies {
		taken, _ := chat.ReadPlain([]byte(body))
		other, ok := chat.ReadPlain([]byte(strings.Replace(body, "hello", `Grüße, мир!\n1 < 2`, 1)))
		if !ok || !other.Like(taken) {
			t.Errorf("%s: other words are not like it", body)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SampledFrom(plainBodies).Draw(t, "taken")
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			v = mutate(t, v)
		}
		sent, err := chat.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		taken, ok := chat.ReadPlain([]byte(body))
		if !ok {
			t.Fatalf("%s is not plain", body)
		}
		changed, ok := chat.ReadPlain(sent)
		if !ok || !changed.Like(taken) {
			return
		}
		was, _, wasIDs := blanked(t, []byte(body))
		is, words, ids := blanked(t, sent)
		if !reflect.DeepEqual(was, is) {
			t.Fatalf("%s is like %s", sent, body)
		}
		hidden := func(r rune) bool {
			return r != '\n' && (!unicode.IsGraphic(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r))
		}
		if strings.TrimSpace(words) == "" || strings.ContainsFunc(words, hidden) || len(words) > 200 {
			t.Fatalf("the words are %q", words)
		}
		for i, id := range ids {
			text, _ := id.(string)
			kind := reflect.TypeOf(wasIDs[i])
			if reflect.TypeOf(id) != kind || kind == reflect.TypeFor[string]() && text == "" ||
				len(fmt.Sprint(wasIDs[0])) == 36 && len(text) != 36 {
				t.Fatalf("the id is %#v", id)
			}
		}
	})
}
