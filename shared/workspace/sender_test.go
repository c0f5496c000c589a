package workspace_test

import (
	"testing"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestASenderHasAName(t *testing.T) {
	for sender, want := range map[string]fault.Code{
		"": "", "users": "", "a-1": "", "a b": fault.InvalidWorkspaceID, "-": fault.InvalidWorkspaceID,
	} {
		if err := workspace.CheckSender(sender); fault.CodeOf(err) != want {
			t.Errorf("%q: %v", sender, err)
		}
	}
}

func TestIsFrom(t *testing.T) {
	for _, c := range []struct {
		source, sender string
		want           bool
	}{
		{"", "", true},
		{"red", "", true},
		{"", "users", true},
		{"red", "users", false},
		{"red", "red", true},
		{"blue", "red", false},
		{"", "red", false},
	} {
		if workspace.IsFrom(c.source, c.sender) != c.want {
			t.Errorf("%q from %q: not %t", c.source, c.sender, c.want)
		}
	}
}
