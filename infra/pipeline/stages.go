package pipeline

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/stack"
)

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
		Functions: c.Functions, OperatorParameter: "/rollcall/" + at.Name + "/operator-sha256", Local: c.Local,
		Settings: settings,
	})
	if err != nil {
		return fmt.Errorf("stage %s: %w", at.Name, err)
	}
	deployed := stage.Node().FindChild(jsii.String(stack.Name(""))).(awscdk.Stack)
	tests := testSteps(at, source, deployed)
	opts := &pipelines.AddStageOpts{Post: &tests}
	if last {
		opts.Pre = &[]pipelines.Step{pipelines.NewManualApprovalStep(jsii.String("Approve"), nil)}
		gate := gateStep(at, source, *deployed.StackName())
		opts.StackSteps = &[]*pipelines.StackSteps{{Stack: deployed, ChangeSet: &[]pipelines.Step{gate}}}
	}
	line.AddStage(stage, opts)
	return nil
}

// testSteps try the deployed stage, one after another.
func testSteps(at Stage, source pipelines.CodePipelineSource, deployed awscdk.Stack) (steps []pipelines.Step) {
	tests := at.Tests
	if len(tests) == 0 {
		tests = []string{"smoke"}
	}
	for i, test := range tests {
		var step pipelines.Step
		if test == alarms {
			step = alarmsStep(at, source, *deployed.StackName())
		} else {
			step = proveStep(at, source, test, deployed.Node().FindChild(jsii.String("Url")).(awscdk.CfnOutput))
		}
		if i > 0 {
			step.AddStepDependency(steps[i-1])
		}
		steps = append(steps, step)
	}
	return steps
}

// proveStep runs a test of make prove. The stage's address comes from the stack's output,
// and its credential from SSM, when the step runs.
func proveStep(at Stage, source pipelines.CodePipelineSource, test string, url awscdk.CfnOutput) pipelines.Step {
	return pipelines.NewCodeBuildStep(jsii.String(test+"-"+at.Name), &pipelines.CodeBuildStepProps{
		Input: source, Commands: jsii.Strings(Prove(test)...),
		EnvFromCfnOutputs: &map[string]awscdk.CfnOutput{"ROLLCALL_URL": url},
		BuildEnvironment: &awscodebuild.BuildEnvironment{
			EnvironmentVariables: &map[string]*awscodebuild.BuildEnvironmentVariable{"ROLLCALL_TOKEN": {
				Type: awscodebuild.BuildEnvironmentVariableType_PARAMETER_STORE, Value: "/rollcall/" + at.Name + "/credential",
			}},
		},
	})
}

// Prove are the commands of the step that tries a deployed stage. ROLLCALL_URL is the
// API's address, and ROLLCALL_TOKEN a credential of the scope operate.
func Prove(test string) []string { return []string{"make prove TESTS=" + test} }

// gateStep reads the prepared change set.
func gateStep(at Stage, source pipelines.CodePipelineSource, stackName string) pipelines.Step {
	return readingStep("Gate", at, source,
		"set -o pipefail",
		"aws cloudformation describe-change-set --region "+at.Region+" --stack-name "+stackName+
			" --change-set-name PipelineChange --output json | go run ./infra/gate")
}

// alarmsStep fails while an alarm of the stage has risen.
func alarmsStep(at Stage, source pipelines.CodePipelineSource, stackName string) pipelines.Step {
	return readingStep(alarms, at, source,
		"risen=$(aws cloudwatch describe-alarms --region "+at.Region+" --state-value ALARM --alarm-name-prefix "+stackName+
			`- --query "MetricAlarms[].[AlarmName,AlarmDescription]" --output text)`,
		`echo "${risen:-no alarm has risen}"`,
		`test -z "$risen"`)
}

// readingStep runs commands with the read-only role of the CDK's bootstrap in the stage's
// account.
func readingStep(name string, at Stage, source pipelines.CodePipelineSource, commands ...string) pipelines.Step {
	role := fmt.Sprintf("arn:aws:iam::%[1]s:role/cdk-hnb659fds-lookup-role-%[1]s-%[2]s", at.Account, at.Region)
	assume := "credentials=$(aws sts assume-role --role-arn " + role + " --role-session-name rollcall --output text " +
		`--query "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]")`
	export := `export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s" $credentials)`
	return pipelines.NewCodeBuildStep(jsii.String(name+"-"+at.Name), &pipelines.CodeBuildStepProps{
		Input: source, Commands: jsii.Strings(append([]string{assume, export}, commands...)...),
		RolePolicyStatements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("sts:AssumeRole"), Resources: jsii.Strings(role),
		})},
	})
}
