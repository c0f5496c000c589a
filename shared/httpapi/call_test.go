package httpapi_test

import (
	"testing"

	"github.com/rollcall/rollcall/shared/httpapi"
)

// One caller has one address, however the network wrote it.
func TestACallerHasOneAddress(t *testing.T) {
	for from, want := range map[string]string{
		"127.0.0.3": "127.0.0.3", "::ffff:127.0.0.3": "127.0.0.3", "2001:DB8:0::1": "2001:db8::1",
		"": "", "test-invoke": "test-invoke",
	} {
		var c httpapi.Call
		c.RequestContext.HTTP.SourceIP = from
		if got := c.From(); got != want {
			t.Errorf("%q: %q", from, got)
		}
	}
}
