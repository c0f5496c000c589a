package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// anyFleet is a fleet in which each workspace is in one of the ways that count for what is a problem; draw gives a
// number from 0 to below n.
func anyFleet(draw func(n int) int, now time.Time) (fleet []api.Workspace) {
	statuses, reasons := workspace.Status("").Choices(), workspace.Reasons()
	for range 3 { // of these the mail, the link at fault or the time counts too
		statuses = append(statuses, string(workspace.StatusProvisioning), string(workspace.StatusOffline))
	}
	for range len(reasons) / 2 { // of these the command counts too
		reasons = append(reasons, workspace.ReasonCredentialsRejected)
	}
	for i := range draw(14) {
		id := fmt.Sprintf("w%02d", i)
		ws := api.Workspace{ID: id, Name: id, Inbox: api.Inbox{Queued: int64(draw(5) / 4), InFlight: int64(draw(5) / 4)}}
		ws.Status, ws.Reason = workspace.Status(statuses[draw(len(statuses))]), reasons[draw(len(reasons))]
		switch ws.Status { // the statuses that have one reason
		case workspace.StatusUnknown:
			ws.Reason = workspace.ReasonPlatformSuspect
		case workspace.StatusRemoved:
			ws.Reason = workspace.ReasonRemoved
		case workspace.StatusProvisioning:
			ws.Reason = workspace.ReasonNeverRegistered
			ws.Hop = []workspace.Hop{workspace.HopCredential, workspace.HopAgent}[draw(2)]
			ws.Action = []string{"start", "inspect"}[draw(2)]
		}
		if ws.Reason == workspace.ReasonCredentialsRejected {
			ws.Status = []workspace.Status{workspace.StatusDegraded, workspace.StatusOffline}[draw(2)]
		}
		ws.Since = now.Add(-time.Duration(draw(6)) * 24 * time.Hour)
		ws.Hint, ws.Command = "a hint for "+id, "rollcall mend "+id
		if ws.Reason == workspace.ReasonCredentialsRejected || draw(4) == 0 {
			repair := "rollcall repair " + id
			ws.Command = []string{"", repair, repair, repair + " --from 10.0.0.7", repair + " --show"}[draw(5)]
			if ws.Status != workspace.StatusProvisioning {
				ws.Action = []string{"repair", "place_credential"}[draw(2)]
			}
		}
		if ws.Reason == workspace.ReasonPlatformSuspect {
			ws.Command = "rollcall sweep"
		}
		for _, code := range workspace.RemarkCodes() {
			if ws.Status != workspace.StatusRemoved && draw(8) == 0 { // no removed one has a remark
				ws.Remarks = append(ws.Remarks, api.Remark{Code: code, Text: code, Command: "rollcall see " + id + " " + code})
			}
		}
		fleet = append(fleet, judged(ws, now))
	}
	return fleet
}

// commandsOfEach are the commands that problems names for each workspace by itself. Where it names one among several,
// the command is "".
func commandsOfEach(found []problem) map[string][]string {
	out := map[string][]string{}
	for _, p := range found {
		for _, id := range p.Workspaces {
			out[id] = append(out[id], "")
			if p.Reason != workspace.ReasonPlatformSuspect && strings.Contains(p.Command, " "+id) {
				out[id][len(out[id])-1] = p.Command
			}
		}
	}
	return out
}

// Each workspace that has something to do is named once for its verdict and once for each remark, with the command that
// its row in the console has, and no other is named.
func TestProblemsNamesWhatTheFleetSays(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		fleet := anyFleet(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "of") }, now)
		found := commandsOfEach(problemsOf(fleet, filter{}, false))
		for _, ws := range fleet {
			var want []string
			if ws.Problem != "" {
				want = append(want, ws.Command)
			}
			for _, r := range ws.Remarks {
				want = append(want, r.Command)
			}
			got := found[ws.ID]
			if len(got) != len(want) {
				t.Fatalf("%s (%q) is named for %q, want %q", ws.ID, ws.Problem, got, want)
			}
			for _, command := range got {
				if command != "" && !slices.Contains(want, command) {
					t.Fatalf("%s: %q, want one of %q", ws.ID, command, want)
				}
			}
		}
	})
}

