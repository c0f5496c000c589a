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
	tooLong := strings.Repeat("x", token.MaxLen+1)
	if !token.Plausible("an-older-clients-token") || token.Plausible("") || token.Plausible(tooLong) {
		t.Fatal("other formats")
	}
	if (token.Hash{}).Matches(token.Hash{}) {
		t.Fatal("an absent credential matches an absent one")
	}
}

// An operator's credential is any text, and existing agents hold base64url, which
// has underscores too: no part of either may be shown.
func TestNameShowsNoSecret(t *testing.T) {
	for _, text := range []string{
		"correct_horse_battery", "Zx8_q0Jc5mV2bN7aL1sD9fG3hK4jP6wR8tY_uI0oE2z", "rcw_horse_battery",
	} {
		if id := token.PublicID(text); id != "" {
			t.Errorf("%s has the public id %q", text, id)
		}
		if name, want := token.Name(text), "sha256:"+token.Digest(text).String()[:8]; name != want {
			t.Errorf("%s is called %s, want %s", text, name, want)
		}
	}
	minted, _ := token.Mint(token.Operator)
	if name := token.Name(minted); name != minted[:len("rco_")+8] {
		t.Errorf("%s is called %s", minted, name)
	}
}
