package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A person is told what a command needs where it is more than the person may do, wherever a command is shown. Nobody
// else is: an agent runs no commands.
func TestACommandSaysWhatItNeeds(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var paused workspace.Facts
	paused.ID, paused.CreatedAt = "w", now
	lost := paused
	paused.Hold = workspace.Paused
	lost.LostMessages, lost.LostAt = 2, now
	for _, c := range []struct {
		reader people.Scope
		want   string
	}{{people.View, "operate"}, {people.Operate, ""}, {people.Admin, ""}, {"", ""}} {
		vw := Viewer{policy: workspace.DefaultPolicy(), now: now}.As(Caller{Scope: c.reader})
		for name, f := range map[string]workspace.Facts{"paused": paused, "mail lost": lost} {
			shown, explained := vw.Workspace(f, workspace.Profile{}), vw.Explanation(f, workspace.Profile{}, false)
			commands := map[string]string{shown.Command: shown.CommandNeeds, explained.Command: explained.CommandNeeds}
			for _, r := range append(shown.Remarks, explained.Remarks...) {
				commands[r.Command] = r.CommandNeeds
			}
			for command, needs := range commands {
				if command != "" && needs != c.want {
					t.Errorf("%s, read by %q: %s needs %q, not %q", name, c.reader, command, needs, c.want)
				}
			}
			text := vw.Explanation(f, workspace.Profile{}, true).Text
			if strings.Contains(text, "an operator runs it") != (c.want != "") {
				t.Errorf("%s, read by %q:\n%s", name, c.reader, text)
			}
		}
		if needs := vw.needs("rollcall status --status offline"); needs != "" {
			t.Errorf("%q may not look: %q", c.reader, needs)
		}
	}
}
