package chat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// members are those of a JSON object; nil for anything else.
type members map[string]json.RawMessage

func membersOf(raw json.RawMessage) (m members) {
	_ = json.Unmarshal(raw, &m) // what has another shape has no members
	return m
}

// text is the first of the members of these names that is a text, and not empty.
func (m members) text(names ...string) string {
	for _, name := range names {
		var s string
		if json.Unmarshal(m[name], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// has reports whether a member is there, and not null.
func (m members) has(name string) bool {
	v, ok := m[name]
	return ok && string(v) != "null"
}

// part is a part of an A2A message. Up to A2A 0.3 it names its kind, for which some senders write type; since 1.0 its
// members show what it is.
type part struct{ members }

// marked reports whether the part says that it is text.
func (p part) marked() bool { return p.text("kind") == "text" || p.text("type") == "text" }

// said is the text of a part; "" of one that is no text.
func (p part) said() string {
	if p.marked() || p.text("kind", "type") == "" {
		return p.text("text")
	}
	return ""
}

// named is what stands for a part that is no text, where only texts can be shown: for a file what it is, its name, its
// media type and where it is, for data the data. It is "" for a part with neither.
func (p part) named() string {
	file := membersOf(p.members["file"])
	if file == nil {
		file = p.members
	}
	where := file.text("uri", "url", "fileWithUri")
	if inline := file.text("bytes", "raw", "fileWithBytes"); where == "" && inline != "" {
		where = fmt.Sprintf("(%d bytes)", len(strings.TrimRight(inline, "="))*3/4) // base64
	}
	name := cmp.Or(file.text("name", "filename"), p.text("filename", "name"))
	switch {
	case where != "" || p.members.has("file"):
		out := []string{"file"}
		if name != "" {
			out = append(out, name)
		}
		if media := cmp.Or(file.text("mimeType", "mediaType"), p.text("mediaType")); media != "" {
			out = append(out, "("+media+")")
		}
		if where != "" {
			out = append(out, where)
		}
		return strings.Join(out, " ")
	case p.has("data"):
		return "data " + string(p.members["data"])
	}
	return ""
}

// partsOf are the parts of a message or an artifact: of the member parts, or of content, its name in A2A 0.2, which may
// also be a text. What is no object is no part.
func partsOf(m members) []part {
	raw, ok := m["parts"]
	if !ok {
		raw = m["content"]
	}
	if text := (members{"text": raw}).text("text"); text != "" {
		return []part{{members{"text": raw}}}
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	out := make([]part, 0, len(list))
	for _, raw := range list {
		if m := membersOf(raw); m != nil {
			out = append(out, part{m})
		}
	}
	return out
}

// said joins the texts of parts.
func said(parts []part) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.said())
	}
	return out.String()
}

// named joins what stands for those parts that are no text, a line each.
func named(parts []part) string {
	var out []string
	for _, p := range parts {
		if line := p.named(); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
