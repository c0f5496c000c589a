package token_test

import (
	"encoding/base32"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

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

// Anyone can compute a checksum. Whatever a text with one of our prefixes has in it, what is shown of it is an id in
// the form that Mint makes, or a digest.
func TestNoWordsPassForAPublicID(t *testing.T) {
	shown := regexp.MustCompile(`^((rcw|rco|rcp|rce)_[0-9a-hjkmnp-tv-z]{8}|sha256:[0-9a-f]{8})$`)
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SampledFrom([]string{"rcw_", "rco_", "rcp_", "rce_"}).Draw(t, "kind") + rapid.OneOf(
			rapid.StringMatching(`[ -~]{0,60}_[ -~]{0,60}`),
			rapid.StringMatching(`[ -~]{61}`), // as long as what Mint makes
			rapid.StringMatching(`[0-9a-z]{8}_[ -~]{52}`),
			rapid.StringMatching(`[ -~]{8}_[0-9a-hjkmnp-tv-z]{52}`),
			rapid.StringMatching(`[0-9a-hjkmnp-tv-z]{8}_[0-9a-hjkmnp-tv-z]{52}`),
		).Draw(t, "rest")
		c := crc32.ChecksumIEEE([]byte(body))
		sum := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).
			EncodeToString([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
		if name := token.Name(body + sum); !shown.MatchString(name) {
			t.Fatalf("%q is called %q", body+sum, name)
		}
	})
	minted, _ := token.Mint(token.Person)
	if name := token.Name(minted); name != minted[:len("rcp_")+8] {
		t.Errorf("%s is called %s", minted, name)
	}
}

// What is wrong with a credential is told as it is, and shows nothing of it. What has no flaw can be one, and can be
// sent; what has one can't be a credential or can't be sent.
func TestFlaw(t *testing.T) {
	good, _ := token.Mint(token.Workspace)
	for text, want := range map[string]string{
		good: "", "an-older-clients-token": "", "": "empty",
		good + "\nextra": "more than one word", good[:20] + " " + good[20:]: "more than one word",
		"\ufeff" + good: "no printable ASCII", good + "\x00": "no printable ASCII",
		good[:30]: "cut off: 30 of 72", good + "0": "too long: 73 characters instead of 72",
		good[:71] + "!": "mistyped", strings.Repeat("x", token.MaxLen+1): "at most 512",
	} {
		if got := token.Flaw(text); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		kinds := []token.Kind{token.Workspace, token.Operator, token.Person, token.Enrolment}
		kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
		text, _ := token.Mint(kind)
		from := rapid.IntRange(0, len(text)).Draw(rt, "from")
		to := rapid.IntRange(from, len(text)).Draw(rt, "to")
		odd := text[:from] + rapid.StringN(0, 20, -1).Draw(rt, "put in") + text[to:]
		flaw := token.Flaw(odd)
		if _, secret, _ := strings.Cut(text[4:], "_"); strings.Contains(flaw, secret[:6]) {
			rt.Errorf("%q: it shows the credential: %s", odd, flaw)
		}
		sendable := odd != "" && strings.Trim(odd, printable) == ""
		if (flaw == "") != (sendable && token.Plausible(odd)) {
			rt.Errorf("%q: flaw %q", odd, flaw)
		}
		if strings.Contains(flaw, "cut off") && len(odd) >= len(text) ||
			strings.Contains(flaw, "too long") && len(odd) <= len(text) {
			rt.Errorf("%d of %d characters: %s", len(odd), len(text), flaw)
		}
	})
}

// printable are the characters that a header of a call takes, and that a credential may have.
var printable = func() string {
	all := ""
	for c := '!'; c <= '~'; c++ {
		all += string(c)
	}
	return all
}()

// A text that stands for a credential, or has more than one in it, is told as that. What Rollcall issues, and what an
// agent may choose, is not.
func TestWrapping(t *testing.T) {
	good, _ := token.Mint(token.Person)
	for text, want := range map[string]string{
		`"` + good + `"`: "quotation marks", "[" + good + "]": "brackets", `"own"`: "quotation marks",
		"<TOKEN>": "placeholder", "'$TOKEN'": "placeholder", good + `\n`: "beside", `an-older-clients-token\r\n`: "beside",
		"TOKEN=" + good: "beside", `{"token":"` + good + `"}`: "JSON", strings.ToUpper(good): "capitals",
		"$ROLLCALL_TOKEN": "variable", "${ROLLCALL_TOKEN}": "variable", "%ROLLCALL_TOKEN%": "variable",
		"$(cat /run/token)": "command", "{{ .Token }}": "variable", "$": "", "${}": "", "%%": "", "$a-b": "", "": "", `"`: "",
		good: "", good[:40]: "cut off: 40 of 72", good[:71] + "!": "mistyped",
		"an-older-clients-token": "", "$2b$12$abcdefghijklmnopqrstuv": "",
	} {
		if got := token.Wrapping(text); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if text := rapid.StringMatching(`[A-Za-z0-9_-]{0,64}`).Draw(t, "text"); token.Wrapping(text) != "" {
			t.Fatalf("%q: %s", text, token.Wrapping(text))
		}
	})
}

// What stands in a damaged text is found again, if it is there: what Rollcall issued, and what an agent chose. A whole
// text has no damage.
func TestTheCredentialInADamagedTextIsFound(t *testing.T) {
	issued, _ := token.Mint(token.Workspace)
	for _, good := range []string{issued, "an-older-clients-token"} {
		for form, want := range map[string]token.Damage{
			`"%"`: token.Enclosed, "'%'": token.Enclosed, "[%]": token.Enclosed, `%\n`: token.Beside, `%\r\n`: token.Beside,
		} {
			text := strings.Replace(form, "%", good, 1)
			if kind, inner := token.DamageOf(text); kind != want || inner != good {
				t.Errorf("%q: %q with %q in it, want %q", text, kind, inner, want)
			}
		}
		for _, header := range []string{good, "Token " + good, "Bearer Bearer " + good, "Bearer: " + good} {
			if kind, inner := token.DamageOfHeader(header); kind != token.Misplaced || inner != good {
				t.Errorf("%q: %q with %q in it", header, kind, inner)
			}
		}
	}
	for text, want := range map[string]token.Damage{
		"ROLLCALL_TOKEN=" + issued: token.Beside, `{"token":"` + issued + `"}`: token.Beside,
		"Bearer " + issued:      token.Beside,
		strings.ToUpper(issued): token.Capitals, "'" + strings.ToUpper(issued) + "'": token.Beside,
	} {
		if kind, inner := token.DamageOf(text); kind != want || inner != issued {
			t.Errorf("%q: %q with %q in it, want %q", text, kind, inner, want)
		}
	}
	for _, kind := range token.Damages() {
		if kind.Words() == "" || len(kind) != 1 {
			t.Errorf("%q has no words, or is too long to be kept", kind)
		}
	}
}
