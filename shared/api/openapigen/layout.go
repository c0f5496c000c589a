package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// width is how long a line of the document is at most, where it can be broken.
const width = 120

// layout writes JSON to be read: what fits stands on one line.
func layout(out *bytes.Buffer, raw json.RawMessage, depth int) error {
	var flat bytes.Buffer
	if err := json.Compact(&flat, raw); err != nil {
		return err
	}
	text := flat.Bytes()
	if depth+len(text) <= width || (text[0] != '{' && text[0] != '[') {
		out.Write(text)
		return nil
	}
	decoder := json.NewDecoder(&flat)
	if _, err := decoder.Token(); err != nil { // the opening bracket
		return err
	}
	out.WriteByte(text[0])
	for first := true; decoder.More(); first = false {
		if !first {
			out.WriteByte(',')
		}
		out.WriteString("\n" + strings.Repeat(" ", depth+1))
		if text[0] == '{' {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			name, err := json.Marshal(key)
			if err != nil {
				return err
			}
			out.Write(append(name, ':'))
		}
		var member json.RawMessage
		if err := decoder.Decode(&member); err != nil {
			return err
		}
		if err := layout(out, member, depth+1); err != nil {
			return err
		}
	}
	out.WriteString("\n" + strings.Repeat(" ", depth))
	out.WriteByte(text[len(text)-1])
	return nil
}
