package main

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// An operator of a team acts on its workspaces, and takes over no other team's.
func TestAnOperatorOfATeamKeepsToIt(t *testing.T) {
	env := fixture.Env(t)
	fixture.Member(t, env, "red", "r")
	fixture.Member(t, env, "blue", "b")
	operator := fixture.Person(t, env, people.Operate, "r")
	for _, c := range []struct {
		op       *api.Operation
		id, body string
		want     int
	}{
		{api.Pause.Operation, "red", "", 200},
		{api.Repair.Operation, "red", `{"show": true}`, 200},
		{api.Repair.Operation, "blue", "{}", 404},
		{api.RemoveWorkspace.Operation, "blue", "", 404},
		{api.CreateWorkspace.Operation, "", `{"id": "new"}`, 201},
		{api.CreateWorkspace.Operation, "", `{"id": "new2", "team": "b"}`, 403},
		{api.CreateWorkspace.Operation, "", `{"id": "blue", "adopt": true}`, 403},
		{api.CreateWorkspace.Operation, "", `{"id": "red", "adopt": true}`, 200},
		{api.CreateWorkspace.Operation, "", `{"id": "new3", "team": "no team!"}`, 400},
		{api.CreateEnrolment.Operation, "", `{}`, 403},
		{api.SweepNow.Operation, "", "", 403},
	} {
		resp := fixture.Call(t, env, endpoints(env), c.op, c.id, operator, c.body)
		if resp.StatusCode != c.want {
			t.Errorf("%s %s %s: %d %s, want %d", c.op.Route, c.id, c.body, resp.StatusCode, resp.Body, c.want)
		}
		if c.want < 300 && strings.HasPrefix(c.op.Route, "POST /workspaces") && c.id == "" &&
			!strings.Contains(resp.Body, `"team":"r"`) {
			t.Errorf("not of the team: %s", resp.Body)
		}
	}
	admin := fixture.Person(t, env, people.Admin, "")
	for body, want := range map[string]int{
		`{"name": "eve", "scope": "admin", "team": "r"}`: 400, `{"name": "eve", "scope": "view", "team": "a b"}`: 400,
		`{"name": "eve", "scope": "view", "team": "r"}`: 201,
	} {
		if resp := fixture.Call(t, env, endpoints(env), api.CreateToken.Operation, "", admin, body); resp.StatusCode != want {
			t.Errorf("%s: %d %s", body, resp.StatusCode, resp.Body)
		}
	}
}
