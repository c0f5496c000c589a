package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFuzzTargetsAreFoundWhereverTheyStand(t *testing.T) {
	root := t.TempDir()
	const text = "package p\n\nfunc FuzzA(f *testing.F) {}\n\nfunc FuzzB(f *testing.F) {}\n\nfunc Fuzz(f *testing.F) {}\n"
	for _, file := range []string{
		"a/a_test.go", "a/b/c_test.go", "a/b/c.go", ".tools/x_test.go", "w/node_modules/x_test.go",
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := fuzzTargets(root)
	want := map[string][]string{"a": {"FuzzA", "FuzzB"}, filepath.Join("a", "b"): {"FuzzA", "FuzzB"}}
	if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := fuzzTargets(t.TempDir()); err == nil {
		t.Errorf("none are no error: %v", got)
	}
	if all, err := fuzzTargets(".."); err != nil || len(all) < 10 {
		t.Errorf("of this checkout: %v, %v", all, err)
	}
}
