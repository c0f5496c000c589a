package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/rollcall/rollcall/shared/registry"
)

// ofLibraries are words of the libraries that read a command line.
var ofLibraries = regexp.MustCompile(
	`strconv|arg\(s\)|flag\(s\)|flags in the group|time: |invalid (argument|syntax|duration)|parsing "`)

// isWrong runs a command line that is wrong, and says so in words that are not a library's.
func isWrong(t *testing.T, says string, args ...string) {
	t.Helper()
	p := &platform{}
	code, out, errs := rollcall(t.Context(), t, p, args...)
	if code != exitUsage || len(p.calls) > 0 || ofLibraries.MatchString(errs) || !strings.Contains(errs, says) {
		t.Errorf("rollcall %q: exit %d, %q\n%s%s", args, code, p.calls, out, errs)
	}
}

// Whatever is wrong with a command line, no command says it in the words of a library.
func TestWrongUsageIsToldInPlainWords(t *testing.T) {
	root, values := (&app{}).command(), 0
	for _, cmd := range ours(root) {
		if !cmd.Runnable() {
			continue
		}
		path := strings.Fields(cmd.CommandPath())[1:]
		for _, args := range [][]string{{}, {"demo"}, strings.Fields("1 2 3 4 5 6 7 8 9")} {
			if cmd.Args != nil && cmd.Args(cmd, args) != nil {
				isWrong(t, "", append(append([]string{}, path...), args...)...)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, value := range []string{"abc", "99999999999999999999999999", "-1x"} {
				if f.Value.Set(value) != nil {
					values++
					isWrong(t, "--"+f.Name, append(append([]string{}, path...), "--"+f.Name+"="+value)...)
				}
			}
		})
	}
	if values < 100 {
		t.Errorf("only %d wrong values were found", values)
	}
}

func TestWrongUsageSaysWhatIsMeant(t *testing.T) {
	for line, says := range map[string]string{
		"repair demo --from 192.0.2.1 --show": "--from and --show exclude each other: " +
			"give one of --from, --anyone and --show\n",
		"explain":                          "rollcall explain lacks ID\n",
		"send demo":                        "rollcall send lacks TEXT\n",
		"explain demo twice":               `rollcall explain does not take "twice"`,
		"problems demo":                    "for one workspace: rollcall explain demo\n",
		"token create --name ana":          "it lacks --scope\n",
		"events --since abc":               `--since must be a whole number, not "abc"`,
		"cost --poll abc":                  `--poll must be a time like 1h, 5m or 30s, not "abc"`,
		"create x --max-tasks 0":           "--max-tasks: it must be a whole number from 1 to 64",
		"create x --max-tasks 65":          "--max-tasks: it must be a whole number from 1 to 64",
		"enrol --uses 0":                   "--uses: it must be a whole number from 1 to 10000",
		"status --status offline,degradid": "must be one of: online",
	} {
		isWrong(t, says, strings.Fields(line)...)
	}
}

// A number that the program bounds has the bound of the call's member in the OpenAPI document, and a token's uses that
// of the platform: what the platform takes is refused by no flag.
func TestBoundsOfFlagsAreThoseOfTheAPI(t *testing.T) {
	text, err := os.ReadFile("../../functions/status/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Minimum, Maximum float64 }
			}
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	members := map[string][2]string{
		"rollcall create --max-tasks": {"CreateRequest", "max_concurrent_tasks"},
		"rollcall adopt --max-tasks":  {"CreateRequest", "max_concurrent_tasks"},
		"rollcall enrol --uses":       {"EnrolmentRequest", "uses"},
	}
	for _, cmd := range ours((&app{}).command()) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			b, ok := f.Value.(bounded)
			if !ok {
				return
			}
			name := cmd.CommandPath() + " --" + f.Name
			in := document.Components.Schemas[members[name][0]].Properties[members[name][1]]
			delete(members, name)
			if float64(b.most) != in.Maximum || float64(b.least) != max(in.Minimum, 1) {
				t.Errorf("%s is from %d to %d, and not as the call's member: %+v", name, b.least, b.most, in)
			}
			if f.Name == "uses" && b.most != registry.EnrolmentUses {
				t.Errorf("a token has %d uses at most, and %s takes %d", registry.EnrolmentUses, name, b.most)
			}
		})
	}
	if len(members) > 0 {
		t.Errorf("these are not bounded: %v", members)
	}
}

// A list that is empty because of what was asked for does not say that there is nothing yet.
func TestAnEmptyListSaysOfWhat(t *testing.T) {
	for line, c := range map[string]struct{ route, answer, says string }{
		"history demo":            {"GET /workspaces/demo/history", `{"history": []}`, "nothing yet\n"},
		"history demo --since 2h": {"GET /workspaces/demo/history", `{"history": []}`, "nothing in the last 2h\n"},
		"audit --since 7d":        {"GET /audit", `{"history": []}`, "nothing in the last 168h\n"},
		"events":                  {"GET /events", `{"events": [], "next": 9}`, "nothing yet\n"},
		"events --since 9":        {"GET /events", `{"events": [], "next": 9}`, "nothing after 9\n"},
	} {
		commandTest{args: line, answers: on(c.route, answer{200, c.answer}), out: c.says}.run(t)
	}
}

// Who is told that the platform may be at fault is told when it last swept, also while that is well.
func TestASuspectPlatformSaysWhenItLastSwept(t *testing.T) {
	const fleet = `{"workspaces": [{"id": "demo", "status": "unknown", "reason": "platform_suspect",
		"problem": "platform", "hint": "wait"}]}`
	commandTest{
		args: "problems", code: exitUnhealthy, errs: "1 problem", out: "the last sweep ended 9s ago",
		answers: map[string][]answer{
			"GET /workspaces": {{200, fleet}},
			"GET /healthz":    {{200, `{"status": "ok", "sweeper": "the last sweep ended 9s ago"}`}},
			"GET /webhooks":   {{200, `{"webhooks": []}`}},
		},
	}.run(t)
}
