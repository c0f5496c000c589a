package main

import (
	"os"
	"strings"
	"testing"
)

// Each block of code on the agents' page is a part of an example, line by line, so that it is what the end-to-end tests
// run. A block may be indented less than its part of the example.
func TestThePageShowsTheExamples(t *testing.T) {
	code := ""
	for _, file := range []string{
		"../poll-python/agent.py", "../push-typescript/agent.mjs", "a2a.go", "lifecycle.go", "verify.go", "credential.go",
	} {
		code += flat(t, file)
	}
	blocks := strings.Split(flat(t, "../../docs/agents.md"), "\n```")
	if len(blocks) < 11 || len(blocks)%2 == 0 {
		t.Fatalf("the page has %d lines that begin or end a block of code", len(blocks)-1)
	}
	for i := 1; i < len(blocks); i += 2 {
		_, block, _ := strings.Cut(blocks[i], "\n") // after the name of its language
		if block == "" || !strings.Contains(code, "\n"+block+"\n") {
			t.Errorf("this block is in no example:\n%s", block)
		}
	}
}

// flat is a file without what its lines begin with: indentation, and the marks of a comment.
func flat(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flat := "\n"
	for line := range strings.Lines(string(raw)) {
		flat += strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "//")) + "\n"
	}
	return flat
}
