package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
)

// lesson is a block of commands of a page, and what it says that they print.
type lesson struct {
	commands string
	prints   []string
}

// block is a fenced block of a document: its language and its content.
var block = regexp.MustCompile("(?s)```(sh|text)\n(.*?)```")

// lessons reads a page of docs, with an id of nobody else's workspace for the one that it has.
func lessons(t *testing.T, page, id string) (out []lesson) {
	t.Helper()
	raw, err := os.ReadFile("../../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), id, id+"-"+uuid.NewString()[:8])
	for _, b := range block.FindAllStringSubmatch(text, -1) {
		switch {
		case b[1] == "sh":
			out = append(out, lesson{commands: b[2]})
		case len(out) == 0:
			t.Fatalf("%s prints before its first command: %s", page, b[2])
		default:
			out[len(out)-1].prints = strings.Split(strings.TrimSpace(b[2]), "\n")
		}
	}
	return out
}

// shown reads the commands that the README shows, with what they print. The ids, times and counts that it prints are of
// one day: see plain.
func shown(t *testing.T, id string) (out []lesson) {
	t.Helper()
	raw, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(raw), "demo", id), "\n") {
		line, indented := strings.CutPrefix(line, "    ")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case !indented:
		case isCommand:
			out = append(out, lesson{commands: command})
		case len(out) > 0 && !passing.MatchString(line):
			out[len(out)-1].prints = append(out[len(out)-1].prints, plain(line))
		}
	}
	return out
}

// passing are lines of a message on its way: it may be delivered before anybody sees it wait.
var passing = regexp.MustCompile(`^(queued|waits): `)

// ofOneDay is what a command prints otherwise each time.
var ofOneDay = regexp.MustCompile(
	`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d+[smh] ago|:\d{4,5}\b`)

// plain is a line without what it prints otherwise each time, and without the width of its columns.
func plain(line string) string {
	return strings.Join(strings.Fields(ofOneDay.ReplaceAllString(line, "-")), " ")
}

// A reader types the commands of the tutorial one after the other, and sees what it says.
func TestTheTutorialHolds(t *testing.T) {
	follow(t, on(t), lessons(t, "tutorial.md", "tutorial"), func(printed string) string { return printed })
}

// Who writes a client types the commands of the page, with an agent that runs, and sees what it says.
func TestThePageForUsersHolds(t *testing.T) {
	all := lessons(t, "users.md", "demo")
	id := regexp.MustCompile(`demo-[0-9a-f]{8}`).FindString(all[0].commands)
	if len(all) != 4 {
		t.Fatalf("it has %d blocks of commands", len(all))
	}
	all[0].commands = "mkdir -p .rollcall\n" +
		".build/agent -id " + id + " -token-file .rollcall/" + id + ".token >/dev/null 2>&1 &\n" +
		"until .build/rollcall explain " + id + " 2>&1 | grep -q 'It is well'; do sleep 1; done\n" + all[0].commands
	all[len(all)-1].commands += "\nkill $!"
	follow(t, on(t), all, func(printed string) string { return printed })
}

// A reader types the commands of the README, and sees what it shows.
func TestTheREADMEHolds(t *testing.T) {
	id := "readme-" + uuid.NewString()[:8]
	all := shown(t, id)
	if len(all) != 4 {
		t.Fatalf("it shows %d commands", len(all))
	}
	all[0].commands = "exec 2>&1; mkdir -p .rollcall\n" + all[0].commands + // as make run does; and a reader waits
		"\nuntil .build/rollcall explain " + id + " 2>&1 | grep -q 'It is well'; do sleep 1; done"
	all[len(all)-1].commands += "\nkill $!"
	follow(t, on(t), all, func(printed string) string {
		lines := strings.Split(printed, "\n")
		for i, line := range lines {
			lines[i] = plain(line)
		}
		return strings.Join(lines, "\n")
	})
}

// follow runs the commands of lessons in one shell, and compares what they print, read in this way, with what they say.
func follow(t *testing.T, s *platformUnderTest, all []lesson, read func(printed string) string) {
	t.Helper()
	here := t.TempDir()
	if err := os.Mkdir(filepath.Join(here, ".build"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"agent": s.Agent, "rollcall": s.CLI} {
		if err := os.Symlink(program, filepath.Join(here, ".build", name)); err != nil {
			t.Fatal(err)
		}
	}
	var script strings.Builder
	for i, l := range all {
		fmt.Fprintf(&script, "%s\necho '<<< %d >>>'\n", l.commands, i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script.String())
	shell.Dir = here
	shell.Env = append(os.Environ(), "ROLLCALL_URL="+s.URL, "ROLLCALL_TOKEN="+s.OperatorToken)
	var out, errs bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &errs
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what is left in the background ends with the test
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	t.Cleanup(func() {
		if shell.Process != nil {
			_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) // as a rule none is left
		}
	})
	if err := shell.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &errs)
	}
	rest := out.String()
	for i, l := range all {
		printed, after, ok := strings.Cut(rest, fmt.Sprintf("<<< %d >>>\n", i))
		if !ok {
			t.Fatalf("the shell ended early:\n%s%s", &out, &errs)
		}
		rest = after
		if missing := missingFrom(read(printed), l.prints); missing != "" {
			t.Errorf("these commands do not print %q:\n%s\nbut\n%s%s", missing, l.commands, printed, &errs)
		}
	}
}

// missingFrom is the first line that was not printed in this order; "": none. Other lines may stand between them, and
// … stands for anything.
func missingFrom(printed string, lines []string) string {
	actual := strings.Split(printed, "\n")
	for _, line := range lines {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$")
		for len(actual) > 0 && !pattern.MatchString(actual[0]) {
			actual = actual[1:]
		}
		if len(actual) == 0 {
			return line
		}
		actual = actual[1:]
	}
	return ""
}
