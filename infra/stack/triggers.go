package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// maxDrainsLocal is how many drains a local platform runs at once: it has the two
// or four cores of one machine, and drains mostly wait. A deployment runs Settings.MaxDrains: a fleet that
// comes back at once waits its turn in the wake-ups queue and not in the agents'
// faces, nor in the account's concurrency, which the API functions need.
const maxDrainsLocal = 16

// drains is how many drains run at once in the quick lane.
func (c Config) drains() int {
	if c.Local {
		return maxDrainsLocal
	}
	return c.Settings.MaxDrains
}

// sideDrains is how many run at once in the slow lane, which alone waits for agents that hung last time, and in that of
// callbacks, which waits for whoever is no agent: each has a fifth as many as the quick lane, beside those.
func (c Config) sideDrains() int {
	const least = 2 // Lambda's bound
	return max(least, c.drains()/5)
}

// dispatches is how many runs of dispatch there are at once, in all lanes: else one would take those of another.
func (c Config) dispatches() int { return c.drains() + 2*c.sideDrains() }

// drainsInARun is how many wake-ups a run of dispatch answers at most, at the same time: what waits for an agent's
// answer is then a tenth of a run. SQS hands out more than one only when more than one waits. Ten drains have 17
// workers (delivery.Helpers): as many pushes of the longest messages, with answers of 900 KB, take 91 MB.
const drainsInARun = 10

// maxWorkersLocal is how many workers of a sweep a local platform runs at once.
const maxWorkersLocal = 2

// workers is how many workers sweep a segment at once.
func (c Config) workers() int {
	if c.Local {
		return maxWorkersLocal
	}
	return c.Settings.SweepWorkers
}

// newTriggers lets wake-ups invoke the drain, each minute the sweep, and its tasks the
// workers, which are the same function.
func newTriggers(s awscdk.Stack, cfg Config, fns functions, q queues) {
	wake := func(id string, from awssqs.Queue, atOnce int) {
		awslambda.NewEventSourceMapping(s, &id, &awslambda.EventSourceMappingProps{
			Target:                  fns["dispatch"].serving,
			EventSourceArn:          from.QueueArn(),
			BatchSize:               jsii.Number(drainsInARun),
			ReportBatchItemFailures: jsii.Bool(true),
			MaxConcurrency:          jsii.Number(float64(atOnce)),
		})
	}
	wake("WakeupsToDispatch", q.wakeups, cfg.drains())
	wake("SlowWakeupsToDispatch", q.slowWakeups, cfg.sideDrains())
	wake("CallbackWakeupsToDispatch", q.callbackWakeups, cfg.sideDrains())
	sweep := awseventstargets.NewLambdaFunction(fns["sweeper"].serving, &awseventstargets.LambdaFunctionProps{
		RetryAttempts: jsii.Number(0), // the next minute sweeps again
	})
	awslambda.NewEventSourceMapping(s, jsii.String("SweepTasksToSweeper"), &awslambda.EventSourceMappingProps{
		Target:         fns["sweeper"].serving,
		EventSourceArn: q.sweepTasks.QueueArn(),
		BatchSize:      jsii.Number(1),
		MaxConcurrency: jsii.Number(float64(cfg.workers())),
	})
	// A rule, not EventBridge Scheduler: rules fire on both local emulators.
	awsevents.NewRule(s, jsii.String("EveryMinute"), &awsevents.RuleProps{
		Description: jsii.String("Rollcall's sweep"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
		Targets:     &[]awsevents.IRuleTarget{sweep},
	})
}
