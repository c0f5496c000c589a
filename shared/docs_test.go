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
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// named is a path of this repository in a document: `shared/chat/next.go`.
var named = regexp.MustCompile("`((?:functions|infra|shared|events|localstack|docs|cmd|examples)/[^`\\s*<>…]*)`")

// documents are the files that people read.
func documents(t *testing.T) []string {
	t.Helper()
	out := []string{"../README.md", "../CONTRIBUTING.md", "../SECURITY.md"}
	for _, pattern := range []string{"../docs/*.md", "../docs/decisions/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}

// Each decision stands once in the list of decisions, with its title.
func TestEachDecisionIsListedOnce(t *testing.T) {
	list, err := os.ReadFile("../docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../docs/decisions/0*.md")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d decisions: %v", len(files), err)
	}
	for _, file := range files {
		number, _, _ := strings.Cut(filepath.Base(file), "-")
		line := fmt.Sprintf("- [%s](%s) ", number, filepath.Base(file))
		if n := strings.Count(string(list), line); n != 1 {
			t.Errorf("%s is listed %d times", filepath.Base(file), n)
		}
	}
}

func TestEachPathInADocumentExists(t *testing.T) {
	paths := 0
	for _, document := range documents(t) {
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

// longest is how many words a paragraph has at most, so that it is read once.
const longest = 120

// notProse is what is no paragraph: a block of code, a row of a table, what is indented.
var (
	fenced   = regexp.MustCompile("(?s)```.*?```")
	notProse = regexp.MustCompile(`(?m)^(?:\||    ).*$`)
	// item begins an item of a list, which is a paragraph of its own.
	item = regexp.MustCompile(`(?m)^\s*(?:[-*]|\d+\.) `)
)

func TestNoParagraphIsLong(t *testing.T) {
	paragraphs := 0
	for _, document := range documents(t) {
		raw, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		text := notProse.ReplaceAllString(fenced.ReplaceAllString(string(raw), ""), "")
		text = item.ReplaceAllString(text, "\n\n")
		for paragraph := range strings.SplitSeq(text, "\n\n") {
			words := strings.Fields(paragraph)
			if len(words) > 0 {
				paragraphs++
			}
			if len(words) > longest {
				t.Errorf("%s: a paragraph has %d words: %s …", strings.TrimPrefix(document, "../"), len(words),
					strings.Join(words[:12], " "))
			}
		}
	}
	if paragraphs < 300 {
		t.Errorf("the documents have %d paragraphs: the pattern misses them", paragraphs)
	}
}

// linked is a link to a document or to a heading in one.
var linked = regexp.MustCompile(`\]\(([^)\s]*\.md)?(#[^)\s]+)?\)`)

// anchors are the headings of a document, as a link names them.
func anchors(t *testing.T, document string) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(raw), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		out["#"+strings.ReplaceAll(name, " ", "-")] = true
	}
	return out
}

func TestEachLinkOfADocumentLeadsSomewhere(t *testing.T) {
	links := 0
	for _, document := range documents(t) {
		raw, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range linked.FindAllStringSubmatch(string(raw), -1) {
			links++
			to := document
			if link[1] != "" {
				to = filepath.Join(filepath.Dir(document), link[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", document, link[1])
			} else if link[2] != "" && !anchors(t, to)[link[2]] {
				t.Errorf("%s links to %s%s, and there is no such heading", document, link[1], link[2])
			}
		}
	}
	if links < 100 {
		t.Errorf("the documents have %d links: the pattern misses them", links)
	}
}

// docs/agents.md says what an agent does for each action of an error.
func TestTheDocumentExplainsEachAction(t *testing.T) {
	raw, err := os.ReadFile("../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "## What to do on an error")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range httpapi.Meanings() {
		for _, action := range m.Actions {
			if !strings.Contains(section, "`"+string(action)+"`") {
				t.Errorf("docs/agents.md does not say what to do for %s, with which %s comes", action, m.Code)
			}
		}
	}
}

// docs/operate.md says of each reason what it looks like, in the words of explain, and what to do.
func TestTheDocumentExplainsEachReason(t *testing.T) {
	raw, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(raw)), " ")
	for _, reason := range workspace.Reasons() {
		heading := regexp.MustCompile(`(?m)^### .*` + "`" + string(reason) + "`")
		if !heading.Match(raw) {
			t.Errorf("docs/operate.md has no section for %s", reason)
		}
		if says := (workspace.Verdict{Reason: reason}).Summary(); !strings.Contains(text, says) {
			t.Errorf("docs/operate.md must say what %s looks like: %s", reason, says)
		}
	}
}

// docs/operate.md has the reasons in the order in which rollcall status and the console show them.
// The status that a section names first is that of its reasons; a hold's status has the name of its reason.
func TestTheDocumentHasTheReasonsWorstFirst(t *testing.T) {
	raw, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sections, _ := strings.Cut(string(raw), "## What a reason means")
	sections, _, _ = strings.Cut(sections, "### Beside the reason")
	named := regexp.MustCompile("`([a-z_]+)`")
	looks := regexp.MustCompile(`\*\*Looks like\*\*: ([a-z]+)`)
	last, before, seen := -1, "", 0
	for section := range strings.SplitSeq(sections, "\n### ") {
		heading, text, _ := strings.Cut(section, "\n")
		for _, m := range named.FindAllStringSubmatch(heading, -1) {
			status := m[1]
			if says := looks.FindStringSubmatch(text); says != nil {
				status = says[1]
			}
			if !slices.Contains(workspace.Status("").Choices(), status) {
				t.Errorf("%s looks like %s, which is no status", m[1], status)
			}
			rank := workspace.Severity(workspace.Status(status), workspace.Reason(m[1]))
			if rank < last {
				t.Errorf("%s comes after %s, and is looked at before it", m[1], before)
			}
			last, before = rank, m[1]
			seen++
		}
	}
	if seen != len(workspace.Reasons()) {
		t.Errorf("%d reasons have a section, of %d", seen, len(workspace.Reasons()))
	}
}
