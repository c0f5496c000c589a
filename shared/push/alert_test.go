package push

import (
	"errors"
	"net"
	"net/url"
	"testing"

	"github.com/rollcall/rollcall/shared/workspace"
)

// What the other side says in an alert, it says after it has shown a certificate that is accepted: no server of a test
// has one.
func TestAnAlertIsTold(t *testing.T) {
	for alert, want := range map[string]workspace.PushFault{
		"tls: certificate required": workspace.FaultClientTLS,
		"tls: bad certificate":      workspace.FaultClientTLS,
		"tls: internal error":       workspace.FaultTLS,
		"no alert":                  workspace.FaultNetwork,
	} {
		err := &url.Error{Op: "Post", URL: "https://10.0.0.8/", Err: &net.OpError{
			Op: "remote error", Err: errors.New(alert), Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 8)},
		}}
		if r := unreached(err); r.Fault != want || r.Why == "" {
			t.Errorf("%s: %+v, want %s", alert, r, want)
		}
	}
}
