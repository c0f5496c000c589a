package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/localstack/frontdoor"
	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/rights"
	"github.com/rollcall/rollcall/localstack/wire"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/token"
)

// options are what a platform is started with.
type options struct {
	data     string            // folder that keeps what is accepted for the next start; "": nothing is kept
	settings map[string]string // variables for the functions
	layers   []wire.Layer      // on the wire between functions and emulator, outermost first
}

// site is a platform that is up: emulator, deployed stack, front door, and the
// wire between functions and emulator. Address, operator and what was accepted
// outlive its emulator.
type site struct {
	client.Local
	options
	kind       platform.Kind
	dirs       platform.Dirs
	operator   token.Hash
	wire       *wire.Wire
	rights     rights.Guard
	journal    *wire.Journal // nil: nothing is kept
	emulator   *platform.Emulator
	deployment *platform.Deployment
	server     *http.Server
	door       atomic.Pointer[http.Handler]
	note       func(format string, args ...any)
}

func (s *site) close() {
	_ = s.server.Close()
	if s.emulator != nil {
		s.emulator.Stop()
	}
	s.wire.Close()
	if s.journal != nil {
		s.journal.Close()
	}
}

// up starts an emulator, deploys, and serves the front door at addr. It says
// what it does on standard error.
func up(ctx context.Context, kind platform.Kind, addr string, d platform.Dirs, o options) (*site, error) {
	l, err := net.Listen("tcp", addr) // first: a taken port is best known before a minute's work
	if err != nil {
		return nil, fmt.Errorf("can't serve at %s: %w (PORT= chooses another port)", addr, err)
	}
	start := time.Now()
	s := &site{options: o, kind: kind, dirs: d, note: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%5.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}}
	s.URL = "http://" + l.Addr().String()
	s.OperatorToken, s.operator = token.Mint(token.Operator)
	layers := append(slices.Clone(o.layers), s.rights.Layer)
	if o.data != "" {
		if err := s.openData(); err != nil {
			l.Close()
			return nil, err
		}
		if s.journal != nil {
			layers = append(layers, s.journal.Layer)
		}
	}
	if s.wire, err = wire.Listen(layers...); err != nil {
		l.Close()
		return nil, err
	}
	s.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if door := s.door.Load(); door != nil {
			(*door).ServeHTTP(w, r)
			return
		}
		frontdoor.Closed(w, r)
	})}
	go func() { _ = s.server.Serve(l) }() // ends with close
	if err := s.raise(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// openData opens what an earlier run kept, with the operator credential it had.
func (s *site) openData() error {
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return err
	}
	var err error
	s.journal, err = wire.OpenJournal(filepath.Join(s.data, "journal.jsonl"))
	if errors.Is(err, wire.ErrKept) {
		s.note("%v: this one starts empty and keeps nothing", err)
		return nil
	}
	if err != nil {
		return err
	}
	file := filepath.Join(s.data, "operator")
	switch raw, err := os.ReadFile(file); {
	case err == nil:
		s.OperatorToken = strings.TrimSpace(string(raw))
		s.operator = token.Digest(s.OperatorToken)
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	return os.WriteFile(file, []byte(s.OperatorToken+"\n"), 0o600)
}

// raise brings the emulator up, deploys, and opens the door; after an emulator
// died it does the same again.
func (s *site) raise(ctx context.Context) error {
	s.door.Store(nil)
	if s.emulator != nil {
		s.emulator.Stop()
	}
	s.note("starting %s", s.kind)
	var err error
	if s.emulator, err = platform.Start(ctx, s.kind, s.dirs, s.wire.URL); err != nil {
		return err
	}
	s.wire.Connect(s.emulator.Endpoint)
	s.note("deploying the stack with cdk")
	if s.deployment, err = platform.Deploy(ctx, s.emulator, s.dirs, s.operator, s.settings); err != nil {
		return err
	}
	if err := s.rights.Enforce(s.deployment); err != nil {
		return err
	}
	if s.journal != nil {
		env := s.deployment.Env["rollcall-dispatch"]
		n, err := s.journal.Restore(ctx, s.emulator.Endpoint, map[string]string{"leases": env["ROLLCALL_LEASES_TABLE"], "chat": env["ROLLCALL_CHAT_TABLE"]})
		if err != nil {
			return err
		}
		if n > 0 {
			s.note("restored what an earlier run had accepted (%d writes)", n)
		}
	}
	routes, err := frontdoor.Routes(s.deployment.Template)
	if err != nil {
		return err
	}
	door := frontdoor.New(routes, lambda.NewFromConfig(platform.Client(s.emulator.Endpoint)))
	s.door.Store(&door)
	if err := client.Until(ctx, time.Minute, func() error {
		r, err := s.Do(ctx, "GET", "/healthz", "", nil)
		if err == nil && r.Status != http.StatusOK {
			err = fmt.Errorf("/healthz answers %d: %s", r.Status, r.Raw)
		}
		return err
	}); err != nil {
		return err
	}
	s.note("ready")
	return nil
}

// setClock moves the clock of every function by an offset from the true time.
func (s *site) setClock(ctx context.Context, offset time.Duration) error {
	return s.configure(ctx, "moving the clock", func(name string, in *lambda.UpdateFunctionConfigurationInput) {
		moved := maps.Clone(s.deployment.Env[name])
		moved["ROLLCALL_CLOCK_OFFSET"] = offset.String()
		in.Environment = &types.Environment{Variables: moved}
	})
}

// trace has every invocation of a function traced, so that the wire can tell it
// from another.
func (s *site) trace(ctx context.Context) error {
	return s.configure(ctx, "tracing", func(_ string, in *lambda.UpdateFunctionConfigurationInput) {
		in.TracingConfig = &types.TracingConfig{Mode: types.TracingModeActive}
	})
}

// configure changes the configuration of every function, of all at once.
func (s *site) configure(ctx context.Context, what string, change func(name string, in *lambda.UpdateFunctionConfigurationInput)) error {
	fn := lambda.NewFromConfig(platform.Client(s.emulator.Endpoint))
	var g errgroup.Group
	for name := range s.deployment.Env {
		in := &lambda.UpdateFunctionConfigurationInput{FunctionName: &name}
		change(name, in)
		g.Go(func() error {
			_, err := fn.UpdateFunctionConfiguration(ctx, in)
			if err == nil {
				err = lambda.NewFunctionUpdatedV2Waiter(fn).Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute)
			}
			if err != nil {
				return fmt.Errorf("%s of %s: %w", what, name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// sweep runs the sweeper's function once, as its schedule does each minute.
func (s *site) sweep(ctx context.Context) error {
	fn := lambda.NewFromConfig(platform.Client(s.emulator.Endpoint))
	out, err := fn.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("rollcall-sweeper"), Payload: []byte(`{"detail-type":"Scheduled Event","source":"aws.events"}`)})
	if err == nil && out.FunctionError != nil {
		err = fmt.Errorf("the sweeper: %s: %s", *out.FunctionError, out.Payload)
	}
	return err
}

// schedule stops the scheduled sweeps, or starts them again.
func (s *site) schedule(ctx context.Context, on bool) error {
	bus := eventbridge.NewFromConfig(platform.Client(s.emulator.Endpoint))
	rules, err := bus.ListRules(ctx, &eventbridge.ListRulesInput{})
	if err != nil {
		return fmt.Errorf("listing the schedule's rule: %w", err)
	}
	found := false
	for _, r := range rules.Rules {
		if aws.ToString(r.ScheduleExpression) == "" {
			continue
		}
		found = true
		if on {
			_, err = bus.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: r.Name})
		} else {
			_, err = bus.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: r.Name})
		}
		if err != nil {
			return fmt.Errorf("the schedule's rule: %w", err)
		}
	}
	if !found {
		return errors.New("the stack has no rule with a schedule")
	}
	return nil
}

// keepLogs writes the functions' logs to a file, for whoever looks for what went
// wrong.
func (s *site) keepLogs(ctx context.Context, file string) error {
	lines, err := platform.Logs(context.WithoutCancel(ctx), s.emulator.Endpoint)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, l := range lines {
		fmt.Fprintln(&out, l.Function, strings.TrimSpace(l.Message))
	}
	s.note("the functions' logs are in %s", relative(s.dirs, file))
	return os.WriteFile(file, []byte(out.String()), 0o600)
}
