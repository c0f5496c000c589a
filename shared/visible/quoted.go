package visible

import "strings"

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

// CutUnquoted cuts a sentence around the first place where it has words outside of all quotations; found reports
// whether there is one.
func CutUnquoted(sentence, words string) (before, after string, found bool) {
	for at := 0; ; {
		i := strings.Index(sentence[at:], words)
		if i < 0 {
			return sentence, "", false
		}
		at += i
		before, after = sentence[:at], sentence[at+len(words):]
		if strings.Count(before, opens) == strings.Count(before, closes) {
			return before, after, true
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
