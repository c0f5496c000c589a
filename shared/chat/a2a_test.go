package chat_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

// A text that is clipped ends after a word, says that there is more, and leaves no quotation open.
func TestClip(t *testing.T) {
	for text, want := range map[string]string{
		"it fits, and stays as it is":         "it fits, and stays as it is",
		"the agent can't take this message":   "the agent can't take this…",
		`HTTP 413: "Request entity too large`: `HTTP 413: "Request entity…"`,
		`it said \"no\" and \"never again\"!`: `it said \"no\" and…`,
		`HTTP 413: “Request "entity too”`:     `HTTP 413: “Request…”`,
		`it “is "no" b” and “the rest of`:     `it “is "no" b” and…`,
		"0123456789012345678901234567890123":  "0123456789012345678901234…",
	} {
		if got := chat.Clip(text, 29); got != want {
			t.Errorf("%q is clipped to %q, not %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(8, 40).Draw(t, "bytes")
		got := chat.Clip(text, n)
		begins := strings.HasPrefix(text, strings.TrimSuffix(strings.TrimRight(got, `"”`), "…"))
		if len(got) > n || (len(text) > n && !begins) || (len(text) <= n && got != text) {
			t.Fatalf("%d bytes of %q: %q", n, text, got)
		}
	})
}
