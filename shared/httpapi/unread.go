package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

// member is a member of a request's body.
type member struct {
	name string
	as   int    // the place in the list of the member that this is another name of; its own place of any other
	what string // of one that must be there: what it says

	reads          string // of one that is an object: the member of it that is read; "": none, or all of it is kept
	within, unless string // the object that it is written into by mistake, unless the body has another member
}

// maxMembers is more than any request has. What a body has of them is noted without an allocation, as each call does.
const maxMembers = 16

// membersOf are the members of a request type.
func membersOf(t reflect.Type) (out []member) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || f.Anonymous {
			continue
		}
		as := len(out)
		if of := f.Tag.Get("alias"); of != "" {
			as = slices.IndexFunc(out, func(m member) bool { return m.name == of })
		}
		out = append(out, member{
			name: name, as: as, what: requiredOf(f), reads: f.Tag.Get("reads"),
			within: f.Tag.Get("within"), unless: f.Tag.Get("unless"),
		})
	}
	if len(out) > maxMembers {
		panic(fmt.Sprintf("%s has more members than %d", t, maxMembers))
	}
	return out
}

// requiredOf says what a field says that must be there; "" of any other. The id of a workspace has errors of its own.
func requiredOf(f reflect.StructField) string {
	if f.Tag.Get("required") != "true" || f.Tag.Get("schema") == "WorkspaceID" {
		return ""
	}
	what := f.Tag.Get("description")
	if choices := f.Tag.Get("enum"); choices != "" {
		what += ": " + inWords(strings.Split(choices, ","), "or")
	}
	return what
}

// inWords is a list of names, of which the last one follows a word.
func inWords(names []string, word string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}

// unread finds the members of a body that a request does not have. Names match in any case, as the decoder has it.
// Error: invalid_request, for two members that mean the same and differ, as only one of them is read, and for one that
// must be there and is not.
func unread(body []byte, members []member, known Known) (api.Unread, error) {
	var names, inside []string
	var seen [maxMembers]struct {
		name  string
		value []byte
	}
	for quoted, value := range chat.Members(body) {
		name := unquoted(quoted)
		i := slices.IndexFunc(members, func(m member) bool { return bytes.EqualFold(name, []byte(m.name)) })
		if i < 0 {
			names = append(names, string(name))
			inside = append(inside, Inside(string(name), value)...)
			continue
		}
		was := &seen[members[i].as]
		if says(was.value) && says(value) && !bytes.Equal(was.value, value) {
			return known.Unread(names, nil, nobody), differ(was.name, string(name))
		}
		if was.value == nil || says(value) {
			was.name, was.value = members[i].name, value
		}
	}
	var lacks error
	for i, m := range members {
		if m.what != "" && !says(seen[i].value) && lacks == nil {
			lacks = fault.New(fault.InvalidRequest, "%s is missing", m.name).
				WithHint("send "+m.name+": "+m.what, fault.ActionStop)
		}
	}
	valueOf := func(name string) []byte {
		i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
		if i < 0 {
			return nil
		}
		return seen[members[i].as].value
	}
	for _, m := range members {
		if m.within != "" && valueOf(m.name) == nil && (m.unless == "" || valueOf(m.unless) == nil) &&
			chat.ObjectOf(valueOf(m.within)).Has(m.name) {
			names = append(names, m.within+"."+m.name)
		}
	}
	if len(names) == 0 {
		return api.Unread{}, lacks
	}
	given := func(path string) bool {
		if in, own, inner := strings.Cut(path, "."); inner {
			return chat.ObjectOf(valueOf(in)).Has(own)
		}
		return says(valueOf(path))
	}
	return known.Unread(names, inside, given), lacks
}

// says reports whether a value says anything. What is null or an empty text is as if it were left out.
func says(value []byte) bool {
	return len(value) > 0 && string(value) != "null" && string(value) != `""`
}

// unquoted is the name of a member, which stands there in quotes.
func unquoted(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return bytes.Trim(quoted, `"`)
	}
	var name string
	_ = json.Unmarshal(quoted, &name) // it was read before
	return []byte(name)
}

