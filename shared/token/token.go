// Package token mints, parses and digests credentials. A credential is shown
// once, in full, to whoever asked for it; everything at rest is its SHA-256.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// Kind is a credential's prefix, so that a leaked one names its system to
// whoever (or whatever scanner) finds it.
type Kind string

// The kinds of credential.
const (
	Workspace Kind = "rcw" // an agent's
	Operator  Kind = "rco" // an operator's
	Enrolment Kind = "rce" // for an agent's first register
)

// Sizes in characters of the base32 parts: 40-bit public id, 256-bit secret,
// 32-bit CRC.
const (
	idLen     = 8
	secretLen = 52
	sumLen    = 7
	// MaxLen bounds what is accepted as a credential, ours or an older client's.
	MaxLen = 512
)

var enc = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Hash is the SHA-256 of a credential's whole text.
type Hash [sha256.Size]byte

// Zero tells an absent credential from a present one.
func (h Hash) Zero() bool { return h == Hash{} }

// Matches compares in constant time; an absent hash equals nothing.
func (h Hash) Matches(o Hash) bool {
	return !h.Zero() && subtle.ConstantTimeCompare(h[:], o[:]) == 1
}

// String is the hash in hex, for the operator's configuration; it is no secret.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String wrote.
func ParseHash(s string) (Hash, bool) {
	var h Hash
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return Hash{}, false
	}
	return Hash(b), true
}

// Mint makes a credential "<kind>_<public id>_<secret><checksum>" and its hash.
func Mint(kind Kind) (string, Hash) {
	var raw [5 + 32]byte
	rand.Read(raw[:]) // never fails: crypto/rand documents that it crashes instead
	body := string(kind) + "_" + enc.EncodeToString(raw[:5]) + "_" + enc.EncodeToString(raw[5:])
	text := body + checksum(body)
	return text, Digest(text)
}

// Digest is the hash of a credential as presented; the zero Hash for "".
func Digest(text string) Hash {
	if text == "" {
		return Hash{}
	}
	return sha256.Sum256([]byte(text))
}

// Plausible tells whether text can be a credential at all, without asking a
// store: ours must have a right checksum, so that a truncated paste is refused
// with the true reason; another format (older clients hold 43 characters of
// base64url) passes as it is.
func Plausible(text string) bool {
	if text == "" || len(text) > MaxLen {
		return false
	}
	kind, rest, ok := strings.Cut(text, "_")
	if !ok || (Kind(kind) != Workspace && Kind(kind) != Operator && Kind(kind) != Enrolment) {
		return true
	}
	if len(rest) != idLen+1+secretLen+sumLen {
		return false
	}
	cut := len(text) - sumLen
	return text[cut:] == checksum(text[:cut])
}

// PublicID is the part of one of our credentials that may be shown and logged;
// "" for another format.
func PublicID(text string) string {
	parts := strings.SplitN(text, "_", 3)
	if len(parts) != 3 || !Plausible(text) {
		return ""
	}
	return parts[1]
}

// Name is what a log or an audit trail calls a credential: its kind and public
// id, or for another format the beginning of its digest.
func Name(text string) string {
	if id := PublicID(text); id != "" {
		return text[:3] + "_" + id
	}
	return "sha256:" + Digest(text).String()[:8]
}

func checksum(s string) string {
	c := crc32.ChecksumIEEE([]byte(s))
	return enc.EncodeToString([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
}
