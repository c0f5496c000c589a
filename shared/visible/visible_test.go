package visible_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/visible"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"plain, Ünïcode, 你好, שלום, 👩‍💻": "plain, Ünïcode, 你好, שלום, 👩‍💻",
		"a\nb\tc\rd":                `a\nb\tc\rd`,
		"\x1b[2J\x07\x00\x7f":       `\u001b[2J\u0007\u0000\u007f`,
		"\u009b31m":                 `\u009b31m`,
		"\u202egnp.exe\u2066\u200f": `\u202egnp.exe\u2066\u200f`,
		"\u2028\u2029\ufeff\u200b":  `\u2028\u2029\ufeff\u200b`,
		"\U000e0041\U000e0100":      `\udb40\udc41\udb40\udd00`,
		"a\u2800\u3164\u115f\u1160\uffa0\u034f\ufe00\u180b": `a\u2800\u3164\u115f\u1160\uffa0\u034f\ufe00\u180b`,
		"\ufe0f a\ufe0f \"\ufe0f |\ufe0f ❤\ufe0f\ufe0f":     `\ufe0f a\ufe0f "\ufe0f |\ufe0f ❤` + "\ufe0f" + `\ufe0f`,
		"1\ufe0f\u20e3 #\ufe0f\u20e3 ℹ\ufe0f ‼\ufe0f":       "1\ufe0f\u20e3 #\ufe0f\u20e3 ℹ\ufe0f ‼\ufe0f",
		"\U0001d159\U00013441\U00013442\U00016fe4":          `\ud834\udd59\ud80d\udc41\ud80d\udc42\ud81b\udfe4`,
		"❤️, ﷽\u3000。":                                      "❤️, ﷽\u3000。",
		"e\u0301\u0302\u0303\u0304\u0305\u200d\u0306x\u0301": "e\u0301\u0302\u0303\u0304" + `\u0305` +
			"\u200d" + `\u0306` + "x\u0301",
		"\u0301\u0302a\u0301":                            `\u0301\u0302a` + "\u0301",
		"\u5c71\u3000\u5c71\u3000\u3000\u00a0 \u00a0  b": "\u5c71\u3000\u5c71\u3000" + `\u3000\u00a0 \u00a0  b`,
		"\xff": "\ufffd",
	} {
		if got := visible.Text(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := visible.Lines("one\r\ntwo\x1b\n\n"); got != "one\n  | two\\u001b" {
		t.Errorf("%q", got)
	}
}

// hides reports whether a text has a character that a terminal or a browser takes for a command.
func hides(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		nothing := unicode.In(r, unicode.Bidi_Control, unicode.Other_Default_Ignorable_Code_Point)
		return unicode.IsControl(r) || nothing || r == '\u2028' || r == '\u2029'
	})
}

func TestNothingIsHidden(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		if got := visible.Text(s); hides(got) {
			t.Errorf("%q", got)
		}
		if got := strings.ReplaceAll(visible.Lines(s), "\n  | ", ""); hides(got) {
			t.Errorf("lines: %q", got)
		}
	})
}

func TestJSONKeepsItsMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "object")
		raw, err := json.MarshalIndent(in, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		shown := visible.JSON(raw)
		var back, was map[string]string
		if err := json.Unmarshal(shown, &back); err != nil {
			t.Fatalf("%s: %v", shown, err)
		}
		if err := json.Unmarshal(raw, &was); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, was) || hides(strings.ReplaceAll(string(shown), "\n", "")) {
			t.Errorf("%q became %q", raw, shown)
		}
	})
}

func TestFields(t *testing.T) {
	type inner struct{ Name string }
	v := struct {
		inner
		At   *inner
		List []inner
		Any  any
		Text string `visible:"lines"`
		Raw  json.RawMessage
		none *inner
	}{inner{"\x1b"}, &inner{"\n"}, []inner{{"\u202e"}}, &inner{"\a"}, "a\nb\x1b", json.RawMessage("\x1b"), nil}
	visible.Fields(&v)
	if v.Name != `\u001b` || v.At.Name != `\n` || v.List[0].Name != `\u202e` || v.Any.(*inner).Name != `\u0007` ||
		v.Text != "a\n  | b\\u001b" || string(v.Raw) != "\x1b" || v.none != nil {
		t.Errorf("%+v", v)
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b]0;title\x07\u202e\n\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if hides(visible.Text(s)) || hides(strings.ReplaceAll(visible.Lines(s), "\n  | ", "")) {
			t.Errorf("%q", s)
		}
	})
}
