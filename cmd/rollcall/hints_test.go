package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The places whose texts are for programs, which make calls: what no route matches, the log of changes, and delegation,
// which is an agent's.
var forPrograms = []string{
	"functions/status/notfound.go", "shared/statuslog/follow.go", "functions/enqueue/delegate.go", "shared/api/",
	"shared/proof/", "shared/client/",
}

// texts are the strings that Go files of a folder are written with, by file, without those of tests and of the table of
// routes.
func texts(t *testing.T, folders ...string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, folder := range folders {
		eachFile(t, folder, func(path string, file *ast.File) {
			ast.Inspect(file, func(n ast.Node) bool {
				if text, ok := joined(n); ok {
					found[path] = append(found[path], text)
					return false
				}
				return true
			})
		})
	}
	return found
}

// joined is a string, also one that is written in several parts; of a part that is not written out, "x" stands for it.
func joined(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(n.Value)
		return text, err == nil && n.Kind == token.STRING
	case *ast.BinaryExpr:
		left, isText := joined(n.X)
		right, isTextToo := joined(n.Y)
		if n.Op != token.ADD || (!isText && !isTextToo) {
			return "", false
		}
		if !isText {
			left = "x"
		}
		if !isTextToo {
			right = "x"
		}
		return left + right, true
	}
	return "", false
}

// A text for people names commands, and no call of the API.
func TestTextsForPeopleNameNoCalls(t *testing.T) {
	sentence := regexp.MustCompile(`[a-z,:(] ?(GET|POST|PUT|DELETE) /[a-z]`)
	for file, all := range texts(t, "shared", "functions") {
		if startsWith(file, forPrograms) {
			continue
		}
		for _, text := range all {
			if sentence.MatchString(text) {
				t.Errorf("%s names a call: %s", file, text)
			}
		}
	}
}

// Who is told that a request is malformed is told how to write it, and of no flag that does more than was asked for.
func TestAMalformedRequestIsAnsweredWithNoUnsafeFlag(t *testing.T) {
	unsafe := regexp.MustCompile(`--(anyone|force|yes|all|purge)\b`)
	seen := 0
	for _, folder := range []string{"shared", "functions"} {
		eachFile(t, folder, func(path string, file *ast.File) {
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				with, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || with.Sel.Name != "WithHint" || !ofInvalidRequest(with.X) {
					return true
				}
				seen++
				if hint, _ := joined(call.Args[0]); unsafe.MatchString(hint) {
					t.Errorf("%s: a malformed request is answered with %q", path, hint)
				}
				return true
			})
		})
	}
	if seen == 0 {
		t.Error("no malformed request has a hint")
	}
}

// breaks are words that say what an unsafe flag breaks.
var breaks = regexp.MustCompile(`\b(ends?|erased|refused|whoever registers)\b`)

// A text that offers a flag that breaks something says what it breaks before it names the flag. What has a usage, an
// example or a quotation of another's text is none.
func TestAnUnsafeFlagIsOfferedAfterWhatItBreaks(t *testing.T) {
	unsafe := regexp.MustCompile(`--(anyone|force|yes|purge|reset-credentials)\b`)
	seen := 0
	for file, all := range texts(t, "shared", "functions", "cmd/rollcall") {
		if file == "cmd/rollcall/help.go" || file == "cmd/rollcall/bulk.go" { // the usage itself
			continue
		}
		for _, text := range all {
			at := unsafe.FindStringIndex(text)
			if at == nil || !strings.Contains(text, " x ") && !strings.Contains(strings.TrimSpace(text), " ") {
				continue // no text of several words
			}
			if seen++; !breaks.MatchString(text[:at[0]]) {
				t.Errorf("%s offers an unsafe flag, and does not say before what it breaks: %s", file, text)
			}
		}
	}
	if seen < 5 {
		t.Errorf("%d texts that offer an unsafe flag are found", seen)
	}
}

