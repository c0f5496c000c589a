package main

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

const threeOf = `{"workspaces": [
	{"id": "a", "status": "degraded", "reason": "credentials_rejected", "team": "red", "messages": {"dead": 1},
		"command": "rollcall repair a"},
	{"id": "b", "status": "offline", "reason": "credentials_rejected", "team": "blue",
		"command": "rollcall repair b --from 10.0.0.7"},
	{"id": "c", "status": "online", "reason": "healthy", "team": "red", "messages": {"expired": 2}},
	{"id": "gone", "status": "removed", "reason": "removed", "team": "red"}]}`

// asked runs the program with a person's answer; "": nobody can be asked. It returns what was posted.
func asked(t *testing.T, person string, args ...string) (posted []string, code int, out, errs string) {
	t.Helper()
	answers := on("GET /workspaces", answer{200, threeOf})
	for _, id := range []string{"a", "b", "c"} {
		answers["POST /workspaces/"+id+"/repair"] = []answer{{200, repaired}}
		answers["POST /workspaces/"+id+"/redrive"] = []answer{{200, `{"messages": []}`}}
		answers["POST /workspaces/"+id+"/pause"] = []answer{{200, `{"id": "` + id + `", "status": "paused"}`}}
	}
	p := &platform{answers: answers}
	server := httptest.NewServer(p)
	defer server.Close()
	t.Setenv("ROLLCALL_URL", server.URL)
	t.Setenv("ROLLCALL_TOKEN", "")
	var stdout, stderr bytes.Buffer
	if person == "" {
		code = run(t.Context(), args, nil, &stdout, &stderr)
	} else {
		code = run(t.Context(), args, strings.NewReader(person), &stdout, &stderr)
	}
	for _, call := range p.calls {
		if post, ok := strings.CutPrefix(call, "POST /workspaces/"); ok {
			name, _, _ := strings.Cut(post, " ")
			posted = append(posted, name)
		}
	}
	return posted, code, stdout.String(), stderr.String()
}

// A command for many is done to those that are picked, once, after a question where somebody can be asked.
func TestBulk(t *testing.T) {
	for name, c := range map[string]struct {
		args, person string
		posted       []string
		code         int
		says         string
	}{
		"a reason": {args: "repair --reason credentials_rejected --yes", posted: []string{"a/repair", "b/repair"}},
		"a reason, agreed": {
			args: "repair --reason credentials_rejected", person: "y\n", posted: []string{"a/repair", "b/repair"},
			says: "repair 2 workspaces: a, b\ngo on? [y/N] ",
		},
		"a reason, refused": {
			args: "repair --reason credentials_rejected", person: "\n", code: exitRefused, says: "nothing was done",
		},
		"a reason, not asked": {
			args: "repair --reason credentials_rejected --yes", person: "n\n", posted: []string{"a/repair", "b/repair"},
		},
		"a dry run": {args: "repair --reason credentials_rejected --dry-run", says: "repair would be done to 2 workspaces\n"},
		"a status":  {args: "pause --status degraded --yes", posted: []string{"a/pause"}},
		"a team":    {args: "pause --selector team=red --yes", posted: []string{"a/pause", "c/pause"}, says: "c is paused"},
		"the team":  {args: "pause --team red --yes", posted: []string{"a/pause", "c/pause"}},
		"a pattern": {args: "pause --selector id=[ab],team=red --yes", posted: []string{"a/pause"}},
		"several":   {args: "pause a b", person: "n\n", posted: []string{"a/pause", "b/pause"}},
		"one of several fails": {
			args: "pause a nosuch c", posted: []string{"a/pause", "nosuch/pause", "c/pause"}, code: exitRefused,
			says: "rollcall: pause failed for 1 of 3\n",
		},
		"all that lost mail": {args: "redrive --all -y", posted: []string{"a/redrive", "c/redrive"}},
		"what redrive would": {args: "redrive --all --dry-run", posted: []string{"a/redrive", "c/redrive"}},
		"all that need it": {
			args: "repair --all --yes", posted: []string{"a/repair", "b/repair"},
			says: "rollcall: left out, as no repair is asked for: c\n",
		},
		"all, from anywhere":  {args: "repair --all --yes --anyone", posted: []string{"a/repair", "b/repair"}},
		"none that needs it":  {args: "repair --status online --yes", says: "no workspace matches\n"},
		"nobody":              {args: "repair --reason error_rate -y", says: "no workspace matches\n"},
		"neither id nor flag": {args: "repair", code: exitUsage, says: "--team, --selector or --all\n"},
		"id and flag":         {args: "repair a --all", code: exitUsage, says: "not both"},
		"no such reason":      {args: "repair --reason tired", code: exitUsage, says: "must be one of"},
		"no such selector":    {args: "repair --selector colour=red", code: exitUsage, says: `not "colour=red"`},
		"no such pattern":     {args: "repair --selector id=[", code: exitUsage, says: `not "id=["`},
	} {
		t.Run(name, func(t *testing.T) {
			posted, code, out, errs := asked(t, c.person, strings.Fields(c.args)...)
			if !slices.Equal(posted, c.posted) || code != c.code || !strings.Contains(out+errs, c.says) {
				t.Errorf("exit %d, posted %q\n%s%s", code, posted, out, errs)
			}
		})
	}
}

