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
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rollcall/rollcall/localstack/chaos"
	"github.com/rollcall/rollcall/localstack/conformance"
	"github.com/rollcall/rollcall/localstack/faults"
	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/scenario"
	"github.com/rollcall/rollcall/localstack/wire"
	"github.com/rollcall/rollcall/shared/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	verbs := map[string]func(context.Context, platform.Dirs) error{"run": run, "test": test, "incident": incident, "conformance": conform, "scenarios": scenarios, "chaos": chaosCampaign, "bench": bench}
	verb := verbs[strings.Join(os.Args[1:], " ")]
	if verb == nil {
		fmt.Fprintln(os.Stderr, "usage: local run|test|incident|conformance|scenarios|chaos|bench")
		os.Exit(2)
	}
	root, err := os.Getwd()
	if err == nil {
		err = verb(ctx, platform.Dirs{Root: root})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rollcall:", err)
		os.Exit(1)
	}
}

func kindOf() platform.Kind {
	if k := os.Getenv("EMULATOR"); k != "" {
		return platform.Kind(k)
	}
	return platform.Ministack
}

func run(ctx context.Context, d platform.Dirs) error {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	s, err := up(ctx, kindOf(), "127.0.0.1:"+port, d, options{data: d.State("data")})
	if err != nil {
		return err
	}
	defer s.close()
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
`, s.URL, relative(d, file))
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "\nstopping")
			return nil
		case <-s.emulator.Exited():
			fmt.Fprintf(os.Stderr, "%s ended (its log is %s); starting it again\n", s.emulator.Kind, relative(d, s.emulator.Log()))
			if err := s.raise(ctx); err != nil {
				return err
			}
		}
	}
}

func relative(d platform.Dirs, path string) string {
	if r, err := filepath.Rel(d.Root, path); err == nil {
		return r
	}
	return path
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
func incident(ctx context.Context, d platform.Dirs) error {
	var local client.Local
	if raw, err := os.ReadFile(d.State("local.json")); err == nil && json.Unmarshal(raw, &local) == nil {
		if r, err := local.Do(ctx, "GET", "/healthz", "", nil); err == nil && r.Status == http.StatusOK {
			return scenario.Incident(ctx, local, d.Built("agent"), os.Stdout)
		}
	}
	s, err := up(ctx, kindOf(), "127.0.0.1:0", d, options{})
	if err != nil {
		return err
	}
	defer s.close()
	return scenario.Incident(ctx, s.Local, d.Built("agent"), os.Stdout)
}

// maxOpen is how many messages an inbox takes on platforms under test: few, so
// that the limit can be gone to.
const maxOpen = 24

// conform plays the existing clients' sequences on a platform of its own.
func conform(ctx context.Context, d platform.Dirs) error {
	s, play, err := conformSite(ctx, kindOf(), d)
	if err != nil {
		return err
	}
	defer s.close()
	return play(ctx)
}

// conformSite is a platform whose store can be taken away and whose emulator can
// be killed, as the sequences do.
func conformSite(ctx context.Context, kind platform.Kind, d platform.Dirs) (*site, func(context.Context) error, error) {
	data := d.State("conformance")
	if err := os.RemoveAll(data); err != nil {
		return nil, nil, err
	}
	var away atomic.Bool
	s, err := up(ctx, kind, "127.0.0.1:0", d, options{data: data, settings: testSettings(), layers: []wire.Layer{storeAway(&away)}})
	if err != nil {
		return nil, nil, err
	}
	return s, func(ctx context.Context) error {
		return conformance.Run(ctx, conformance.Platform{
			Local: s.Local, MaxOpen: maxOpen, Store: func(up bool) { away.Store(!up) },
			Restart: func(ctx context.Context) error { s.emulator.Kill(); return s.raise(ctx) },
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
func scenarios(ctx context.Context, d platform.Dirs) error { return scenariosOn(ctx, kindOf(), d) }

func scenariosOn(ctx context.Context, kind platform.Kind, d platform.Dirs) error {
	var away atomic.Bool
	s, err := up(ctx, kind, "127.0.0.1:0", d, options{settings: scenario.Settings(), layers: []wire.Layer{storeAway(&away)}})
	if err != nil {
		return err
	}
	defer s.close()
	return scenario.Status(ctx, scenario.Platform{Local: s.Local, Store: func(up bool) { away.Store(!up) }, Clock: s.setClock, Schedule: s.schedule}, os.Stdout)
}

// chaosCampaign plays a campaign on a platform of its own.
func chaosCampaign(ctx context.Context, d platform.Dirs) error {
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

func chaosOn(ctx context.Context, kind platform.Kind, d platform.Dirs, seed uint64, n int) error {
	var s *site
	injector := faults.New(seed, func(function string) { platform.KillFunction(s.emulator.PID(), function) })
	var err error
	if s, err = up(ctx, kind, "127.0.0.1:0", d, options{settings: chaos.Settings(), layers: []wire.Layer{injector.Layer}}); err != nil {
		return err
	}
	defer s.close()
	if err := s.trace(ctx); err != nil {
		return err
	}
	err = chaos.Run(ctx, chaos.Config{Local: s.Local, Seed: seed, Faults: n, Injector: injector, Clock: s.setClock, Sweep: s.sweep, Out: os.Stdout})
	return errors.Join(err, s.keepLogs(ctx, d.State("chaos.log")))
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
func testEnv(s *site, d platform.Dirs) ([]string, error) {
	file := d.State("test-" + string(s.emulator.Kind) + ".json")
	err := write(file, map[string]any{
		"url": s.URL, "operator_token": s.OperatorToken, "endpoint": s.emulator.Endpoint, "kind": s.emulator.Kind,
		"env": s.deployment.Env["rollcall-dispatch"], "agent": d.Built("agent"), "cli": d.Built("rollcall"), "pid": s.emulator.PID(), "max_open": maxOpen,
	})
	return append(os.Environ(), "ROLLCALL_PLATFORM="+file), err
}

func goTest(ctx context.Context, d platform.Dirs, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.Root, env, os.Stdout, os.Stderr
	return cmd.Run()
}

func test(ctx context.Context, d platform.Dirs) error {
	vet := exec.CommandContext(ctx, "go", "vet", "./...")
	vet.Dir, vet.Stdout, vet.Stderr = d.Root, os.Stdout, os.Stderr
	if err := vet.Run(); err != nil {
		return fmt.Errorf("go vet: %w", err)
	}
	onLocalStack := func() error {
		s, err := up(ctx, platform.LocalStack, "127.0.0.1:0", d, options{settings: testSettings()})
		if err != nil {
			return err
		}
		defer s.close()
		env, err := testEnv(s, d)
		if err != nil {
			return err
		}
		return goTest(ctx, d, env, "-count=1", "./...")
	}
	onMinistack := func() error {
		s, play, err := conformSite(ctx, platform.Ministack, d)
		if err != nil {
			return err
		}
		defer s.close()
		fmt.Println("the existing clients, on ministack:")
		played := play(ctx)
		if s.URL, err = platform.HTTPAPI(ctx, s.emulator); err != nil {
			return err
		}
		env, err := testEnv(s, d)
		if err != nil {
			return err
		}
		fmt.Println("through the deployed HTTP API of ministack:")
		return errors.Join(played, goTest(ctx, d, env, "-count=1", "-run", "TestAPI", "./localstack/e2e"))
	}
	shortCampaign := func() error {
		fmt.Println("a short campaign of faults, on ministack:")
		return chaosOn(ctx, platform.Ministack, d, 1, 80)
	}
	stories := func() error {
		fmt.Println("what goes wrong with agents and credentials, on ministack:")
		return scenariosOn(ctx, platform.Ministack, d)
	}
	return errors.Join(onLocalStack(), onMinistack(), stories(), shortCampaign())
}

func bench(ctx context.Context, d platform.Dirs) error {
	s, err := up(ctx, platform.LocalStack, "127.0.0.1:0", d, options{settings: testSettings()})
	if err != nil {
		return err
	}
	defer s.close()
	env, err := testEnv(s, d)
	if err != nil {
		return err
	}
	return goTest(ctx, d, env, "-count=1", "-v", "-run", "TestBudget", "./localstack/e2e")
}
