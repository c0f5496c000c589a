package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Two workspaces are told to have one URL just if each has its mail pushed there now, whatever else is in the fleet,
// and in whatever order it comes.
func TestWorkspacesWithOneURLAreTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fleet := []api.Workspace{pushedTo("x0", "https://both.example/a2a"), pushedTo("x1", "https://both.example/a2a")}
		for i := range rapid.IntRange(0, 8).Draw(t, "others") {
			ws := pushedTo(fmt.Sprintf("w%d", i), rapid.SampledFrom([]string{
				"", "https://a.example/one", "https://a.example/two", "https://a.example/one/",
			}).Draw(t, "url"))
			ws.Delivery.Effective = rapid.SampledFrom([]workspace.Mode{workspace.Push, workspace.Poll}).Draw(t, "mode")
			ws.Status = workspace.Status(rapid.SampledFrom(workspace.Status("").Choices()).Draw(t, "status"))
			fleet = append(fleet, ws)
		}
		fleet = rapid.Permutation(fleet).Draw(t, "order")
		isPushed := func(ws api.Workspace) bool {
			alive := ws.Status == workspace.StatusOnline || ws.Status == workspace.StatusDegraded
			return alive && ws.Delivery.Effective == workspace.Push && ws.URL != ""
		}
		told := sameURLs(fleet)
		for i, a := range fleet {
			for _, b := range fleet[:i] {
				together := slices.ContainsFunc(told, func(s string) bool {
					_, named, _ := strings.Cut(s, "(")
					return strings.Contains(named, a.ID) && strings.Contains(named, b.ID)
				})
				if together != (isPushed(a) && isPushed(b) && a.URL == b.URL) {
					t.Fatalf("%s and %s: %q", a.ID, b.ID, told)
				}
			}
		}
		if !slices.Equal(told, sameURLs(worstFirst(fleet))) {
			t.Fatalf("told in another order: %q", told)
		}
	})
}

// pushedTo is a workspace that is well, and whose mail is pushed to a URL.
func pushedTo(id, url string) api.Workspace {
	return api.Workspace{
		ID: id, URL: url, Delivery: api.Delivery{Effective: workspace.Push},
		Verdict: api.Verdict{Status: workspace.StatusOnline, Reason: workspace.ReasonHealthy},
	}
}

// That two have one URL stands in the list and with the problems, and is no problem: it changes no exit code, and no
// script reads it.
func TestOneURLIsAWordAndNoProblem(t *testing.T) {
	fleet := map[string]any{"workspaces": []api.Workspace{
		pushedTo("a", "https://agents.example/a2a"), pushedTo("b", "https://agents.example/a2a"),
		pushedTo("c", "https://agents.example/c"),
	}}
	body, err := json.Marshal(fleet)
	if err != nil {
		t.Fatal(err)
	}
	const want = "also: 2 workspaces registered one URL, https://agents.example/a2a (a, b): mail of each is pushed there"
	for _, command := range [][]string{{"problems"}, {"status", "--check"}} {
		p := &platform{answers: map[string][]answer{
			"GET /workspaces": {{200, string(body)}}, "GET /webhooks": {{200, `{"webhooks": []}`}},
			"GET /healthz": {{200, `{"status": "ok"}`}},
		}}
		code, out, errs := rollcall(t.Context(), t, p, command...)
		if code != 0 || !strings.Contains(out, want) || strings.Contains(out, "(a, b, c)") {
			t.Errorf("%v: %d\n%s%s", command, code, out, errs)
		}
		if _, out, _ = rollcall(t.Context(), t, p, append(command, "-o", "json")...); strings.Contains(out, "also") {
			t.Errorf("%v has it in JSON: %s", command, out)
		}
	}
}

// Who asks for one workspace is told who shares its URL, and of no other URL. In a fleet of more than a page, and where
// the fleet may not be read, nothing is told.
func TestOneWorkspaceIsToldWhoSharesItsURL(t *testing.T) {
	const url, other = "http://127.0.0.1:1/a2a", "http://127.0.0.1:1/other"
	fleet := []api.Workspace{
		pushedTo("a", url), pushedTo("b", url), pushedTo("c", other), pushedTo("d", other),
		pushedTo("e", "http://127.0.0.1:1/e"),
	}
	text := func(value any) string {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	whole := text(map[string]any{"workspaces": fleet})
	for name, c := range map[string]struct {
		id    string
		fleet answer
		told  bool
	}{
		"shared":             {"b", answer{200, whole}, true},
		"alone":              {"e", answer{200, whole}, false},
		"a page of many":     {"b", answer{200, text(map[string]any{"workspaces": fleet, "next": "more"})}, false},
		"it may not be read": {"b", answer{403, `{"error": "no"}`}, false},
	} {
		i := slices.IndexFunc(fleet, func(ws api.Workspace) bool { return ws.ID == c.id })
		for _, command := range []string{"explain", "doctor"} {
			p := &platform{answers: map[string][]answer{
				"GET /workspaces": {c.fleet}, "GET /healthz": {{200, `{"status": "ok"}`}},
				"GET /workspaces/" + c.id: {{200, text(fleet[i])}},
				"GET /workspaces/" + c.id + "/explain": {{200, `{"workspace_id": "` + c.id +
					`", "delivery": {"effective_mode": "push"}}`}},
			}}
			_, out, _ := rollcall(t.Context(), t, p, command, c.id)
			flat := strings.Join(strings.Fields(out), " ")
			if strings.Contains(flat, "2 workspaces registered one URL, "+url+" (a, b)") != c.told ||
				strings.Contains(flat, other) {
				t.Errorf("%s, %s: %s", name, command, out)
			}
		}
	}
}
