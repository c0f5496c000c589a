package workspace

import "strings"

// quotes are written inside a quotation as the plain one: what is quoted must not seem to end it.
var quotes = strings.NewReplacer("“", `"`, "”", `"`)

// quoted is what an agent said, or what came back from its URL, as it stands in a hint, in evidence and in a remark: in
// quotes that nothing inside it ends. Whoever writes it chooses the words, and they must not be read as the platform's,
// nor as a command of it.
func quoted(words string) string { return "“" + quotes.Replace(words) + "”" }
