// Command localstack runs Rollcall on this machine: an emulator, the CDK stack
// deployed onto it, and the front door. The Makefile calls it:
//
//	run       the platform in the foreground
//	test      go test over everything, on LocalStack, then the API on ministack's own HTTP API
//	incident  the incident, on a running platform or one of its own
//	bench     what each operation costs
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/rollcall/rollcall/localstack/client"
	"github.com/rollcall/rollcall/localstack/frontdoor"
	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/scenario"
	"github.com/rollcall/rollcall/shared/token"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	verbs := map[string]func(context.Context, platform.Dirs) error{"run": run, "test": test, "incident": incident, "bench": bench}
	verb := verbs[strings.Join(os.Args[1:], " ")]
	if verb == nil {
		fmt.Fprintln(os.Stderr, "usage: local run|test|incident|bench")
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

// site is a platform that is up.
type site struct {
	client.Local
	emulator   *platform.Emulator
	deployment *platform.Deployment
	server     *http.Server
}

func (s *site) close() {
	if s.server != nil {
		_ = s.server.Close()
	}
	s.emulator.Stop()
}

// up starts an emulator, deploys, and serves the front door at addr. It says
// what it does on standard error.
func up(ctx context.Context, kind platform.Kind, addr string, d platform.Dirs) (*site, error) {
	l, err := net.Listen("tcp", addr) // first: a taken port is best known before a minute's work
	if err != nil {
		return nil, fmt.Errorf("can't serve at %s: %w (PORT= chooses another port)", addr, err)
	}
	start := time.Now()
	note := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%5.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
	note("starting %s", kind)
	e, err := platform.Start(ctx, kind, d)
	if err != nil {
		l.Close()
		return nil, err
	}
	s := &site{emulator: e}
	fail := func(err error) (*site, error) { l.Close(); s.close(); return nil, err }
	note("deploying the stack with cdk")
	operatorToken, hash := token.Mint(token.Operator)
	if s.deployment, err = platform.Deploy(ctx, e, d, hash); err != nil {
		return fail(err)
	}
	routes, err := frontdoor.Routes(s.deployment.Template)
	if err != nil {
		return fail(err)
	}
	s.Local = client.Local{URL: "http://" + l.Addr().String(), OperatorToken: operatorToken}
	s.server = &http.Server{Handler: frontdoor.New(routes, lambda.NewFromConfig(platform.Client(e.Endpoint))), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }()
	if err := client.Until(ctx, time.Minute, func() error {
		r, err := s.Do(ctx, "GET", "/healthz", "", nil)
		if err == nil && r.Status != http.StatusOK {
			err = fmt.Errorf("/healthz answers %d: %s", r.Status, r.Raw)
		}
		return err
	}); err != nil {
		return fail(err)
	}
	note("ready")
	return s, nil
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
	s, err := up(ctx, kindOf(), "127.0.0.1:"+port, d)
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
Rollcall is at %[1]s  (console: the same address in a browser)
The operator credential is in %[2]s. Ctrl-C stops everything.

Try:
  TOKEN=$(python3 -c 'import json; print(json.load(open("%[2]s"))["operator_token"])')
  curl -s -X POST %[1]s/workspaces -H "authorization: Bearer $TOKEN" -d '{"id":"demo","name":"demo"}'
  curl -s -X POST %[1]s/workspaces/demo/a2a -d '{"message":{"parts":[{"kind":"text","text":"hello"}]}}'
  curl -s %[1]s/workspaces/demo
`, s.URL, relative(d, file))
	select {
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "\nstopping")
		return nil
	case <-s.emulator.Exited():
		return fmt.Errorf("%s ended by itself; its log is %s", s.emulator.Kind, s.emulator.Log())
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
	s, err := up(ctx, kindOf(), "127.0.0.1:0", d)
	if err != nil {
		return err
	}
	defer s.close()
	return scenario.Incident(ctx, s.Local, d.Built("agent"), os.Stdout)
}

// Environment of the tests that need a platform; see package e2e.
func testEnv(s *site, d platform.Dirs) ([]string, error) {
	file := d.State("test-" + string(s.emulator.Kind) + ".json")
	err := write(file, map[string]any{
		"url": s.URL, "operator_token": s.OperatorToken, "endpoint": s.emulator.Endpoint, "kind": s.emulator.Kind,
		"env": s.deployment.Env["rollcall-dispatch"], "agent": d.Built("agent"), "pid": s.emulator.PID(),
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
		s, err := up(ctx, platform.LocalStack, "127.0.0.1:0", d)
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
	onHTTPAPI := func() error {
		s, err := up(ctx, platform.Ministack, "127.0.0.1:0", d)
		if err != nil {
			return err
		}
		defer s.close()
		if s.URL, err = platform.HTTPAPI(ctx, s.emulator); err != nil {
			return err
		}
		env, err := testEnv(s, d)
		if err != nil {
			return err
		}
		fmt.Println("through the deployed HTTP API of ministack:")
		return goTest(ctx, d, env, "-count=1", "-run", "TestAPI", "./localstack/e2e")
	}
	return errors.Join(onLocalStack(), onHTTPAPI())
}

func bench(ctx context.Context, d platform.Dirs) error {
	s, err := up(ctx, platform.LocalStack, "127.0.0.1:0", d)
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
