package chat

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// MaxPlain is the longest body of a plain message, in bytes.
const MaxPlain = 4096

// shortWords is how many bytes of words an agent takes, whatever the longest was that it took.
const shortWords = 200

// Plain is what an agent could refuse of a plain message: a text, with nothing beside it. One that is like another
// that the agent took differs from it in its words and ids alone, and these are ordinary ones: if it is refused, that
// is not what its sender wrote.
type Plain struct {
	form   string // the body without its words and ids
	chosen bool   // an id is no UUID
	words  int    // in bytes
}

// ReadPlain reads a plain message. ok is false for a body that has anything else than the closed list of members, or
// has words or ids that are not ordinary: an agent may refuse it for that.
func ReadPlain(body json.RawMessage) (p Plain, ok bool) {
	call := membersOf(body)
	if len(body) > MaxPlain || !call.only("jsonrpc", "id", "method", "params") || !PlainSend(call.text("method")) {
		return Plain{}, false
	}
	params := membersOf(call["params"])
	message := membersOf(params["message"])
	var parts []members
	if !params.only("message") || !message.only("role", "kind", "messageId", "parts") ||
		json.Unmarshal(message["parts"], &parts) != nil || len(parts) != 1 || !parts[0].only("kind", "type", "text") {
		return Plain{}, false
	}
	words := parts[0].text("text")
	if !ordinary(words) || !p.takeID(call, "id") || !p.takeID(message, "messageId") {
		return Plain{}, false
	}
	delete(parts[0], "text")
	message["parts"] = marshaled(parts)
	params["message"] = marshaled(message)
	call["params"] = marshaled(params)
	p.form, p.words = string(marshaled(call)), len(words)
	return p, true
}

// Like reports whether the agent that took another plain message has no reason to refuse this one: its form is the
// same, it is no longer, unless it is short, and it has ids that its sender chose only if the other one has.
func (p Plain) Like(taken Plain) bool {
	return p.form == taken.form && p.words <= max(taken.words, shortWords) && (taken.chosen || !p.chosen)
}

// The ids that are ordinary: a UUID, as most clients and the platform make; and a name or a small number that a client
// chose. They are compiled for the first message, and not at each start of each function.
var (
	uuidText   = pattern(`^"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"$`)
	chosenText = pattern(`^"[0-9A-Za-z_][0-9A-Za-z._:-]{0,127}"$`)
	smallID    = pattern(`^[1-9][0-9]{0,8}$`)
)

func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// takeID takes an id out of an object, and leaves of what type it is. It reports whether it is an ordinary one.
func (p *Plain) takeID(of members, name string) bool {
	raw, ok := of[name]
	switch id := string(raw); {
	case !ok:
	case uuidText().MatchString(id):
		of[name] = marshaled("")
	case chosenText().MatchString(id):
		of[name], p.chosen = marshaled(""), true
	case smallID().MatchString(id):
		of[name] = marshaled(0)
	default:
		return false
	}
	return true
}

// ordinary reports whether a text is words: letters and digits of any script, with punctuation, spaces and line ends,
// and no character that shows nothing or may not be shown.
func ordinary(text string) bool {
	says := false
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector), r == utf8.RuneError:
			return false
		case unicode.In(r, unicode.L, unicode.N):
			says = true
		case !unicode.In(r, unicode.M, unicode.P, unicode.Zs) && !strings.ContainsRune("\n\r\t$+<=>^`|~", r):
			return false
		}
	}
	return says
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
