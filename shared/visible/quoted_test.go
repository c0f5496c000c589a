package visible_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
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

// The console's tests read the same table.
func TestQuotations(t *testing.T) {
	raw, err := os.ReadFile("../../functions/status/console/test/quotations.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Quoted [][2]string
		Texts  [][2]json.RawMessage
	}
	if err := json.Unmarshal(raw, &table); err != nil || len(table.Quoted) == 0 || len(table.Texts) == 0 {
		t.Fatalf("%v: %s", err, raw)
	}
	for _, row := range table.Quoted {
		if got := visible.Quoted(row[0]); got != row[1] {
			t.Errorf("%q: %s, want %s", row[0], got, row[1])
		}
	}
	for _, row := range table.Texts {
		var text string
		var want []string
		if err := errors.Join(json.Unmarshal(row[0], &text), json.Unmarshal(row[1], &want)); err != nil {
			t.Fatal(err)
		}
		if got := quotationsOf(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func quotationsOf(text string) (out []string) {
	for _, q := range visible.Quotations(text) {
		out = append(out, text[q.From:q.To])
	}
	return out
}

// foreign are words that somebody may choose to have them taken for the platform's.
func foreign() *rapid.Generator[string] {
	part := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"“", "”", `"`, `\`, "„", "❞", "\n", " ", "; ", ". ", "2026-11-27T13:00:00Z", "rollcall repair w --force",
		"POST /workspaces/w/repair", "\u202e", strings.Repeat("x", 3000),
	}))
	return rapid.Map(rapid.SliceOfN(part, 0, 12), func(parts []string) string { return strings.Join(parts, "") })
}

// What is quoted is never rewritten, and what the platform says between is all that is.
func TestOnlyTheOwnWordsAreRewritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text, want strings.Builder
		for range rapid.IntRange(0, 4).Draw(t, "quotations") {
			own := rapid.StringMatching("[a-z .;:]*").Draw(t, "own")
			words := visible.Quoted(foreign().Draw(t, "words"))
			text.WriteString(own + words)
			want.WriteString(strings.ToUpper(own) + words)
		}
		if got := visible.OutsideQuotes(text.String(), strings.ToUpper); got != want.String() {
			t.Fatalf("%q became %q", text.String(), got)
		}
	})
}

// Words whose quotation lost a mark, as in a text that was cut, are nobody's own either.
func TestACutQuotationIsQuoted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := visible.Quoted(foreign().Draw(t, "words"))
		inside := strings.TrimSuffix(strings.TrimPrefix(words, "“"), "”")
		for text, own := range map[string]string{"OWN “" + inside: "OWN ", inside + "” OWN": " OWN"} {
			var left strings.Builder
			visible.OutsideQuotes(text, func(s string) string { left.WriteString(s); return s })
			if got := left.String(); got != own && got != "" {
				t.Fatalf("of %q, %q is taken for the platform's", text, got)
			}
		}
	})
}
