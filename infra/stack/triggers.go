package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// maxDrainsLocal is how many drains a local platform runs at once: it has the two
// or four cores of one machine. A deployment runs Settings.MaxDrains: a fleet that
// comes back at once waits its turn in the wake-ups queue and not in the agents'
// faces, nor in the account's concurrency, which the API functions need.
const maxDrainsLocal = 4

// newTriggers lets wake-ups invoke the drain, and each minute the sweep.
func newTriggers(s awscdk.Stack, cfg Config, fns functions, q queues) {
	drains := float64(cfg.Settings.MaxDrains)
	if cfg.Local {
		drains = maxDrainsLocal
	}
	awslambda.NewEventSourceMapping(s, jsii.String("WakeupsToDispatch"), &awslambda.EventSourceMappingProps{
		Target:                  fns["dispatch"].lambda,
		EventSourceArn:          q.wakeups.QueueArn(),
		BatchSize:               jsii.Number(1),
		ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency:          jsii.Number(drains),
	})
	sweep := awseventstargets.NewLambdaFunction(fns["sweeper"].lambda, &awseventstargets.LambdaFunctionProps{
		RetryAttempts: jsii.Number(0), // the next minute sweeps again
	})
	// A rule, not EventBridge Scheduler: rules fire on both local emulators.
	awsevents.NewRule(s, jsii.String("EveryMinute"), &awsevents.RuleProps{
		Description: jsii.String("Rollcall's sweep"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
		Targets:     &[]awsevents.IRuleTarget{sweep},
	})
}
