package token_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/token"
)

func TestMint(t *testing.T) {
	a, hash := token.Mint(token.Workspace)
	b, _ := token.Mint(token.Workspace)
	if a == b || !strings.HasPrefix(a, "rcw_") || !token.Plausible(a) || token.PublicID(a) == "" {
		t.Fatalf("%q %q", a, b)
	}
	if token.Digest(a) != hash || !hash.Matches(token.Digest(a)) || hash.Matches(token.Digest(b)) {
		t.Fatal("hash")
	}
	if back, ok := token.ParseHash(hash.String()); !ok || back != hash {
		t.Fatal("hex")
	}
	if token.Plausible(a[:len(a)-1]) || token.Plausible(a[:len(a)-1]+"!") {
		t.Fatal("a damaged credential passes")
	}
	if !token.Plausible("an-older-clients-token") || token.Plausible("") || token.Plausible(strings.Repeat("x", token.MaxLen+1)) {
		t.Fatal("other formats")
	}
	if (token.Hash{}).Matches(token.Hash{}) {
		t.Fatal("an absent credential matches an absent one")
	}
}
