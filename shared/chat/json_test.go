package chat

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
)

func TestCompact(t *testing.T) {
	for raw, want := range map[string]string{
		`{ "b" : 1.50, "a":"x" }`:            `{"b":1.50,"a":"x"}`,
		`"\u003c\u003e\u0026<>&"`:            `"<>&<>&"`,
		`"\ud83d\ude00\uD83D\uDE00"`:         `"😀😀"`,
		`"\u2028\u00e4\/"`:                   "\"\u2028ä/\"",
		`"\"\\\n\t\r\b\f\u0000\u001f\u007f"`: `"\"\\\n\t\r\b\f\u0000\u001f` + "\x7f" + `"`,
		`{"\u0061":["\u0022","\u005c"]}`:     `{"a":["\"","\\"]}`,
		`not JSON \u0041`:                    `not JSON \u0041`,
		"\ufeff{ \"a\": \"\ufeff\" }":        "{\"a\":\"\ufeff\"}",
		"\ufeffno JSON":                      "no JSON",
		``:                                   ``,
	} {
		got, err := Compact([]byte(raw))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s %v, want %s", raw, got, err, want)
		}
	}
}

// What is no character in any text is refused, and never replaced by another one.
func TestCompactRefusesWhatIsNoText(t *testing.T) {
	for _, raw := range []string{
		"\"\xff\"", "{\"a\":\"\xc3\"}", `"\ud83d"`, `"\ude00"`, `"\ud83d\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx"`,
		`"\ud83d\n"`, `{"\ud83d":1}`, `"\ud83d\u0041"`,
	} {
		if got, err := Compact([]byte(raw)); fault.CodeOf(err) != fault.InvalidJSON {
			t.Errorf("%q: got %s %v", raw, got, err)
		}
	}
}

// A kept text means what was sent, is no longer, and stays as it is when it is kept again.
func TestCompactKeepsTheMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent, err := json.Marshal(map[string]any{
			"text": rapid.String().Draw(t, "text"), "list": rapid.SliceOf(rapid.String()).Draw(t, "list"),
			rapid.String().Draw(t, "name"): rapid.Int().Draw(t, "number"),
		})
		if err != nil {
			t.Fatal(err)
		}
		checkCompact(t, sent)
	})
}

func checkCompact(t interface{ Fatalf(string, ...any) }, sent []byte) {
	kept, err := Compact(sent)
	if err != nil {
		if utf8.Valid(sent) && !strings.Contains(strings.ToLower(string(sent)), `\ud`) {
			t.Fatalf("%q: refused: %v", sent, err)
		}
		return
	}
	again, err := Compact(kept)
	if err != nil || !bytes.Equal(again, kept) || len(kept) > len(sent) {
		t.Fatalf("%q: kept as %q, then as %q, %v", sent, kept, again, err)
	}
	if !json.Valid(sent) {
		return
	}
	was, err := meaning(sent)
	is, againErr := meaning(kept)
	if err != nil || againErr != nil || !reflect.DeepEqual(was, is) {
		t.Fatalf("%q means something else: %q", sent, kept)
	}
}

// meaning is what a JSON text says. A number may be one that no float64 holds.
func meaning(text []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

func FuzzCompact(f *testing.F) {
	for _, seed := range []string{`{"a":"\ud83d\ude00<\u003c"}`, `"\ud83d"`, "\xff", `[1e5, "\\u0041"]`, ` 1e999`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) { checkCompact(t, sent) })
}

// The members of an object are found as the decoder finds them, whatever their names and values are.
func TestMembers(t *testing.T) {
	values := []string{
		`1`, `"a,b"`, `"\"}"`, `{}`, `[]`, `{"a":[{"b":"],"}],"c":{}}`, `[[1,2],"x:",{"y":null}]`, `null`, `"\\"`, `-1.5e3`,
	}
	names := []string{`a`, `b`, ``, `a,b`, `{`, `\"`, `\\`, `:`, `é`, `\n`}
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]string{}
		var parts []string
		for range rapid.IntRange(0, 8).Draw(t, "members") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			value := rapid.SampledFrom(values).Draw(t, "value")
			want[`"`+name+`"`] = value
			parts = append(parts, `"`+name+`":`+value)
		}
		object := "{" + strings.Join(parts, ",") + "}"
		if !json.Valid([]byte(object)) {
			t.Fatal(object)
		}
		got, n := map[string]string{}, 0
		for name, value := range Members([]byte(object)) {
			got[string(name)], n = string(value), n+1
		}
		if !maps.Equal(got, want) || n != len(parts) {
			t.Fatalf("%s: %v, want %v", object, got, want)
		}
	})
}

// Of what is no object there are none, and nothing makes it fail.
func TestMembersOfAnythingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune(`{}[]",:\a1 `)), 0, 20, -1).Draw(t, "text")
		for range Members([]byte(text)) {
			continue
		}
	})
	for _, text := range []string{"", "null", `"a"`, `[{"a":1}]`, "1"} {
		for name := range Members([]byte(text)) {
			t.Errorf("%s has %s", text, name)
		}
	}
}
