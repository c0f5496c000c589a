package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// accepted are the findings of cdk-nag that stay, each with the reason. A finding
// that is not among them is an error of the synthesis.
var accepted = []struct{ rule, reason string }{
	{"AwsSolutions-APIG4", "the functions authorize each call by its operation in shared/api; some need no credential"},
	{
		"AwsSolutions-IAM5", "chat queues are made at run time, so rights on them go by the stack's prefix; rights on " +
			"indexes go by their table; SQS knows no narrower ListQueues; X-Ray knows no resource",
	},
	{"AwsSolutions-SQS3", noRedrive},
	{"Serverless-SQSRedrivePolicy", noRedrive},
	{"Serverless-LambdaTracing", "tracing is a setting: it costs for each call"},
	{"Serverless-LambdaDLQ", sweepRetries},
	{"Serverless-LambdaAsyncFailureDestination", sweepRetries},
	{"Serverless-EventBusDLQ", "a sweep that was not delivered is no loss: the next minute sweeps again"},
	{"Serverless-LambdaEventSourceMappingDestination", "a wake-up that fails goes to LostWakeups by its queue"},
	{"Serverless-LambdaStarvation", "concurrency is reserved for drains and sweeps alone; the API functions share the " +
		"rest, so that none is held to a share"},
}

const noRedrive = "LostWakeups and DeadLetters are dead-letter queues themselves; a task of SweepTasks that fails is " +
	"no loss: the next minute's sweep has another"

const sweepRetries = "only the sweeper is invoked asynchronously; the next minute's sweep is its retry, and the " +
	"alarm SweeperSilent tells of its failures"

// Nag checks a stack by cdk-nag's rules for AWS solutions and for serverless ones.
func Nag(s awscdk.Stack) {
	var suppressions []*cdknag.NagPackSuppression
	for _, a := range accepted {
		suppressions = append(suppressions, &cdknag.NagPackSuppression{
			Id: jsii.String(a.rule), Reason: jsii.String(a.reason),
		})
	}
	suppressions = append(suppressions, &cdknag.NagPackSuppression{
		Id: jsii.String("AwsSolutions-IAM4"), Reason: jsii.String("it is AWS's own for CodeDeploy's work on Lambda"),
		AppliesTo: &[]any{
			"Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited",
		},
	})
	cdknag.NagSuppressions_AddStackSuppressions(s, &suppressions, jsii.Bool(true))
	props := &cdknag.NagPackProps{Reports: jsii.Bool(false)}
	awscdk.Aspects_Of(s).Add(cdknag.NewAwsSolutionsChecks(props), nil)
	awscdk.Aspects_Of(s).Add(cdknag.NewServerlessChecks(props), nil)
}
