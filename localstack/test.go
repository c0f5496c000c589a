package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// endToEnd is the package of the tests that need a platform.
const endToEnd = "./localstack/proofs/e2e"

// The campaign of faults that test runs.
const (
	shortCampaignSeed   = 1
	shortCampaignFaults = 80
)

// test runs everything that must pass. It goes on after a failure and reports all
// of them, except that nothing is started if go vet fails.
func test(ctx context.Context, dirs emulator.Dirs) error {
	if err := vet(ctx, dirs); err != nil {
		return err
	}
	return errors.Join(
		testOnLocalStack(ctx, dirs, "./..."),
		testFuzzing(ctx, dirs),
		testOnMinistack(ctx, dirs),
		testStories(ctx, dirs),
		testShortCampaign(ctx, dirs),
		twoStages(ctx, dirs),
		provokeAlarms(ctx, dirs),
	)
}

func vet(ctx context.Context, dirs emulator.Dirs) error {
	cmd := exec.CommandContext(ctx, "go", "vet", "./...")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dirs.Root, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go vet: %w", err)
	}
	return nil
}

// testOnLocalStack runs go test with these arguments beside a platform on LocalStack.
func testOnLocalStack(ctx context.Context, dirs emulator.Dirs, args ...string) error {
	p, err := platform.Start(ctx, platform.Options{
		Kind: emulator.LocalStack, Addr: loopback, Dirs: dirs, Settings: testSettings(),
	})
	if err != nil {
		return err
	}
	defer p.Close()
	return goTest(ctx, p, dirs, args...)
}

// endToEndTests runs the end-to-end tests that RUN selects, all without it.
func endToEndTests(ctx context.Context, dirs emulator.Dirs) error {
	return testOnLocalStack(ctx, dirs, "-v", "-run", os.Getenv("RUN"), endToEnd)
}

// testOnMinistack plays the existing clients' sequences, and then runs the API's
// tests through ministack's own HTTP API, which LocalStack lacks.
func testOnMinistack(ctx context.Context, dirs emulator.Dirs) error {
	p, err := startConformancePlatform(ctx, emulator.Ministack, dirs)
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Println("the existing clients, on ministack:")
	played := p.play(ctx)
	if p.URL, err = p.Deployment.HTTPAPI(p.Emulator); err != nil {
		return err
	}
	fmt.Println("through the deployed HTTP API of ministack:")
	return errors.Join(played, goTest(ctx, p.Platform, dirs, "-run", "TestAPI", endToEnd))
}

func testFuzzing(ctx context.Context, dirs emulator.Dirs) error {
	fmt.Println("fuzz targets, on inputs that nobody thought of:")
	return fuzz(ctx, dirs)
}

func testStories(ctx context.Context, dirs emulator.Dirs) error {
	fmt.Println("what goes wrong with agents and credentials, on ministack:")
	return playStories(ctx, emulator.Ministack, dirs)
}

func testShortCampaign(ctx context.Context, dirs emulator.Dirs) error {
	fmt.Println("a short campaign of faults, on ministack:")
	return runCampaign(ctx, emulator.Ministack, dirs, shortCampaignSeed, shortCampaignFaults)
}

// goTest runs go test with a platform under test: ROLLCALL_PLATFORM names the file
// that package e2e reads.
func goTest(ctx context.Context, p *platform.Platform, dirs emulator.Dirs, args ...string) error {
	file := dirs.State("test-" + string(p.Emulator.Kind) + ".json")
	if err := writeJSON(file, map[string]any{
		"url": p.URL, "operator_token": p.OperatorToken, "endpoint": p.Emulator.Endpoint, "kind": p.Emulator.Kind,
		"env": p.Deployment.Env["rollcall-dispatch"], "functions": p.Deployment.Functions,
		"agent": dirs.Built("agent"), "cli": dirs.Built("rollcall"),
		"pid": p.Emulator.PID(), "max_open": maxOpen,
	}); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-count=1", "-timeout=40m"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dirs.Root, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "ROLLCALL_PLATFORM="+file)
	return cmd.Run()
}
