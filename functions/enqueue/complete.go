package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

// complete gives a message what agents need and senders leave out: its role; parts for
// content, as A2A 0.2 calls its text; and the kind of each part, where type names it or
// the part shows it. A file of A2A 1.0 becomes one of 0.3. To a method of A2A 1.0 its
// own words are left, and it knows no kind. Error: invalid_request, for a message that says nothing.
func complete(message members, method string) error {
	role := ""
	if message["role"] != nil && string(message["role"]) != "null" {
		if err := readText(message, "role", &role); err != nil {
			return err
		}
	}
	newest := chat.NewestMethod(method)
	switch {
	case role != "":
	case newest:
		message["role"] = quote("ROLE_USER")
	default:
		message["role"] = quote("user")
	}
	parts, err := partsOf(message)
	if err != nil {
		return err
	}
	says := false
	for i, p := range parts {
		if !newest {
			chat.NameKind(p)
			nestFile(p)
		}
		says = says || saysSomething(p)
		parts[i] = p
	}
	if !says {
		return emptyMessage("the message says nothing: it has no part with a text, a file or data")
	}
	delete(message, "content")
	list, _ := chat.Marshal(parts) // it was decoded before
	message["parts"] = list
	return nil
}

// nestFile makes a file part of A2A 1.0, whose members stand in the part itself, one of
// A2A 0.3, which has them under file. Any other part stays as it is.
func nestFile(part members) {
	var kind string
	if json.Unmarshal(part["kind"], &kind) != nil || kind != "file" || part["file"] != nil {
		return
	}
	file := members{}
	move := func(to string, from ...string) bool {
		for _, name := range from {
			var text string
			if json.Unmarshal(part[name], &text) == nil && text != "" {
				file[to] = part[name]
				delete(part, name)
				return true
			}
		}
		return false
	}
	if !move("uri", "url") && !move("bytes", "raw") {
		return
	}
	move("name", "filename", "name")
	move("mimeType", "mediaType", "mimeType", "mime_type")
	part["file"] = object(file)
}

func emptyMessage(what string) error {
	return fault.New(fault.InvalidRequest, "%s", what).WithHint(sendExample, "stop")
}

// partsOf reads the parts of a message, or its content: a text, a part, or a list of
// parts. Error: invalid_request.
func partsOf(message members) (parts []members, err error) {
	name := "parts"
	raw, ok := message[name]
	if !ok || string(raw) == "null" {
		name = "content"
		raw, ok = message[name]
	}
	var text string
	switch {
	case !ok || string(raw) == "null":
		return nil, emptyMessage("the message has neither parts nor content")
	case name == "content" && json.Unmarshal(raw, &text) == nil:
		return []members{{"kind": quote("text"), "text": raw}}, nil
	case name == "content" && strings.HasPrefix(string(raw), "{"):
		raw = json.RawMessage("[" + string(raw) + "]")
	}
	if json.Unmarshal(raw, &parts) != nil || slices.ContainsFunc(parts, func(p members) bool { return p == nil }) {
		return nil, fault.New(fault.InvalidRequest, "%s must be a list of objects", name)
	}
	for _, p := range parts {
		if err := readText(p, "text", &text); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// saysSomething reports whether a part has a text that isn't empty, a file or data. A part of a kind that A2A does not
// have says whatever it has.
func saysSomething(part members) bool {
	kind := kindOf(part)
	for name, raw := range part {
		switch name {
		case "kind", "type", "metadata", "mediaType", "mimeType", "mime_type":
			continue
		}
		known := slices.Contains(partMembers, name) || !slices.Contains([]string{"", "text", "file", "data"}, kind)
		if text := string(raw); known && text != `""` && text != "null" {
			return true
		}
	}
	return false
}

// kindOf is what a part says that it is; "" of one that does not say it.
func kindOf(part members) (kind string) {
	for _, name := range []string{"kind", "type"} {
		if json.Unmarshal(part[name], &kind) == nil && kind != "" {
			break
		}
	}
	return kind
}
