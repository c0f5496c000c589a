package httpapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/chat"
)

// Peers talk through Rollcall, and are not told where an agent is. What an agent says of itself is free in form, so an
// address is known by what it is as well as by the name of its member:
//
//   - A member whose name says that it is an address is left out, unless it is an object: the schema of a skill has
//     such.
//   - A member, or an element of a list, that is an address and nothing else is left out, whatever its name is. Members
//     of A2A and of JSON Schema that say a URL of the web stay, if that does not lead to the agent.
//   - In any other text, an address that leads to the agent is masked.
//
// An address leads to the agent if its host is an IP address, a name that is good in its own network alone, or a host
// that the agent registered or has in its card as where it is.

// addressNames are the last words of the names of members that say where an agent is.
var addressNames = []string{
	"addr", "addrs", "address", "addresses", "endpoint", "endpoints", "fqdn", "host", "hosts", "hostname", "hostnames",
	"href", "interfaces", "ip", "ips", "ipaddr", "ipaddress", "ipv4", "ipv6", "port", "ports", "uri", "uris", "url",
	"urls",
}

// webNames are the members that say a URL of the web: of a card of A2A, and of JSON Schema.
var webNames = []string{"$id", "$ref", "$schema", "documentationurl", "iconurl"}

// masked stands for an address in a text.
const masked = "[address]"

// addresses finds what may be an address in a text: a URL, an IPv6 address, and a host, each perhaps with a port. It is
// compiled for the first card, and not at each start of each function. What is tried at a place and may fail has a
// bound, a scheme of 64 characters and a zone of 64: else a text of many such beginnings is read to its end at each.
var addresses = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]{0,63}://[^\s"'<>(){},;|]+` +
		`|\[[0-9A-Fa-f:.]+(?:%[^\]\s]{1,64})?\](?::[0-9]{1,5})?` +
		`|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?` +
		`|[\p{L}\p{N}_][\p{L}\p{N}_.-]*(?:[:/][0-9]{1,5})?`)
})

