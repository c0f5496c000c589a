package token_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/token"
)

// Of whatever is presented as a credential, the public name tells no secret, and only a hash's own text is
// read as one.
func FuzzCredential(f *testing.F) {
	text, hash := token.Mint(token.Workspace)
	for _, seed := range []string{text, text[:40], hash.String(), "", "rcw_", "rcw__", strings.Repeat("x", 600)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token.Plausible(s)
		if name := token.Name(s); len(name) > 40 {
			t.Errorf("%q is called %q", s, name)
		}
		if h, ok := token.ParseHash(s); ok && h.String() != strings.ToLower(s) {
			t.Errorf("%q became %s", s, h)
		}
		if token.Digest(s).Matches(hash) != (s == text) {
			t.Errorf("%q passes for another credential", s)
		}
	})
}
