// Package rehearsal plays the deployment pipeline on an emulator: it reads the
// synthesized pipeline, and does for each of its actions what CodePipeline would.
// Builds run on this machine, in a folder that has the last commit and nothing else.
package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/shared/token"
)

const (
	pipelineName = "RollcallPipeline"
	account      = "000000000000" // every emulator's
	codeBuild    = "CodeBuild"
	config       = "pipeline.json"
)

// stages are those of the rehearsal: what docs/deploy.md advises, in one account.
var stages = []struct {
	name  string
	tests []string
}{
	{"Beta", []string{"smoke"}},
	{"Gamma", []string{"smoke", "conformance", "probes", "alarms"}},
	{"Prod", []string{"smoke"}},
}

// rehearsal is one run of the pipeline.
type rehearsal struct {
	*emulator.Emulator
	dirs   emulator.Dirs
	out    io.Writer
	commit string // the last one when it began
	source string // the folder of the commit
	output string // the folder of what the synth step made
	line   line
}

// Run plays the whole pipeline. The first thing that does not hold ends it, as it ends a
// pipeline.
func Run(ctx context.Context, dirs emulator.Dirs, out io.Writer) error {
	r := &rehearsal{
		dirs: dirs, out: out, source: dirs.State("rehearsal", "source"), output: dirs.State("rehearsal", "cdk.out"),
	}
	head := exec.CommandContext(ctx, "git", "rev-parse", "HEAD")
	head.Dir = dirs.Root
	commit, err := head.Output()
	if err != nil {
		return fmt.Errorf("reading the last commit: %w", err)
	}
	r.commit = strings.TrimSpace(string(commit))
	if err := r.checkOut(ctx); err != nil {
		return err
	}
	w, err := wire.Listen()
	if err != nil {
		return err
	}
	defer w.Close()
	if r.Emulator, err = emulator.Start(ctx, emulator.Ministack, dirs, w.URL); err != nil {
		return err
	}
	defer r.Stop()
	w.Connect(r.Endpoint)
	if err := r.prepare(ctx); err != nil {
		return err
	}
	for _, s := range r.line.stages {
		fmt.Fprintln(out, s.Name)
		for _, a := range s.Actions {
			began := time.Now()
			what, err := r.act(ctx, s, a)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s.Name, a.Name, err)
			}
			fmt.Fprintf(out, "  %-6s%s (%.1f s)\n", what, a.Name, time.Since(began).Seconds())
		}
	}
	if err := errors.Join(r.tryGate(ctx), r.tryAlarms(ctx)); err != nil {
		return err
	}
	return r.tryRestore(ctx)
}

// checkOut puts the commit into the source folder, as the pipeline's source action
// does: without its history. What make has installed is there too.
func (r *rehearsal) checkOut(ctx context.Context) error {
	if err := os.RemoveAll(r.source); err != nil {
		return err
	}
	if err := os.MkdirAll(r.source, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", `set -o pipefail; git archive "$1" | tar -x -C "$2"`,
		"bash", r.commit, r.source)
	cmd.Dir = r.dirs.Root
	if printed, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("reading the last commit: %w\n%s", err, printed)
	}
	tools, err := filepath.EvalSymlinks(r.dirs.Tools())
	if err == nil {
		err = os.Symlink(tools, filepath.Join(r.source, ".tools"))
	}
	if err != nil {
		return err
	}
	return r.configure()
}

// configure writes the configuration that the repository of a deployment has.
func (r *rehearsal) configure() error {
	type object = map[string]any
	var all []object
	for _, s := range stages {
		all = append(all, object{
			"name": s.name, "account": account, "region": emulator.Region, "tests": s.tests,
			"settings": object{"local_policies": "deployed"},
		})
	}
	raw, err := json.MarshalIndent(object{
		"account": account, "region": emulator.Region, "repository": "example/rollcall", "local": true, "stages": all,
		"connection_arn": "arn:aws:codeconnections:" + emulator.Region + ":" + account + ":connection/none",
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.source, config), raw, 0o600)
}

