// Package visible writes texts so that a person sees all that is in them. Agents and senders choose
// the texts that Rollcall shows of them, such as a name or an error. A control character in one could
// move a terminal's cursor or add a line, and a direction character could show it backwards: such
// characters are written as escapes. Whatever shows texts to people may import it.
package visible

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf16"
)

// mostMarks is how many marks a character has at most: more, as no script has them, would be drawn over the lines above
// and below.
const mostMarks = 4

// reader reads a text, character by character.
type reader struct {
	before rune // 0: none
	marks  int  // on the last character that is none
}

// hides reports whether the next character is written as an escape: one that shows nothing, a blank after a blank that
// is wider or breaks no line, or a mark that stands on nothing or on a pile of them.
func (w *reader) hides(r rune) bool {
	before := w.before
	w.before = r
	switch {
	case r == '\u200c' || r == '\u200d' || r == '\ufe0f' || unicode.Is(unicode.Variation_Selector, r):
	case unicode.In(r, unicode.Mn, unicode.Me):
		w.marks++
		if before == 0 {
			w.marks = mostMarks + 1
		}
		if w.marks > mostMarks {
			return true
		}
	default:
		w.marks = 0
	}
	return hidden(before, r) || r != ' ' && unicode.Is(unicode.Zs, r) && unicode.Is(unicode.Zs, before)
}

// hidden reports whether a character shows nothing, after the one before it: a control or format character, a separator
// of lines, or one such as a filler, a tag or the blank of Braille. The two joiners are not, as scripts and emoji are
// written with them. Nor is the selector of pictures, after what takes it.
func hidden(before, r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\ufe0f':
		return !pictured(before)
	case '\u2800', '\U00013441', '\U00013442', '\U00016fe4', '\U0001d159': // blanks of scripts, a note with no head
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector,
		unicode.Other_Default_Ignorable_Code_Point)
}

// pictured reports whether a character is one of those that the selector of pictures may follow.
func pictured(r rune) bool {
	return '0' <= r && r <= '9' || strings.ContainsRune("#*‼⁉〰〽ℹ", r) ||
		r > unicode.MaxASCII && unicode.Is(unicode.S, r)
}

// short are the escapes that have a letter.
var short = map[rune]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}

// Text is a text in one line.
func Text(s string) string {
	var out strings.Builder
	var read reader
	for _, r := range s {
		switch {
		case !read.hides(r):
			out.WriteRune(r)
		case short[r] != "":
			out.WriteString(short[r])
		default:
			escape(&out, r)
		}
	}
	return out.String()
}

// Lines is a text of several lines, whose further lines are indented: none looks like a line of the
// program that shows it.
func Lines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = Text(strings.TrimSuffix(line, "\r"))
	}
	return strings.Join(lines, "\n  | ")
}

// JSON is a JSON text of the same meaning.
func JSON(raw []byte) []byte {
	var out bytes.Buffer
	var read reader
	for _, r := range string(raw) {
		if hides := read.hides(r); r == '\n' || !hides {
			out.WriteRune(r)
		} else {
			escape(&out, r) // nothing hidden stands outside of JSON's own texts
		}
	}
	return out.Bytes()
}

// escape writes a character as JSON escapes it.
func escape(out interface{ WriteString(string) (int, error) }, r rune) {
	units := []rune{r}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		units = []rune{high, low}
	}
	for _, u := range units {
		_, _ = out.WriteString(fmt.Sprintf(`\u%04x`, u)) // a buffer's never fails
	}
}

// Fields makes every text visible that v, a pointer, leads to. A field with the tag visible:"lines" may
// have several. Raw bytes stay as they are.
func Fields(v any) { fields(reflect.ValueOf(v), Text) }

func fields(v reflect.Value, shown func(string) string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			fields(v.Elem(), shown)
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.Tag.Get("visible") == "lines" {
				fields(field, Lines)
			} else {
				fields(field, Text)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			fields(v.Index(i), shown)
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(shown(v.String()))
		}
	}
}
