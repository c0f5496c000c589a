package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// shortFuzzing is how many inputs each fuzz target gets in make test: a number, so that a slow machine tries as many.
const shortFuzzing = "1000x"

// fuzzPatience is how much longer than asked a target may take: it hangs then.
const fuzzPatience = 5 * time.Minute

// fuzz gives each fuzz target inputs that nobody thought of, as many or for as long as FUZZTIME says. It goes on after
// a failure and reports all of them.
func fuzz(ctx context.Context, dirs emulator.Dirs) error {
	amount := cmp.Or(os.Getenv("FUZZTIME"), shortFuzzing)
	targets, err := fuzzTargets(dirs.Root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dirs.Built("fuzz"), 0o755); err != nil {
		return err
	}
	var failed []error
	for _, folder := range slices.Sorted(maps.Keys(targets)) {
		program := dirs.Built("fuzz", strings.ReplaceAll(folder, string(filepath.Separator), "_")+".test")
		build := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz=.", "-o", program, "./"+filepath.ToSlash(folder))
		build.Dir, build.Stdout, build.Stderr = dirs.Root, os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			failed = append(failed, fmt.Errorf("build the fuzz targets of %s: %w", folder, err))
			continue
		}
		for _, name := range targets[folder] {
			failed = append(failed, fuzzOne(ctx, dirs, program, folder, name, amount))
		}
	}
	return errors.Join(failed...)
}

// fuzzOne runs one target in its package's folder, where go test puts an input that fails.
func fuzzOne(ctx context.Context, dirs emulator.Dirs, program, folder, name, amount string) error {
	limit := fuzzPatience
	if lasts, err := time.ParseDuration(amount); err == nil {
		limit += lasts
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found, err := os.MkdirTemp(dirs.Built("fuzz"), "found-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(found)
	run := exec.CommandContext(ctx, program, "-test.run=^$", "-test.fuzz=^"+name+"$", "-test.fuzztime="+amount,
		"-test.fuzzminimizetime=100x", "-test.fuzzcachedir="+found)
	run.Dir = filepath.Join(dirs.Root, folder)
	began := time.Now()
	if said, err := run.CombinedOutput(); err != nil && !timeIsUp(said) {
		return fmt.Errorf("%s of %s: %w\n%s%s", name, folder, err, said, failingInput(run.Dir, said))
	}
	fmt.Printf("  %-16s %-28s %s, %.1f s\n", name, folder, amount, time.Since(began).Seconds())
	return nil
}

// endedByTime is all that a target says when its time ends in the middle of an input: Go before 1.27 may take that for
// a failure (golang/go#75804).
var endedByTime = regexp.MustCompile(`--- FAIL: Fuzz\w+ \([0-9.]+s\)\n    context deadline exceeded\nFAIL\n$`)

// timeIsUp reports whether a target failed by nothing but the end of its time.
func timeIsUp(said []byte) bool { return endedByTime.Match(said) && !inputFile.Match(said) }

var inputFile = regexp.MustCompile(`Failing input written to (\S+)`)

// failingInput is the input that a target has failed on, from what it said: a machine that is gone tomorrow has the
// only copy.
func failingInput(folder string, said []byte) string {
	match := inputFile.FindSubmatch(said)
	if match == nil {
		return ""
	}
	file := filepath.Join(folder, string(match[1]))
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s, a seed once the code is mended:\n%s", file, text)
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)

// fuzzTargets are the names of the fuzz targets below root, by the folder that they are in.
func fuzzTargets(root string) (map[string][]string, error) {
	targets := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case entry.IsDir(), !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, match := range fuzzTarget.FindAllSubmatch(text, -1) {
			targets[folder] = append(targets[folder], string(match[1]))
		}
		return err
	})
	if err == nil && len(targets) == 0 {
		err = fmt.Errorf("no fuzz target is below %s", root)
	}
	return targets, err
}
