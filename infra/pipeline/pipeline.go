// Package pipeline is the pipeline that deploys Rollcall: CDK pipelines on
// CodePipeline V2. It changes itself first, then deploys a stage after the other,
// each to its own account. make rehearse plays all of it on an emulator but the
// change of itself.
package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/stack"
)

// Name is the name of the pipeline's own stack.
const Name = "RollcallPipeline"

// The versions of the programs that pipelines would else install as the newest:
// the newest CDK program can't read this app's assembly. localstack/setup/setup.sh
// installs the same ones on a developer's machine.
const (
	CDKVersion    = "2.1148.1"
	AssetsVersion = "4.7.3"
)

// Config says what is deployed from where to where.
type Config struct {
	Account       string  `json:"account"` // where the pipeline itself stands
	Region        string  `json:"region"`
	Repository    string  `json:"repository"` // "owner/name"
	Branch        string  `json:"branch"`
	ConnectionARN string  `json:"connection_arn"` // of CodeConnections; a person has consented to it
	Stages        []Stage `json:"stages"`         // in order; the last is production
	// Local leaves out of the stages what no emulator takes (stack.Config.Local), and
	// builds for this machine. make rehearse sets it.
	Local     bool   `json:"local"`
	Functions string `json:"-"` // the folder of the built functions
}

// Stage is one deployment. Its root credential's digest is in the SSM parameter
// /rollcall/NAME/operator-sha256 of its account. The credential that its tests use is
// in the parameter /rollcall/NAME/credential of the pipeline's account.
type Stage struct {
	Name     string          `json:"name"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	Settings json.RawMessage `json:"settings"`
	Tests    []string        `json:"tests"` // of Tests, what the deployed stage is tried with; smoke without it
}

// Tests are what a deployed stage can be tried with: the arguments of make prove, and
// whether an alarm of its has risen.
var Tests = []string{"smoke", "conformance", "probes", alarms}

const alarms = "alarms"

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
		for _, test := range s.Tests {
			if !slices.Contains(Tests, test) {
				return c, fmt.Errorf("pipeline: stage %q: %q is none of the tests %s", s.Name, test, strings.Join(Tests, ", "))
			}
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
	line := newLine(s, pipelines.NewShellStep(jsii.String("Synth"), &pipelines.ShellStepProps{
		Input: source, InstallCommands: jsii.Strings(installs...), Commands: jsii.Strings(Synth()...),
		Env:                    &map[string]*string{"LAMBDA_GOARCH": jsii.String(c.architecture())},
		PrimaryOutputDirectory: jsii.String("cdk.out"),
	}))
	for i, at := range c.Stages {
		if err := addStage(s, line, source, c, at, i == len(c.Stages)-1); err != nil {
			return err
		}
	}
	line.BuildPipeline()
	if !c.Local {
		stack.GuardTables(app)
	}
	return nil
}

// architecture is that of the functions, as Go names it.
func (c Config) architecture() string {
	if c.Local {
		return runtime.GOARCH
	}
	return "arm64"
}

// newLine makes the pipeline, which has no stages yet.
func newLine(s awscdk.Stack, synth pipelines.ShellStep) pipelines.CodePipeline {
	logs := awslogs.NewLogGroup(s, jsii.String("Builds"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_THREE_MONTHS, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	// What only copies files to S3, or deploys this stack, needs no large machine.
	small := &pipelines.CodeBuildOptions{BuildEnvironment: machine(awscodebuild.ComputeType_SMALL)}
	return pipelines.NewCodePipeline(s, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		Synth: synth, CliVersion: jsii.String(CDKVersion), CdkAssetsCliVersion: jsii.String(AssetsVersion),
		PipelineType: awscodepipeline.PipelineType_V2, CrossAccountKeys: jsii.Bool(true), EnableKeyRotation: jsii.Bool(true),
		ArtifactBucket: newArtifacts(s), PublishAssetsInParallel: jsii.Bool(false), // one build for the eight small bundles
		CodeBuildDefaults: &pipelines.CodeBuildOptions{
			BuildEnvironment: machine(awscodebuild.ComputeType_LARGE),
			Logging: &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{
				LogGroup: logs,
			}},
		},
		AssetPublishingCodeBuildDefaults: small, SelfMutationCodeBuildDefaults: small,
	})
}

// machine is what a build runs on.
func machine(size awscodebuild.ComputeType) *awscodebuild.BuildEnvironment {
	return &awscodebuild.BuildEnvironment{
		BuildImage: awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2_STANDARD_3_0(), ComputeType: size,
	}
}

// newArtifacts makes the bucket of what one step hands to the next. A run of a quarter
// ago is not run again, so its artifacts are removed.
func newArtifacts(s awscdk.Stack) awss3.Bucket {
	return awss3.NewBucket(s, jsii.String("Artifacts"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_KMS, BucketKeyEnabled: jsii.Bool(true),
		EncryptionKey: awskms.NewKey(s, jsii.String("ArtifactsKey"), &awskms.KeyProps{
			EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		}),
		EnforceSSL: jsii.Bool(true), BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		LifecycleRules: &[]*awss3.LifecycleRule{{Expiration: awscdk.Duration_Days(jsii.Number(90))}},
		RemovalPolicy:  awscdk.RemovalPolicy_DESTROY,
	})
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
		"make sbom",
		"make build",
		synth + "cdk.again",
		synth + "cdk.out",
		sumsOf("cdk.again"),
		sumsOf("cdk.out"),
		"diff cdk.again.sums cdk.out.sums",
		"sha256sum .build/functions/*/bootstrap .build/sbom.json | tee cdk.out/checksums",
		"cp .build/sbom.json cdk.out/",
	}
}

// sumsOf writes the checksums of what is deployed of an assembly, templates and bundles.
// Its other files say where the CDK's own files stood, and how long it took.
func sumsOf(assembly string) string {
	return fmt.Sprintf(`(cd %[1]s && find . -type f \( -name "*.template.json" -o -path "./asset.*" \) | sort | `+
		`xargs sha256sum) > %[1]s.sums`, assembly)
}
