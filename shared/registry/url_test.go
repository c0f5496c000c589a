package registry_test

import (
	"testing"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// An agent that gives a URL is pushed to there, or is told that it can't be: only clients that say so, or that poll,
// are taken to have none.
func TestWhatIsNoHTTPURLIsRefused(t *testing.T) {
	none := []string{"", "remote://no-inbound", "REMOTE://behind-a-firewall", "remote://"}
	wrong := []string{
		"localhost:8080", "10.0.0.7", "ftp://agent/", "mailto:a@example.com", "http:/agent", "https//agent", "http://",
		"agent", "file:///etc/passwd", "remote:", "//agent/", " ",
	}
	for _, mode := range []workspace.Mode{workspace.Undeclared, workspace.Poll, workspace.Push} {
		for i, url := range append(append([]string{}, none...), wrong...) {
			want := fault.Code("")
			if mode == workspace.Push || mode == workspace.Undeclared && i >= len(none) {
				want = fault.URLForbidden
			}
			in := registry.Registration{ID: "w", URL: url, Mode: mode, From: "10.0.0.1"}
			r := deployed()
			r.Policy.Bootstrap = workspace.Open
			out, err := r.Register(t.Context(), in, t0)
			if got := fault.CodeOf(err); got != want {
				t.Errorf("%q %q: %q, not %q", mode, url, got, want)
			}
			if want == "" && out.Facts.Mode(r.Policy, t0) != workspace.Poll {
				t.Errorf("%q %q is to be pushed to", mode, url)
			}
		}
	}
}
