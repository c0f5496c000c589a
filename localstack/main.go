// Command localstack runs Rollcall on this machine: an emulator, the CDK stack
// deployed onto it, and the front door. The Makefile calls it:
//
//	run       the platform in the foreground
//	test      go test over everything, on LocalStack, then the API on ministack's own HTTP API
//	incident  the incident, on a running platform or one of its own
//	conformance  the existing clients' sequences
//	scenarios    stories of what goes wrong with agents and credentials
//	chaos     a seeded campaign of faults (SEED=, FAULTS=)
//	bench     what each operation costs
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/localstack/proofs/chaos"
	"github.com/rollcall/rollcall/localstack/proofs/conformance"
	"github.com/rollcall/rollcall/localstack/proofs/faults"
	"github.com/rollcall/rollcall/localstack/proofs/scenario"
	"github.com/rollcall/rollcall/shared/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	verbs := map[string]func(context.Context, emulator.Dirs) error{"run": run, "test": test, "incident": incident, "conformance": conform, "scenarios": scenarios, "chaos": chaosCampaign, "bench": bench}
	verb := verbs[strings.Join(os.Args[1:], " ")]
	if verb == nil {
		fmt.Fprintln(os.Stderr, "usage: local run|test|incident|conformance|scenarios|chaos|bench")
		os.Exit(2)
	}
	root, err := os.Getwd()
	if err == nil {
		err = verb(ctx, emulator.Dirs{Root: root})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rollcall:", err)
		os.Exit(1)
	}
}

func kindOf() emulator.Kind {
	if k := os.Getenv("EMULATOR"); k != "" {
		return emulator.Kind(k)
	}
	return emulator.Ministack
}

func run(ctx context.Context, d emulator.Dirs) error {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	s, err := platform.Start(ctx, platform.Options{Kind: kindOf(), Addr: "127.0.0.1:" + port, Dirs: d, Data: d.State("data")})
	if err != nil {
		return err
	}
	defer s.Close()
	file := d.State("local.json")
	if err := write(file, s.Local); err != nil {
		return err
	}
	defer os.Remove(file)
	fmt.Printf(`
Rollcall is at %[1]s  (console: the same address in a browser; API: %[1]s/docs)
The operator credential is in %[2]s. Ctrl-C stops everything; what was
accepted is kept for the next run (make clean forgets it).

Try, in another terminal (an agent, and the command-line program):
  .build/agent -platform %[1]s -id demo -token-file .rollcall/demo.token -journal .rollcall/demo.jsonl &
  .build/rollcall status
  .build/rollcall send demo hello
  .build/rollcall explain demo
`, s.URL, d.Relative(file))
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "\nstopping")
			return nil
		case <-s.Emulator.Exited():
			fmt.Fprintf(os.Stderr, "%s ended (its log is %s); starting it again\n", s.Emulator.Kind, d.Relative(s.Emulator.Log()))
			if err := s.Restart(ctx); err != nil {
				return err
			}
		}
	}
}

func write(file string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o600)
}

// incident plays on the platform of .rollcall/local.json if it answers, else on
// one of its own.
func incident(ctx context.Context, d emulator.Dirs) error {
	var local client.Local
	if raw, err := os.ReadFile(d.State("local.json")); err == nil && json.Unmarshal(raw, &local) == nil {
		if r, err := local.Do(ctx, "GET", "/healthz", "", nil); err == nil && r.Status == http.StatusOK {
			return scenario.Incident(ctx, local, d.Built("agent"), os.Stdout)
		}
	}
	s, err := platform.Start(ctx, platform.Options{Kind: kindOf(), Addr: "127.0.0.1:0", Dirs: d})
	if err != nil {
		return err
	}
	defer s.Close()
	return scenario.Incident(ctx, s.Local, d.Built("agent"), os.Stdout)
}

// maxOpen is how many messages an inbox takes on platforms under test: few, so
// that the limit can be gone to.
const maxOpen = 24

// conform plays the existing clients' sequences on a platform of its own.
func conform(ctx context.Context, d emulator.Dirs) error {
	s, play, err := conformSite(ctx, kindOf(), d)
	if err != nil {
		return err
	}
	defer s.Close()
	return play(ctx)
}

// conformSite is a platform whose store can be taken away and whose emulator can
// be killed, as the sequences do.
func conformSite(ctx context.Context, kind emulator.Kind, d emulator.Dirs) (*platform.Platform, func(context.Context) error, error) {
	data := d.State("conformance")
	if err := os.RemoveAll(data); err != nil {
		return nil, nil, err
	}
	var away atomic.Bool
	s, err := platform.Start(ctx, platform.Options{Kind: kind, Addr: "127.0.0.1:0", Dirs: d, Data: data, Settings: testSettings(), Layers: []wire.Layer{storeAway(&away)}})
	if err != nil {
		return nil, nil, err
	}
	return s, func(ctx context.Context) error {
		return conformance.Run(ctx, conformance.Platform{
			Local: s.Local, MaxOpen: maxOpen, Store: func(up bool) { away.Store(!up) },
			Restart: func(ctx context.Context) error { s.Emulator.Kill(); return s.Restart(ctx) },
		}, os.Stdout)
	}, nil
}

// storeAway is a store that can be taken away.
func storeAway(away *atomic.Bool) wire.Layer {
	return func(_ context.Context, c wire.Call, next func(wire.Call) wire.Answer) wire.Answer {
		if away.Load() && c.Service == "DynamoDB" {
			return wire.Fault(http.StatusInternalServerError, "InternalServerError", "the store is away")
		}
		return next(c)
	}
}

