package visible

import (
	"slices"
	"strings"
)

// The marks of a quotation.
const (
	opens  = "“"
	closes = "”"
)

// marks are written inside a quotation as the plain one: its own, and those that look like them.
var marks = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "″", `"`, "‶", `"`, "〝", `"`, "〞", `"`, "〟", `"`,
	"＂", `"`, "❝", `"`, "❞", `"`, "ʺ", `"`, "ˮ", `"`, "\U0001f676", `"`, "\U0001f677", `"`,
)

// Quoted is what an agent, a sender or a peer wrote, as it stands in a sentence of the platform: in one line, and in
// quotes that nothing inside it ends. Whoever writes it chooses the words, and they must not be read as the platform's,
// nor as a command of it.
func Quoted(words string) string { return opens + marks.Replace(Text(words)) + closes }

// QuotedOr is Quoted of words that are there, and another word for none.
func QuotedOr(words, none string) string {
	if words == "" {
		return none
	}
	return Quoted(words)
}

// Quotation is where a quotation stands in a text: from the mark that opens it to behind the one that closes it.
type Quotation struct{ From, To int }

// Quotations are what somebody else wrote in a text of the platform, in order and apart: between the marks that Quoted
// writes, or the plain ones of %q. Whatever may be somebody's is: what a mark opens that nothing closes goes on to the
// end of the text, and what a mark closes that nothing opened began with the text. The console has the same rule, and
// both are held to functions/status/console/test/quotations.json.
func Quotations(text string) (out []Quotation) {
	var depth, from int // depth: of “, within the quotation that begins at from
	var plain, escaped bool
	for at, r := range text {
		mark := string(r)
		was, literal := depth > 0 || plain, escaped
		escaped = false
		switch {
		case mark == opens:
			depth++
		case mark == closes && depth > 0:
			depth--
		case mark == closes:
			out, from, was = nil, 0, true
		case depth > 0 || literal:
		case mark == `"`:
			plain = !plain
		case mark == `\`:
			escaped = plain
		}
		switch is := depth > 0 || plain; {
		case is && !was:
			from = at
		case was && !is:
			out = append(out, Quotation{from, at + len(mark)})
		}
	}
	if depth > 0 || plain {
		out = append(out, Quotation{from, len(text)})
	}
	return out
}

// OutsideQuotes is a text in which the platform's own words are rewritten, and no quotation is.
func OutsideQuotes(text string, rewrite func(own string) string) string {
	var out strings.Builder
	end := 0
	for _, q := range Quotations(text) {
		out.WriteString(rewrite(text[end:q.From]))
		out.WriteString(text[q.From:q.To])
		end = q.To
	}
	out.WriteString(rewrite(text[end:]))
	return out.String()
}

// CutUnquoted cuts a sentence around the first place where it has words that begin outside of all quotations; found
// reports whether there is one.
func CutUnquoted(sentence, words string) (before, after string, found bool) {
	quotations := Quotations(sentence)
	for at := 0; ; {
		i := strings.Index(sentence[at:], words)
		if i < 0 {
			return sentence, "", false
		}
		at += i
		if !slices.ContainsFunc(quotations, func(q Quotation) bool { return q.From <= at && at < q.To }) {
			return sentence[:at], sentence[at+len(words):], true
		}
		at += len(words)
	}
}

// SplitUnquoted splits a text at each separator that stands outside of all quotations.
func SplitUnquoted(text, separator string) (parts []string) {
	for {
		before, after, found := CutUnquoted(text, separator)
		if parts = append(parts, before); !found {
			return parts
		}
		text = after
	}
}
