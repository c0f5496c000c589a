package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// teams is a world of two teams; it gives what makes a call with a credential.
func teams(t *testing.T, peers workspace.Peers) (
	call func(op *api.Operation, id, who string) (int, string), ids func(body string) []string,
) {
	t.Helper()
	env := fixture.Env(t)
	env.Registry.Policy.Peers = peers
	env.Gate.ViewOpen, env.Gate.ChatOpen = false, false
	credentials := map[string]string{
		"viewer": fixture.Person(t, env, people.View, ""), "viewer of red": fixture.Person(t, env, people.View, "r"),
		"operator of red": fixture.Person(t, env, people.Operate, "r"),
	}
	for id, team := range map[string]string{"red": "r", "red2": "r", "blue": "b"} {
		credentials[id] = fixture.Member(t, env, id, team)
	}
	all := endpoints(env)
	call = func(op *api.Operation, id, who string) (int, string) {
		resp := fixture.Call(t, env, all, op, id, credentials[who], "")
		return resp.StatusCode, resp.Body
	}
	ids = func(body string) []string {
		var rows []struct{ ID string }
		var fleet struct{ Workspaces []struct{ ID string } }
		if json.Unmarshal([]byte(body), &rows) != nil {
			if err := json.Unmarshal([]byte(body), &fleet); err != nil {
				t.Fatal(err)
			}
			rows = fleet.Workspaces
		}
		out := []string{}
		for _, r := range rows {
			out = append(out, r.ID)
		}
		slices.Sort(out)
		return out
	}
	return call, ids
}

func TestPeersAreOfOneTeam(t *testing.T) {
	call, ids := teams(t, workspace.PeersTeam)
	code, body := call(api.ListPeers.Operation, "red", "red")
	if code != 200 || !slices.Equal(ids(body), []string{"red2"}) {
		t.Errorf("%d %s", code, body)
	}
	for id, want := range map[string]int{"red2": 200, "blue": 404, "nobody": 404} {
		if code, body := call(api.Discover.Operation, id, "red"); code != want {
			t.Errorf("discover %s: %d %s", id, code, body)
		}
	}
	call, ids = teams(t, workspace.PeersFleet)
	if code, body := call(api.ListPeers.Operation, "red", "red"); code != 200 || !slices.Contains(ids(body), "blue") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := call(api.Discover.Operation, "blue", "red"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

func TestAPersonOfATeamSeesNoOther(t *testing.T) {
	call, ids := teams(t, workspace.PeersFleet)
	if code, body := call(api.ListWorkspaces.Operation, "", "viewer of red"); code != 200 ||
		!slices.Equal(ids(body), []string{"red", "red2"}) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := call(api.ListWorkspaces.Operation, "", "viewer"); code != 200 || !slices.Contains(ids(body), "blue") {
		t.Errorf("%d %s", code, body)
	}
	for _, op := range []*api.Operation{
		api.GetWorkspace.Operation, api.Explain.Operation, api.GetHistory.Operation, api.Discover.Operation,
	} {
		for id, want := range map[string]int{"red": 200, "blue": 404, "nobody": 404, "odd id": 400} {
			if code, body := call(op, id, "viewer of red"); code != want {
				t.Errorf("%s of %s: %d %s", op.Route, id, code, body)
			}
		}
	}
	for _, op := range []*api.Operation{api.GetEvents.Operation, api.GetAudit.Operation} {
		if code, body := call(op, "", "operator of red"); code != 403 {
			t.Errorf("%s: %d %s", op.Route, code, body)
		}
	}
	if code, body := call(api.WhoAmI.Operation, "", "viewer of red"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

// pages counts the pages of the fleet that are read, and has one more behind each.
type pages struct {
	registry.Leases
	read int
}

func (p *pages) Page(context.Context, string, int) ([]workspace.Facts, string, error) {
	p.read++
	return []workspace.Facts{{Identity: workspace.Identity{ID: "other", Team: "blue"}}}, "there is more", nil
}

// A workspace whose team is not found does not have the whole fleet read.
func TestAListOfPeersIsBounded(t *testing.T) {
	env := fixture.Env(t)
	env.Registry.Policy.Peers = workspace.PeersTeam
	red := fixture.Member(t, env, "red", "red")
	counted := &pages{Leases: env.Registry.Leases}
	env.Registry.Leases = counted
	resp := fixture.Call(t, env, endpoints(env), api.ListPeers.Operation, "red", red, "")
	if resp.StatusCode != http.StatusOK || counted.read == 0 || counted.read > maxPages+1 { // one samples the fleet
		t.Errorf("%d %s: %d pages", resp.StatusCode, resp.Body, counted.read)
	}
}

// A cursor leads a person of a team through a fleet that is mostly of others, and names none of these.
func TestACursorNamesNoOtherTeam(t *testing.T) {
	env := fixture.Env(t)
	viewer := fixture.Person(t, env, people.View, "r")
	var others []string
	for i := range 40 {
		id := fmt.Sprintf("blue-%02d", i)
		fixture.Member(t, env, id, "b")
		others = append(others, id)
	}
	fixture.Member(t, env, "zz-red", "r") // the store of tests lists by id
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	var seen, cursors []string
	for query := map[string]string{"limit": "1"}; ; {
		resp, err := handle(t.Context(), lambda.APIGatewayV2HTTPRequest{
			RouteKey: api.ListWorkspaces.Route, QueryStringParameters: query,
			Headers: map[string]string{"authorization": "Bearer " + viewer},
		})
		var page api.Fleet
		if err = errors.Join(err, json.Unmarshal([]byte(resp.Body), &page)); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s %v", resp.StatusCode, resp.Body, err)
		}
		for _, w := range page.Workspaces {
			seen = append(seen, w.ID)
		}
		if page.Next == nil {
			break
		}
		raw, err := base64.RawURLEncoding.DecodeString(*page.Next)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range others {
			if strings.Contains(string(raw)+*page.Next, id) {
				t.Errorf("a cursor names %s", id)
			}
		}
		cursors, query["cursor"] = append(cursors, *page.Next), *page.Next
	}
	if !slices.Equal(seen, []string{"zz-red"}) || len(cursors) < 2 {
		t.Errorf("%d pages show %v", len(cursors)+1, seen)
	}
}
