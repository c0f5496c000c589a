package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// readProfiles keeps whose profiles were read.
type readProfiles struct {
	all
	ids []string
}

// all is another name of registry.Profiles, whose own is that of a method.
type all = registry.Profiles

func (r *readProfiles) Profiles(ctx context.Context, ids ...string) (map[string]workspace.Profile, error) {
	r.ids = append(r.ids, ids...)
	return r.all.Profiles(ctx, ids...)
}

// register makes a register call with a card.
func register(t *testing.T, env *app.Env, id, credential, name, card string) {
	t.Helper()
	_, err := env.Registry.Register(t.Context(), registry.Registration{
		ID: id, Credential: credential, From: fixture.From, CardName: name, Card: []byte(card),
	}, env.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, env *app.Env, status workspace.Status) []api.Workspace {
	t.Helper()
	in := api.ListWorkspacesRequest{Status: status, Page: api.Page{Limit: 100}}
	out, err := fleet(env.Registry)(t.Context(), httpapi.Call{Now: env.Clock.Now()}, in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Workspaces
}

func TestACardNamesOnlyWhatItsOperatorDidNot(t *testing.T) {
	env := fixture.Env(t)
	tokens := map[string]string{}
	for id, name := range map[string]string{"named": "as the operator says", "nameless": ""} {
		out, err := env.Registry.Create(t.Context(), registry.CreateInput{ID: id, Name: name}, env.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		tokens[id] = out.AuthToken
		register(t, env, id, tokens[id], "as the card says", `{"name":"as the card says"}`)
	}
	got := map[string]string{}
	for _, w := range listed(t, env, "") {
		got[w.ID] = w.Name
	}
	if got["named"] != "as the operator says" || got["nameless"] != "as the card says" {
		t.Errorf("%v", got)
	}
	register(t, env, "nameless", tokens["nameless"], "", `{}`)
	if w := listed(t, env, "")[slices.Index(ids(listed(t, env, "")), "nameless")]; w.Name != "nameless" {
		t.Errorf("a card without a name leaves %q", w.Name)
	}
}

func ids(listed []api.Workspace) (out []string) {
	for _, w := range listed {
		out = append(out, w.ID)
	}
	return out
}

// One agent's card takes nothing from the view of the others.
func TestAListHasNoCards(t *testing.T) {
	env := fixture.Env(t)
	card := `{"text":"` + strings.Repeat("x", 60_000) + `"}`
	for _, id := range []string{"a", "b", "c"} {
		register(t, env, id, "", "", card)
	}
	for _, w := range listed(t, env, "") {
		if w.AgentCard != nil {
			t.Errorf("%s is listed with its card", w.ID)
		}
	}
	one, err := oneWorkspace(env.Registry)(t.Context(), httpapi.Call{Now: env.Clock.Now()}, api.WorkspacePath{ID: "a"})
	if err != nil || string(one.AgentCard) != card {
		t.Errorf("alone, it is shown with %d bytes of card, %v", len(one.AgentCard), err)
	}
}

func TestProfilesAreReadOnlyOfWhatIsShown(t *testing.T) {
	env := fixture.Env(t)
	reads := &readProfiles{all: env.Registry.Profiles}
	env.Registry.Profiles = reads
	for _, id := range []string{"gone", "waiting"} {
		if _, err := env.Registry.Create(t.Context(), registry.CreateInput{ID: id}, env.Clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	var by registry.CreateInput
	_, err := env.Registry.Hold(t.Context(), "gone", workspace.Removed, by.By, env.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got := listed(t, env, workspace.StatusProvisioning); len(got) != 1 || got[0].ID != "waiting" {
		t.Errorf("%v", ids(got))
	}
	if !slices.Equal(reads.ids, []string{"waiting"}) {
		t.Errorf("the profiles of %v were read", reads.ids)
	}
}
