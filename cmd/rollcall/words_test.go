package main

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
)

func TestAsCommands(t *testing.T) {
	for said, want := range map[string]string{
		"use rollcall repair a --show (POST /workspaces/a/repair); restart": "use rollcall repair a --show; restart",
		"an operator creates it with POST /workspaces, or POST /enrolments": "an operator creates it with rollcall create, " +
			"or rollcall enrol",
		"see why: GET /workspaces/demo": "see why: rollcall status demo",
		"read it anew (GET /workspaces), then follow GET /events": "read it anew (rollcall status), then follow " +
			"rollcall events",
		`send "adopt": true to take it over`:       "use rollcall adopt to take it over",
		"call POST /workspaces/{your id}/delegate": "call POST /workspaces/{your id}/delegate",
		"POST /workspaces/a/messages/m/redrive.":   "rollcall redrive a m.",
		"nothing is called that":                   "nothing is called that",
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
