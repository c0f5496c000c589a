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

// The end of the time, which go test reports as a failure when it comes in the middle of an input, is none. An input
// that fails is one, also when the time ends with it.
func TestTheEndOfTheTimeIsNoFailure(t *testing.T) {
	const ended = "fuzz: elapsed: 2m0s, execs: 87717 (0/sec), new interesting: 139 (total: 182)\n" +
		"--- FAIL: FuzzCalls (120.12s)\n    context deadline exceeded\nFAIL\n"
	const broken = "--- FAIL: FuzzCalls (0.03s)\n    --- FAIL: FuzzCalls (0.00s)\n        a_test.go:3: answered 500, " +
		"context deadline exceeded\n\n    Failing input written to testdata/fuzz/FuzzCalls/06ba\n"
	for said, want := range map[string]bool{
		ended: true, broken + "FAIL\n": false, broken + ended: false, "panic: x\n": false,
	} {
		if got := timeIsUp([]byte(said)); got != want {
			t.Errorf("%q: %t", said, got)
		}
	}
}
