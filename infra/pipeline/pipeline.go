// Package pipeline is the pipeline that deploys Rollcall: CDK pipelines on
// CodePipeline V2. It changes itself first, then deploys a stage after the other,
// each to its own account.
package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/stack"
)

// Name is the name of the pipeline's own stack.
const Name = "RollcallPipeline"

// The versions of the programs that pipelines would else install as the newest:
// the newest CDK program can't read this app's assembly.
const (
	cdkVersion    = "2.1148.1"
	assetsVersion = "4.0.1"
	sbomVersion   = "v1.10.0"
)

// Config says what is deployed from where to where.
type Config struct {
	Account       string  `json:"account"` // where the pipeline itself stands
	Region        string  `json:"region"`
	Repository    string  `json:"repository"` // "owner/name"
	Branch        string  `json:"branch"`
	ConnectionARN string  `json:"connection_arn"` // of CodeConnections; a person has consented to it
	Stages        []Stage `json:"stages"`         // in order; the last is production
	Functions     string  `json:"-"`              // the folder of the built functions
}

// Stage is one deployment. Its operator credential's digest is in the SSM parameter
// /rollcall/NAME/operator-sha256 of its account.
type Stage struct {
	Name     string          `json:"name"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	Settings json.RawMessage `json:"settings"`
}

// Parse reads a configuration, a JSON object.
func Parse(raw string) (Config, error) {
	c := Config{Branch: "main"}
	dec := json.NewDecoder(bytes.NewReader([]byte(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("pipeline: %w", err)
	}
	if !strings.Contains(c.Repository, "/") || c.ConnectionARN == "" || len(c.Stages) == 0 {
		return c, errors.New("pipeline: repository (owner/name), connection_arn and stages are needed")
	}
	if c.Account == "" || c.Region == "" {
		return c, errors.New("pipeline: account and region of the pipeline itself are needed")
	}
	for _, s := range c.Stages {
		if s.Name == "" || s.Account == "" || s.Region == "" {
			return c, fmt.Errorf("pipeline: stage %q needs name, account and region", s.Name)
		}
	}
	return c, nil
}

// New adds the pipeline's stack to an app.
func New(app constructs.Construct, c Config) error {
	s := awscdk.NewStack(app, jsii.String(Name), &awscdk.StackProps{
		Env:         &awscdk.Environment{Account: &c.Account, Region: &c.Region},
		Description: jsii.String("Rollcall's deployment pipeline"),
	})
	source := pipelines.CodePipelineSource_Connection(&c.Repository, &c.Branch, &pipelines.ConnectionSourceOptions{
		ConnectionArn: &c.ConnectionARN,
	})
	synth := pipelines.NewShellStep(jsii.String("Synth"), &pipelines.ShellStepProps{
		Input: source, InstallCommands: jsii.Strings(installs...), Commands: jsii.Strings(Synth()...),
		PrimaryOutputDirectory: jsii.String("cdk.out"),
	})
	line := pipelines.NewCodePipeline(s, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		Synth: synth, CliVersion: jsii.String(cdkVersion), CdkAssetsCliVersion: jsii.String(assetsVersion),
		PipelineType: awscodepipeline.PipelineType_V2, CrossAccountKeys: jsii.Bool(true), EnableKeyRotation: jsii.Bool(true),
		CodeBuildDefaults: &pipelines.CodeBuildOptions{BuildEnvironment: &awscodebuild.BuildEnvironment{
			BuildImage:  awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2_STANDARD_3_0(),
			ComputeType: awscodebuild.ComputeType_LARGE,
		}},
	})
	for i, at := range c.Stages {
		if err := addStage(s, line, source, c, at, i == len(c.Stages)-1); err != nil {
			return err
		}
	}
	line.BuildPipeline()
	return nil
}

// installs are the programs that the build image lacks.
var installs = []string{"n 22", "go version", "node --version"}

// File is the pipeline's configuration in the repository.
const File = "pipeline.json"

const synth = ".tools/cdk/node_modules/.bin/cdk synth --quiet -c pipeline=" + File + " --output "

// Synth are the commands of the synth step: what a developer runs before a merge,
// a list of what is in the functions, and two syntheses that must be one.
func Synth() []string {
	return []string{
		"make check",
		"go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@" + sbomVersion +
			" mod -licenses -json -output sbom.json",
		"LAMBDA_GOARCH=arm64 make build",
		synth + "cdk.again",
		synth + "cdk.out",
		"diff --recursive --exclude=tree.json --exclude=manifest.json cdk.again cdk.out",
		"sha256sum .build/functions/*/bootstrap sbom.json | tee cdk.out/checksums",
		"mv sbom.json cdk.out/",
	}
}

// addStage deploys a stage and tries it. Before the last, which is production, a
// person approves, and the gate reads the change set.
func addStage(
	s awscdk.Stack, line pipelines.CodePipeline, source pipelines.CodePipelineSource, c Config, at Stage, last bool,
) error {
	settings, err := stack.ParseSettings(string(at.Settings))
	if err != nil {
		return fmt.Errorf("stage %s: %w", at.Name, err)
	}
	stage := awscdk.NewStage(s, &at.Name, &awscdk.StageProps{
		Env: &awscdk.Environment{Account: &at.Account, Region: &at.Region},
	})
	err = stack.New(stage, stack.Name(""), stack.Config{
		Functions: c.Functions, OperatorParameter: "/rollcall/" + at.Name + "/operator-sha256", Settings: settings,
	})
	if err != nil {
		return fmt.Errorf("stage %s: %w", at.Name, err)
	}
	deployed := stage.Node().FindChild(jsii.String(stack.Name(""))).(awscdk.Stack)
	url := deployed.Node().FindChild(jsii.String("Url")).(awscdk.CfnOutput)
	opts := &pipelines.AddStageOpts{Post: &[]pipelines.Step{smoke(at, source, url)}}
	if last {
		opts.Pre = &[]pipelines.Step{pipelines.NewManualApprovalStep(jsii.String("Approve"), nil)}
		gate := gateStep(at, source, *deployed.StackName())
		opts.StackSteps = &[]*pipelines.StackSteps{{Stack: deployed, ChangeSet: &[]pipelines.Step{gate}}}
	}
	line.AddStage(stage, opts)
	return nil
}

// smoke asks the deployed API whether it serves and can ask its store.
func smoke(at Stage, source pipelines.CodePipelineSource, url awscdk.CfnOutput) pipelines.Step {
	return pipelines.NewShellStep(jsii.String("Smoke-"+at.Name), &pipelines.ShellStepProps{
		Input: source, Commands: jsii.Strings(Smoke()...),
		EnvFromCfnOutputs: &map[string]awscdk.CfnOutput{"ROLLCALL_URL": url},
	})
}

// Smoke are the commands of the smoke step; ROLLCALL_URL is the API's address.
func Smoke() []string {
	return []string{
		`curl --fail --silent --show-error --retry 5 --retry-all-errors "$ROLLCALL_URL/healthz"`,
		`curl --fail --silent --show-error "$ROLLCALL_URL/openapi.json" --output /dev/null`,
		`go run ./cmd/rollcall status`,
	}
}

// gateStep reads the prepared change set by the read-only role of the CDK's
// bootstrap in the stage's account.
func gateStep(at Stage, source pipelines.CodePipelineSource, stackName string) pipelines.Step {
	role := fmt.Sprintf("arn:aws:iam::%[1]s:role/cdk-hnb659fds-lookup-role-%[1]s-%[2]s", at.Account, at.Region)
	return pipelines.NewCodeBuildStep(jsii.String("Gate-"+at.Name), &pipelines.CodeBuildStepProps{
		Input: source, Commands: jsii.Strings(
			"set -o pipefail",
			`export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s" $(aws sts assume-role `+
				"--role-arn "+role+" --role-session-name gate --output text "+
				`--query "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]"))`,
			"aws cloudformation describe-change-set --region "+at.Region+" --stack-name "+stackName+
				" --change-set-name PipelineChange | go run ./infra/gate",
		),
		RolePolicyStatements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("sts:AssumeRole"), Resources: jsii.Strings(role),
		})},
	})
}
