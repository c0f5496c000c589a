package chat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// members are those of a JSON object that is taken apart to be written anew; nil for anything else. What is only read
// is an Object.
type members map[string]json.RawMessage

func membersOf(raw json.RawMessage) (m members) {
	_ = json.Unmarshal(raw, &m) // what has another shape has no members
	return m
}

// text is the first of the members of these names that is a text, and not empty.
func (m members) text(names ...string) string {
	for _, name := range names {
		if s := textOf(m[name]); s != "" {
			return s
		}
	}
	return ""
}

// part is a part of an A2A message. Up to A2A 0.3 it names its kind, for which some senders write type; since 1.0 its
// members show what it is.
type part struct{ Object }

// marked reports whether the part says that it is text.
func (p part) marked() bool { return p.Text("kind") == "text" || p.Text("type") == "text" }

// said is the text of a part; "" of one that is no text.
func (p part) said() string {
	if p.marked() || p.Text("kind", "type") == "" {
		return p.Text("text")
	}
	return ""
}

// named is what stands for a part that is no text, where only texts can be shown: for a file what it is, its name, its
// media type and where it is, for data the data. It is "" for a part with neither.
func (p part) named() string {
	file := p.Object.Object("file")
	if file == nil {
		file = p.Object
	}
	where := file.Text("uri", "url", "fileWithUri")
	if inline := file.Text("bytes", "raw", "fileWithBytes"); where == "" && inline != "" {
		where = fmt.Sprintf("(%d bytes)", len(strings.TrimRight(inline, "="))*3/4) // base64
	}
	name := cmp.Or(file.Text("name", "filename"), p.Text("filename", "name"))
	switch {
	case where != "" || p.Has("file"):
		out := []string{"file"}
		if name != "" {
			out = append(out, name)
		}
		if media := cmp.Or(file.Text("mimeType", "mediaType"), p.Text("mediaType")); media != "" {
			out = append(out, "("+media+")")
		}
		if where != "" {
			out = append(out, where)
		}
		return strings.Join(out, " ")
	case p.Has("data"):
		return "data " + string(p.Get("data"))
	}
	return ""
}

// group is the value that holds the parts of a message or an artifact: a list of them, or a text.
type group json.RawMessage

// partsOf are the parts of a message or an artifact: of the member parts, or of content, its name in A2A 0.2, which may
// also be a text.
func partsOf(o Object) group {
	raw := o.Get("parts")
	if raw == nil {
		raw = o.Get("content")
	}
	return group(raw)
}

// parts are those of the group. What is no object is no part.
func (g group) parts() iter.Seq[part] {
	return func(yield func(part) bool) {
		if textOf(json.RawMessage(g)) != "" {
			yield(part{Object(`{"text":` + string(g) + `}`)})
			return
		}
		for raw := range Elements(json.RawMessage(g)) {
			if o := inner(raw); o != nil && !yield(part{o}) {
				return
			}
		}
	}
}

// said joins the texts of parts.
func said(g group) string {
	var out strings.Builder
	for p := range g.parts() {
		out.WriteString(p.said())
	}
	return out.String()
}

// named joins what stands for those parts that are no text, a line each.
func named(g group) string {
	var out lines
	for p := range g.parts() {
		out.add(p.named())
	}
	return out.String()
}

// lines is a text to which lines are added.
type lines struct{ strings.Builder }

// add adds a line that is not empty.
func (l *lines) add(line string) {
	if line == "" {
		return
	}
	if l.Len() > 0 {
		l.WriteByte('\n')
	}
	l.WriteString(line)
}
