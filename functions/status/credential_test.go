package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Whose a credential is can be asked with any credential, and changes no fact: no lease is renewed, the one that was
// issued is not used, and a refusal counts against nobody.
func TestACredentialIsInspectedWithoutUse(t *testing.T) {
	env := fixture.Env(t)
	env.Gate.ViewOpen = false
	all, now := endpoints(env), env.Clock.Now()
	use := func(credential string) {
		if _, err := env.Registry.AuthenticateCall(t.Context(), "demo", credential, fixture.From, now); err != nil {
			t.Fatal(err)
		}
	}
	former := fixture.Member(t, env, "demo", "")
	use(former)
	_, own, err := env.Registry.Rotate(t.Context(), registry.RotateInput{
		ID: "demo", To: workspace.ToAgent, Own: registry.Own{Credential: former},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	use(own)
	_, issued, err := env.Registry.Rotate(t.Context(), registry.RotateInput{
		ID: "demo", To: workspace.ToAgent, Own: registry.Own{Credential: own},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	before, err := env.Registry.Leases.Get(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bearer string
		status int
		says   string
	}{
		"in use":       {own, 200, `"credential":"in_use"`},
		"not used yet": {issued, 200, `"credential":"not_used_yet"`},
		"former":       {former, 401, "this credential of demo is no longer accepted"},
		"garbage":      {"garbage", 401, "issued to no workspace here"},
		"none":         {"", 401, "credential_missing"},
	} {
		resp := fixture.Call(t, env, all, api.InspectCredential.Operation, "", c.bearer, "")
		if resp.StatusCode != c.status || !strings.Contains(resp.Body, c.says) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Body)
		}
		var in api.Inspected
		if err := json.Unmarshal([]byte(resp.Body), &in); err != nil || c.status == 200 && in.Workspace.ID != "demo" {
			t.Errorf("%s: %v, %s", name, err, resp.Body)
		}
		after, err := env.Registry.Leases.Get(t.Context(), "demo")
		if err != nil || !reflect.DeepEqual(after, before) {
			t.Errorf("%s changed the facts:\n%+v\nto\n%+v, %v", name, before, after, err)
		}
	}
	if _, err := env.Registry.Hold(t.Context(), "demo", workspace.Removed, activity.Actor{}, now); err != nil {
		t.Fatal(err)
	}
	resp := fixture.Call(t, env, all, api.InspectCredential.Operation, "", own, "")
	if resp.StatusCode != http.StatusGone {
		t.Errorf("of a removed workspace: %d %s", resp.StatusCode, resp.Body)
	}
}