// ipv4 finds what may be an IP address of version 4, in whatever it stands.
var ipv4 = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?`)
})

// privateNames end the names of hosts that are good in a network of their own alone.
var privateNames = []string{
	".local", ".localhost", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".corp", ".private", ".home.arpa",
	".svc",
}

// whereabouts are where one agent is.
type whereabouts struct {
	hosts  map[string]bool
	within []string // those of its hosts that are looked for in whatever they stand
}

// foundWithin is how many hosts of an agent are looked for within words: a card may name any number.
const foundWithin = 8

// known are the hosts that an agent registered and that its card says, in members that say where it is.
func known(registered string, card any) whereabouts {
	w := whereabouts{hosts: map[string]bool{}}
	w.add(registered)
	first := slices.Collect(maps.Keys(w.hosts))
	w.collect("", card)
	for _, host := range slices.Concat(first, slices.Sorted(maps.Keys(w.hosts))) {
		if strings.Contains(host, ".") && len(w.within) < foundWithin {
			w.within = append(w.within, sameLength(host))
		}
	}
	return w
}

// collect adds the hosts of members whose names say that they are addresses.
func (w whereabouts) collect(name string, v any) {
	switch v := v.(type) {
	case string:
		if namesAddress(name) && !namesWeb(name) {
			w.add(v)
		}
	case []any:
		for _, one := range v {
			w.collect(name, one)
		}
	case map[string]any:
		for member, one := range v {
			if name == "extensions" && member == "uri" || name == "provider" {
				continue // of what the agent can do, and of who offers it
			}
			w.collect(member, one)
		}
	}
}

func (w whereabouts) add(address string) {
	if host := hostOf(strings.TrimSpace(address)); host != "" {
		w.hosts[host] = true
	}
}

// hostOf is the host of an address, in lower case; "" for what is none.
func hostOf(address string) string {
	if scheme, rest, ok := strings.Cut(address, "://"); ok && scheme != "" {
		u, err := url.Parse("x://" + rest)
		if err != nil || u.Hostname() == "" { // its host and port are what stands before the first of these
			end := strings.IndexAny(rest+"/", "/?#")
			rest = rest[:end]
			return hostOf(rest[strings.LastIndex(rest, "@")+1:])
		}
		return tidy(u.Hostname())
	}
	if at, err := netip.ParseAddrPort(address); err == nil {
		return tidy(at.Addr().String())
	}
	if at, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		return tidy(at.String())
	}
	if at, err := netip.ParsePrefix(address); err == nil {
		return tidy(at.Addr().String())
	}
	host, _, _ := strings.Cut(address, ":")
	host, _, _ = strings.Cut(host, "/")
	if host == "" || strings.ContainsFunc(host, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	}) {
		return ""
	}
	return tidy(host)
}

func tidy(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// leadsTo reports whether what may be an address leads to the agent.
func (w whereabouts) leadsTo(candidate string) bool {
	host := hostOf(candidate)
	_, err := netip.ParseAddr(host)
	switch isIP := err == nil; {
	case host == "" || host == "::": // as in std::vector
		return false
	case isIP, host == "localhost", hasEnd(host, privateNames):
		return true
	case isURL(candidate): // a name of one word is good in its own network alone, and a number is an IP address
		return w.hosts[host] || !strings.Contains(host, ".") || isNumber(host[strings.LastIndex(host, ".")+1:])
	}
	// A name of one word may be any word of a text.
	return w.hosts[host] && strings.ContainsAny(candidate, ".:")
}

func hasEnd(host string, ends []string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(host, end) })
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// isNumber reports whether a part of a host is a number: then the host is an IP address, however it is written.
func isNumber(part string) bool {
	_, err := strconv.ParseUint(part, 0, 64)
	return err == nil
}

// isAddress reports whether a text is an address and nothing else.
func (w whereabouts) isAddress(text string) bool {
	text = strings.TrimSpace(text)
	if text == "" || addresses().FindString(text) != text {
		return false
	}
	if isURL(text) || w.leadsTo(text) {
		return true
	}
	host, port, _ := strings.Cut(text, ":")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || !strings.ContainsFunc(host, unicode.IsLetter) {
		return false
	}
	// A shorter number behind a name of one word may be that of a version, as in python:3.
	last := host[strings.LastIndex(host, ".")+1:]
	return len(port) >= 4 || len(last) < len(host) && !strings.ContainsFunc(last, unicode.IsDigit)
}

// mask is a text without the addresses in it that lead to the agent.
func (w whereabouts) mask(text string) string {
	var out strings.Builder
	rest := 0
	for _, at := range addresses().FindAllStringIndex(text, -1) {
		from, to := at[0], at[0]+len(strings.TrimRight(text[at[0]:at[1]], ".:!?"))
		if found := text[from:to]; strings.HasPrefix(found, ":") && !strings.HasPrefix(found, "::") {
			from++ // of what stands before it
		}
		if insideWord(text, from, to) || !w.leadsTo(text[from:to]) {
			continue
		}
		out.WriteString(text[rest:from] + masked)
		rest = to
	}
	out.WriteString(text[rest:])
	text = ipv4().ReplaceAllStringFunc(out.String(), func(candidate string) string {
		if hostOf(candidate) != "" && w.leadsTo(candidate) {
			return masked
		}
		return candidate
	})
	for _, host := range w.within {
		text = maskWithin(text, host)
	}
	return text
}

// maskWithin masks a host, in any case of its letters, in whatever it stands. A host is a stranger's text of any
// length: as a regular expression, it would cost its length times that of the text.
func maskWithin(text, host string) string {
	var out strings.Builder
	for small, rest := sameLength(text), 0; ; {
		at := strings.Index(small[rest:], host)
		if at < 0 {
			out.WriteString(text[rest:])
			return out.String()
		}
		out.WriteString(text[rest:rest+at] + masked)
		rest += at + len(host)
	}
}

// sameLength is a text in lower case, but for the letters that take more or fewer bytes there: an index in it is one in
// the text.
func sameLength(text string) string {
	out := make([]byte, 0, len(text))
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		if small := unicode.ToLower(r); r != utf8.RuneError && utf8.RuneLen(small) == size {
			out = utf8.AppendRune(out, small)
		} else {
			out = append(out, text[at:at+size]...)
		}
		at += size
	}
	return string(out)
}

// insideWord reports whether what may be an address begins or ends within a word, as ::cafe in std::cafes.
func insideWord(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	inWord := func(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	return inWord(before) || inWord(after)
}

// namesAddress reports whether the name of a member says that it is an address: by its last word.
func namesAddress(member string) bool {
	words := wordsOf(member)
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	url := strings.HasSuffix(last, "url") || strings.HasSuffix(last, "urls")
	return url && last != "curl" || slices.Contains(addressNames, last) ||
		slices.Contains(addressNames, strings.Join(words, ""))
}

// namesWeb reports whether the name of a member is one of those that say a URL of the web.
func namesWeb(member string) bool {
	return slices.Contains(webNames, strings.ToLower(strings.ReplaceAll(member, "_", "")))
}

// isVersion reports whether a member is a version that looks like an IP address, such as 1.2.3.4.
func (w whereabouts) isVersion(name, text string) bool {
	words := wordsOf(name)
	return len(words) > 0 && words[len(words)-1] == "version" && strings.Trim(text, "0123456789.") == "" && !w.hosts[text]
}

// wordsOf are the words of a name, in lower case: of baseUrl, base_url, base-url and BASE URL, they are base and url.
func wordsOf(name string) []string {
	letters := []rune(name)
	var spaced strings.Builder
	for i, r := range letters {
		isLower := func(at int) bool { return at >= 0 && at < len(letters) && unicode.IsLower(letters[at]) }
		if unicode.IsUpper(r) && (isLower(i-1) || isLower(i+1)) { // of IPAddress, too, they are ip and address
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(r)
	}
	return strings.FieldsFunc(strings.ToLower(spaced.String()), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// cardForPeers is a card without the agent's addresses, at whatever depth they stand; registered is the URL that it
// registered.
func cardForPeers(card []byte, registered string) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(card))
	dec.UseNumber()
	var members map[string]any
	if dec.Decode(&members) != nil || members == nil {
		return nil // a card is an object
	}
	w := known(registered, members)
	cleaned, changed := w.clean("", members)
	if !changed {
		return card
	}
	out, err := chat.Marshal(cleaned)
	if err != nil {
		return nil
	}
	return out
}

// clean is v, which stands in the member of a name, without the addresses in it; changed reports whether there were
// any.
func (w whereabouts) clean(name string, v any) (cleaned any, changed bool) {
	switch v := v.(type) {
	case string:
		if w.isVersion(name, v) {
			return v, false
		}
		text := w.mask(v)
		return text, text != v
	case []any:
		kept := []any{}
		for _, one := range v {
			if text, ok := one.(string); ok && w.isAddress(text) {
				changed = true
				continue
			}
			one, had := w.clean(name, one)
			kept, changed = append(kept, one), changed || had
		}
		return kept, changed
	case map[string]any:
		kept := map[string]any{}
		for member, one := range v {
			if w.drops(name, member, one) {
				changed = true
				continue
			}
			one, had := w.clean(member, one)
			kept[member], changed = one, changed || had
		}
		return kept, changed
	}
	return v, false
}

// drops reports whether a member is left out; in is the name of the member that it stands in, "" for one of the card.
func (w whereabouts) drops(in, name string, v any) bool {
	if w.mask(name) != name { // the name itself is an address
		return true
	}
	text, isText := v.(string)
	_, isObject := v.(map[string]any)
	onWeb := namesWeb(name) || in == "extensions" && name == "uri" || in == "provider" && name == "url"
	switch {
	case isText && onWeb:
		return w.leadsTo(strings.TrimSpace(text)) || !isURL(text) && w.isAddress(text)
	case namesAddress(name):
		return !isObject || in == ""
	}
	return isText && w.isAddress(text) && !w.isVersion(name, text)
}
