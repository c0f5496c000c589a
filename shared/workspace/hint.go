package workspace

import (
	"strings"

	"github.com/rollcall/rollcall/shared/visible"
)

// between stands between two clauses of a hint.
const between = "; "

// inSentences is a hint in sentences of at most two clauses each: the rules put one together from many. A clause that
// begins with a command stays with the one before it: no sentence begins so. Quoted words stay as they are.
func inSentences(hint string) string {
	var out strings.Builder
	for n, sentence := range visible.SplitUnquoted(hint, ". ") {
		if n > 0 {
			out.WriteString(". ")
		}
		clauses, inThis := visible.SplitUnquoted(sentence, between), 0
		for i, clause := range clauses {
			nextIsCommand := i+1 < len(clauses) && isCommand(clauses[i+1])
			switch {
			case i == 0:
			case isCommand(clause), inThis < 2 && !nextIsCommand:
				out.WriteString(between)
			default:
				out.WriteString(". ")
				clause, inThis = capital(clause), 0
			}
			inThis++
			out.WriteString(clause)
		}
	}
	return out.String()
}

// isCommand reports whether a clause begins with a command.
func isCommand(clause string) bool { return strings.HasPrefix(clause, "rollcall ") }

// capital is a clause as it begins a sentence.
func capital(clause string) string {
	if clause == "" {
		return ""
	}
	return strings.ToUpper(clause[:1]) + clause[1:]
}
