// Package token mints, checks and digests credentials. A credential is shown in
// full once, to whoever asked for it. Only its SHA-256 is stored.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
)

// Kind is a credential's prefix. It lets people and secret scanners see where a
// leaked credential belongs.
type Kind string

// The kinds of credential.
const (
	Workspace Kind = "rcw" // an agent's
	Operator  Kind = "rco" // the root credential, whose digest is in the stack
	Person    Kind = "rcp" // a person's
	Enrolment Kind = "rce" // a token with which an agent gets its first credential
)

// The lengths of a credential's parts, in base32 characters.
const (
	idLen     = 8  // a public id of 40 bits
	secretLen = 52 // a secret of 256 bits
	sumLen    = 7  // a CRC of 32 bits

	wholeLen = len("rcw_") + idLen + len("_") + secretLen + sumLen
)

// MinRoot is the length of the shortest text that is accepted as the root
// credential: a shorter one can be guessed.
const MinRoot = 32

// MinOwn is the length of the shortest text that an agent may bring as a credential of its own: undefined, null and the
// like are shorter.
const MinOwn = 16

// MaxLen is the length of the longest text that is accepted as a credential.
const MaxLen = 512

// alphabet is that of Crockford's base32, which has no characters that look alike.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

var enc = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// isBase32 reports whether a text is so many characters of the alphabet.
func isBase32(text string, length int) bool {
	return len(text) == length && strings.Trim(text, alphabet) == ""
}

// SigningSecret mints a secret to sign calls with, in the form of Standard Webhooks.
func SigningSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	return SigningPrefix + base64.StdEncoding.EncodeToString(raw)
}

// SigningPrefix is how a secret of Standard Webhooks begins.
const SigningPrefix = "whsec_"

// Hash is the SHA-256 of a credential's whole text. The zero Hash stands for no
// credential.
type Hash [sha256.Size]byte

// Zero reports whether the hash stands for no credential.
func (h Hash) Zero() bool { return h == Hash{} }

// Matches reports whether both hashes are of the same credential. It compares in
// constant time. The zero Hash matches nothing, not even itself.
func (h Hash) Matches(o Hash) bool {
	return !h.Zero() && subtle.ConstantTimeCompare(h[:], o[:]) == 1
}

// String is the hash in hex, for the operator's configuration. It is not secret.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads a hash that String wrote.
func ParseHash(s string) (Hash, bool) {
	var h Hash
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return Hash{}, false
	}
	return Hash(b), true
}

// Mint makes a credential "<kind>_<public id>_<secret><checksum>" and its hash.
// Both id and secret are random.
func Mint(kind Kind) (string, Hash) {
	var raw [5 + 32]byte
	rand.Read(raw[:]) // never returns an error: it crashes the program instead
	body := string(kind) + "_" + enc.EncodeToString(raw[:5]) + "_" + enc.EncodeToString(raw[5:])
	text := body + checksum(body)
	return text, Digest(text)
}

// Digest is the hash of a credential's text. It is the zero Hash for "".
func Digest(text string) Hash {
	if text == "" {
		return Hash{}
	}
	return sha256.Sum256([]byte(text))
}

// Plausible reports whether text can be a credential at all, without asking the
// store. A text with one of our prefixes must have the form that Mint makes and the
// right checksum, so that a truncated paste is refused for what it is. Anyone can
// compute the checksum of any words: the form keeps them out of what is shown as a
// public id. A text in another format passes: existing clients hold 43 characters of
// base64url.
func Plausible(text string) bool {
	if text == "" || len(text) > MaxLen {
		return false
	}
	kind, rest, ok := strings.Cut(text, "_")
	if !ok || !Kind(kind).known() {
		return true
	}
	id, secret, _ := strings.Cut(rest, "_")
	if !isBase32(id, idLen) || !isBase32(secret, secretLen+sumLen) {
		return false
	}
	cut := len(text) - sumLen
	return text[cut:] == checksum(text[:cut])
}

// Flaw says why a text is no whole credential, in words that show nothing of it; "" if it may be one.
func Flaw(text string) string {
	kind, _, _ := strings.Cut(text, "_")
	unprintable := func(r rune) bool { return (r < ' ' || r > '~') && !strings.ContainsRune("\t\r\n", r) }
	switch {
	case text == "":
		return "it is empty"
	case strings.ContainsFunc(text, unprintable):
		return "it has a character that is no printable ASCII"
	case strings.ContainsAny(text, " \t\r\n"):
		return "it is more than one word"
	case Plausible(text):
		return ""
	case !Kind(kind).known():
		return fmt.Sprintf("it is too long: %d characters, and a credential has at most %d", len(text), MaxLen)
	case len(text) < wholeLen:
		return fmt.Sprintf("it is cut off: %d of %d characters", len(text), wholeLen)
	case len(text) > wholeLen:
		return fmt.Sprintf("it is too long: %d characters instead of %d", len(text), wholeLen)
	}
	return "it is mistyped: its characters do not fit together"
}

// CanBeOwn reports whether an agent may bring a text as a credential of its own, where it may choose one: the text is
// long enough to be a secret, is whole, and says of itself that it is nothing else.
func CanBeOwn(text string) bool {
	for _, other := range []string{
		string(Operator) + "_", string(Person) + "_", string(Enrolment) + "_", SigningPrefix,
	} {
		if strings.HasPrefix(text, other) {
			return false
		}
	}
	return len(text) >= MinOwn && Plausible(text)
}

// known reports whether k is one of the kinds that Mint makes.
func (k Kind) known() bool { return k == Workspace || k == Operator || k == Person || k == Enrolment }

// KindOf is the kind that a credential's text says it is; "" for a text in another
// format. It says nothing of whether the credential is good.
func KindOf(text string) Kind {
	if PublicID(text) == "" {
		return ""
	}
	kind, _, _ := strings.Cut(text, "_")
	return Kind(kind)
}

// PublicID is the part of a credential that may be shown and logged. It is "" for
// a text in another format.
func PublicID(text string) string {
	parts := strings.SplitN(text, "_", 3)
	if len(parts) != 3 || !Kind(parts[0]).known() || !Plausible(text) {
		return "" // in another format, any part may be secret
	}
	return parts[1]
}

// Name identifies a credential in logs and in the audit trail: by its kind and
// public id, or if it has another format, by the beginning of its digest.
func Name(text string) string {
	if id := PublicID(text); id != "" {
		kind, _, _ := strings.Cut(text, "_")
		return kind + "_" + id
	}
	return "sha256:" + Digest(text).String()[:8]
}

// checksum is the CRC-32 of s in base32.
func checksum(s string) string {
	c := crc32.ChecksumIEEE([]byte(s))
	return enc.EncodeToString([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
}
