package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Workspaces that are named are read, and no others: one that is not there, was removed or is another team's is left
// out, as it is in a list of all.
func TestOnlyTheNamedWorkspacesAreRead(t *testing.T) {
	env := fixture.Env(t)
	profiles := &readProfiles{all: env.Registry.Profiles}
	env.Registry.Profiles = profiles
	for id, team := range map[string]string{"a": "red", "b": "", "c": "red", "gone": "red"} {
		fixture.Member(t, env, id, team)
	}
	if _, err := env.Registry.Hold(t.Context(), "gone", workspace.Removed, activity.Actor{}, env.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ids, team string
		want      []string
		code      fault.Code
	}{
		{ids: "c,a,nobody,a,gone", want: []string{"a", "c"}},
		{ids: "a,b", team: "red", want: []string{"a"}},
		{ids: "nobody"},
		{ids: "a,,b", code: fault.InvalidWorkspaceID},
		{ids: strings.Repeat("a,", api.MaxIDs) + "a", code: fault.InvalidRequest},
	} {
		profiles.ids = nil
		call := httpapi.Call{Now: env.Clock.Now(), Caller: httpapi.Caller{Team: c.team}}
		out, err := fleet(env.Registry)(t.Context(), call, api.ListWorkspacesRequest{IDs: c.ids, Page: api.Page{Limit: 100}})
		var got []string
		for _, ws := range out.Workspaces {
			got = append(got, ws.ID)
		}
		if fault.CodeOf(err) != c.code || !slices.Equal(got, c.want) || !slices.Equal(profiles.ids, c.want) {
			t.Errorf("%s for %q: %v, %v, profiles of %v", c.ids, c.team, got, err, profiles.ids)
		}
		if err == nil && (out.Workspaces == nil || out.Next != nil) {
			t.Errorf("%s: %s", c.ids, fmt.Sprint(out))
		}
	}
}