// Each command that asks a person first changes nothing where nobody can be asked, and says how to agree beforehand.
func TestWhereNobodyCanBeAskedNothingIsDone(t *testing.T) {
	root, asking := (&app{}).command(), 0
	for _, cmd := range ours(root) {
		if cmd.Flags().Lookup("dry-run") == nil || cmd.Flags().Lookup("yes") == nil {
			continue
		}
		asking++
		for _, picks := range []string{"--all", "--reason credentials_rejected", "--status online", "--selector team=red"} {
			args := append([]string{cmd.Name()}, strings.Fields(picks)...)
			if cmd.Name() == "cancel" {
				args = append(args, "--from", "flooder")
			}
			posted, code, out, errs := asked(t, "", args...)
			if code != exitUsage || posted != nil || !strings.Contains(errs, "--yes") {
				t.Errorf("%q: exit %d, posted %q\n%s%s", args, code, posted, out, errs)
			}
		}
	}
	if asking < 7 {
		t.Errorf("%d commands ask first", asking)
	}
}

// What would be done to a workspace is shown with the same row, however it is picked; one that is not there is told.
func TestADryRunShowsWhomItIsFor(t *testing.T) {
	const demo = `{"id": "demo", "name": "Ada", "status": "degraded", "reason": "credentials_rejected",
		"command": "rollcall repair demo"}`
	for _, verb := range []string{"repair", "pause", "resume"} {
		p := &platform{answers: map[string][]answer{
			showDemo: {{200, demo}}, "GET /workspaces": {{200, `{"workspaces": [` + demo + `]}`}},
		}}
		_, named, errs := rollcall(t.Context(), t, p, verb, "demo", "--dry-run")
		_, picked, _ := rollcall(t.Context(), t, p, verb, "--selector", "id=demo", "--dry-run")
		if named != picked || !strings.Contains(named, "Ada") || slices.ContainsFunc(p.calls, isPost) {
			t.Errorf("%s of demo, %q\n%s%s\nof its selector\n%s", verb, p.calls, named, errs, picked)
		}
		code, out, errs := rollcall(t.Context(), t, p, verb, "nosuch", "--dry-run")
		if code != exitRefused || out != "" || slices.ContainsFunc(p.calls, isPost) {
			t.Errorf("%s of nobody: exit %d\n%s%s", verb, code, out, errs)
		}
	}
}

func isPost(call string) bool { return strings.HasPrefix(call, "POST ") }

