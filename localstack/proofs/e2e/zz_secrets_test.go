package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// credential is one of ours, whole: its kind and public id alone may be logged.
var credential = regexp.MustCompile(`rc[woe]_[0-9a-z]{8}_[0-9a-z]{20,}`)

// No function's log has a credential in it, after all that the other tests did
// with them: this file's name puts it last.
func TestAPINoSecretIsLogged(t *testing.T) {
	lines, err := emulator.Logs(t.Context(), on(t).Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	requests := 0
	for _, l := range lines {
		requests += strings.Count(l.Message, `"msg":"request"`)
		if secret := credential.FindString(l.Message); secret != "" {
			t.Errorf("%s has a credential (%.12s…) in its log", l.Function, secret)
		}
	}
	if requests == 0 {
		t.Fatalf("no request is in the %d lines: nothing was looked at", len(lines))
	}
	t.Logf("%d lines", len(lines))
}
