package main

import (
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Where peers are of one team, chat and delegation stay inside it. Users and people
// write to whom they may see.
func TestChatStaysInTheTeam(t *testing.T) {
	const task = `{"task": "do"}`
	const hello = `{"message": {"role": "user", "parts": [{"kind": "text", "text": "hello"}]}}`
	for _, c := range []struct {
		peers workspace.Peers
		from  string // a workspace, or a team's operator
		to    string
		want  int
	}{
		{workspace.PeersFleet, "red", "blue", 200},
		{workspace.PeersTeam, "red", "red2", 200},
		{workspace.PeersTeam, "red", "blue", 404},
		{workspace.PeersTeam, "red", "none", 404},
		{workspace.PeersTeam, "none", "none2", 200},
		{workspace.PeersTeam, "none", "red", 404},
		{workspace.PeersTeam, "operator of red", "red", 200},
		{workspace.PeersTeam, "operator of red", "blue", 404},
		{workspace.PeersFleet, "operator of red", "blue", 404},
		{workspace.PeersTeam, "operator", "blue", 200},
	} {
		env := fixture.Env(t)
		env.Registry.Policy.Peers = c.peers
		credentials := map[string]string{
			"operator":        fixture.Person(t, env, people.Operate, ""),
			"operator of red": fixture.Person(t, env, people.Operate, "r"),
		}
		for id, team := range map[string]string{"red": "r", "red2": "r", "blue": "b", "none": "", "none2": ""} {
			credentials[id] = fixture.Member(t, env, id, team)
		}
		all := endpoints(env)
		resp := fixture.Call(t, env, all, api.SendMessage.Operation, c.to, credentials[c.from], hello)
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s to %s: %d %s", c.peers, c.from, c.to, resp.StatusCode, resp.Body)
		}
		if _, aWorkspace := map[string]bool{"red": true, "none": true}[c.from]; !aWorkspace {
			continue
		}
		want := map[int]int{200: 202, 404: 404}[c.want]
		resp = fixture.Call(t, env, all, api.Delegate.Operation, c.to, credentials[c.from], task)
		if resp.StatusCode != want {
			t.Errorf("%s: %s delegates to %s: %d %s", c.peers, c.from, c.to, resp.StatusCode, resp.Body)
		}
	}
}
