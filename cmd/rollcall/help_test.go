package main

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ours are all commands but those that cobra brings.
func ours(root *cobra.Command) (all []*cobra.Command) {
	for _, cmd := range root.Commands() {
		if name := cmd.Name(); name != "help" && name != "completion" {
			all = append(append(all, cmd), ours(cmd)...)
		}
	}
	return all
}

// Each command says what it is for and how it is used, in lines that fit a terminal, and each example is taken.
func TestEachCommandHasHelp(t *testing.T) {
	root := (&app{}).command()
	unused := maps.Clone(helpTexts)
	for _, cmd := range ours(root) {
		path := cmd.CommandPath()
		delete(unused, strings.TrimPrefix(path, "rollcall "))
		if first, _ := utf8.DecodeRuneInString(cmd.Short); !unicode.IsUpper(first) || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: its line in the list is %q", path, cmd.Short)
		}
		if !strings.HasSuffix(cmd.Long, ".") {
			t.Errorf("%s: its text is %q", path, cmd.Long)
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", path)
		}
		for example := range strings.Lines(cmd.Example) {
			if !strings.Contains(example+" ", path+" ") && !strings.HasSuffix(strings.TrimSpace(example), path) {
				t.Errorf("%s: the example %q is of another command", path, example)
			}
			checkExample(t, example)
		}
		checkFits(t, cmd)
	}
	for example := range strings.Lines(root.Example) {
		checkExample(t, example)
	}
	checkFits(t, root)
	if len(unused) > 0 {
		t.Errorf("texts of commands that are not there: %v", slices.Sorted(maps.Keys(unused)))
	}
}

// checkExample reads a command line as the program does, and does not run it.
func checkExample(t *testing.T, line string) {
	t.Helper()
	root := (&app{}).command()
	words := shellWords(strings.TrimSpace(line))
	if len(words) == 0 || words[0] != "rollcall" || !strings.HasPrefix(line, "  ") {
		t.Errorf("the example %q is no command line", line)
		return
	}
	cmd, rest, err := root.Find(words[1:])
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err == nil {
		err = cmd.ValidateRequiredFlags()
	}
	if err == nil {
		err = cmd.ValidateFlagGroups()
	}
	if err != nil || !cmd.Runnable() {
		t.Errorf("the example %q: %v", line, err)
	}
}

// shellWords are the words of a command line, up to a redirection.
func shellWords(line string) (words []string) {
	line, _, _ = strings.Cut(line, " < ")
	for _, word := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(word, `"`))
	}
	return words
}

// checkFits reads the help of a command: no line is too long, and each flag is explained.
func checkFits(t *testing.T, cmd *cobra.Command) {
	t.Helper()
	var help bytes.Buffer
	cmd.SetOut(&help)
	if err := cmd.Help(); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(help.String()) {
		if line = strings.TrimRight(line, "\n"); utf8.RuneCountInString(line) > helpWidth {
			t.Errorf("%s: longer than %d: %q", cmd.CommandPath(), helpWidth, line)
		}
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Usage == "" {
			t.Errorf("%s --%s is not explained", cmd.CommandPath(), f.Name)
		}
		// Whoever reads of a duration is shown one: its default, or another.
		if f.Value.Type() == "duration" && f.DefValue == "" && !regexp.MustCompile(`\d[smhd]\b`).MatchString(f.Usage) {
			t.Errorf("%s --%s takes a duration, and shows none", cmd.CommandPath(), f.Name)
		}
	})
}

func TestADurationIsBrief(t *testing.T) {
	for text, want := range map[string]string{
		"24h": "24h", "3m": "3m", "90s": "1m30s", "1h30m": "1h30m", "10s": "10s", "1h0m5s": "1h0m5s", "20m": "20m",
		"100ms": "100ms",
	} {
		lasts, err := time.ParseDuration(text)
		if got := briefly(lasts); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", text, got, want, err)
		}
	}
}
