package chat

import "encoding/json"

// plainBytes is the longest body of a plain message: an agent may refuse a long one for its length.
const plainBytes = 4096

// Plain reports whether a body is a message that each agent of A2A takes: a short text from a user, in the version of
// A2A that its method names, with nothing beside it. What an agent refuses of such a message is not what its sender
// wrote.
func Plain(body json.RawMessage) bool {
	call := membersOf(body)
	if len(body) > plainBytes || !call.only("jsonrpc", "id", "method", "params") || !PlainSend(call.text("method")) {
		return false
	}
	params := membersOf(call["params"])
	message := membersOf(params["message"])
	var parts []members
	if !params.only("message") || !message.only("role", "kind", "messageId", "parts") ||
		json.Unmarshal(message["parts"], &parts) != nil || len(parts) == 0 {
		return false
	}
	for _, p := range parts {
		if !p.only("kind", "type", "text") || p.text("text") == "" {
			return false
		}
	}
	return true
}

// only reports whether the object has no member but these.
func (m members) only(names ...string) bool {
	known := 0
	for _, name := range names {
		if _, ok := m[name]; ok {
			known++
		}
	}
	return known == len(m)
}
