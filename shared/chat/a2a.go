package chat

import (
	"encoding/json"
	"strings"
)

// beginning is at most n bytes of a text, with no character cut in half.
func beginning(text string, n int) string {
	return strings.ToValidUTF8(text[:min(n, len(text))], "")
}

// Clip is a text of at most n bytes: a longer one ends after a word, with an ellipsis, and within a quotation with the
// mark that closes it.
func Clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const ellipsis = "…"
	mark := `"`
	if strings.Contains(text, "“") {
		mark = "”"
	}
	room := max(0, n-len(ellipsis)-len(mark))
	head := beginning(text, room)
	if end := strings.LastIndexByte(head, ' '); end > room/2 && text[room] != ' ' { // a word longer than that is cut
		head = head[:end]
	}
	head = strings.TrimRight(head, ` \`)
	return head + ellipsis + closing(head)
}

// closing is the mark that closes the quotation in which a text ends; "" where it ends in none.
func closing(text string) (mark string) {
	for _, r := range strings.ReplaceAll(text, `\"`, "") {
		switch {
		case r == '“':
			mark = "”"
		case string(r) == mark:
			mark = ""
		case r == '"' && mark == "":
			mark = `"`
		}
	}
	return mark
}

// object is a JSON object made of values that always marshal: strings, and lists and objects of them.
type object map[string]any

func (o object) raw() json.RawMessage {
	raw, _ := Marshal(o)
	return Repair(raw)
}

// TextBody is an A2A message/send with one text part.
func TextBody(messageID, text string) json.RawMessage {
	message := object{"role": "user", "messageId": messageID, "parts": []object{{"kind": "text", "text": text}}}
	return object{"jsonrpc": "2.0", "id": messageID, "method": "message/send", "params": object{"message": message}}.raw()
}

// ProbeMethod is the JSON-RPC method of a probe pushed to an agent. No agent knows it: an answer of "no such method"
// proves as well as any other that the agent is there.
const ProbeMethod = "rollcall/probe"

// ProbeBody is a probe as an agent gets it.
func ProbeBody(messageID string) json.RawMessage {
	return object{"jsonrpc": "2.0", "id": messageID, "method": ProbeMethod, "params": object{}}.raw()
}

// Words is what a person would read of an error in JSON, whatever its shape: a text, or the first of its members that
// says something; the JSON itself when none does, or when it nests too deep.
func Words(raw json.RawMessage) string {
	if !json.Valid(raw) {
		return string(raw)
	}
	for range MaxDepth {
		said := inner(raw).said()
		if said == nil {
			break
		}
		raw = said
	}
	if text := textOf(raw); text != "" || string(raw) == `""` {
		return text
	}
	return string(raw)
}

// said is the member of an error that says something; nil without one.
func (o Object) said() json.RawMessage {
	for _, member := range []string{"message", "detail", "error", "title", "reason", "description"} {
		if o.Has(member) {
			return o.Get(member)
		}
	}
	return nil
}

// TaskMethod reports whether a JSON-RPC method is a call about a task, which carries no message: in the words of A2A up
// to 0.3 or of 1.0.
func TaskMethod(method string) bool {
	switch method {
	case "tasks/get", "tasks/cancel", "GetTask", "CancelTask":
		return true
	}
	return false
}

// MessageMethod reports whether a JSON-RPC method is one that carries a message: in the words of A2A up to 0.1, to 0.3,
// or of 1.0.
func MessageMethod(method string) bool {
	switch method {
	case "message/send", "message/stream", "SendMessage", "SendStreamingMessage", "tasks/send", "tasks/sendSubscribe":
		return true
	}
	return false
}

// PlainSend reports whether a JSON-RPC method is the one by which every agent of A2A takes a message, in its version.
func PlainSend(method string) bool { return method == "message/send" || method == "SendMessage" }

// NewestMethod reports whether a JSON-RPC method is one of A2A 1.0, which writes SendMessage for message/send.
func NewestMethod(method string) bool {
	return method != "" && method[0] >= 'A' && method[0] <= 'Z' && !strings.Contains(method, "/")
}
