package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// What a register does not have is named in its answer, as a member that is misspelt would otherwise go unnoticed. What
// the clients that exist send is all known.
func TestUnknownMembersAreNamed(t *testing.T) {
	long := strings.Repeat("x", 100)
	many := `"delivery_mode": "poll"`
	for i := range 30 {
		many += fmt.Sprintf(`, "m%02d": 1`, i)
	}
	for members, want := range map[string][]string{
		`"delivery_mode": "poll", "agent_card": {"name": "a", "skils": []}`: nil,
		`"URL": "", "Delivery_Mode": "poll", "runtime": "x"`:                nil,
		`"delivery_mode": "poll", "urll": "http://a", "Agentcard": {}`:      {"Agentcard", "urll"},
		`"delivery_mode": "poll", "` + long + `": 1`:                        {long[:60] + "…"},
		many: {
			"m00", "m01", "m02", "m03", "m04", "m05", "m06", "m07", "m08", "m09", "m10", "m11", "m12", "m13", "m14", "m15",
			"m16", "m17", "m18", "m19",
		},
	} {
		env := fixture.Env(t)
		handle := httpapi.Serve(slog.New(slog.DiscardHandler), func() time.Time { return now }, env.Gate, endpoints(env)...)
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.Register.Route, Body: `{"id": "` + fixture.PushID + `", ` + members + `}`,
			Headers: map[string]string{"content-type": api.JSON, "authorization": "Bearer fixture-token"},
		})
		var out api.Registered
		if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(resp.Body), &out) != nil {
			t.Fatalf("%v: %s", err, resp.Body)
		}
		if !slices.Equal(out.Ignored, want) || strings.Contains(resp.Body, "ignored") != (want != nil) {
			t.Errorf("%.80s: %q, want %q", members, out.Ignored, want)
		}
	}
}

// A refusal names them too: what was misspelt may be why.
func TestARefusalNamesUnknownMembers(t *testing.T) {
	token, _ := token.Mint(token.Enrolment)
	for what, c := range map[string]struct {
		members, credential string
		status              int
	}{
		"a new id, where policy is strict": {`"id": "new", "enrollment_token": "` + token + `"`, "", 401},
		"a credential that is lost":        {`"id": "` + fixture.PushID + `", "enrollment_token": "` + token + `"`, "", 401},
		"a mode that is none": {
			`"id": "` + fixture.PushID + `", "delivery_mode": "x", "enrollment_token": ""`, fixture.Credential, 400,
		},
		"a member of another type": {
			`"id": "` + fixture.PushID + `", "url": 5, "enrollment_token": ""`, fixture.Credential, 400,
		},
		"no id":                       {`"enrollment_token": ""`, "", 400},
		"an enrolment that is no one": {`"id": "new", "enrolment_token": "x", "enrollment_token": ""`, "", 401},
	} {
		env := fixture.Env(t)
		env.Registry.Policy.Bootstrap = workspace.Enrolled
		resp := fixture.Call(t, env, endpoints(env), api.Register.Operation, "", c.credential, "{"+c.members+"}")
		var p api.Problem
		if err := json.Unmarshal([]byte(resp.Body), &p); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status || !slices.Equal(p.Ignored, []string{"enrollment_token"}) {
			t.Errorf("%s: %d %s, want %d", what, resp.StatusCode, resp.Body, c.status)
		}
		if p.Code == "credential_missing" && !strings.Contains(p.Hint, "enrolment_token in its body") {
			t.Errorf("%s: the hint is %s", what, p.Hint)
		}
	}
}

// An enrolment token with something beside it is told as that, and so is the name of a variable in its place.
func TestAnEnrolmentTokenIsAlone(t *testing.T) {
	enrolment, _ := token.Mint(token.Enrolment)
	for _, text := range []string{enrolment, `"` + enrolment + `"`, "$ENROLMENT"} {
		env := fixture.Env(t)
		env.Registry.Policy.Bootstrap = workspace.Enrolled
		body, err := json.Marshal(map[string]string{"id": "new", "enrolment_token": text})
		if err != nil {
			t.Fatal(err)
		}
		resp := fixture.Call(t, env, endpoints(env), api.Register.Operation, "", "", string(body))
		var p api.Problem
		if err := json.Unmarshal([]byte(resp.Body), &p); err != nil {
			t.Fatal(err)
		}
		if p.Code != "enrolment_unknown" || strings.Contains(p.Hint, "alone") != (text != enrolment) {
			t.Errorf("%s: %s", text, resp.Body)
		}
	}
}

