package push

import (
	"encoding/hex"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL is how many characters a URL may have.
const maxURL = 2048

// Objection implements registry.URLGuard. It objects to what can be told without
// resolving a name; a name that resolves to a forbidden address is refused when it
// is dialled.
func (p *Pusher) Objection(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return "it must be http:// or https:// with a host"
	case !isSpelledAsURL(raw):
		return "it has characters that no URL has: write others as %XX, and the host in ASCII (xn--)"
	case len(raw) > maxURL:
		return "it is longer than 2048 characters"
	case !isPort(u.Port()):
		return "its port must be from 1 to 65535"
	case !isHostName(u.Hostname()):
		return "its host is no name that can be resolved"
	case u.User != nil:
		return "it must not carry a user or password"
	case p.reach == Private:
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	switch {
	case isOddNumber(host):
		return "its host is a number that is no address"
	case isPrivateName(host):
		return "its host is a private name"
	case p.isForbiddenAddress(host):
		return "its address is in a private or reserved range"
	}
	return ""
}

// urlCharacters are those that a URL is spelled in, beside letters and digits: RFC 3986, section 2.
const urlCharacters = "-._~:/?#[]@!$&'()*+,;=%"

// isSpelledAsURL reports whether a text has only the characters of a URL, and each % begins the code of a byte. A URL
// stands in sentences of the platform: no text with blanks can pass for one.
func isSpelledAsURL(raw string) bool {
	for i, r := range raw {
		switch {
		case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		case !strings.ContainsRune(urlCharacters, r):
			return false
		case r == '%':
			if code, err := hex.DecodeString(raw[i+1 : min(i+3, len(raw))]); err != nil || len(code) == 0 {
				return false
			}
		}
	}
	return true
}

// isPort reports whether a port can be dialled; "" is the scheme's.
func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// isHostName reports whether a host has the lengths of a name or an address, labels
// of 1 to 63 bytes and 253 in all, and is ASCII: other digits and dots would be read
// as ASCII's when it is resolved.
func isHostName(host string) bool {
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return len(host) <= 254
}

// isPrivateName reports whether a host has no meaning on the public internet: a
// name reserved for local use, or a name without a dot.
func isPrivateName(host string) bool {
	for _, suffix := range []string{".localhost", ".local", ".internal"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	isIPv6 := strings.Contains(host, ":")
	return host == "localhost" || !strings.Contains(host, ".") && !isIPv6
}

// isOddNumber reports whether a host is an address in one of the forms that only some
// programs read: 0x7f.1, 0177.0.0.1, 127.1. No name ends in a number. Source: the
// URL standard (WHATWG), section 3.5, "ends in a number".
func isOddNumber(host string) bool {
	last := host[strings.LastIndex(host, ".")+1:]
	_, err := strconv.ParseUint(last, 0, 64) // 0x and 0 are read as in those forms
	odd := strings.Trim(last, "0123456789") == "" || err == nil || last == "0x"
	_, err = netip.ParseAddr(host)
	return odd && err != nil
}

// isForbiddenAddress reports whether a host is an IP address that must not be
// dialled. The guard's rules differ by network, not by port.
func (p *Pusher) isForbiddenAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false // a name
	}
	network := "tcp4"
	if addr.Is6() {
		network = "tcp6"
	}
	return p.guard.Safe(network, netip.AddrPortFrom(addr.Unmap(), 443).String(), nil) != nil
}
