package httpapi

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

// Of the members that nobody reads, maxUnread are named, each by so many bytes. Of what may be meant by one, maxMeant
// of the same place are named.
const maxUnread, maxUnreadName, maxMeant = 20, 64, 2

// Known are the members of a body that somebody reads.
type Known struct {
	members []knownMember
	listed  bool // they are named where nothing else is said of a member that nobody reads

	beside      []string // members of another call that are written into this one's body
	besideRoute string
}

// knownMember is a member that somebody reads. Its path has the names of the objects that it stands in before its own,
// with points; one of a list has its place in brackets, as parts[0].text.
type knownMember struct {
	path, place, plain string
	words              []string
}

// KnownMembers are members that somebody reads, by their paths.
func KnownMembers(paths ...string) Known {
	var k Known
	for _, path := range paths {
		place, own := placed(path)
		k.members = append(k.members, knownMember{path, place, plain(own), nameWords(own)})
	}
	return k
}

// knownOf are the members of a request. Those of a call that only people make are listed. The clients of agents send
// more than the platform reads, and know why.
func knownOf(op *api.Operation, members []member) Known {
	var paths []string
	for _, m := range members {
		if paths = append(paths, m.name); m.reads != "" {
			paths = append(paths, m.name+"."+m.reads)
		}
	}
	k := KnownMembers(paths...)
	k.listed = op.Access.OnlyForPeople() && len(paths) > 0
	if op.Beside != nil {
		k.besideRoute = op.Beside.Route
		for _, m := range membersOf(reflect.TypeOf(op.Beside.Request)) {
			k.beside = append(k.beside, m.name)
		}
	}
	return k
}

// nobody is for who does not know which members a body has.
func nobody(string) bool { return false }

// Unread says of the members that nobody reads what they are called, and which one each may be meant for. The paths
// inside are of what stands in them: one that is read at another place is named too. given reports whether the body has
// a known member, which is then the meant one only of a name that is spelled almost like its own.
func (k Known) Unread(names, inside []string, given func(path string) bool) api.Unread {
	slices.Sort(names)
	names = slices.Compact(names)
	names = names[:min(len(names), maxUnread)]
	var hints, unlike []string
	for i, name := range names {
		names[i] = chat.Clip(name, maxUnreadName)
		meant, known := k.meant(name, given)
		near := nearest(name, k.beside)
		switch {
		case len(meant) == 0 && !known && near == name:
			hints = append(hints, names[i]+": "+k.besideRoute+" reads it.")
		case len(meant) == 0 && !known && near != "":
			hints = append(hints, names[i]+": did you mean "+near+", which "+k.besideRoute+" reads?")
		case len(meant) == 0 && !known:
			unlike = append(unlike, names[i])
		case len(meant) > 0:
			hints = append(hints, names[i]+": did you mean "+strings.Join(meant, " or ")+"?")
			inside = slices.DeleteFunc(inside, func(path string) bool { return strings.HasPrefix(path, name+".") })
		}
	}
	for _, path := range inside[:min(len(inside), maxUnread)] {
		_, own := placed(path)
		if m := k.elsewhere(path, plain(own), given); m != "" {
			hints = append(hints, chat.Clip(path, maxUnreadName)+": did you mean "+m+"?")
		}
	}
	if k.listed && len(unlike) > 0 {
		hints = append(hints, strings.Join(unlike, ", ")+": this call reads "+k.list()+".")
	}
	return api.Unread{Ignored: names, IgnoredHint: strings.Join(hints, " ")}
}

// Inside are the paths of what stands in a member that is an object.
func Inside(path string, value []byte) (out []string) {
	for quoted := range chat.Members(value) {
		out = append(out, path+"."+string(unquoted(quoted)))
	}
	return out
}

// meant are the members that one which nobody reads may be meant for; one of another place by its path. known is true
// when it is known itself, and what is read stands beside it.
func (k Known) meant(path string, given func(string) bool) (out []string, known bool) {
	place, own := placed(path)
	var here []knownMember
	var names []string
	for _, m := range k.members {
		if m.path == path {
			return nil, true
		}
		if m.place == place {
			here = append(here, m)
			names = append(names, m.path[len(place):])
		}
	}
	if near := nearest(own, names); near != "" {
		return []string{near}, false
	}
	here = slices.DeleteFunc(here, func(m knownMember) bool { return given(m.path) })
	for _, m := range here {
		if len(out) < maxMeant && slipped(plain(own), m.plain) {
			out = append(out, m.path[len(place):])
		}
	}
	if len(out) > 0 {
		return out, false
	}
	words, other := nameWords(own), k.elsewhere(path, plain(own), given)
	if other != "" && len(words) > 1 {
		return []string{other}, false // a name of several words says which one
	}
	out = alikeOf(here, place, words, sameWords, beginsOrEnds)
	if other != "" {
		out = append(out, other)
	}
	if len(out) == 0 {
		for i := range here {
			here[i].words = commonWords(here[i].words)
		}
		out = alikeOf(here, place, commonWords(words), sameWords, beginsOrEnds, amongThem)
	}
	return out, false
}

