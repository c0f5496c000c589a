package chat

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// Digest is the digest of what the sender of a message decides: who sends it, its method, priority and body, how long
// it may wait (0: the sender didn't say), whom its end is told, and the delegation it belongs to. Two messages with one
// id and one digest are one message, sent twice.
//
// The body counts as JSON: the order of members and white space are no difference. The id of its JSON-RPC envelope is
// left out, as it names the call: a client that tries again may count its calls on.
func Digest(m Message, lifetime time.Duration) string {
	raw, _ := json.Marshal([]any{ // it always marshals: texts and numbers
		m.Source, m.Method, m.Priority, string(canonical(m.Body)), lifetime, m.Callback, m.Delegation, m.Probe,
	})
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// canonical is a body in one spelling: members in order, no white space, numbers as they were written, and without the
// envelope's id. A body that isn't JSON stays as it is.
func canonical(body json.RawMessage) []byte {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return body
	}
	if envelope, ok := v.(map[string]any); ok && envelope["jsonrpc"] != nil {
		delete(envelope, "id")
	}
	out, err := json.Marshal(v)
	if err != nil {
		return body
	}
	return out
}
