package shared_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
)

// named is a path of this repository in a document: `shared/chat/next.go`.
var named = regexp.MustCompile("`((?:functions|infra|shared|events|localstack|docs|cmd|examples)/[^`\\s*<>…]*)`")

func TestEachPathInADocumentExists(t *testing.T) {
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents = append(append(documents, more...), "../README.md", "../CONTRIBUTING.md")
	paths := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllStringSubmatch(string(text), -1) {
			paths++
			if _, err := os.Stat(filepath.Join("..", strings.TrimSuffix(match[1], "/"))); err != nil {
				t.Errorf("%s names %s, which is not there", strings.TrimPrefix(document, "../"), match[1])
			}
		}
	}
	if paths < 50 {
		t.Errorf("the documents name %d paths: the pattern misses them", paths)
	}
}

// docs/canvas.md shows the page that is tested in a browser.
func TestTheDocumentShowsTheCanvas(t *testing.T) {
	text, err := os.ReadFile("../docs/canvas.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../examples/canvas/index.html")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```html\n"+string(page)+"```\n") {
		t.Error("docs/canvas.md must show examples/canvas/index.html as it is")
	}
}

// docs/security.md has the table of who may call what, as the operations have it.
func TestTheDocumentSaysWhoMayCall(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	operations := api.Operations()
	slices.SortFunc(operations, func(a, b *api.Operation) int {
		pathOf := func(o *api.Operation) string { _, path, _ := strings.Cut(o.Route, " "); return path }
		return cmp.Or(strings.Compare(pathOf(a), pathOf(b)), strings.Compare(a.Route, b.Route))
	})
	var table strings.Builder
	for _, o := range operations {
		fmt.Fprintf(&table, "| `%s` | %s |\n", o.Route, o.Access.Words())
	}
	if !strings.Contains(string(text), table.String()) {
		t.Errorf("docs/security.md must have this table:\n%s", table.String())
	}
}