// ofInvalidRequest reports whether an expression makes the fault of a malformed request.
func ofInvalidRequest(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "InvalidRequest" {
			found = true
		}
		return !found
	})
	return found
}

// eachFile parses the Go files of a folder, without those of tests.
func eachFile(t *testing.T, folder string, see func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("../..", folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			see(filepath.ToSlash(strings.TrimPrefix(path, "../../")), file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func startsWith(file string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(file, prefix) {
			return true
		}
	}
	return false
}

// namedCommand finds commands of this program in a text, with what follows on them.
var namedCommand = regexp.MustCompile(`rollcall ([a-z]+)((?: (?:--)?[%A-Za-z0-9\[\]_.-]+)*)`)

// Each command that a text names is there, with the flags that the text gives it.
func TestCommandsInTextsExist(t *testing.T) {
	seen := 0
	for file, all := range texts(t, "shared", "functions", "cmd") {
		for _, text := range all {
			for _, m := range namedCommand.FindAllStringSubmatch(text, -1) {
				cmd, _, err := (&app{}).command().Find([]string{m[1]})
				if err != nil || !cmd.HasParent() {
					if !notCommands[m[1]] {
						t.Errorf("%s names rollcall %s, which is not there: %s", file, m[1], text)
					}
					continue
				}
				seen++
				checkFlags(t, file, cmd, strings.Fields(m[2]))
			}
		}
	}
	if seen < 50 {
		t.Errorf("%d commands were found in the texts", seen)
	}
}

func checkFlags(t *testing.T, file string, cmd *cobra.Command, words []string) {
	t.Helper()
	for _, word := range words {
		if sub, _, err := cmd.Find([]string{word}); err == nil && sub != cmd {
			cmd = sub
		}
		name, isFlag := strings.CutPrefix(strings.TrimRight(word, "."), "--")
		if isFlag && name != "" && cmd.Flag(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
			t.Errorf("%s gives %s the flag %s, which it does not have", file, cmd.CommandPath(), word)
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, needed := f.Annotations[cobra.BashCompOneRequiredFlag]; needed && !slices.Contains(words, "--"+f.Name) {
			t.Errorf("%s names %s without --%s, which it needs: %v", file, cmd.CommandPath(), f.Name, words)
		}
	})
}

var (
	// copied finds what the console shows beside a copy button: a text between tags, or one with values in it.
	copied = regexp.MustCompile("<Command[^>]*>(rollcall [^<]*)</Command>|`(rollcall [^`]*)`")
	// filledIn is a value in a text of the console.
	filledIn    = regexp.MustCompile(`\$\{[^}]*\}`)
	placeholder = regexp.MustCompile(`\b[A-Z]{2,}\b`)
)

// Each command that the console shows is taken as it is copied.
func TestCommandsOfTheConsoleAreTaken(t *testing.T) {
	files, err := filepath.Glob("../../functions/status/console/src/*.ts*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range copied.FindAllStringSubmatch(string(raw), -1) {
			line := filledIn.ReplaceAllStringFunc(found[1]+found[2], func(value string) string {
				if strings.Contains(value, "?") {
					return "" // a flag that may be left out
				}
				return "x"
			})
			if line = strings.Join(strings.Fields(line), " "); strings.HasPrefix(line, "rollcall webhook x") {
				continue // its verb is a value too
			}
			seen++
			if checkExample(t, "  "+line); placeholder.MatchString(line) {
				t.Errorf("%s shows %s, which is to be filled in first", filepath.Base(file), line)
			}
		}
		for _, m := range namedCommand.FindAllStringSubmatch(string(raw), -1) {
			if cmd, _, err := (&app{}).command().Find([]string{m[1]}); err == nil && cmd.HasParent() {
				checkFlags(t, filepath.Base(file), cmd, strings.Fields(m[2]))
			}
		}
	}
	if seen < 15 {
		t.Errorf("%d commands were found in the console", seen)
	}
}

// notCommands are words that follow on the program's name in a sentence, and "x" for what is not written out.
var notCommands = map[string]bool{"answers": true, "x": true}
