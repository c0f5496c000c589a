package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// A commit that changes no code of a function must not change its bundle, or each
// commit would deploy every function. Make's own commands build it, in two clones
// whose only difference is a commit, with Go's defaults.
func TestTwoCommitsBuildOneBundle(t *testing.T) {
	hashes := map[string]bool{}
	for range 2 {
		dir := copyOf(t, "functions/heartbeat")
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

// What a bundle may be: a function's start reads all of it, and makes its packages' values. The clients of DynamoDB and
// SQS alone are 7.7 MB and 5,700 allocations.
const (
	maxBundle = 11_000_000 // bytes, for arm64
	maxInits  = 7_000      // allocations before main
)

// A package that is linked by mistake, or a pattern that is costly to compile, shows here.
func TestBundlesAreSmall(t *testing.T) {
	dir := copyOf(t, "functions")
	built := func(arch string) []string {
		run(t, dir, "make", "build-functions", "LAMBDA_GOARCH="+arch)
		files, err := filepath.Glob(filepath.Join(dir, ".build/functions/*/bootstrap"))
		if err != nil || len(files) == 0 {
			t.Fatalf("nothing was built: %v", err)
		}
		return files
	}
	sizes := map[string]int64{}
	for _, file := range built("arm64") {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		sizes[file] = info.Size()
	}
	for _, file := range built(runtime.GOARCH) {
		name, inits := filepath.Base(filepath.Dir(file)), inits(t, file)
		t.Logf("%-9s %5.1f MB, %5d allocations before main", name, float64(sizes[file])/1e6, inits)
		if sizes[file] > maxBundle || inits > maxInits {
			t.Errorf("%s has more than %d bytes, or than %d allocations before main", name, maxBundle, maxInits)
		}
	}
}

// inits is how many allocations a function's packages make before its main, as the Go runtime counts them.
func inits(t *testing.T, file string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), file)
	cmd.Env = []string{"GODEBUG=inittrace=1"} // and none of the settings that it needs: it ends at once
	out, _ := cmd.CombinedOutput()
	all := 0
	for _, found := range regexp.MustCompile(`(?m)^init .* (\d+) allocs$`).FindAllSubmatch(out, -1) {
		n, err := strconv.Atoi(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		all += n
	}
	if all == 0 {
		t.Fatalf("%s told of no allocations: %s", file, out)
	}
	return all
}

// copyOf is a new folder with what make build-functions needs, and these functions.
func copyOf(t *testing.T, functions string) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"go.mod", "go.sum", "Makefile", "shared", functions} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, part)), 0o755); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "cp", "-r", root(t, part), filepath.Join(dir, part))
	}
	return dir
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
