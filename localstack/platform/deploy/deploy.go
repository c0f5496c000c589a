// Package deploy deploys the CDK stack onto a local emulator, with cdk as to an account,
// and checks that its resources exist.
package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/shared/token"
)

const account = "000000000000" // every emulator's

// Template is the part of a synthesized stack that the local platform reads.
type Template struct {
	Resources map[string]Resource `json:"Resources"`
}

// Resource is one resource of a template.
type Resource struct {
	Type       string         `json:"Type"`
	Properties map[string]any `json:"Properties"`
}

// Function is the name of one of our functions, as in rollcall-dispatch; "" of another
// resource. It is the name in the user agent of the function's calls, and not that of
// the function in an account: the stack gives no resource a name.
func (r Resource) Function() string {
	environment, _ := r.Properties["Environment"].(map[string]any)
	variables, _ := environment["Variables"].(map[string]any)
	name, _ := variables["ROLLCALL_FUNCTION"].(string)
	if r.Type != "AWS::Lambda::Function" || name == "" {
		return ""
	}
	return "rollcall-" + name
}

// Config is what differs between the deployments of the stack.
type Config struct {
	Stage    string // part of the stack's name, or ""
	Operator token.Hash
	Settings any // a JSON object, as the SETTINGS of a deployment; nil: none
	// Account synthesizes the stack as for an account: with what no emulator takes.
	Account bool
}

func (c Config) stack() string {
	if c.Stage == "" {
		return "Rollcall"
	}
	return "Rollcall-" + c.Stage
}

// Deployment is the stack on an emulator.
type Deployment struct {
	Template  Template
	Physical  map[string]string            // physical ids by logical ids
	Functions map[string]string            // the functions' names at the emulator, by their own
	Env       map[string]map[string]string // the environment of each function, by its own name
}

// Deploy bootstraps the emulator and deploys the stack. Then it checks that the resources
// of the template exist, because an emulator reports resources that it does not know as
// created.
func Deploy(ctx context.Context, e *emulator.Emulator, d emulator.Dirs, c Config) (*Deployment, error) {
	assembly := d.State("cdk.out." + string(e.Kind) + c.Stage)
	if err := os.RemoveAll(assembly); err != nil {
		return nil, err
	}
	if err := Synth(ctx, d, assembly, c); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"bootstrap", "aws://" + account + "/" + emulator.Region},
		{"deploy", c.stack(), "--require-approval", "never"},
	} {
		if err := cdk(ctx, e, d, assembly, args); err != nil {
			return nil, err
		}
	}
	return verify(ctx, e, c.stack(), filepath.Join(assembly, c.stack()+".template.json"))
}

func cdk(ctx context.Context, e *emulator.Emulator, d emulator.Dirs, assembly string, args []string) error {
	cmd := exec.CommandContext(ctx, d.Tools("cdk", "node_modules", ".bin", "cdk"),
		append(args, "--app", assembly, "--no-notices", "--no-color")...)
	cmd.Dir = d.Root
	cmd.Env = append(os.Environ(),
		"AWS_ENDPOINT_URL="+e.Endpoint, "AWS_ENDPOINT_URL_S3="+e.Endpoint,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION="+emulator.Region, "AWS_DEFAULT_REGION="+emulator.Region,
		"AWS_EC2_METADATA_DISABLED=true", "CI=1", "CDK_DISABLE_CLI_TELEMETRY=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cdk %s: %w\n%s\nthe end of the emulator's log (%s):\n%s",
			args[0], err, out, e.Log(), e.LogTail())
	}
	return nil
}

// Synth synthesizes the stack into a cloud assembly.
func Synth(ctx context.Context, d emulator.Dirs, assembly string, c Config) error {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return err
	}
	config, err := appContext(d)
	if err != nil {
		return err
	}
	config["operatorSha256"] = c.Operator.String()
	if !c.Account {
		config["local"] = "true"
	}
	config["functions"], config["settings"], config["stage"] = d.Built("functions"), string(settings), c.Stage
	contextJSON, err := json.Marshal(config)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, d.Built("infra"))
	cmd.Dir = d.Root
	cmd.Env = append(os.Environ(), "CDK_OUTDIR="+assembly, "CDK_CONTEXT_JSON="+string(contextJSON),
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("synthesizing the stack: %w\n%s", err, out)
	}
	return nil
}

// appContext is the context of cdk.json: the CDK's feature flags, as in a deployment.
func appContext(d emulator.Dirs) (map[string]any, error) {
	raw, err := os.ReadFile(filepath.Join(d.Root, "cdk.json"))
	if err != nil {
		return nil, err
	}
	var file struct{ Context map[string]any }
	err = json.Unmarshal(raw, &file)
	return file.Context, err
}

// verify reads the deployment and checks that its resources exist.
func verify(ctx context.Context, e *emulator.Emulator, stack, templatePath string) (*Deployment, error) {
	raw, err := os.ReadFile(templatePath)
	if err != nil {
		return nil, err
	}
	dep := &Deployment{
		Physical: map[string]string{}, Functions: map[string]string{}, Env: map[string]map[string]string{},
	}
	if err := json.Unmarshal(raw, &dep.Template); err != nil {
		return nil, err
	}
	cfg := emulator.Client(e.Endpoint)
	if err := dep.readPhysicalIDs(ctx, cfg, stack); err != nil {
		return nil, err
	}
	if missing := dep.missing(ctx, cfg); len(missing) > 0 {
		return nil, fmt.Errorf("%s says the stack is deployed, but it lacks\n  %s", e.Kind, strings.Join(missing, "\n  "))
	}
	return dep, nil
}

func (d *Deployment) readPhysicalIDs(ctx context.Context, cfg aws.Config, stack string) error {
	pages := cloudformation.NewListStackResourcesPaginator(cloudformation.NewFromConfig(cfg),
		&cloudformation.ListStackResourcesInput{StackName: aws.String(stack)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("reading the deployed stack: %w", err)
		}
		for _, r := range page.StackResourceSummaries {
			d.Physical[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
		}
	}
	return nil
}

// missing lists the resources that do not exist. It reads the environment of the
// functions that do.
func (d *Deployment) missing(ctx context.Context, cfg aws.Config) (missing []string) {
	functions, tables := lambda.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	check := func(what string, err error) {
		if err != nil {
			missing = append(missing, what+": "+err.Error())
		}
	}
	for id, r := range d.Template.Resources {
		physical := d.Physical[id]
		switch r.Type {
		case "AWS::Lambda::Function":
			name := r.Function()
			if name == "" {
				continue // a function of CDK itself
			}
			d.Functions[name] = physical
			out, err := functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &physical})
			check("function "+name, err)
			if err == nil && out.Environment != nil {
				d.Env[name] = out.Environment.Variables
			}
		case "AWS::DynamoDB::Table":
			_, err := tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &physical})
			check("table "+physical, err)
		case "AWS::Lambda::EventSourceMapping":
			out, err := functions.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
			if err == nil && len(out.EventSourceMappings) == 0 {
				err = errors.New("none is listed")
			}
			check("event source mapping", err)
		}
	}
	return missing
}

// HTTPAPI is the address of the deployed HTTP API, on an emulator that has one.
func (d *Deployment) HTTPAPI(e *emulator.Emulator) (string, error) {
	for id, r := range d.Template.Resources {
		if r.Type == "AWS::ApiGatewayV2::Api" && d.Physical[id] != "" {
			return e.Endpoint + "/_aws/execute-api/" + d.Physical[id] + "/$default", nil
		}
	}
	return "", fmt.Errorf("the stack on %s has no HTTP API", e.Kind)
}
