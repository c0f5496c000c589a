package token

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// Damage is what is wrong with a text that was sent as a credential, where the text itself shows that. The caller is
// told it, and the operator of the workspace too: so it is kept, in one letter, and nothing of the text is.
type Damage string

// The kinds of damage.
const (
	Whole      Damage = ""  // nothing shows that anything is wrong with it
	Enclosed   Damage = "q" // in quotation marks or in brackets
	Beside     Damage = "w" // something stands beside the credential: a name, JSON, a written \n
	Capitals   Damage = "c"
	Unreplaced Damage = "v" // the name of a variable or of a command, or a placeholder
	CutOff     Damage = "s"
	Mistyped   Damage = "m"
	// Misplaced is a header Authorization in another form than the word Bearer and the credential. It is of the header,
	// and so no text is damaged in this way.
	Misplaced Damage = "h"
	// Misnamed is a call in the name of another workspace than the credential's. It is of the call, and so no text is
	// damaged in this way.
	Misnamed Damage = "i"
	// The last are something else that Rollcall made, and no agent's credential. The text itself has no damage.
	OfEnrolment Damage = "e"
	OfPerson    Damage = "p"
	OfSigning   Damage = "k"
)

// Damages are all kinds of damage.
func Damages() []Damage {
	return []Damage{
		Enclosed, Beside, Capitals, Unreplaced, CutOff, Mistyped, Misplaced, Misnamed, OfEnrolment, OfPerson, OfSigning,
	}
}

// OtherKind is what a text is that Rollcall made, if it is no agent's credential; Whole: nothing shows that.
func OtherKind(text string) Damage {
	switch kind := KindOf(text); {
	case kind == Enrolment:
		return OfEnrolment
	case kind == Person || kind == Operator:
		return OfPerson
	case strings.HasPrefix(text, SigningPrefix):
		return OfSigning
	}
	return Whole
}

// IsOther reports whether it is one of those that OtherKind tells.
func (d Damage) IsOther() bool { return d == OfEnrolment || d == OfPerson || d == OfSigning }

// damageWords say what is wrong with a text, in words that show nothing of it.
var damageWords = map[Damage]string{
	Enclosed:    "it stands in quotation marks or in brackets",
	Beside:      "it has a credential in it, and something beside it: a name, quotation marks, JSON, or a written \\n",
	Capitals:    "it is a credential in capitals",
	Unreplaced:  "it is the name of a variable or of a command, or a placeholder, which nothing has replaced",
	CutOff:      "it is cut off",
	Mistyped:    "it is mistyped: its characters do not fit together",
	Misnamed:    "it is of another workspace than the one that the call names",
	OfEnrolment: "it is an enrolment token",
	OfPerson:    "it is a person's credential",
	OfSigning:   "it is the secret that calls to an agent are signed with",
	Misplaced:   "the header Authorization has another form than Bearer CREDENTIAL",
}

// Words say what is wrong; "" for Whole.
func (d Damage) Words() string { return damageWords[d] }

// DamageOf is what is wrong with a text that was refused, and the credential that stands in it; inner is "" where none
// does. A text of an agent's own choice may look damaged, and be good.
func DamageOf(text string) (kind Damage, inner string) {
	if inner := issuedIn(text); inner != "" && inner != text {
		beside := strings.Trim(text, marks)
		switch {
		case strings.EqualFold(text, inner):
			return Capitals, inner
		case beside == inner:
			return Enclosed, inner
		}
		return Beside, inner
	}
	bare := strings.TrimSuffix(strings.TrimSuffix(text, `\n`), `\r`) // a program wrote an end of line out
	switch prefix, _, _ := strings.Cut(text, "_"); {
	case unreplaced(strings.Trim(text, quotes)), placeholder(text):
		return Unreplaced, ""
	case enclosed(text):
		return Enclosed, text[1 : len(text)-1]
	case bare != text:
		return Beside, bare
	case !Kind(prefix).known() || Plausible(text):
		return Whole, ""
	case len(text) < wholeLen:
		return CutOff, ""
	}
	return Mistyped, ""
}

// Wrapping says what is wrong with a text that was refused; "" if the text shows nothing.
func Wrapping(text string) string {
	kind, _ := DamageOf(text)
	if cut := Flaw(text); kind == CutOff && cut != "" {
		return cut
	}
	return kind.Words()
}

// DamageOfHeader is DamageOf for a header Authorization that has another form than Bearer CREDENTIAL.
func DamageOfHeader(header string) (kind Damage, inner string) {
	words := strings.Fields(header)
	if len(words) == 0 {
		return Misplaced, ""
	}
	return Misplaced, cmp.Or(issuedIn(header), words[len(words)-1])
}

const (
	quotes = "\"'`"
	marks  = quotes + "<>[](){}"
)

// issuedIn is the credential in a text that Rollcall may have issued, in the letters that it was issued in; "": there
// is none.
func issuedIn(text string) string {
	// The expression is made when it is needed: no function of the platform makes it at its start.
	format := fmt.Sprintf(`(?i)rc[a-z]_[0-9a-z]{%d}_[0-9a-z]{%d}`, idLen, secretLen+sumLen)
	inner := strings.ToLower(regexp.MustCompile(format).FindString(text))
	if PublicID(inner) == "" {
		return ""
	}
	return inner
}

// placeholder reports whether a text stands in angle brackets, as what a manual asks to replace: <TOKEN>.
func placeholder(text string) bool {
	return len(text) > 1 && text[0] == '<' && text[len(text)-1] == '>'
}

// unreplaced reports whether a text is what a shell or a template replaces: $NAME, ${NAME}, $(…), %NAME% or {{…}}.
func unreplaced(text string) bool {
	isName := func(name string) bool {
		other := func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}
		return name != "" && !strings.ContainsFunc(name, other)
	}
	between := func(before, after string) string {
		inner, ok := strings.CutPrefix(text, before)
		if inner, closed := strings.CutSuffix(inner, after); ok && closed {
			return inner
		}
		return ""
	}
	return isName(between("$", "")) || isName(between("${", "}")) || isName(between("%", "%")) ||
		between("$(", ")") != "" || between("{{", "}}") != ""
}

// enclosed reports whether a text begins and ends with a pair of quotation marks or of brackets.
func enclosed(text string) bool {
	for _, pair := range []string{`""`, "''", "``", "<>", "[]", "()", "{}"} {
		if len(text) > 1 && text[0] == pair[0] && text[len(text)-1] == pair[1] {
			return true
		}
	}
	return false
}