// A repair of many does to each what its own verdict asks for, and leaves out, and names, those that it does not fit.
func TestARepairOfManyGuessesNoAddress(t *testing.T) {
	const fleet = `{"workspaces": [
		{"id": "named", "status": "degraded", "reason": "credentials_rejected",
			"command": "rollcall repair named --from 10.0.0.7"},
		{"id": "placed", "status": "degraded", "reason": "credentials_rejected", "command": "rollcall repair placed --show",
			"action": "place_credential", "hint": "it never used what it was given"},
		{"id": "waits", "status": "degraded", "reason": "credentials_rejected"}]}`
	for args, c := range map[string]struct {
		posted []string
		code   int
		says   string
	}{
		"": {
			[]string{`POST /workspaces/named/repair {"from":"10.0.0.7","told":true}`},
			exitRefused,
			"repair left 2 of 3 out",
		},
		" --anyone": {[]string{
			`POST /workspaces/named/repair {"anyone":true}`, `POST /workspaces/placed/repair {"anyone":true}`,
			`POST /workspaces/waits/repair {"anyone":true}`,
		}, 0, "waits: "},
		" --dry-run": {nil, 0, "placed is left out: a credential is to be placed: it never used what it was given"},
	} {
		p := &platform{answers: on("GET /workspaces", answer{200, fleet})}
		for _, id := range []string{"named", "placed", "waits"} {
			p.answers["POST /workspaces/"+id+"/repair"] = []answer{{200, repaired}}
		}
		line := strings.Fields("repair --reason credentials_rejected --yes" + args)
		code, out, errs := rollcall(t.Context(), t, p, line...)
		posted := slices.DeleteFunc(p.calls, func(call string) bool { return strings.HasPrefix(call, "GET ") })
		if code != c.code || !slices.Equal(posted, c.posted) || !strings.Contains(out+errs, c.says) {
			t.Errorf("%q: exit %d, posted %q\n%s%s", args, code, posted, out, errs)
		}
	}
}

// Why a repair of many leaves one out is what its verdict says, whatever that is: its next step, in words and as a
// command. The command that names an address is
// said where a repair knows none, and nowhere else.
func TestWhoIsLeftOutIsToldTheTrueReason(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	p := workspace.DefaultPolicy()
	apart := workspace.Create("w", token.Digest("x"), workspace.Poll, 1, now.Add(-time.Hour))
	for _, from := range []string{"10.0.0.1", "10.0.0.2"} {
		at := now.Add(-10 * time.Minute)
		apart = workspace.Observe(apart, workspace.Signal{Kind: workspace.SignalHeartbeat, From: from}, p, at)
	}
	for i := range 5 {
		apart, _ = workspace.Refuse(apart, workspace.Refusal{
			Kind: workspace.SignalHeartbeat, From: "10.0.0.1", Hash: token.Digest("old"), Issued: workspace.IssuedHere,
		}, p, now.Add(time.Duration(i-100)*time.Second))
	}
	damaged := workspace.Create("w", token.Digest("x"), workspace.Poll, 1, now.Add(-time.Hour))
	beat := workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}
	damaged = workspace.Observe(damaged, beat, p, now.Add(-10*time.Minute))
	for i := range 5 {
		refusal := workspace.Presenting(workspace.SignalHeartbeat, "10.0.0.1", `"x"`)
		damaged, _ = workspace.Refuse(damaged, refusal, p, now.Add(time.Duration(i-100)*time.Second))
	}
	facts := []workspace.Facts{apart, damaged}
	for _, some := range situations(now) {
		facts = append(facts, some...)
	}
	told, others := map[bool]int{}, map[string]int{}
	for _, f := range facts {
		v := workspace.Assess(f, p, now)
		ws := api.Workspace{ID: "w", Verdict: api.Verdict{
			Reason: v.Reason, Hint: v.Hint, Action: v.Action, Command: v.Command("w"),
		}}
		why := repairRequest{}.spares(ws)
		if lacksCredential(ws) && !repairs(ws) {
			others[ws.Action]++
			if !strings.Contains(why, v.Hint) || !strings.Contains(why, ws.Command) || ws.Command == "" {
				t.Errorf("%s: %q", v.Hint, why)
			}
		}
		if !strings.HasSuffix(ws.Command, " --show") {
			continue
		}
		_, unknown := f.WindowFor(now)
		named := strings.Contains(why, "rollcall repair w --from ADDR")
		told[named]++
		if !strings.Contains(why, v.Hint) || named != (v.Action == "repair") || named && unknown == nil {
			t.Errorf("%s, %s: %q, and an address is not known for: %v", v.Reason, v.Command("w"), why, unknown)
		}
	}
	two := "calls from 10.0.0.1 are refused: each of the two may be its agent"
	v := workspace.Assess(apart, p, now)
	why := repairRequest{}.spares(api.Workspace{ID: "w", Verdict: api.Verdict{
		Reason: v.Reason, Hint: v.Hint, Action: v.Action, Command: v.Command("w"),
	}})
	if told[true] < 2 || told[false] == 0 || others["restart"] == 0 || others["place_credential"] == 0 ||
		!strings.Contains(why, two) {
		t.Errorf("%v; of two addresses: %q", told, why)
	}
}

