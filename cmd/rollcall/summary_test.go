package main

import (
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The last line of problems is one count, unless the list has another one.
func TestTheLastLineOfProblemsIsOneCount(t *testing.T) {
	well, ill := api.Workspace{}, api.Workspace{Problem: workspace.ProblemOwn}
	for want, c := range map[string]struct {
		problems int
		fleet    []api.Workspace
	}{
		"1 problem":                      {1, []api.Workspace{well}},
		"1 of 2 workspaces needs a hand": {1, []api.Workspace{well, ill}},
		"2 of 3 workspaces need a hand; 3 problems in all, as one workspace may have several, and not each is of one " +
			"workspace": {3, []api.Workspace{well, ill, ill}},
	} {
		if got := summaryOf(c.problems, c.fleet); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
