package platform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// SetClock moves the clock of every function by an offset from the true time.
func (p *Platform) SetClock(ctx context.Context, offset time.Duration) error {
	return p.configure(ctx, "moving the clock", func(name string, in *functionConfiguration) {
		moved := maps.Clone(p.Deployment.Env[name])
		moved["ROLLCALL_CLOCK_OFFSET"] = offset.String()
		in.Environment = &types.Environment{Variables: moved}
	})
}

// SetSegment sets how many workspaces one function sweeps; 0 is the platform's own number.
func (p *Platform) SetSegment(ctx context.Context, workspaces int) error {
	return p.configure(ctx, "setting the segments", func(name string, in *functionConfiguration) {
		set := maps.Clone(p.Deployment.Env[name])
		if workspaces > 0 {
			set["ROLLCALL_SWEEP_SEGMENT"] = strconv.Itoa(workspaces)
		}
		in.Environment = &types.Environment{Variables: set}
	})
}

// TraceInvocations traces every invocation of a function, so that the wire can tell
// one invocation from another.
func (p *Platform) TraceInvocations(ctx context.Context) error {
	return p.configure(ctx, "tracing", func(_ string, in *functionConfiguration) {
		in.TracingConfig = &types.TracingConfig{Mode: types.TracingModeActive}
	})
}

type functionConfiguration = lambda.UpdateFunctionConfigurationInput

// configure changes the configuration of all functions at the same time.
func (p *Platform) configure(
	ctx context.Context, what string, change func(name string, in *functionConfiguration),
) error {
	functions := p.functions()
	var g errgroup.Group
	for name := range p.Deployment.Env {
		physical := p.Deployment.Functions[name]
		in := &functionConfiguration{FunctionName: &physical}
		change(name, in)
		g.Go(func() error {
			_, err := functions.UpdateFunctionConfiguration(ctx, in)
			if err == nil {
				updated := lambda.NewFunctionUpdatedV2Waiter(functions)
				err = updated.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &physical}, time.Minute)
			}
			if err != nil {
				return fmt.Errorf("%s of %s: %w", what, name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// Sweep invokes the sweeper once, as its schedule does each minute.
func (p *Platform) Sweep(ctx context.Context) error {
	out, err := p.functions().Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(p.Deployment.Functions["rollcall-sweeper"]),
		Payload:      []byte(`{"detail-type":"Scheduled Event","source":"aws.events"}`),
	})
	if err == nil && out.FunctionError != nil {
		err = fmt.Errorf("the sweeper: %s: %s", *out.FunctionError, out.Payload)
	}
	return err
}

// SetSchedule stops the scheduled sweeps, or starts them again.
func (p *Platform) SetSchedule(ctx context.Context, on bool) error {
	bus := eventbridge.NewFromConfig(emulator.Client(p.Emulator.Endpoint))
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

// KeepLogs writes the functions' logs to a file, so that a failure can be traced.
func (p *Platform) KeepLogs(ctx context.Context, file string) error {
	lines, err := emulator.Logs(context.WithoutCancel(ctx), p.Emulator.Endpoint)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, l := range lines {
		fmt.Fprintln(&out, l.Function, strings.TrimSpace(l.Message))
	}
	p.progress("the functions' logs are in %s", p.Dirs.Relative(file))
	return os.WriteFile(file, []byte(out.String()), 0o600)
}