// scenarios plays the stories of package scenario on a platform of its own.
func scenarios(ctx context.Context, d emulator.Dirs) error { return scenariosOn(ctx, kindOf(), d) }

func scenariosOn(ctx context.Context, kind emulator.Kind, d emulator.Dirs) error {
	var away atomic.Bool
	s, err := platform.Start(ctx, platform.Options{Kind: kind, Addr: "127.0.0.1:0", Dirs: d, Settings: scenario.Settings(), Layers: []wire.Layer{storeAway(&away)}})
	if err != nil {
		return err
	}
	defer s.Close()
	return scenario.Status(ctx, scenario.Platform{Local: s.Local, Store: func(up bool) { away.Store(!up) }, Clock: s.SetClock, Schedule: s.SetSchedule}, os.Stdout)
}

// chaosCampaign plays a campaign on a platform of its own.
func chaosCampaign(ctx context.Context, d emulator.Dirs) error {
	seed, err := number("SEED", uint64(time.Now().UnixNano()%1e6))
	if err != nil {
		return err
	}
	n, err := number("FAULTS", 300)
	if err != nil {
		return err
	}
	return chaosOn(ctx, kindOf(), d, seed, int(n))
}

func chaosOn(ctx context.Context, kind emulator.Kind, d emulator.Dirs, seed uint64, n int) error {
	var s *platform.Platform
	injector := faults.New(seed, func(function string) { emulator.KillFunction(s.Emulator.PID(), function) })
	var err error
	if s, err = platform.Start(ctx, platform.Options{Kind: kind, Addr: "127.0.0.1:0", Dirs: d, Settings: chaos.Settings(), Layers: []wire.Layer{injector.Layer}}); err != nil {
		return err
	}
	defer s.Close()
	if err := s.TraceInvocations(ctx); err != nil {
		return err
	}
	err = chaos.Run(ctx, chaos.Config{Local: s.Local, Seed: seed, Faults: n, Injector: injector, Clock: s.SetClock, Sweep: s.Sweep, Out: os.Stdout})
	return errors.Join(err, s.KeepLogs(ctx, d.State("chaos.log")))
}

func number(name string, def uint64) (uint64, error) {
	text := os.Getenv(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s must be a whole number, not %q", name, text)
	}
	return n, nil
}

func testSettings() map[string]string {
	return map[string]string{"ROLLCALL_MAX_OPEN": strconv.Itoa(maxOpen)}
}

// Environment of the tests that need a platform; see package e2e.
func testEnv(s *platform.Platform, d emulator.Dirs) ([]string, error) {
	file := d.State("test-" + string(s.Emulator.Kind) + ".json")
	err := write(file, map[string]any{
		"url": s.URL, "operator_token": s.OperatorToken, "endpoint": s.Emulator.Endpoint, "kind": s.Emulator.Kind,
		"env": s.Deployment.Env["rollcall-dispatch"], "agent": d.Built("agent"), "cli": d.Built("rollcall"), "pid": s.Emulator.PID(), "max_open": maxOpen,
	})
	return append(os.Environ(), "ROLLCALL_PLATFORM="+file), err
}

func goTest(ctx context.Context, d emulator.Dirs, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.Root, env, os.Stdout, os.Stderr
	return cmd.Run()
}

func test(ctx context.Context, d emulator.Dirs) error {
	vet := exec.CommandContext(ctx, "go", "vet", "./...")
	vet.Dir, vet.Stdout, vet.Stderr = d.Root, os.Stdout, os.Stderr
	if err := vet.Run(); err != nil {
		return fmt.Errorf("go vet: %w", err)
	}
	onLocalStack := func() error {
		s, err := platform.Start(ctx, platform.Options{Kind: emulator.LocalStack, Addr: "127.0.0.1:0", Dirs: d, Settings: testSettings()})
		if err != nil {
			return err
		}
		defer s.Close()
		env, err := testEnv(s, d)
		if err != nil {
			return err
		}
		return goTest(ctx, d, env, "-count=1", "./...")
	}
	onMinistack := func() error {
		s, play, err := conformSite(ctx, emulator.Ministack, d)
		if err != nil {
			return err
		}
		defer s.Close()
		fmt.Println("the existing clients, on ministack:")
		played := play(ctx)
		if s.URL, err = deploy.HTTPAPI(ctx, s.Emulator); err != nil {
			return err
		}
		env, err := testEnv(s, d)
		if err != nil {
			return err
		}
		fmt.Println("through the deployed HTTP API of ministack:")
		return errors.Join(played, goTest(ctx, d, env, "-count=1", "-run", "TestAPI", "./localstack/proofs/e2e"))
	}
	shortCampaign := func() error {
		fmt.Println("a short campaign of faults, on ministack:")
		return chaosOn(ctx, emulator.Ministack, d, 1, 80)
	}
	stories := func() error {
		fmt.Println("what goes wrong with agents and credentials, on ministack:")
		return scenariosOn(ctx, emulator.Ministack, d)
	}
	return errors.Join(onLocalStack(), onMinistack(), stories(), shortCampaign())
}

func bench(ctx context.Context, d emulator.Dirs) error {
	s, err := platform.Start(ctx, platform.Options{Kind: emulator.LocalStack, Addr: "127.0.0.1:0", Dirs: d, Settings: testSettings()})
	if err != nil {
		return err
	}
	defer s.Close()
	env, err := testEnv(s, d)
	if err != nil {
		return err
	}
	return goTest(ctx, d, env, "-count=1", "-v", "-run", "TestBudget", "./localstack/proofs/e2e")
}
