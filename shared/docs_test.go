package shared_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
