package chat

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// What an answer weighs is measured, so the largest message must fit, whatever it is made of.
func TestOneMessageAlwaysFits(t *testing.T) {
	for name, unit := range map[string]string{
		"quotes": `\"`, "backslashes": `\\`, "zeros": `\u0000`, "tags": "<", "plain": "x", "line separators": "\u2028",
		"line ends": `\n`, "emoji": "😀",
	} {
		for part, tail := range map[string]string{
			`{"kind":"text","text":"`: `"}`, `{"kind":"data","data":{"k":"`: `"}}`, `{"url":"`: `"}`,
		} {
			checkOneFits(t, name, unit, `{"params":{"message":{"parts":[`+part, tail+`]}}}`)
		}
	}
}

func checkOneFits(t *testing.T, name, unit, head, tail string) {
	t.Helper()
	p := DefaultPolicy()
	m := Message{
		Body:   json.RawMessage(head + strings.Repeat(unit, (p.MaxBody-len(head)-len(tail))/len(unit)) + tail),
		Answer: json.RawMessage(`"` + strings.Repeat(unit, (MaxAnswer-2)/len(unit)) + `"`),
	}
	if !json.Valid(m.Body) || !json.Valid(m.Answer) || len(m.Body) > p.MaxBody || Text(m.Body) == "" {
		t.Fatalf("%s: not as it should be", name)
	}
	if n := RowSize(m); n > MaxReply {
		t.Errorf("%s, %s: one message takes %d bytes, more than %d", name, head, n, MaxReply)
	}
}

func TestEncodedSize(t *testing.T) {
	for _, v := range []any{
		"", `"`, `\`, "<>&", "\x00\n", "\u2028", "ä😀", "\xff", json.RawMessage(`{"a":"\"<"}`), 7,
		json.RawMessage("\"\xff\xfe�\""),
	} {
		inner, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		outer := new(strings.Builder)
		enc := json.NewEncoder(outer)
		enc.SetEscapeHTML(false) // as the Lambda runtime client does
		if err := enc.Encode(string(inner)); err != nil {
			t.Fatal(err)
		}
		want := outer.Len() - len(`""`+"\n")
		if got := EncodedSize(v); got < want || (got > want && utf8.Valid(inner)) {
			t.Errorf("%q: got %d, want %d", v, got, want)
		}
	}
}
