package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

// Each command that takes the id of a workspace says of one that looks like the id of a message which command takes it.
func TestTheIDOfAMessageIsTold(t *testing.T) {
	const id = "768b011c-6b0b-4b43-8a0a-4a3c6f0a6d52"
	const unknown = `{"error": "no workspace has this id", "code": "workspace_unknown", "hint": "check the id"}`
	refuses := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(unknown))
	})
	for args, verb := range map[string]string{
		"receipts %s": "receipts", "redrive %s": "redrive", "cancel %s --all --yes": "cancel", "explain %s": "receipts",
		"status %s": "receipts", "log %s": "receipts", "history %s": "receipts", "repair %s": "receipts",
		"revoke %s": "receipts", "pause %s": "receipts", "probe %s": "receipts", "send %s hello": "receipts",
		"dismiss %s": "receipts",
	} {
		_, _, errs := rollcall(t.Context(), t, refuses, strings.Fields(fmt.Sprintf(args, id))...)
		want := "  next: check the id; or, if it is that of a message, as it looks, name its workspace first: " +
			"rollcall " + verb + " WORKSPACE " + id + "\n"
		if !strings.HasSuffix(errs, want) {
			t.Errorf("%s: %s", args, errs)
		}
		if _, _, errs = rollcall(t.Context(), t, refuses, strings.Fields(fmt.Sprintf(args, "reviewer"))...); strings.Contains(
			errs, "message, as") {
			t.Errorf("%s: %s", args, errs)
		}
	}
}

// A refusal of what a flag gave names the flag, and not the member of the API's call.
func TestARefusalNamesTheFlag(t *testing.T) {
	for _, c := range []struct{ args, route, refusal, want string }{
		{
			"token create --name ana --scope view --expires 1s", "POST /tokens",
			"expires_in_seconds must be a whole number from 60 to 31622400",
			"--expires (in seconds) must be a whole number from 60 to 31622400",
		},
		{
			"enrol --for 900h", "POST /enrolments", "uses must be from 1 to 100 and expires_in_seconds from 1 to 2592000",
			"--uses must be from 1 to 100 and --for (in seconds) from 1 to 2592000",
		},
		{"create w --team a/b", "POST /workspaces", "team has 1 to 40 letters", "--team has 1 to 40 letters"},
		{
			"create w --mode push", "POST /workspaces", `delivery_mode must be push or poll, not "max_concurrent_tasks"`,
			`--mode must be push or poll, not "max_concurrent_tasks"`,
		},
		{"create w --max-tasks 2", "POST /workspaces", "max_concurrent_tasks is too much", "--max-tasks is too much"},
		{"adopt w --reset-credentials", "POST /workspaces", "reset_credentials is none", "--reset-credentials is none"},
		{"create w/x", "POST /workspaces", "id has no slash, and url is none", "id has no slash, and url is none"},
		{"repair w --from x", "POST /workspaces/w/repair", "from must be one address", "--from must be one address"},
		{
			"webhook create ftp://x --status online", "POST /webhooks", "url must be https; statuses may be empty",
			"url must be https; statuses may be empty",
		},
		{"webhook create https://x --status on", "POST /webhooks", "statuses has none", "--status has none"},
		{
			"send w hello --id /", "POST /workspaces/w/a2a", "messageId must have 1 to 128 letters",
			"--id must have 1 to 128 letters",
		},
	} {
		body, err := json.Marshal(map[string]string{"error": c.refusal, "code": "invalid_request"})
		if err != nil {
			t.Fatal(err)
		}
		p := &platform{answers: on(c.route, answer{400, string(body)})}
		_, _, errs := rollcall(t.Context(), t, p, strings.Fields(c.args)...)
		if !strings.HasPrefix(errs, "rollcall: "+c.want+" (invalid_request, HTTP 400)\n") {
			t.Errorf("%s: %s", c.args, errs)
		}
		_, _, errs = rollcall(t.Context(), t, p, append(strings.Fields(c.args), "-o", "json")...)
		if !strings.Contains(errs, strings.ReplaceAll(c.refusal, `"`, `\"`)) {
			t.Errorf("%s, as JSON: %s", c.args, errs)
		}
	}
}

// Each flag that has another name than its member is one of a command.
func TestTheFlagsOfMembersAreThere(t *testing.T) {
	var flags []string
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).command())
	for name, of := range memberFlags {
		for _, flag := range of {
			if !slices.Contains(flags, flag) {
				t.Errorf("no command has --%s, for %s", flag, name)
			}
		}
	}
}
