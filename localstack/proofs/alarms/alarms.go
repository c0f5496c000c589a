// Package alarms provokes each alarm of the stack on an emulator: it makes the trouble,
// shows that the metric that the alarm reads is written, with its name and dimensions,
// runs the commands of its runbook, and mends the trouble.
package alarms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/shared/client"
)

// patience is how long a metric may take to be in a log.
const patience = time.Minute

// run is one round over all alarms.
type run struct {
	*platform.Platform
	*Trouble
	out      io.Writer
	cli      string
	template template
	runbooks map[string]string // sections by their titles
	message  string            // the last that was sent
	mark     map[string]int    // how many log lines each function had when the trouble began
}

// Run provokes every alarm of the stack as it is deployed to an account. The platform has
// the trouble as a layer of its wire.
func Run(ctx context.Context, p *platform.Platform, trouble *Trouble, out io.Writer) error {
	r := &run{Platform: p, Trouble: trouble, out: out, cli: p.Dirs.Built("rollcall"), runbooks: map[string]string{}}
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.complete(); err != nil {
		return err
	}
	// Sweeps are made by hand, so that each metric is that of its trouble.
	if err := r.SetSchedule(ctx, false); err != nil {
		return err
	}
	failed := 0
	for _, t := range troubles {
		if err := r.provoke(ctx, t); err != nil {
			failed++
			fmt.Fprintf(out, "  FAIL  %s: %v\n", t.alarm, err)
			continue
		}
		fmt.Fprintf(out, "  ok    %s: %s\n", t.alarm, t.what)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d alarms did not hold", failed, len(troubles))
	}
	return nil
}

// read reads the template as it is deployed, and the runbooks.
func (r *run) read(ctx context.Context) error {
	assembly := r.Dirs.State("alarms")
	if err := os.RemoveAll(assembly); err != nil {
		return err
	}
	if err := deploy.Synth(ctx, r.Dirs, assembly, deploy.Config{Operator: r.Operator(), Account: true}); err != nil {
		return err
	}
	var err error
	if r.template, err = readTemplate(filepath.Join(assembly, "Rollcall.template.json")); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(r.Dirs.Root, "docs", "runbooks.md"))
	for section := range strings.SplitSeq(string(raw), "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		r.runbooks[strings.TrimSpace(title)] = text
	}
	return err
}

// complete checks that each alarm has a trouble here, and each trouble an alarm.
func (r *run) complete() error {
	var errs []error
	for _, a := range r.template.alarms {
		if !slices.ContainsFunc(troubles, func(t trouble) bool { return t.alarm == family(a.name) }) {
			errs = append(errs, fmt.Errorf("nothing here provokes the alarm %s", a.name))
		}
	}
	for _, t := range troubles {
		if len(r.family(t.alarm)) == 0 {
			errs = append(errs, fmt.Errorf("the stack has no alarm %s", t.alarm))
		}
		if r.runbooks[t.alarm] == "" {
			errs = append(errs, fmt.Errorf("docs/runbooks.md has no section %s", t.alarm))
		}
	}
	return errors.Join(errs...)
}

// family is what the runbooks call an alarm: those of the functions' new versions have one
// section.
func family(name string) string {
	if strings.HasSuffix(name, "errors") {
		return "Canary"
	}
	return name
}

// family are the alarms of a section of the runbooks.
func (r *run) family(section string) (out []alarm) {
	for _, a := range r.template.alarms {
		if family(a.name) == section {
			out = append(out, a)
		}
	}
	return out
}

// provoke makes a trouble, checks what it leaves, follows the runbook, and mends it.
func (r *run) provoke(ctx context.Context, t trouble) error {
	var err error
	if r.mark, err = r.count(ctx); err != nil {
		return err
	}
	workspace, err := t.make(r, ctx)
	if err != nil {
		return errors.Join(err, t.mend(r, ctx))
	}
	err = r.seen(ctx, t)
	return errors.Join(err, t.mend(r, ctx), r.followed(ctx, t.alarm, workspace))
}

// seen checks that each metric that the alarm reads is written. What AWS writes itself no
// emulator does: there the metric must be that of a resource of the stack.
func (r *run) seen(ctx context.Context, t trouble) error {
	for _, a := range r.family(t.alarm) {
		for _, m := range a.reads {
			if m.aws() {
				if err := r.ofTheStack(m); err != nil {
					return fmt.Errorf("%s: %w", a.name, err)
				}
				continue
			}
			if err := client.Until(ctx, patience, func() error { return r.written(ctx, a, m) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// dimensions are those by which AWS writes a metric, and the type that each names.
// Source: the "metrics and dimensions" pages of each service.
var dimensions = map[string]map[string]string{
	"AWS/SQS":        {"QueueName": "AWS::SQS::Queue"},
	"AWS/ApiGateway": {"ApiId": "AWS::ApiGatewayV2::Api"},
	"AWS/Lambda":     {"FunctionName": "AWS::Lambda::Function", "ExecutedVersion": "AWS::Lambda::Version", "Resource": ""},
	"AWS/DynamoDB":   {"TableName": "AWS::DynamoDB::Table"},
}

// ofTheStack checks that a metric of AWS's is that of a resource of the stack.
func (r *run) ofTheStack(m reading) error {
	for _, d := range m.Dimensions {
		want, known := dimensions[m.Namespace][d.Name]
		if got := r.template.kinds[d.refersTo()]; !known || got != want {
			return fmt.Errorf("%s/%s has the dimension %s of a %q, not of a %q", m.Namespace, m.MetricName, d.Name, got, want)
		}
	}
	return nil
}

// commands are those of the command line that a runbook names.
var commands = regexp.MustCompile("`rollcall ([^`]+)`")

// unhealthy is the exit code of a command that was done, with a bad outcome.
const unhealthy = 4

// followed runs the commands of a runbook as they are written, for the workspace that is in
// trouble and the last message that was sent.
func (r *run) followed(ctx context.Context, section, workspace string) error {
	for _, found := range commands.FindAllStringSubmatch(r.runbooks[section], -1) {
		args := strings.Fields(found[1])
		for i, arg := range args {
			switch arg {
			case "ID":
				args[i] = workspace
			case "MESSAGE":
				args[i] = r.message
			}
		}
		cmd := exec.CommandContext(ctx, r.cli, args...)
		cmd.Env = append(os.Environ(), "ROLLCALL_URL="+r.URL, "ROLLCALL_TOKEN="+r.OperatorToken)
		printed, err := cmd.CombinedOutput()
		if bad, ok := errors.AsType[*exec.ExitError](err); ok && bad.ExitCode() == unhealthy {
			err = nil
		}
		if err != nil {
			return fmt.Errorf("the runbook's rollcall %s: %w\n%s", strings.Join(args, " "), err, printed)
		}
	}
	return nil
}