// alikeOf are those of some members of one place whose words are alike, by the first of the ways in which any are.
func alikeOf(here []knownMember, place string, words []string, ways ...func(a, b []string) bool) (out []string) {
	for _, alike := range ways {
		for _, m := range here {
			if len(out) < maxMeant && alike(words, m.words) {
				out = append(out, m.path[len(place):])
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}

// elsewhere is a member that is read at another place than a path's, and that the body does not have: of this name, or
// of one that is spelled almost like it; "" if there is none.
func (k Known) elsewhere(path, name string, given func(string) bool) string {
	place, _ := placed(path)
	for _, same := range []func(a, b string) bool{
		func(a, b string) bool { return a == b },
		func(a, b string) bool { return len(b) >= minElsewhere && oneApart(a, b) },
	} {
		for _, m := range k.members {
			if name != "" && m.place != place && same(name, m.plain) && !given(m.path) && reaches(m.place, place) {
				return m.path
			}
		}
	}
	return ""
}

// minElsewhere is how long a name has to be to be known at another place than its own when a letter is wrong.
const minElsewhere = 8

// reaches reports whether members of a place may be meant by what stands at another one: those of an object in a list
// only by what stands in that object.
func reaches(of, from string) bool {
	i := strings.LastIndexByte(of, ']')
	return i < 0 || strings.HasPrefix(from, of[:i+1])
}

// list is all members in words.
func (k Known) list() string {
	var names []string
	for _, m := range k.members {
		names = append(names, m.path)
	}
	return inWords(names, "and")
}

// placed is a path in two parts: where a member stands, with the point behind it, and what it is called.
func placed(path string) (place, own string) {
	i := strings.LastIndexByte(path, '.') + 1
	return path[:i], path[i:]
}

// nameWords are the words of a name, whatever joins them. A word has one form, whether there is one of it or there are
// several.
func nameWords(name string) (words []string) {
	if len(name) > maxUnreadName {
		return nil // no name of ours
	}
	var apart strings.Builder
	before := ' '
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			apart.WriteByte('_')
		}
		apart.WriteRune(unicode.ToLower(r))
		before = r
	}
	for _, word := range strings.FieldsFunc(apart.String(), func(r rune) bool { return r == '_' || r == '-' }) {
		words = append(words, stemOf(word))
	}
	return words
}

// stemOf is a word without the endings of several and of the past.
func stemOf(word string) string {
	for _, stem := range []string{strings.TrimSuffix(word, "ed"), strings.TrimRight(word, "es")} {
		if stem != word && len(stem) >= minStem {
			return stem
		}
	}
	return word
}

// commonWords are words, each as the one that stands for all of its meaning.
func commonWords(words []string) (out []string) {
	for _, word := range words {
		out = append(out, cmp.Or(commonWord(word), word))
	}
	return out
}

// commonWord is the word that stands for one which is often written for it, as stems; "" for any other.
func commonWord(word string) string {
	switch word {
	case "uri", "endpoint", "addr", "href":
		return "url"
	case "msg", "text", "content", "body":
		return stemOf("message")
	case "ttl", "expiry", "lifetim", "expiration":
		return stemOf("expires")
	case "sec", "s":
		return stemOf("seconds")
	case "workspaceid", "agentid":
		return "id"
	}
	return ""
}

// minStem is how long a word has to be without its ending.
const minStem = 3

// sameWords reports whether two names have the same words, in whatever order.
func sameWords(a, b []string) bool {
	return len(a) > 0 && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// beginsOrEnds reports whether one of two names begins or ends with the other one. That both are about an agent, as
// each is here, says nothing.
func beginsOrEnds(a, b []string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) == 0 || slices.Equal(a, []string{"agent"}) {
		return false
	}
	return slices.Equal(a, b[:len(a)]) || slices.Equal(a, b[len(b)-len(a):])
}

// amongThem reports whether each word of one of two names of several words is one of the other's.
func amongThem(a, b []string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) > 1 && !slices.ContainsFunc(a, func(word string) bool { return !slices.Contains(b, word) })
}