// However the lines are shared, each workspace that has something to do because of its verdict is told with its cause
// and its command: in a line of its own, or by the command of the line that it shares. There are no more lines than
// problems of one workspace, and one for each kind that is shared.
func TestEachWorkspaceOfASharedLineIsOneCommandAway(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fleet := anyFleet(func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "of") }, time.Now())
		for i := range fleet {
			fleet[i].Team = rapid.SampledFrom([]string{"red", "blue"}).Draw(rt, "team")
		}
		body, err := json.Marshal(map[string]any{"workspaces": fleet})
		if err != nil {
			rt.Fatal(err)
		}
		p := &platform{answers: map[string][]answer{
			"GET /healthz": {{200, `{"status": "ok"}`}}, "GET /workspaces": {{200, string(body)}},
			"GET /webhooks": {{200, `{"webhooks": []}`}},
		}}
		ask := rapid.SampledFrom([]string{
			"problems", "problems --team red", "problems --status offline,provisioning", "problems --selector id=w0*",
			"problems --reason never_registered",
		}).Draw(rt, "asked")
		_, out, _ := rollcall(t.Context(), t, p, append(strings.Fields(ask), "-o", "json")...)
		var found []problem
		if json.Unmarshal([]byte(out), &found) != nil { // nobody is of that team
			rt.Skip(out)
		}
		told, alone := map[string]bool{}, 0
		for _, line := range found {
			if len(line.Workspaces) == 1 {
				alone++
				told[line.Workspaces[0]] = true
				continue
			}
			each := ""
			if line.Command != "rollcall sweep" {
				words := strings.Fields(strings.ReplaceAll(line.Command, "'", ""))
				_, each, _ = rollcall(t.Context(), t, p, words[1:]...)
			}
			for _, id := range line.Workspaces {
				ws := fleet[slices.IndexFunc(fleet, func(ws api.Workspace) bool { return ws.ID == id })]
				line, after, _ := strings.Cut(each[max(0, strings.Index(each, id+" is "+string(ws.Status))):], "\n")
				step, _, _ := strings.Cut(after, "\n")
				own := strings.Contains(line, ws.Hint) && strings.TrimSpace(step) == ws.Command
				if told[id] = own || ws.Command == "rollcall sweep"; !told[id] && ws.Command != "" {
					rt.Fatalf("%s is not told:\n%s\n%s", id, out, each)
				}
			}
		}
		if shared := len(found) - alone; shared > 3 {
			rt.Fatalf("%d lines are shared:\n%s", shared, out)
		}
		for _, ws := range fleet {
			if ws.Problem != "" && ask == "problems" && !told[ws.ID] && ws.Command != "" {
				rt.Fatalf("%s (%s) is not told:\n%s", ws.ID, ws.Problem, out)
			}
		}
	})
}

// offeredTogether is for how many workspaces a report of problems offers to repair all; 0: it does not.
func offeredTogether(found []problem) (n int) {
	var b strings.Builder
	problemsReport(&printer{Writer: &b, now: time.Now()}, found, filter{})
	for line := range strings.Lines(b.String()) {
		if count, _, ok := strings.Cut(line, " of these are refused credentials"); ok {
			n, _ = strconv.Atoi(count)
		}
	}
	return n
}

// What is offered for many is what the command for many would do: a repair of all is offered for as many workspaces as
// it would be done to, and not for fewer than two.
func TestARepairOfAllIsOfferedForThoseThatItRepairs(t *testing.T) {
	now := time.Now()
	rapid.Check(t, func(rt *rapid.T) {
		fleet := anyFleet(func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "of") }, now)
		body, err := json.Marshal(map[string]any{"workspaces": fleet})
		if err != nil {
			rt.Fatal(err)
		}
		p := &platform{answers: on("GET /workspaces", answer{200, string(body)})}
		_, out, errs := rollcall(t.Context(), t, p, "repair", "--reason", "credentials_rejected", "--dry-run")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		does := 0
		if _, of, ok := strings.Cut(lines[len(lines)-1], "repair would be done to "); ok {
			does, _ = strconv.Atoi(strings.Fields(of)[0])
		}
		if does < 2 {
			does = 0
		}
		if n := offeredTogether(problemsOf(fleet, filter{}, false)); n != does {
			rt.Fatalf("a repair of %d is offered, and is done to %d:\n%s%s", n, does, out, errs)
		}
	})
}

