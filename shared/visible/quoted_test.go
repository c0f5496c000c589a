package visible_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/visible"
)

// Whatever is quoted is one quotation in one line: nothing inside it ends it or begins another.
func TestQuotedIsOneQuotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		odd := rapid.StringMatching("[“”„‟\"❝❞\n\r\\\\a ]*")
		got := visible.Quoted(rapid.OneOf(rapid.String(), odd).Draw(t, "words"))
		inside, ends := strings.CutSuffix(strings.TrimPrefix(got, "“"), "”")
		if !ends || !strings.HasPrefix(got, "“") || strings.ContainsAny(inside, "“”„‟❝❞\n\r\u2028") {
			t.Fatalf("%q", got)
		}
	})
}

func TestCutUnquoted(t *testing.T) {
	for sentence, want := range map[string]string{
		"to its URL now": "to |now", "“its URL ” and its URL ": "“its URL ” and |", "“its URL ”": "",
		"nothing": "", "“a” its URL “its URL ”": "“a” |“its URL ”",
	} {
		before, after, found := visible.CutUnquoted(sentence, "its URL ")
		if got := before + "|" + after; found != (want != "") || found && got != want {
			t.Errorf("%q: %q, want %q", sentence, got, want)
		}
	}
}
