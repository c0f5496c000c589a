package chat

import (
	"encoding/json"
	"unicode/utf8"
)

// MaxDepth is how deep JSON may nest that is stored. Readers of what is stored read it by recursion, and some of them
// stop at a thousand levels.
const MaxDepth = 64

// TooDeep reports whether a JSON text nests deeper than MaxDepth. Of a text that is no JSON it says nothing of use.
func TooDeep(raw []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++ // the character after it is none of the text's own marks
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// MaxReply bounds the encoded lists of one answer, in bytes. A Lambda answers with at most 6,291,556 bytes; what is
// left is for the envelope and for what is not in a list. One message always fits: see TestOneMessageAlwaysFits.
const MaxReply = 5 << 20

// EncodedSize is at least as many bytes as v takes in the answer of a function: as JSON, in the text of a JSON
// member. A character of a message may take many: a quote takes four, a control character seven.
func EncodedSize(v any) int {
	raw, err := Marshal(v)
	if err != nil {
		return MaxReply + 1 // nothing else fits beside what can't be measured
	}
	n := len(raw)
	for _, c := range raw {
		if c == '"' || c == '\\' {
			n++
		}
	}
	if !utf8.Valid(raw) {
		for _, r := range string(raw) { // what is no character is written as one: \ufffd
			if r == utf8.RuneError {
				n += len(`\ufffd`)
			}
		}
	}
	return n
}

// rowSize is more than the members of a message's row take beside its body, its text and its answer.
const rowSize = 8 << 10

// RowSize is at least as many bytes as the message takes in an answer that shows its body, the text of it, and its
// answer, whether these were read or are apart.
func RowSize(m Message) int {
	n := rowSize
	if m.BodyApart.Bytes > 0 {
		n += m.BodyApart.Row
	} else {
		n += bodyRow(m.Body)
	}
	if m.AnswerApart.Bytes > 0 {
		return n + m.AnswerApart.Row
	}
	return n + answerRow(m.Answer)
}

// rowBytes is more than what a byte of a text that stands with its message takes in a row: it may stand there four
// times.
const rowBytes = 40

// Rows adds up what messages take in one answer.
type Rows struct {
	size       int       // of the rows, or more
	unmeasured []Message // whose rows may be smaller by far
}

// Add adds a message's row, and reports whether the answer is too large with it. Rows are measured only when there may
// be too much of them: a body has to be read for it.
func (r *Rows) Add(m Message) (tooLarge bool) {
	r.size, r.unmeasured = r.size+rowBound(m), append(r.unmeasured, m)
	if r.size <= MaxReply {
		return false
	}
	for _, m := range r.unmeasured {
		r.size += RowSize(m) - rowBound(m)
	}
	r.unmeasured = nil
	return r.size > MaxReply
}

// rowBound is at least as much as RowSize.
func rowBound(m Message) int {
	n := rowSize + rowBytes*(1+len(m.Body)+len(m.Answer))
	if m.BodyApart.Bytes > 0 {
		n += m.BodyApart.Row
	}
	if m.AnswerApart.Bytes > 0 {
		n += m.AnswerApart.Row
	}
	return n
}

// bodyRow is what a body adds to a row.
func bodyRow(body json.RawMessage) int {
	text := Summary(body)
	n := EncodedSize(text)
	if Shown(body) != text {
		n += 2 * EncodedSize(text) // it is the summary too, and may be a part
	}
	return n + validSize(body)
}

// answerRow is what an answer adds to a row.
func answerRow(answer json.RawMessage) int { return EncodedSize(Text(answer)) + validSize(answer) }

// validSize is the encoded size of a text that is JSON; another one is not shown.
func validSize(raw json.RawMessage) int {
	if !json.Valid(raw) {
		return 0
	}
	return EncodedSize(raw)
}