// What may be wrong with the platform comes first, then the webhooks, then the workspaces, as in the console.
func TestProblemsBeginWithThePlatform(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mixed := map[string]string{"GET /healthz": `{"status": "ok", "sweeper": "well"}`}
		if rapid.Bool().Draw(rt, "silent") {
			mixed["GET /healthz"] = `{"status": "degraded", "sweeper": "the last sweep ended 9m ago"}`
		}
		mixed["GET /webhooks"] = rapid.SampledFrom([]string{
			`{"webhooks": []}`, `{"webhooks": [{"webhook_id": "a1", "url": "https://h.example/x", "problem": "it fails"}]}`, "",
		}).Draw(rt, "hooks")
		fleet := anyFleet(func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "of") }, time.Now())
		body, err := json.Marshal(map[string]any{"workspaces": fleet})
		if err != nil {
			rt.Fatal(err)
		}
		mixed["GET /workspaces"] = string(body)
		p := &platform{answers: map[string][]answer{}}
		for call, body := range mixed {
			p.answers[call] = []answer{{200, body}}
			if body == "" {
				p.answers[call] = []answer{{500, `{"error": "no"}`}}
			}
		}
		_, out, errs := rollcall(t.Context(), t, p, "problems", "-o", "json")
		var found []problem
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			rt.Fatalf("%v: %s%s", err, out, errs)
		}
		last := 0
		for _, f := range found {
			place := 2
			switch {
			case f.Reason == workspace.ReasonPlatformSuspect, strings.HasPrefix(f.Text, "the platform is "):
				place = 0
			case strings.HasPrefix(f.Text, "the webhook"):
				place = 1
			}
			if place < last {
				rt.Fatalf("%q comes too late:\n%s", f.Text, out)
			}
			last = place
		}
	})
}

var writeProblems = flag.Bool("problems", false, "write the fleets with which the console's tests compare its headline")

// The console counts the workspaces, and names the commands, that problems does: its tests read the same fleets, with
// what problems says of them.
func TestTheConsoleCountsWhatProblemsNames(t *testing.T) {
	const file = "../../functions/status/console/test/problems.json"
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	type fleetAndProblems struct {
		Fleet []map[string]any    `json:"fleet"`
		Need  string              `json:"need"`  // as problems ends
		Asked map[string][]string `json:"asked"` // the commands for each workspace by itself
		Order []string            `json:"order"` // the ids, worst first
		// Together is how many a repair of all would repair, where problems offers that.
		Together int `json:"together"`
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same fleets each time
	var all []fleetAndProblems
	for range 15 {
		fleet := anyFleet(random.IntN, now)
		_, need := needOf(fleet)
		one := fleetAndProblems{Need: need, Asked: map[string][]string{}}
		for id, commands := range commandsOfEach(problemsOf(fleet, filter{}, false)) {
			if commands = slices.DeleteFunc(commands, func(c string) bool { return c == "" }); len(commands) > 0 {
				one.Asked[id] = commands
			}
		}
		for _, ws := range worstFirst(fleet) {
			one.Order = append(one.Order, ws.ID)
		}
		for _, ws := range fleet {
			row := map[string]any{
				"id": ws.ID, "name": ws.ID, "status": ws.Status, "reason": ws.Reason, "since": ws.Since, "command": ws.Command,
				"inbox": ws.Inbox, "faulty_hop": ws.Hop, "action": ws.Action,
			}
			if ws.Problem != "" {
				row["problem"] = ws.Problem
			}
			if len(ws.Remarks) > 0 {
				row["remarks"] = ws.Remarks
			}
			one.Fleet = append(one.Fleet, row)
		}
		one.Together = offeredTogether(problemsOf(fleet, filter{}, false))
		all = append(all, one)
	}
	want, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	want = append([]byte(strings.ReplaceAll(string(want), "},{", "},\n{")), '\n')
	if *writeProblems {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("%s says something else (%v): go test ./cmd/rollcall -run %s -problems", file, err, t.Name())
	}
}
