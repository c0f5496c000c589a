package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// walker is a person who runs each command that the output of the one before names, at an agent's machine.
type walker struct {
	t    *testing.T
	f    workspace.Facts
	file string                // of the agent's credential; "": it is not known
	held func() (int, any)     // what the platform says of that credential
	read bool                  // whether the person may read the workspace
	ends map[string]bool       // what the walks came to
	view api.Workspace         // of f
	said workspace.Explanation // of f
}

// ServeHTTP is the platform.
func (w *walker) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	status, body := http.StatusOK, any(map[string]any{})
	switch r.URL.Path {
	case "/healthz":
		body = map[string]string{"status": "ok"}
	case "/registry/credential":
		status, body = w.held()
	case "/workspaces/w":
		if body = w.view; !w.read {
			status, body = http.StatusUnauthorized, map[string]string{"error": "a person's credential is needed"}
		}
	case "/workspaces/w/explain":
		body = w.said
	}
	out.WriteHeader(status)
	_ = json.NewEncoder(out).Encode(body)
}

// next are the commands that the output of a command names as the next step; act says that the output asks for
// something that a person does, or for a wait.
func (w *walker) next(command string) (commands []string, act bool) {
	switch strings.Fields(command)[1] {
	case "explain":
		if w.said.Command != "" {
			commands = append(commands, w.said.Command)
		}
		return commands, w.view.Action != "" || w.said.Status == workspace.StatusOnline
	case "doctor":
		args := []string{"w"}
		if w.file != "" {
			args = append(args, "--credential-file", w.file)
		}
		v, _ := examined(w.t, w, args...)
		well := v.Broken == "" && v.Next == "" && w.view.Status == workspace.StatusOnline
		return spoken.FindAllString(v.Next, -1), well || asksForAnAct(v.Next)
	}
	return nil, true // it mends, or it shows what the verdict asks to look at
}

// asksForAnAct reports whether words ask for something beside the commands in them.
func asksForAnAct(words string) bool {
	for _, verb := range []string{
		"start", "place", "wait", "register it", "check", "look", "stop", "give", "let", "poll", "mend", "send",
	} {
		if strings.Contains(words, verb) {
			return true
		}
	}
	return false
}

// onlyLooks reports whether a command of this program changes nothing.
func onlyLooks(command string) bool { return slices.Contains(looking, strings.Fields(command)[1]) }

// walk follows a command, and fails if that leads back to a command that was run, or to nothing.
func (w *walker) walk(name, command string, run []string) {
	if slices.Contains(run, command) {
		w.t.Errorf("%s: a circle: %s", name, strings.Join(append(run, command), " -> "))
		return
	}
	run = append(slices.Clone(run), command)
	if !onlyLooks(command) {
		w.ends["a command"] = true
		return
	}
	commands, act := w.next(command)
	if act {
		w.ends["an act"] = true
	}
	if !act && len(commands) == 0 {
		w.t.Errorf("%s: nothing comes after %s", name, strings.Join(run, " -> "))
	}
	for _, command := range commands {
		w.walk(name, command, run)
	}
}

// agentsCredentials are what may be in the file from which an agent takes its credential, and what the platform says of
// it.
func agentsCredentials(t *testing.T, view *api.Workspace) map[string]struct {
	text string
	held func() (int, any)
} {
	t.Helper()
	good, _ := token.Mint(token.Workspace)
	refused := func(err *fault.Error) func() (int, any) {
		return func() (int, any) {
			return http.StatusUnauthorized, map[string]string{
				"error": err.Error(), "code": string(fault.CodeOf(err)), "hint": err.Hint, "action": string(err.Action),
			}
		}
	}
	inspected := func(id, use string) func() (int, any) {
		return func() (int, any) {
			shown := *view
			shown.ID = id
			return http.StatusOK, api.Inspected{
				WorkspaceID: id, Credential: use, From: "10.0.0.9", At: time.Now(), Workspace: shown,
			}
		}
	}
	return map[string]struct {
		text string
		held func() (int, any)
	}{
		"none is known":         {"", refused(workspace.UnauthorizedError("w", token.Hash{}))},
		"an empty file":         {"\n", refused(workspace.UnauthorizedError("w", token.Hash{}))},
		"an incomplete one":     {good[:20], refused(workspace.UnauthorizedError("w", token.Digest(good)))},
		"one that is refused":   {good, refused(workspace.UnauthorizedError("w", token.Digest(good)))},
		"another workspace's":   {good, inspected("other", "in_use")},
		"a person's":            {good, refused(workspace.OfAnotherError("other"))},
		"its own":               {good, inspected("w", "in_use")},
		"its own, not yet used": {good, inspected("w", "not_used_yet")},
	}
}

// Whatever is wrong with a workspace, whatever credential its agent has, and whether or not the person there may read
// the workspace: who runs each command that the one before names comes to an act, to a command that mends, or to a
// wait, and never back to where the walk began.
func TestNoWalkFromCommandToCommandIsACircle(t *testing.T) {
	now, p := time.Now().Truncate(time.Second), workspace.DefaultPolicy()
	vw := func(f workspace.Facts) api.Workspace {
		r := &registry.Registry{Policy: p}
		return httpapi.ViewerOf(t.Context(), r, now).Workspace(f, workspace.Profile{})
	}
	found, ends := situations(now), map[string]bool{}
	for _, reason := range slices.Sorted(maps.Keys(found)) {
		for i, f := range found[reason] {
			view := vw(f)
			for has, c := range agentsCredentials(t, &view) {
				for _, read := range []bool{true, false} {
					w := &walker{
						t: t, f: f, held: c.held, read: read, ends: ends, view: view,
						said: workspace.Fleet{}.Explain(f, p, now),
					}
					if c.text != "" {
						w.file = filepath.Join(t.TempDir(), "token")
						if err := os.WriteFile(w.file, []byte(c.text), 0o600); err != nil {
							t.Fatal(err)
						}
					}
					name := fmt.Sprintf("%s %d, its agent has %s, readable: %t", reason, i, has, read)
					w.walk(name, "rollcall explain w", nil)
					if c.text != "" || read { // else there is nothing to look at
						w.walk(name, "rollcall doctor w", nil)
					}
				}
			}
		}
	}
	for _, end := range []string{"a command", "an act"} {
		if !ends[end] {
			t.Errorf("no walk ends in %s", end)
		}
	}
}
