package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A commit that changes no code of a function must not change its bundle, or each
// commit would deploy every function. Make's own commands build it, in two clones
// whose only difference is a commit, with Go's defaults.
func TestTwoCommitsBuildOneBundle(t *testing.T) {
	hashes := map[string]bool{}
	for range 2 {
		dir := t.TempDir()
		for _, part := range []string{"go.mod", "go.sum", "Makefile", "shared", "functions/heartbeat"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, part)), 0o755); err != nil {
				t.Fatal(err)
			}
			run(t, dir, "cp", "-r", root(t, part), filepath.Join(dir, part))
		}
		for range 1 + len(hashes) {
			run(t, dir, "git", "init", "--quiet")
			run(t, dir, "git", "add", ".")
			run(t, dir, "git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet",
				"--allow-empty", "--message", "a commit")
		}
		run(t, dir, "make", "build-functions")
		bundle, err := os.ReadFile(filepath.Join(dir, ".build/functions/heartbeat/bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(bundle)
		hashes[hex.EncodeToString(sum[:])] = true
	}
	if len(hashes) != 1 {
		t.Errorf("two commits of the same code build %v", hashes)
	}
}

// root is a path in the checkout.
func root(t *testing.T, part string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", part))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a command in a folder, with Go's own configuration.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOENV=off", "GOFLAGS=", "GIT_CONFIG_GLOBAL=/dev/null", "MAKEFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
