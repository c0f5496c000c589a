package chat

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/fault"
)

// Compact is a JSON text as it is kept and counted: without white space, and with each character of a string as itself,
// unless JSON needs an escape for it. Members keep their order, and numbers their spelling. A text that isn't JSON
// stays as it is, without its mark (WithoutMark). Error: invalid_json, when it is not UTF-8 or escapes half of a
// surrogate pair: no text has that character, and whoever decodes it would get another one.
func Compact(raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		return nil, NotUTF8()
	}
	raw = WithoutMark(raw)
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw, nil
	}
	if bytes.IndexByte(b.Bytes(), '\\') < 0 {
		return b.Bytes(), nil
	}
	out, whole := unescape(b.Bytes())
	if !whole {
		return nil, fault.New(fault.InvalidJSON, "the body escapes half of a surrogate pair, which is no character").
			WithHint("escape both halves, or write the character in UTF-8", "stop")
	}
	return out, nil
}

// WithoutMark is a text without the byte order mark that some programs begin each text with (RFC 8259, section 8.1).
func WithoutMark(raw []byte) []byte { return bytes.TrimPrefix(raw, []byte("\ufeff")) }

// NotUTF8 is the refusal of a body with a byte that is no text.
func NotUTF8() error {
	return fault.New(fault.InvalidJSON, "the body is not UTF-8").
		WithHint("send JSON in UTF-8, with bytes that are not text in base64", "stop")
}

// unescape writes each escaped character of a valid JSON text as itself, where JSON allows that. A backslash stands in
// strings only. whole is false when an escape is half of a surrogate pair, which is no character: it is replaced.
func unescape(compact []byte) (out []byte, whole bool) {
	out, whole = make([]byte, 0, len(compact)), true
	for i := 0; i < len(compact); {
		if compact[i] != '\\' {
			out = append(out, compact[i])
			i++
			continue
		}
		r, size := escaped(compact[i:])
		if size == 0 {
			r, size, whole = utf8.RuneError, len(`\ud800`), false
		}
		out = appendCharacter(out, r)
		i += size
	}
	return out, whole
}

// shortEscapes are JSON's escapes of one letter.
var shortEscapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escaped reads the escape at the beginning of s; size is 0 when it is half of a surrogate pair.
func escaped(s []byte) (r rune, size int) {
	if s[1] != 'u' {
		return shortEscapes[s[1]], 2
	}
	r = hex4(s[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, hex4(s[8:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hex4 is the number that four hexadecimal digits write.
func hex4(digits []byte) (r rune) {
	for _, d := range digits[:4] {
		switch {
		case d >= 'a':
			d -= 'a' - 10
		case d >= 'A':
			d -= 'A' - 10
		default:
			d -= '0'
		}
		r = r<<4 | rune(d)
	}
	return r
}

// neededEscapes are how the characters are written that JSON does not allow as themselves; further control characters
// are written with four digits.
var neededEscapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`,
}

func appendCharacter(to []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	if text, ok := neededEscapes[r]; ok {
		return append(to, text...)
	}
	if r < ' ' {
		return append(to, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
	}
	return utf8.AppendRune(to, r)
}

// Marshal is v in JSON, without the escapes that only a page of HTML needs.
func Marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Repair is Compact of what an agent wrote: what is no character, and a number that some readers can't read, is
// replaced, as nobody is left to be told.
func Repair(raw []byte) []byte {
	raw = bytes.ToValidUTF8(raw, []byte("\ufffd"))
	if json.Valid(raw) {
		raw = TameNumbers(raw)
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	if bytes.IndexByte(b.Bytes(), '\\') < 0 {
		return b.Bytes()
	}
	out, _ := unescape(b.Bytes())
	return out
}

// Members are the members of a JSON object that is compact: the name of each, in its quotes, and its value, as they are
// written and in their order. Of another text they are none, or of no use.
func Members(compact []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		if len(compact) == 0 || compact[0] != '{' {
			return
		}
		var name []byte
		value, depth := 0, 0
		for i := 0; i < len(compact); i++ {
			switch c := compact[i]; {
			case c == '"':
				from := i
				i = min(stringEnd(compact, i), len(compact)-1)
				if depth == 1 && name == nil {
					name, value = compact[from:i+1], min(i+2, len(compact))
				}
			case c == '{', c == '[':
				depth++
			case c == '}', c == ']':
				if depth--; depth == 0 {
					if name != nil {
						yield(name, compact[value:max(value, i)])
					}
					return
				}
			case c == ',' && depth == 1 && name != nil:
				if !yield(name, compact[value:max(value, i)]) {
					return
				}
				name = nil
			}
		}
	}
}
