package chat

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"
)

// What others wrote is read where it stands. A map for each object of a text takes a hundred times the bytes of an
// object that is empty, so a text of one megabyte could fill the memory of a function: a walk keeps nothing but places
// in the text, however many objects, members or parts it has.

// Object is a JSON object in the text that it was written in. The nil Object has no members.
type Object []byte

// ObjectOf is the object that a text is; nil for anything else, and for what is no JSON.
func ObjectOf(raw json.RawMessage) Object {
	if !json.Valid(raw) {
		return nil
	}
	return inner(raw)
}

// inner is the object that a value of a valid text is; nil for any other value.
func inner(raw json.RawMessage) Object {
	raw = raw[blanks(raw, 0):]
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return Object(raw)
}

// Object is the member of this name, if it is an object.
func (o Object) Object(name string) Object { return inner(o.Get(name)) }

// Get is the member of this name; nil without one. Of several of one name the last one counts.
func (o Object) Get(name string) (value json.RawMessage) {
	for w := (walk{o, 1}); ; {
		key, v, ok := w.next()
		if !ok {
			return value
		}
		if isName(key, name) {
			value = v
		}
	}
}

// Text is the first of the members of these names that is a text, and not empty.
func (o Object) Text(names ...string) string {
	for _, name := range names {
		if s := textOf(o.Get(name)); s != "" {
			return s
		}
	}
	return ""
}

// Has reports whether a member is there, and not null.
func (o Object) Has(name string) bool {
	v := o.Get(name)
	return v != nil && string(v) != "null"
}

// members are those of an object: the names in quotes, as they are written, and the values.
func (o Object) members() iter.Seq2[[]byte, json.RawMessage] {
	return func(yield func([]byte, json.RawMessage) bool) {
		for w := (walk{o, 1}); ; {
			name, value, ok := w.next()
			if !ok || !yield(name, value) {
				return
			}
		}
	}
}

// walk is a place in an object, before a member or its end.
type walk struct {
	object Object
	at     int
}

// next is the next member: its name in quotes, as it is written, and its value. ok is false at the end, and where the
// text is no JSON.
func (w *walk) next() (name []byte, value json.RawMessage, ok bool) {
	o, i := w.object, blanks(w.object, w.at)
	if i >= len(o) || o[i] != '"' {
		return nil, nil, false
	}
	end := valueEnd(o, i)
	name = o[i:end]
	i = blanks(o, blanks(o, end)+1) // behind the colon
	end = valueEnd(o, i)
	value = json.RawMessage(o[min(i, end):end])
	w.at = blanks(o, end) + 1 // behind the comma
	return name, value, true
}

// with is the object with a member in the place of those of its name, or added.
func (o Object) with(name string, value []byte) []byte {
	out := make([]byte, 0, len(o)+len(name)+len(value)+len(`,"":`))
	out = append(out, '{')
	add := func(key, v []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), v...)
	}
	for key, v := range o.members() {
		if !isName(key, name) {
			add(key, v)
		}
	}
	add(marshaled(name), value)
	return append(out, '}')
}

// Elements are those of a list in a valid text; none of any other value.
func Elements(raw json.RawMessage) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		if !IsList(raw) {
			return
		}
		for i := blanks(raw, 0) + 1; ; {
			if i = blanks(raw, i); i >= len(raw) || raw[i] == ']' {
				return
			}
			value := raw[i:valueEnd(raw, i)]
			if !yield(value) {
				return
			}
			i = blanks(raw, i+len(value)) + 1 // the comma
		}
	}
}

// IsList reports whether a value of a valid text is a list.
func IsList(raw json.RawMessage) bool {
	i := blanks(raw, 0)
	return i < len(raw) && raw[i] == '['
}

// isName reports whether a name in quotes, as it is written, is this one, which is in ASCII and needs no escape.
func isName(quoted []byte, name string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return len(quoted) == len(name)+2 && string(quoted[1:len(quoted)-1]) == name
	}
	i := 1
	for _, want := range name {
		r, size := rune(quoted[i]), 1
		if r == '\\' {
			r, size = escaped(quoted[i:])
		}
		if r != want || size == 0 {
			return false
		}
		i += size
	}
	return i == len(quoted)-1
}

// textOf is the text that a value is; "" for any other value.
func textOf(raw json.RawMessage) (s string) {
	switch {
	case len(raw) < 2 || raw[0] != '"':
	case bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw):
		return string(raw[1 : len(raw)-1])
	default:
		_ = json.Unmarshal(raw, &s) // what is no JSON is no text
	}
	return s
}

// blanks is where the white space ends that begins at i.
func blanks(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

// valueEnd is where the value ends that begins at i, at the latest at the end of the text.
func valueEnd(raw []byte, i int) int {
	for depth := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i)
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // of what it stands in
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue // a number or a word goes on
		}
		if depth == 0 {
			return min(i+1, len(raw))
		}
	}
	return len(raw)
}