// prepare does what docs/deploy.md has a person do once: it bootstraps the account,
// places each stage's digest and credential, and makes the pipeline.
func (r *rehearsal) prepare(ctx context.Context) error {
	first := r.dirs.State("rehearsal", "first")
	cmd := r.command(ctx, r.source, r.dirs.Tools("cdk", "node_modules", ".bin", "cdk"), "synth", "--quiet",
		"--app", r.dirs.Built("infra"), "-c", "pipeline="+config, "-c", "functions="+r.dirs.Built("functions"),
		"--output", first)
	if printed, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making the pipeline: %w\n%s", err, printed)
	}
	made := r.command(ctx, r.dirs.Root, "make", "bootstrap", "ACCOUNT="+account, "REGION="+emulator.Region)
	if printed, err := made.CombinedOutput(); err != nil {
		return fmt.Errorf("make bootstrap: %w\n%s", err, printed)
	}
	for _, s := range stages {
		root, digest := token.Mint(token.Operator)
		for _, p := range [][]string{
			{"/rollcall/" + s.name + "/operator-sha256", digest.String(), "String"},
			{"/rollcall/" + s.name + "/credential", root, "SecureString"},
		} {
			if _, err := r.aws(ctx, "ssm", "put-parameter", "--name", p[0], "--value", p[1], "--type", p[2]); err != nil {
				return err
			}
		}
	}
	var err error
	r.line, err = readLine(first)
	return err
}

// act does what CodePipeline would for an action, and says what that was.
func (r *rehearsal) act(ctx context.Context, s stage, a action) (string, error) {
	switch a.ActionTypeID.Provider {
	case "CodeStarSourceConnection":
		return "ok", nil // checkOut has done it
	case "Manual":
		return "yes", nil // a person's approval
	case "CloudFormation":
		return "ok", r.deploy(ctx, s, a)
	case codeBuild:
		if s.Name == "UpdatePipeline" {
			return "-", nil // no emulator has CodePipeline
		}
		if a.Name != "Synth" {
			return "ok", r.build(ctx, a)
		}
		if err := r.build(ctx, a); err != nil {
			return "", err
		}
		if err := os.RemoveAll(r.output); err != nil {
			return "", err
		}
		if err := os.Rename(filepath.Join(r.source, "cdk.out"), r.output); err != nil {
			return "", err
		}
		return "ok", r.keepsItself()
	}
	return "", fmt.Errorf("nobody knows how to do what %s does", a.ActionTypeID.Provider)
}

// keepsItself checks that the commit describes the pipeline that plays it: else the
// pipeline would change itself, and begin anew.
func (r *rehearsal) keepsItself() error {
	var texts []string
	for _, assembly := range []string{r.dirs.State("rehearsal", "first"), r.output} {
		raw, err := os.ReadFile(filepath.Join(assembly, pipelineName+".template.json"))
		if err != nil {
			return err
		}
		texts = append(texts, string(raw))
	}
	if texts[0] != texts[1] {
		return fmt.Errorf("the commit makes another pipeline than .build/infra: commit first, or run make build")
	}
	return nil
}

// deploy makes a stack's change set, or executes it.
func (r *rehearsal) deploy(ctx context.Context, s stage, a action) error {
	if a.Configuration.ActionMode == "CHANGE_SET_REPLACE" {
		return r.cdk(ctx, "deploy", pipelineName+"/"+s.Name+"/*", "--app", r.output, "--require-approval", "never",
			"--method", "prepare-change-set", "--change-set-name", a.Configuration.ChangeSetName)
	}
	stacks, name := r.stacks(), &a.Configuration.StackName
	_, err := stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		StackName: name, ChangeSetName: &a.Configuration.ChangeSetName,
	})
	if err != nil {
		return err
	}
	return cloudformation.NewStackCreateCompleteWaiter(stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Second, time.Second
	}).Wait(ctx, &cloudformation.DescribeStacksInput{StackName: name}, 2*time.Minute)
}

func (r *rehearsal) stacks() *cloudformation.Client {
	return cloudformation.NewFromConfig(emulator.Client(r.Endpoint))
}

