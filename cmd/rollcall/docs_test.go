package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// inCode finds what a document marks as code: a span, a line of a block that is indented or fenced.
	inCode = regexp.MustCompile("`([^`\n]+(?:\n[^`\n]+)?)`|(?m:^(?:    (?:\\$ )?)?((?:\\.build/)?rollcall [a-z].*)$)")
	// leftOpen is what a reader may leave out, and what goes on.
	leftOpen = regexp.MustCompile(`\[[^\]]*\]|…`)
	// endOfCommand is where a command ends in a line of a shell.
	endOfCommand = regexp.MustCompile(`\s(?:#|\||[0-9]?>|<|&|;)|;`)
)

// Each command that a document names is there, with its flags. One that stands in a line to be copied is taken whole.
func TestCommandsInDocumentsAreTaken(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range append(files, "../../README.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range inCode.FindAllStringSubmatch(string(raw), -1) {
			line := strings.TrimPrefix(strings.Join(strings.Fields(found[1]+found[2]), " "), ".build/")
			line = leftOpen.ReplaceAllString(line, "")
			if at := endOfCommand.FindStringIndex(line); at != nil {
				line = line[:at[0]]
			}
			if words := strings.Fields(line); len(words) < 2 || words[0] != "rollcall" || strings.HasPrefix(words[1], "-") {
				continue
			}
			seen++
			if found[2] != "" {
				checkExample(t, "  "+line)
				continue
			}
			checkNamed(t, filepath.Base(file), strings.Fields(line)[1:])
		}
	}
	if seen < 100 {
		t.Errorf("%d commands were found in the documents", seen)
	}
}

// checkNamed checks a command that a sentence names, maybe without all that it needs: it is there, with these flags.
func checkNamed(t *testing.T, file string, words []string) {
	t.Helper()
	root := (&app{}).command()
	root.InitDefaultCompletionCmd(words...)
	cmd, _, err := root.Find(words)
	if err != nil || !cmd.HasParent() {
		t.Errorf("%s names rollcall %s, which is not there", file, strings.Join(words, " "))
		return
	}
	for _, word := range words {
		name, isFlag := strings.CutPrefix(word, "--")
		short, isShort := strings.CutPrefix(word, "-")
		switch {
		case isFlag && cmd.Flag(name) == nil && cmd.InheritedFlags().Lookup(name) == nil,
			!isFlag && isShort && len(short) == 1 && cmd.Flags().ShorthandLookup(short) == nil &&
				cmd.InheritedFlags().ShorthandLookup(short) == nil:
			t.Errorf("%s gives %s the flag %s, which it does not have", file, cmd.CommandPath(), word)
		}
	}
}
