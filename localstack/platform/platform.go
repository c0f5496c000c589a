// Package platform runs Rollcall on this machine: an emulator, the stack deployed
// onto it, the wire between both, and the front door.
package platform

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

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/frontdoor"
	"github.com/rollcall/rollcall/localstack/platform/rights"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/token"
)

// Options are what a platform is started with.
type Options struct {
	Kind     emulator.Kind
	Addr     string            // where the front door listens
	Dirs     emulator.Dirs     // of the checkout
	Data     string            // folder that keeps what is accepted for the next start; "": nothing is kept
	Settings map[string]string // variables for the functions
	Layers   []wire.Layer      // on the wire between functions and emulator, outermost first
}

// Platform is one that runs: emulator, deployed stack, front door, and the
// wire between functions and emulator. Address, operator and what was accepted
// outlive its emulator.
type Platform struct {
	client.Local
	Options
	operator   token.Hash
	wire       *wire.Wire
	rights     rights.Guard
	journal    *wire.Journal // nil: nothing is kept
	Emulator   *emulator.Emulator
	Deployment *deploy.Deployment
	server     *http.Server
	door       atomic.Pointer[http.Handler]
	note       func(format string, args ...any)
}

// Close stops everything that Start started.
func (s *Platform) Close() {
	_ = s.server.Close()
	if s.Emulator != nil {
		s.Emulator.Stop()
	}
	s.wire.Close()
	if s.journal != nil {
		s.journal.Close()
	}
}

// Start starts an emulator, deploys the stack onto it, and serves the front door.
// It reports its progress on standard error.
func Start(ctx context.Context, o Options) (*Platform, error) {
	l, err := net.Listen("tcp", o.Addr) // first: a taken port is best known before a minute's work
	if err != nil {
		return nil, fmt.Errorf("can't serve at %s: %w (PORT= chooses another port)", o.Addr, err)
	}
	start := time.Now()
	s := &Platform{Options: o, note: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%5.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}}
	s.URL = "http://" + l.Addr().String()
	s.OperatorToken, s.operator = token.Mint(token.Operator)
	layers := append(slices.Clone(o.Layers), s.rights.Layer)
	if o.Data != "" {
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
	if err := s.Restart(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// openData opens what an earlier run kept, with the operator credential it had.
func (s *Platform) openData() error {
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return err
	}
	var err error
	s.journal, err = wire.OpenJournal(filepath.Join(s.Data, "journal.jsonl"))
	if errors.Is(err, wire.ErrKept) {
		s.note("%v: this one starts empty and keeps nothing", err)
		return nil
	}
	if err != nil {
		return err
	}
	file := filepath.Join(s.Data, "operator")
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

// Restart brings the emulator up, deploys, and opens the door; after an emulator
// died it does the same again.
func (s *Platform) Restart(ctx context.Context) error {
	s.door.Store(nil)
	if s.Emulator != nil {
		s.Emulator.Stop()
	}
	s.note("starting %s", s.Kind)
	var err error
	if s.Emulator, err = emulator.Start(ctx, s.Kind, s.Dirs, s.wire.URL); err != nil {
		return err
	}
	s.wire.Connect(s.Emulator.Endpoint)
	s.note("deploying the stack with cdk")
	if s.Deployment, err = deploy.Deploy(ctx, s.Emulator, s.Dirs, s.operator, s.Settings); err != nil {
		return err
	}
	if err := s.rights.Enforce(s.Deployment); err != nil {
		return err
	}
	if s.journal != nil {
		env := s.Deployment.Env["rollcall-dispatch"]
		n, err := s.journal.Restore(ctx, s.Emulator.Endpoint, map[string]string{"leases": env["ROLLCALL_LEASES_TABLE"], "chat": env["ROLLCALL_CHAT_TABLE"]})
		if err != nil {
			return err
		}
		if n > 0 {
			s.note("restored what an earlier run had accepted (%d writes)", n)
		}
	}
	routes, err := frontdoor.Routes(s.Deployment.Template)
	if err != nil {
		return err
	}
	door := frontdoor.New(routes, lambda.NewFromConfig(emulator.Client(s.Emulator.Endpoint)))
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

// SetClock moves the clock of every function by an offset from the true time.
func (s *Platform) SetClock(ctx context.Context, offset time.Duration) error {
	return s.configure(ctx, "moving the clock", func(name string, in *lambda.UpdateFunctionConfigurationInput) {
		moved := maps.Clone(s.Deployment.Env[name])
		moved["ROLLCALL_CLOCK_OFFSET"] = offset.String()
		in.Environment = &types.Environment{Variables: moved}
	})
}

// TraceInvocations has every invocation of a function traced, so that the wire can tell it
// from another.
func (s *Platform) TraceInvocations(ctx context.Context) error {
	return s.configure(ctx, "tracing", func(_ string, in *lambda.UpdateFunctionConfigurationInput) {
		in.TracingConfig = &types.TracingConfig{Mode: types.TracingModeActive}
	})
}

// configure changes the configuration of every function, of all at once.
func (s *Platform) configure(ctx context.Context, what string, change func(name string, in *lambda.UpdateFunctionConfigurationInput)) error {
	fn := lambda.NewFromConfig(emulator.Client(s.Emulator.Endpoint))
	var g errgroup.Group
	for name := range s.Deployment.Env {
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

// Sweep runs the sweeper's function once, as its schedule does each minute.
func (s *Platform) Sweep(ctx context.Context) error {
	fn := lambda.NewFromConfig(emulator.Client(s.Emulator.Endpoint))
	out, err := fn.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("rollcall-sweeper"), Payload: []byte(`{"detail-type":"Scheduled Event","source":"aws.events"}`)})
	if err == nil && out.FunctionError != nil {
		err = fmt.Errorf("the sweeper: %s: %s", *out.FunctionError, out.Payload)
	}
	return err
}

// SetSchedule stops the scheduled sweeps, or starts them again.
func (s *Platform) SetSchedule(ctx context.Context, on bool) error {
	bus := eventbridge.NewFromConfig(emulator.Client(s.Emulator.Endpoint))
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

// KeepLogs writes the functions' logs to a file, for whoever looks for what went
// wrong.
func (s *Platform) KeepLogs(ctx context.Context, file string) error {
	lines, err := emulator.Logs(context.WithoutCancel(ctx), s.Emulator.Endpoint)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, l := range lines {
		fmt.Fprintln(&out, l.Function, strings.TrimSpace(l.Message))
	}
	s.note("the functions' logs are in %s", s.Dirs.Relative(file))
	return os.WriteFile(file, []byte(out.String()), 0o600)
}
