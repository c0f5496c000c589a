package chat

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
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
	if !json.Valid(body) {
		return body
	}
	envelope := ObjectOf(body)
	return appendCanonical(make([]byte, 0, len(body)), body, envelope.Has("jsonrpc"))
}

// appendCanonical adds a value of a valid text in its one spelling, which is that of the decoder and the encoder of the
// standard library. Of the members of one name, the last one counts.
func appendCanonical(out []byte, raw json.RawMessage, isEnvelope bool) []byte {
	raw = bytes.Trim(raw, " \n\r\t")
	switch raw[0] {
	case '"':
		return appendSpelled(out, textOf(raw))
	case '[':
		start := len(out)
		for v := range Elements(raw) {
			out = appendCanonical(append(out, ','), v, false)
		}
		return enclosed(out, start, '[', ']')
	case '{':
		type member struct {
			name  string
			value json.RawMessage
		}
		var all []member
		for name, v := range inner(raw).members() {
			if m := (member{textOf(name), v}); !isEnvelope || m.name != "id" {
				all = append(all, m)
			}
		}
		slices.SortStableFunc(all, func(a, b member) int { return cmp.Compare(a.name, b.name) })
		start := len(out)
		for i, m := range all {
			if i+1 < len(all) && all[i+1].name == m.name {
				continue
			}
			out = append(appendSpelled(append(out, ','), m.name), ':')
			out = appendCanonical(out, m.value, false)
		}
		return enclosed(out, start, '{', '}')
	}
	return append(out, raw...)
}

// enclosed puts what was added since start, each with a comma before it, between two marks.
func enclosed(out []byte, start int, opens, closes byte) []byte {
	if len(out) == start {
		return append(out, opens, closes)
	}
	out[start] = opens
	return append(out, closes)
}

// appendSpelled adds a text as the encoder of the standard library writes it.
func appendSpelled(out []byte, text string) []byte {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }) {
		raw, _ := json.Marshal(text) // with the escapes of HTML
		return append(out, raw...)
	}
	return append(append(append(out, '"'), text...), '"')
}
