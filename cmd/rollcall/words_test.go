package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/visible"
)

func TestAsCommands(t *testing.T) {
	for said, want := range map[string]string{
		"use rollcall repair a --show (POST /workspaces/a/repair); restart": "use rollcall repair a --show; restart",
		"an operator creates it with POST /workspaces, or POST /enrolments": "an operator creates it with rollcall create, " +
			"or rollcall enrol",
		"see why: GET /workspaces/demo": "see why: rollcall status demo",
		"read it anew (GET /workspaces), then follow GET /events": "read it anew (rollcall status), then follow " +
			"rollcall events",
		`send "adopt": true to take it over`:            "use rollcall adopt to take it over",
		"call POST /workspaces/{your id}/delegate":      "call POST /workspaces/{your id}/delegate",
		"POST /workspaces/a/messages/m/redrive.":        "rollcall redrive a m.",
		"nothing is called that":                        "nothing is called that",
		`it said “GET /workspaces”; send "adopt": true`: "it said “GET /workspaces”; use rollcall adopt",
		`it said “send "adopt": true”`:                  `it said “send "adopt": true”`,
	} {
		if got := asCommands(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

// Each call that people may make has a command, which exists.
func TestEachCallOfPeopleHasACommand(t *testing.T) {
	root := (&app{}).command()
	for _, o := range api.Operations() {
		method, path, _ := strings.Cut(o.Route, " ")
		_, forPeople := o.Access.ForPeople()
		if !forPeople || strings.HasPrefix(path, "/registry/") || strings.Contains(path, "/a2a/queue/") {
			continue
		}
		command := commandOf(method, strings.NewReplacer("{", "", "}", "").Replace(path))
		if command == "" {
			t.Errorf("%s has no command", o.Route)
			continue
		}
		if found, _, err := root.Find(strings.Fields(command)[1:2]); err != nil || found == root {
			t.Errorf("%s: there is no %s", o.Route, command)
		}
	}
}

// Whatever others wrote, in quotes or in a quotation that was cut: it stays as it is, and no command is made of it.
func TestNoCommandIsMadeOfWordsOfOthers(t *testing.T) {
	w := &printer{zone: time.FixedZone("CET", 3600)}
	rapid.Check(t, func(t *rapid.T) {
		said := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"“", "”", `"`, `\`, "\n", " ", "; ", "2026-11-27T13:00:00Z", "POST /workspaces/w/repair", "GET /workspaces",
			`send "adopt": true`, "rollcall repair w --force", "rollcall a (POST /workspaces)", "…", "x",
		}), 0, 9).Draw(t, "said"), "")
		quoted := visible.Quoted(said)
		own := "at 2026-11-27T12:00:00Z: %s; see GET /workspaces/a: %s"
		want := "at 2026-11-27 13:00:00 CET: " + quoted + "; see rollcall status a: " + quoted
		if got := w.words(fmt.Sprintf(own, quoted, quoted)); got != want {
			t.Fatalf("%q\nbecame %q", fmt.Sprintf(own, quoted, quoted), got)
		}
		if cut := "it said " + strings.TrimSuffix(quoted, "”"); w.words(cut) != cut {
			t.Fatalf("%q became %q", cut, w.words(cut))
		}
		if text := "it says " + quoted; hasCommand(text, "rollcall repair w --force") {
			t.Fatalf("%q is said to have a command", text)
		}
	})
}