// build runs an action's build in a fresh folder of what it is given.
func (r *rehearsal) build(ctx context.Context, a action) error {
	folder := r.output
	if strings.HasSuffix(a.InputArtifacts[0].Name, "_Source") {
		folder = r.source
		if err := r.checkOut(ctx); err != nil {
			return err
		}
	}
	commands, err := r.line.projects[a.Configuration.ProjectName.Ref].commands(folder)
	if err != nil {
		return err
	}
	environment, err := r.environment(ctx, a)
	if err != nil {
		return err
	}
	// CodeBuild runs the commands in one shell, and ends at the first that fails.
	cmd := r.command(ctx, folder, "bash", "-c", "set -e\n"+strings.Join(commands, "\n"))
	cmd.Env = append(cmd.Env, environment...)
	log, err := os.Create(r.dirs.State("rehearsal", a.Name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		printed, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w\n%s", err, printed[max(0, len(printed)-4000):])
	}
	return nil
}

// environment are the variables of a build, with what they refer to put in.
func (r *rehearsal) environment(ctx context.Context, a action) ([]string, error) {
	variables, err := r.line.variables(a)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, v := range variables {
		value := v.Value
		switch namespace, output, found := strings.Cut(strings.Trim(value, "#{}"), "."); {
		case v.Type == "PARAMETER_STORE":
			value, err = r.aws(ctx, "ssm", "get-parameter", "--name", value, "--with-decryption",
				"--query", "Parameter.Value", "--output", "text")
		case strings.HasPrefix(value, "#{") && found:
			value, err = r.outputOf(ctx, r.line.stackOf(namespace), output)
		}
		if err != nil {
			return nil, fmt.Errorf("the variable %s: %w", v.Name, err)
		}
		out = append(out, v.Name+"="+strings.TrimSpace(value))
	}
	return out, nil
}

// outputOf is an output of a stack. The address of an HTTP API has a host that only AWS
// resolves: the emulator serves it under its own.
func (r *rehearsal) outputOf(ctx context.Context, stack, name string) (string, error) {
	found, err := r.stacks().DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		return "", err
	}
	for _, o := range found.Stacks[0].Outputs {
		if aws.ToString(o.OutputKey) != name {
			continue
		}
		value := aws.ToString(o.OutputValue)
		if _, host, ok := strings.Cut(value, "://"); ok && strings.Contains(host, ".execute-api.") {
			api, _, _ := strings.Cut(host, ".")
			value = r.Endpoint + "/_aws/execute-api/" + api + "/$default"
		}
		return value, nil
	}
	return "", fmt.Errorf("the stack %s has no output %s", stack, name)
}

// command is one of a build: it reaches the emulator instead of AWS, and nothing of the
// make that runs this reaches it.
func (r *rehearsal) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PORT", "EMULATOR", "SEED", "FAULTS", "STORY", "RUN", "CORS_ORIGINS",
			"STRICT", "SETTINGS", "TESTS":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	path := r.dirs.Tools("cdk-assets", "node_modules", ".bin") + ":" + os.Getenv("PATH")
	cmd.Env = append(cmd.Env,
		"PATH="+path, "AWS_ENDPOINT_URL="+r.Endpoint, "AWS_ENDPOINT_URL_S3="+r.Endpoint,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+emulator.Region,
		"AWS_DEFAULT_REGION="+emulator.Region, "AWS_EC2_METADATA_DISABLED=true", "CI=1", "CDK_DISABLE_CLI_TELEMETRY=true",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	if os.Getenv("PROBES_FOR") == "" {
		cmd.Env = append(cmd.Env, "PROBES_FOR=20s")
	}
	return cmd
}

// cdk runs the pinned cdk.
func (r *rehearsal) cdk(ctx context.Context, args ...string) error {
	cmd := r.command(ctx, r.dirs.Root, r.dirs.Tools("cdk", "node_modules", ".bin", "cdk"),
		append(args, "--no-notices", "--no-color")...)
	if printed, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cdk %s: %w\n%s\nthe end of the emulator's log (%s):\n%s",
			args[0], err, printed, r.Log(), r.LogTail())
	}
	return nil
}

// aws runs the AWS CLI, as the runbooks do, and returns what it prints.
func (r *rehearsal) aws(ctx context.Context, args ...string) (string, error) {
	cmd := r.command(ctx, r.dirs.Root, "aws", args...)
	printed, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("aws %s: %w", strings.Join(args[:2], " "), err)
	}
	return strings.TrimSpace(string(printed)), nil
}