// As JSON, each result of a command for several is one line.
func TestBulkPrintsJSONLines(t *testing.T) {
	_, _, out, _ := asked(t, "", "pause", "a", "b", "-o", "json")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], `{"id":"b"`) {
		t.Errorf("%s", out)
	}
}

func TestStatusFilters(t *testing.T) {
	fleet := on("GET /workspaces", answer{200, threeOf})
	for name, c := range map[string]commandTest{
		"a reason": {args: "status --reason healthy --check", answers: fleet, out: "c "},
		"a selector": {
			args: "status --selector team=blue --check", answers: fleet, out: "b ", code: exitUnhealthy, errs: "b is",
		},
		"none": {
			args: "status --reason busy --selector mode=poll", answers: fleet,
			out: "no workspace fits --reason busy --selector mode=poll\n",
		},
		"a team": {args: "status --team blue --check", answers: fleet, out: "b ", code: exitUnhealthy, errs: "b is"},
		"several statuses": {
			args: "status --status offline,degraded --check", answers: fleet, out: "b ", code: exitUnhealthy,
			errs: "2 of 2 are not online",
		},
		"an ID and a filter": {
			args: "status a --team red", answers: fleet, code: exitUsage, errs: "not both\n  usage",
		},
	} {
		t.Run(name, c.run)
	}
}

// A shell is offered what a command takes: ids, messages, and the words of a flag.
func TestCompletion(t *testing.T) {
	answers := on("GET /workspaces", answer{200, threeOf})
	answers["GET /workspaces/a/messages"] = []answer{{200, `{"messages": [{"message_id": "m1", "state": "dead"}]}`}}
	for args, want := range map[string]string{
		"explain ":     "a\t, degraded\nb\t, offline\nc\t, online\ngone\t, removed\n:4\n",
		"explain g":    "gone\t, removed\n:4\n",
		"explain a ":   ":4\n",
		"pause a g":    "gone\t, removed\n:4\n",
		"redrive a ":   "m1\tdead\n:4\n",
		"status -o j":  "table\njson\n:4\n",
		"log --time u": "local\nutc\nrelative\n:4\n",
	} {
		command, begun, _ := cutLast(args)
		_, out, _ := rollcall(t.Context(), t, &platform{answers: answers},
			append(append([]string{"__complete"}, strings.Fields(command)...), begun)...)
		if out != want {
			t.Errorf("%q: %q, want %q", args, out, want)
		}
	}
}

// cutLast cuts a line at its last space.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndex(s, " ")
	return s[:i], s[i+1:], i >= 0
}

// The text of a message may come from standard input.
func TestSendReadsStandardInput(t *testing.T) {
	for in, want := range map[string]string{
		"hello\n": "hello", "two\nlines\r\n": "two\nlines", "\n": "", "\xff": "",
	} {
		got, err := messageText(strings.NewReader(in), []string{"-"})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if got, err := messageText(nil, []string{"a", "-"}); got != "a -" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := messageText(nil, []string{" "}); err == nil {
		t.Error("a message without a text is sent")
	}
}
