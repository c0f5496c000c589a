package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// formerNames are what the code called a thing before it had the term of docs/concepts.md, by that term. These are
// names in code: what is stored keeps its name.
var formerNames = map[string]*regexp.Regexp{
	"notice":       regexp.MustCompile(`^([oO]wes|[sS]end)Word$`),
	"outbox":       regexp.MustCompile(`[eE]rrand`),
	"activity log": regexp.MustCompile(`[lL]ogbook`),
	"reconcile":    regexp.MustCompile(`[rR]ecount`),
}

// Code and documents have one term for each thing: no name in the code is a former one of what has a term.
func TestNamesInCodeAreTheTerms(t *testing.T) {
	concepts, err := os.ReadFile("../docs/concepts.md")
	if err != nil {
		t.Fatal(err)
	}
	for term := range formerNames {
		if !strings.Contains(string(concepts), "*"+term+"*") {
			t.Errorf("docs/concepts.md does not explain %s", term)
		}
	}
	for _, folder := range []string{".", "../functions", "../cmd", "../infra"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if name, ok := n.(*ast.Ident); ok {
					for term, former := range formerNames {
						if former.MatchString(name.Name) {
							t.Errorf("%s: %s is a former name of the %s", path, name.Name, term)
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
