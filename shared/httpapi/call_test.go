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

// Calls of one caller that wait are counted together, and those of one IPv6 network are one caller's.
func TestWaiter(t *testing.T) {
	waiter := func(from string, who httpapi.Caller) string {
		c := httpapi.Call{Caller: who}
		c.RequestContext.HTTP.SourceIP = from
		return c.Waiter()
	}
	for want, got := range map[string]string{
		"workspace w":               waiter("192.0.2.1", httpapi.Caller{Workspace: "w"}),
		"person ada":                waiter("192.0.2.1", httpapi.Caller{Person: "ada"}),
		"address 192.0.2.1":         waiter("::ffff:192.0.2.1", httpapi.Caller{}),
		"address 2001:db8:1:2::/64": waiter("2001:db8:1:2:3::4", httpapi.Caller{}),
		"address ":                  waiter("", httpapi.Caller{}),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
