package main

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// filtered are commands that take the flags of a filter.
var filtered = []string{
	"status", "problems", "watch", "repair", "redrive", "pause", "resume", "dismiss", "probe",
	"cancel --from users",
}

// A slip in a filter is wrong usage with every command that takes one, and nothing is done.
func TestASlipInAFilterIsWrongUsage(t *testing.T) {
	for _, command := range filtered {
		for slip, says := range map[string]string{
			"--status onlin":                   "must be one of: online",
			"--reason tired":                   "must be one of",
			"--team gren":                      "no workspace fits --team gren; there are the teams blue, red\n",
			"--team red --selector id=[b]":     "no workspace fits --team red --selector 'id=[b]'",
			"--selector name=nobody":           "no workspace fits --selector name=nobody\n",
			"--selector colour=red":            `not "colour=red"`,
			"--selector team":                  `not "team"`,
			"--selector team=red,":             `not ""`,
			"--selector id=[":                  `not "id=["`,
			"--selector status=onlin":          "status is one of online",
			"--selector mode=pull":             "mode is one of push, poll",
			"--status online --selector id=no": "no workspace fits --selector id=no\n",
		} {
			p := &platform{answers: map[string][]answer{
				"GET /workspaces": {{200, threeOf}}, "GET /healthz": {{200, `{"status": "ok"}`}},
				"GET /events": {{200, `{"events": [], "next": 6}`}},
			}}
			code, out, errs := rollcall(t.Context(), t, p, append(strings.Fields(command), strings.Fields(slip)...)...)
			if code != exitUsage || out != "" || !strings.Contains(errs, says) {
				t.Errorf("%s %s: exit %d\n%s%s", command, slip, code, out, errs)
			}
			for _, call := range p.calls {
				if !strings.HasPrefix(call, "GET ") {
					t.Errorf("%s %s: it called %s", command, slip, call)
				}
			}
		}
	}
}

// top finds the same before it draws.
func TestTopRefusesASlipInAFilter(t *testing.T) {
	server := httptest.NewServer(&platform{answers: map[string][]answer{
		"GET /workspaces": {{200, threeOf}}, "GET /events": {{200, `{"events": [], "next": 6}`}},
	}})
	defer server.Close()
	for _, slip := range []filter{{selector: "mode=pull"}, {team: "gren"}} {
		a := &app{out: &output{to: &strings.Builder{}}, output: "table", url: server.URL}
		err := a.top(t.Context(), slip, fleetAnew, func() (int, error) { return 40, nil })
		if err == nil || exitCode(err) != exitUsage {
			t.Errorf("%s: %v", slip.words(), err)
		}
	}
}

// A filter in a command that is printed is one word for a shell.
func TestQuoted(t *testing.T) {
	for _, word := range []string{"red", "id=[ab]*", "two words", "it's", `a"b`, "$HOME", "`id`", "name=é;x"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%s: a shell reads %q, %v", quoted(word), out, err)
		}
	}
}