// An agent whose boots are refused for what it declares keeps its old mode. Why
// they are is in the evidence, and in the hint as soon as something is wrong; the
// next accepted boot ends it.
func TestAFailedRegisterIsShown(t *testing.T) {
	for name, c := range map[string]struct{ members, why string }{
		"a mode that is none": {
			`"delivery_mode": "pigeon"`, `delivery_mode must be push or poll, not "pigeon" (invalid_request)`,
		},
		"a forbidden URL":       {`"url": "http://169.254.169.254/latest", "delivery_mode": "push"`, "(url_forbidden)"},
		"a URL of another type": {`"url": 5`, "url must be a string, not a number (invalid_request)"},
		"an address":            {`"url": "localhost:8080"`, "http or https URL, and this one is not (url_forbidden)"},
		"a port that is none":   {`"url": "https://a.example.com:99999"`, "its port must be from 1 to 65535 (url_forbidden)"},
		"a card that is none":   {`"agent_card": {"name": 7}`, "agent_card must be an object"},
	} {
		t.Run(name, func(t *testing.T) {
			env := fixture.Env(t)
			at := now
			clock := func() time.Time { return at }
			handle := httpapi.Serve(slog.New(slog.DiscardHandler), clock, env.Gate, endpoints(env)...)
			boot := func(credential, members string) int {
				t.Helper()
				resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
					RouteKey: api.Register.Route, Body: `{"id": "` + fixture.PushID + `", ` + members + `}`,
					Headers: map[string]string{"content-type": api.JSON, "authorization": "Bearer " + credential},
				})
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode
			}
			row := func() api.Workspace {
				t.Helper()
				f, err := env.Registry.Read(t.Context(), fixture.PushID)
				if err != nil || len(f.RegisterFailedWhy) > workspace.MaxWords {
					t.Fatalf("%q, %v", f.RegisterFailedWhy, err)
				}
				p, err := env.Registry.Profiles.Profile(t.Context(), fixture.PushID)
				if err != nil {
					t.Fatal(err)
				}
				return httpapi.ViewerOf(t.Context(), env.Registry, at, f).Workspace(f, p)
			}
			told := func(w api.Workspace) (evidence, hint bool) {
				for _, e := range w.Evidence {
					evidence = evidence || strings.Contains(e.Fact, c.why)
				}
				return evidence, strings.Contains(w.Hint, c.why)
			}
			if status := boot("another", c.members); status < 400 {
				t.Fatal(status)
			}
			if evidence, _ := told(row()); evidence {
				t.Error("a stranger's boot is told as the agent's")
			}
			for range 3 {
				at = at.Add(time.Second)
				if status := boot(fixture.Credential, c.members); status != 400 {
					t.Fatal(status)
				}
			}
			if evidence, hint := told(row()); !evidence || hint {
				t.Errorf("online: in the evidence %t, in the hint %t", evidence, hint)
			}
			at = at.Add(10 * time.Minute)
			if evidence, hint := told(row()); !evidence || !hint {
				t.Errorf("offline: in the evidence %t, in the hint %t", evidence, hint)
			}
			if status := boot(fixture.Credential, `"delivery_mode": "poll"`); status != 200 {
				t.Fatal(status)
			}
			if evidence, _ := told(row()); evidence {
				t.Error("it is told after a boot that was accepted")
			}
		})
	}
}

func TestACardIsBounded(t *testing.T) {
	env := fixture.Env(t)
	for size, want := range map[int]int{maxCard: 200, maxCard + 1: 413} {
		card := `{"x":"` + strings.Repeat("x", size-len(`{"x":""}`)) + `"}`
		body := `{"id": "new", "agent_card": ` + card + `}`
		if resp := fixture.Call(t, env, endpoints(env), api.Register.Operation, "", "", body); resp.StatusCode != want {
			t.Errorf("%d bytes: %d %.200s", size, resp.StatusCode, resp.Body)
		}
	}
}
