package chat

import (
	"encoding/json"
	"strings"
)

// part is a piece of an A2A message; its kind key has two names in the field.
type part struct {
	Kind string `json:"kind,omitempty"`
	Type string `json:"type,omitempty"`
	Text string `json:"text"`
}

// Text is what a person would read of an A2A body: the text parts of the first
// non-empty of params.message.parts, params.parts, parts, and (for an answer)
// result.parts, result.message.parts, joined. It is "" when there is none.
// Source: the wire contract, section 2.3.
func Text(body json.RawMessage) string {
	type parts struct {
		Parts   []part `json:"parts"`
		Message struct {
			Parts []part `json:"parts"`
		} `json:"message"`
	}
	var b struct {
		parts
		Params parts `json:"params"`
		Result parts `json:"result"`
	}
	if json.Unmarshal(body, &b) != nil {
		return "" // of another shape: its reader looks at the body itself
	}
	for _, ps := range [][]part{b.Params.Message.Parts, b.Params.Parts, b.Parts, b.Result.Parts, b.Result.Message.Parts} {
		var out strings.Builder
		for _, p := range ps {
			if p.Kind == "text" || p.Type == "text" {
				out.WriteString(p.Text)
			}
		}
		if out.Len() > 0 {
			return out.String()
		}
	}
	return ""
}

// Clip is the beginning of a text, of at most n bytes and whole characters.
func Clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// TextBody is an A2A message/send with one text part.
func TextBody(messageID, text string) json.RawMessage {
	type object = map[string]any
	raw, _ := json.Marshal(object{"jsonrpc": "2.0", "id": messageID, "method": "message/send", "params": object{ // strings always marshal
		"message": object{"role": "user", "messageId": messageID, "parts": []part{{Kind: "text", Text: text}}},
	}})
	return raw
}

// ProbeMethod is the JSON-RPC method of a probe pushed to an agent. No agent
// knows it: an answer of "no such method" proves as well as any that it is there.
const ProbeMethod = "rollcall/probe"

// ProbeBody is a probe as an agent gets it.
func ProbeBody(messageID string) json.RawMessage {
	raw, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": messageID, "method": ProbeMethod, "params": map[string]any{}}) // strings always marshal
	return raw
}
