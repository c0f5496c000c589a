package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/token"
)

// A person who gives another thing than their credential is told what to give, in words for a person.
func TestAPersonIsToldWhatToGive(t *testing.T) {
	for header, hint := range map[string]string{
		"Bearer Bearer rcp_a":  "leave off the word Bearer",
		"bearer  BEARER rcp_a": "leave off the word Bearer",
		"Token rcp_a":          "send Authorization: Bearer",
		"Bearer rcp_a":         "send Authorization: Bearer",
	} {
		var c Call
		c.Headers = map[string]string{"authorization": header}
		if got := c.formHint(); !strings.HasPrefix(got, hint) {
			t.Errorf("%q: %s", header, got)
		}
	}
	var c Call
	enrolment, _ := token.Mint(token.Enrolment)
	c.Headers = map[string]string{"authorization": "Bearer " + enrolment}
	agent := fault.New(fault.CredentialUnknown, "no").WithHint("", "re_register")
	for err, hint := range map[error]string{
		people.UnknownCredential(): "take a person's credential", agent: "in the body of a register",
	} {
		if r := failure(err, c); r.StatusCode != http.StatusUnauthorized || !strings.Contains(r.Body, hint) {
			t.Errorf("%s", r.Body)
		}
	}
}
