package workspace_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// kinds are words for a kind of sender.
var kinds = []string{
	"admin", "anyone", "operator", "operators", "people", "person", "platform", "probe", "rollcall", "root", "user",
	"users", "workspace", "workspaces",
}

func TestASenderHasAName(t *testing.T) {
	const invalid = fault.InvalidWorkspaceID
	for sender, want := range map[string]fault.Code{
		"": "", "users": "", "a-1": "", "_rollcall": "", "workspace:a-1": "", "workspace:users": "",
		"a b": invalid, "-": invalid, "_other": invalid, "user": invalid, "Users": invalid, "operator": invalid,
		"workspace:": invalid, "workspace:_rollcall": invalid, "workspace:workspace:a": invalid, "person ana": invalid,
	} {
		if err := workspace.CheckSender(sender); fault.CodeOf(err) != want {
			t.Errorf("%q: %v", sender, err)
		}
	}
}

// anyID is any id of a workspace: often a word for a kind of sender, or one that is like it.
func anyID(rt *rapid.T, label string) string {
	word := rapid.SampledFrom(kinds).Draw(rt, label)
	return rapid.OneOf(
		rapid.Just(word), rapid.Just(strings.ToUpper(word)), rapid.Just(strings.ToUpper(word[:1])+word[1:]),
		rapid.Just(word+"-1"), rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,63}`),
	).Draw(rt, label)
}

// Each sender has a name of its own, which a filter takes and which picks this sender alone. None is a person's.
func TestNoTwoSendersHaveOneName(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		anySource := func(label string) string {
			return rapid.OneOf(rapid.Just(""), rapid.Just(workspace.Platform), rapid.Just(anyID(rt, label))).Draw(rt, label)
		}
		one, other := anySource("one"), anySource("other")
		name := workspace.SenderName(one)
		if err := workspace.CheckSender(name); err != nil || len(name) > 64 {
			rt.Fatalf("%q is called %q, which is no sender: %v", one, name, err)
		}
		if !workspace.IsFrom(one, name) || workspace.IsFrom(other, name) != (one == other) {
			rt.Fatalf("%q is called %q, and %q is picked by it", one, name, other)
		}
		if person := workspace.PersonName(one); person == name || workspace.CheckSender(person) == nil {
			rt.Fatalf("a person is called %q, as a sender is", person)
		}
		if one != "" && one != workspace.Platform {
			marked := "workspace:" + one
			if !workspace.IsFrom(one, marked) || workspace.IsFrom(other, marked) != (one == other) {
				rt.Fatalf("%q picks %q", marked, other)
			}
		}
	})
}

// No workspace is made with a word for a kind of sender as its id, in whatever case; with any other id one is.
func TestNoNewWorkspaceIsCalledAsAKind(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		id := anyID(rt, "id")
		isKind := false
		for _, word := range kinds {
			isKind = isKind || strings.EqualFold(word, id)
		}
		err := workspace.CheckNewID(id)
		if isKind != (fault.CodeOf(err) == fault.InvalidWorkspaceID) || (workspace.SenderName(id) != id) != isKind {
			rt.Fatalf("%q: %v, and it is called %q", id, err, workspace.SenderName(id))
		}
		if err := workspace.CheckID(id); err != nil {
			rt.Fatalf("one that exists goes on: %v", err)
		}
	})
	for _, id := range []string{"_rollcall", "_x", "", "a b", strings.Repeat("i", 65)} {
		if err := workspace.CheckNewID(id); fault.CodeOf(err) != fault.InvalidWorkspaceID {
			t.Errorf("%q: %v", id, err)
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
		{"users", "users", false},
		{"users", "workspace:users", true},
		{"", "workspace:users", false},
		{"red", "red", true},
		{"blue", "red", false},
		{"", "red", false},
	} {
		if workspace.IsFrom(c.source, c.sender) != c.want {
			t.Errorf("%q from %q: not %t", c.source, c.sender, c.want)
		}
	}
}