// differ refuses a body with two members that mean the same and have different values.
func differ(a, b string) error {
	if strings.EqualFold(a, b) {
		return fault.New(fault.InvalidRequest, "%s is there twice, with different values", a).
			WithHint("send it once", fault.ActionStop)
	}
	return fault.New(fault.InvalidRequest, "%s and %s are two names of one member, and their values differ", a, b).
		WithHint("send one of them", fault.ActionStop)
}

// CheckTwice refuses an object that was decoded from a compact text and has a member twice, with different values.
// Names match as they are spelled. Error: invalid_request.
func CheckTwice(decoded map[string]json.RawMessage, compact []byte) error {
	n := 0
	for range chat.Members(compact) {
		n++
	}
	if n <= len(decoded) {
		return nil
	}
	for quoted, value := range chat.Members(compact) { // the decoder keeps the last one of a name
		if name := string(unquoted(quoted)); !bytes.Equal(decoded[name], value) {
			return differ(chat.Clip(name, maxUnreadName), chat.Clip(name, maxUnreadName))
		}
	}
	return nil
}

// nearest is which of the known names one is most likely meant for; "" when it is like none of them.
func nearest(name string, known []string) string {
	for _, k := range known {
		if plain(name) == plain(k) {
			return k
		}
	}
	for _, k := range known {
		if len(k) >= minMisspelt && oneApart(plain(name), plain(k)) {
			return k
		}
	}
	return ""
}

// Almost reports whether a name is another one that is misspelt.
func Almost(name, known string) bool { return name != known && nearest(name, []string{known}) != "" }

// minMisspelt is how long a name has to be to be known by its other letters when one is wrong.
const minMisspelt = 5

// plain is a name in one case and without what joins its words.
func plain(name string) string {
	if len(name) > maxUnreadName {
		return "" // no name of ours
	}
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
}

// oneApart reports whether two texts differ in one letter: one is added, another, or changes places with the next one.
func oneApart(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	swapped := len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
	return len(a) <= 1 && len(b) <= 1 || swapped
}

// slipped reports whether a text is a short name written in haste: with a letter left out or doubled, with two
// neighbours in each other's place, or with an s. Too many other short names are one letter apart.
func slipped(text, name string) bool {
	if len(name) < 2 || len(name) >= minMisspelt || !oneApart(text, name) {
		return false
	}
	switch len(text) - len(name) {
	case 0:
		return text != name && letters(text) == letters(name)
	case 1:
		for i := range text {
			doubled := i+1 < len(text) && text[i] == text[i+1]
			if text[:i]+text[i+1:] == name && (doubled || text == name+"s") {
				return true
			}
		}
		return false
	}
	return len(text) > 1
}

// letters are those of a text, in the order of the alphabet.
func letters(text string) string {
	sorted := []byte(text)
	slices.Sort(sorted)
	return string(sorted)
}

// checkQuery refuses a parameter of the query that is spelled almost like one that the call has: its answer may be a
// list, which has no room to name it. Any other one is ignored. Error: invalid_request.
func checkQuery(query map[string]string, known []string) error {
	if len(known) == 0 {
		return nil
	}
	for name := range query {
		if slices.Contains(known, name) {
			continue
		}
		if near := nearest(name, known); near != "" {
			return misspelt("the parameter "+chat.Clip(name, maxUnreadName)+" is unknown", near)
		}
	}
	return nil
}

func misspelt(what, near string) error {
	return fault.New(fault.InvalidRequest, "%s: did you mean %s?", what, near).
		WithHint("send "+near, fault.ActionStop)
}

// Told is an answer, or a refusal, that names what nobody reads of the call's body.
func Told[Rep any](reply Rep, unread api.Unread, err error) (Rep, error) {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		more := *e
		more.Details.Unread = unread
		return reply, errors.Join(&more, err)
	}
	if r, ok := any(&reply).(api.Unreader); ok {
		r.NameUnread(unread)
	}
	return reply, err
}
