package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// tells are the links that a verdict says are broken, by what its command or its reason is about.
func tells(view *api.Workspace) map[string]bool {
	links := map[workspace.Reason]string{
		workspace.ReasonCredentialsRejected: "credential register heartbeat",
		workspace.ReasonRemoved:             "credential register heartbeat",
		workspace.ReasonNeverRegistered:     "register",
		workspace.ReasonLeaseExpired:        "heartbeat",
		workspace.ReasonPushFailing:         "mail url probe",
		workspace.ReasonInboxUnattended:     "mail url probe",
		workspace.ReasonBacklogStalled:      "mail url probe",
		workspace.ReasonAnswersFailing:      "mail url probe",
	}[view.Reason]
	if strings.HasPrefix(view.Command, "rollcall repair") {
		links += " credential register heartbeat"
	}
	told := map[string]bool{"status": true}
	for link := range strings.FieldsSeq(links) {
		told[link] = true
	}
	return told
}

// For one fault, doctor names one step: the verdict's where the verdict knows of it, else the link's own. One step with
// at most one command is the next one; those of other faults stand beside their links.
func TestDoctorNamesOneStepForOneFault(t *testing.T) {
	now, p := time.Now().Truncate(time.Second), workspace.DefaultPolicy()
	found, seen := situations(now), map[string]bool{}
	for _, reason := range slices.Sorted(maps.Keys(found)) {
		for i, f := range found[reason] {
			view := httpapi.ViewerOf(t.Context(), &registry.Registry{Policy: p}, now).Workspace(f, workspace.Profile{})
			for has, c := range agentsCredentials(t, &view) {
				w := &walker{t: t, f: f, held: c.held, read: true, view: view}
				args := []string{"w"}
				if c.text != "" {
					file := filepath.Join(t.TempDir(), "token")
					if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
						t.Fatal(err)
					}
					args = append(args, "--credential-file", file)
				}
				v, _ := examined(t, w, args...)
				_, out, _ := rollcall(t.Context(), t, w, append([]string{"doctor"}, args...)...)
				name := fmt.Sprintf("%s %d (%s), its agent has %s", reason, i, view.Command, has)
				checkSteps(t, name, &view, v, plainly(out))
				for _, f := range v.Findings {
					seen[fmt.Sprint(f.Link, " ", f.Is)] = true
				}
			}
		}
	}
	for _, link := range []string{"credential", "register", "heartbeat", "mail", "status"} {
		if !seen[link+" broken"] {
			t.Errorf("nothing broke %s", link)
		}
	}
}

var aTime = regexp.MustCompile(`[0-9-]{10}[T ][0-9:]{8}(Z| UTC)`)

// plainly is a text without breaks of lines, and with no time in it, as these are shown in another form.
func plainly(text string) string {
	return aTime.ReplaceAllString(strings.Join(strings.Fields(text), " "), "TIME")
}

// checkSteps checks what doctor found and printed.
func checkSteps(t *testing.T, name string, view *api.Workspace, v diagnosis, out string) {
	t.Helper()
	if n := strings.Count(out, " next: "); n != 1 && v.Next != "" {
		t.Errorf("%s: %d next steps: %s", name, n, out)
	}
	if commands := spoken.FindAllString(v.Next, -1); len(commands) > 1 {
		t.Errorf("%s: next is %q", name, v.Next)
	}
	told, verdicts := tells(view), ""
	for _, f := range v.Findings {
		if f.Link == "status" {
			verdicts = f.Next
		}
	}
	for _, f := range v.Findings {
		if f.Is != broken {
			continue
		}
		if told[f.Link] && f.Next != verdicts {
			t.Errorf("%s: %s is mended by %q, and its verdict says %q", name, f.Link, f.Next, verdicts)
		}
		if f.Next == "" || !strings.Contains(out, plainly(f.Next)) {
			t.Errorf("%s: %s has the step %q, which is not shown: %s", name, f.Link, f.Next, out)
		}
	}
}

// Where the agent's credential is at hand and good, no line of doctor and no next step names a repair, whatever the
// verdict says: it would end that credential. What is at hand is given to the agent.
func TestDoctorEndsNoGoodCredentialThatIsAtHand(t *testing.T) {
	now, p := time.Now().Truncate(time.Second), workspace.DefaultPolicy()
	spared := 0
	for reason, found := range situations(now) {
		for i, f := range found {
			view := httpapi.ViewerOf(t.Context(), &registry.Registry{Policy: p}, now).Workspace(f, workspace.Profile{})
			for _, has := range []string{"its own", "its own, not yet used"} {
				c := agentsCredentials(t, &view)[has]
				w := &walker{t: t, f: f, held: c.held, read: true, view: view}
				file := filepath.Join(t.TempDir(), "token")
				if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
				v, _ := examined(t, w, "w", "--credential-file", file)
				if !strings.HasPrefix(view.Command, "rollcall repair") {
					continue
				}
				spared++
				_, out, _ := rollcall(t.Context(), t, w, "doctor", "w", "--credential-file", file)
				if strings.Contains(out, "rollcall repair") || !strings.Contains(v.Next, "place it where the agent takes its own") {
					t.Errorf("%s %d (%s), its agent has %s: %s", reason, i, view.Command, has, out)
				}
			}
		}
	}
	if spared == 0 {
		t.Error("no verdict asked for a repair")
	}
}
